"""The environment that numbers come from, as it stands in manifests: no host, user or path."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from ptyproof.provenance.anonymity import hardware_label

_ASK_NVML = "PYTORCH_NVML_BASED_CUDA_CHECK"
_PACKAGES = ("numpy", "scipy")
_OF_RUNS = ("numpy", "scipy", "torch", "lightning", "safetensors", "ptychi", "pytest", "pytest-ptyproof")


def environment(packages: tuple[str, ...] = _PACKAGES) -> dict[str, str]:
    """Return the versions of Python and `packages`, the operating system and the processor's architecture."""
    return dict(_environment(packages))


@cache
def _environment(packages: tuple[str, ...]) -> dict[str, str]:
    found = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()}
    for package in packages:
        try:
            found[package] = _version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _version(package: str) -> str:
    """Return the version of an installed package; to parse all that is known of it takes ten times as long."""
    known = distribution(package)
    head = (known.read_text("METADATA") or "").partition("\n\n")[0]
    lines = [line for line in head.splitlines() if line.startswith("Version: ")]
    return lines[0].removeprefix("Version: ").strip() if lines else known.version


def cpu_name() -> str:
    """Return the processor's name as the system gives it; with `--anonymous`, a mark (`anonymity.hardware_label`)."""
    return hardware_label(_cpu_name())


@cache
def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def run_environment() -> dict[str, str]:
    """Return the environment of a run: `environment`, processor, threads, and the device that torch has to compute on.

    The device is known once torch has been loaded; this does not load it.
    """
    threads = os.environ.get("OMP_NUM_THREADS")
    return environment(_OF_RUNS) | {
        "cpu": cpu_name(),
        "n_cpus": str(n_cpus()),
        "threads": "not limited" if threads is None else f"OMP_NUM_THREADS={threads}",
        "device": _device(),
    }


def n_cpus() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _device() -> str:
    torch = sys.modules.get("torch")
    if torch is None:
        return "torch was not loaded"
    if torch.cuda.is_initialized():
        return f"cuda: {hardware_label(torch.cuda.get_device_name(0))}"
    return "cuda, used by other processes alone" if gpu_is_present() else "cpu"


def gpu_is_present() -> bool:
    """Tell whether torch finds a GPU, by asking its driver's management library, which leaves CUDA alone."""
    import torch

    before = os.environ.get(_ASK_NVML)
    os.environ[_ASK_NVML] = "1"
    try:
        return bool(torch.cuda.is_available())
    finally:
        del os.environ[_ASK_NVML]
        os.environ.update({} if before is None else {_ASK_NVML: before})
