"""Where a training runs: the accelerator that was asked for, its threads, and what a result's bits depend on."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np

from ptyproof.errors import InputError
from ptyproof.provenance.anonymity import hardware_label
from ptyproof.provenance.environment import cpu_name, environment, gpu_is_present

Accelerator = Literal["cpu", "gpu"]
ACCELERATORS = ("cpu", "gpu", "auto")
_PACKAGES = ("numpy", "scipy", "torch", "lightning", "safetensors")


@dataclass(frozen=True)
class RunOptions:
    """How trainings are run, which is no part of the study.

    Parameters
    ----------
    accelerator
        `cpu`, `gpu` or `auto` (a GPU where there is one).
    deterministic
        Use deterministic algorithms alone: the same command gives the same bits on one kind of machine.
    num_workers
        Processes that load data; 0 loads in the training's own.
    logger
        `csv` writes metrics.csv, `none` does not.
    threads
        CPU threads of torch; None keeps torch's own number. Results depend on it.
    here
        Whether this machine runs them; if not, the machine that does says whether there is a GPU.
    """

    accelerator: str = "auto"
    deterministic: bool = True
    num_workers: int = 0
    logger: str = "csv"
    threads: int | None = None
    here: bool = True

    def __post_init__(self) -> None:
        if self.accelerator not in ACCELERATORS:
            raise InputError(f"--accelerator must be one of {', '.join(ACCELERATORS)}, got {self.accelerator!r}")
        if self.logger not in {"csv", "none"}:
            raise InputError(f"--logger must be csv or none, got {self.logger!r}")
        if self.num_workers < 0:
            raise InputError(f"--num-workers must be a whole number >= 0, got {self.num_workers}")
        if self.threads is not None and self.threads < 1:
            raise InputError(f"--threads must be a whole number >= 1, got {self.threads}")

    def pinned(self) -> RunOptions:
        """Return the options for another process, which uses as many threads as this one, and knows its own GPUs."""
        import torch

        return replace(self, threads=self.threads or torch.get_num_threads(), here=True)


def resolve_accelerator(wanted: str) -> Accelerator:
    """Return the accelerator that `wanted` means on this machine; CUDA is not initialized by asking.

    Raises
    ------
    InputError
        If a GPU is requested but not found.
    """
    if wanted == "cpu":
        return "cpu"
    present = gpu_is_present()
    if wanted == "gpu" and not present:
        raise InputError("--accelerator is gpu, but torch finds no GPU on this machine; use cpu or auto")
    if wanted == "auto":
        return "gpu" if present else "cpu"
    return cast("Accelerator", wanted)


def compute_environment(options: RunOptions) -> dict[str, str | int | bool]:
    """Return what the bits of a result depend on: versions, processor, its vector instructions, threads, device."""
    import torch

    accelerator = resolve_accelerator(options.accelerator)
    return {
        **environment(_PACKAGES),
        "torch": str(torch.__version__),  # an installer may have left out which build it is, as in 2.11.0+cu130
        "cpu": cpu_name(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": options.threads or torch.get_num_threads(),
        "device": hardware_label(torch.cuda.get_device_name()) if accelerator == "gpu" else "cpu",
        "deterministic": options.deterministic,
        "num_workers": options.num_workers,
    }


@contextmanager
def configured(options: RunOptions, seed: int) -> Iterator[None]:
    """Apply threads, determinism and seeds for one job, and give the process its own back afterwards."""
    import torch

    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    memory: Any = torch.utils.deterministic
    filling = memory.fill_uninitialized_memory
    benchmark = torch.backends.cudnn.benchmark
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002 - Lightning's workers use it
    if options.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # CUDA asks for it before its first use
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            if options.threads is not None:
                torch.set_num_threads(options.threads)
            torch.use_deterministic_algorithms(options.deterministic)
            memory.fill_uninitialized_memory = False  # nothing is read before it is written
            yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict, warn_only=warn_only)
        memory.fill_uninitialized_memory = filling
        torch.backends.cudnn.benchmark = benchmark
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
