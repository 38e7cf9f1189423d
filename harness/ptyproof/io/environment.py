"""The environment that numbers come from, as it stands in manifests: no host, user or path."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("numpy", "scipy")


def environment(packages: tuple[str, ...] = _PACKAGES) -> dict[str, str]:
    """Return the versions of Python and `packages`, the operating system and the processor's architecture."""
    found = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def cpu_name() -> str:
    """Return the processor's name as the system gives it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
