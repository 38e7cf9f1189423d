"""What a method does besides its result: random states that it moves, epochs that it reports, memory and time."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ptyproof import clock

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


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


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch, and what is loaded meanwhile, compute with one thread: on scans this small more of them are slower."""
    torch: Any = sys.modules.get("torch")
    before = {name: os.environ.get(name) for name in _THREADS}
    n_threads = None if torch is None else torch.get_num_threads()
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    if torch is not None:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        if torch is not None:
            torch.set_num_threads(n_threads)


@dataclass
class Cost:
    """Seconds, and the largest resident memory of this process meanwhile with what it had before; None if unknown."""

    seconds: float = 0.0
    memory_before_bytes: int | None = None
    peak_memory_bytes: int | None = None


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure time and memory of a block; Linux alone can forget the process's earlier peak, so others have none."""
    cost, began = Cost(), clock.seconds()
    if _forget_peak():
        cost.memory_before_bytes = _peak_bytes()
    try:
        yield cost
    finally:
        cost.seconds = clock.seconds() - began
        if cost.memory_before_bytes is not None:
            cost.peak_memory_bytes = _peak_bytes()


def _forget_peak() -> bool:
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # see proc(5)
    except OSError:
        return False
    return _peak_bytes() is not None


def _peak_bytes() -> int | None:
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")]
    return found[0] if found else None
