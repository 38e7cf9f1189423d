"""What a method does besides its result: files that it opens, random states that it moves, epochs, memory and time.

An audit hook of Python sees every file that this process opens, by Python or by numpy. It does not see what a child
process or a library in C opens by itself.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ptyproof import clock
from ptyproof.jobs.memory import resource

_SYSTEM = ("/proc", "/sys", "/dev", "/etc", "/usr", "/lib", "/opt")
_watchers: list[list[Path]] = []
_hook: list[bool] = []


def _see(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _watchers and isinstance(arguments[0], str | bytes):
        path = Path(os.fsdecode(arguments[0])).absolute()
        for seen in _watchers:
            seen.append(path)


@contextmanager
def opened_files() -> Iterator[list[Path]]:
    """Collect the absolute path of every file that this process opens."""
    if not _hook:
        sys.addaudithook(_see)  # stays for the life of the process, and does nothing while no one watches
        _hook.append(True)
    seen: list[Path] = []
    _watchers.append(seen)
    try:
        yield seen
    finally:
        _watchers[:] = [one for one in _watchers if one is not seen]


def not_given(paths: list[Path], scan_folder: Path) -> list[Path]:
    """Return the files that a method has no business with: those beside the scan, and data outside of libraries.

    Allowed are the folders that Python imports from, those of the system, and temporary files elsewhere.
    """
    imported = [Path(entry).absolute() for entry in (*sys.path, sys.prefix, sys.base_prefix) if entry]
    allowed = [*imported, *map(Path, _SYSTEM), Path(tempfile.gettempdir())]
    here = Path.cwd()
    allowed = [folder for folder in allowed if folder not in (here, scan_folder)]
    return [
        path
        for path in paths
        if path.is_relative_to(scan_folder) or not any(path.is_relative_to(folder) for folder in allowed)
    ]


def seed_global_states(seed: int) -> None:
    """Seed Python's and numpy's global random states, and torch's where torch is loaded."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the state that methods must not use
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def global_states() -> dict[str, bytes]:
    """Return the global random states of Python, numpy, and torch where it is loaded."""
    found = {
        "random": repr(random.getstate()).encode(),
        "numpy": repr([np.asarray(part).tolist() for part in np.random.get_state()]).encode(),  # noqa: NPY002
    }
    if "torch" in sys.modules:
        found["torch"] = sys.modules["torch"].random.get_rng_state().numpy().tobytes()
    return found


@contextmanager
def kept_global_states() -> Iterator[None]:
    """Put the global random states back at the end."""
    python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    torch: Any = sys.modules.get("torch")
    of_torch = None if torch is None else torch.random.get_rng_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(of_numpy)  # noqa: NPY002
        if of_torch is not None:
            torch.random.set_rng_state(of_torch)


@dataclass
class Epochs:
    """The epochs that a method reports: their numbers, and the seconds since the first one of each."""

    numbers: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def __call__(self, number: int) -> None:
        """Note an epoch."""
        self.numbers.append(number)
        self.times.append(clock.seconds())


def peak_memory_bytes() -> int | None:
    """Return the largest memory that this process has held so far; None where the system does not say."""
    if resource is None:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit
