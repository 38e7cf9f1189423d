"""Memory: a limit for a process, the errors of exhausted memory, and the count of processes killed for memory."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ptyproof.errors import InputError

# Windows has no such module
resource: Any = importlib.import_module("resource") if find_spec("resource") else None

_OF_TORCH = ("can't allocate memory", "CUDA out of memory")  # on the CPU these errors have no type of their own


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error of Python, numpy or torch means that the memory was used up."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in _OF_TORCH)
    )


@contextmanager
def memory_limit(n_bytes: int | None) -> Iterator[None]:
    """Allow this process `n_bytes` more than it has now; None sets no limit.

    The limit is on the address space, which every allocation on the CPU takes, and memory of a GPU as well.

    Raises
    ------
    InputError
        If the system knows no such limit.
    """
    if n_bytes is None:
        yield
        return
    if resource is None:
        raise InputError("--job-memory cannot be kept on this system, which knows no limit of a process's memory")
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _address_space_bytes() + n_bytes
    resource.setrlimit(resource.RLIMIT_AS, (wanted if soft == resource.RLIM_INFINITY else min(wanted, soft), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def no_core_file() -> None:
    """Write no core file into the current folder if this process crashes."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def n_killed_for_memory() -> int:
    """Return how many processes the system killed for memory: of our control group, or else of all."""
    for path, word in (*_of_our_group(), (Path("/proc/vmstat"), "oom_kill")):
        try:
            lines = path.read_text(encoding="ascii", errors="replace").splitlines()
        except OSError:
            continue
        found = [int(line.split()[1]) for line in lines if line.startswith(f"{word} ")]
        if found:
            return found[0]
    return 0


def _of_our_group() -> list[tuple[Path, str]]:
    try:
        groups = Path("/proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [
        (Path("/sys/fs/cgroup") / line.partition("::")[2].lstrip("/") / "memory.events", "oom_kill")
        for line in groups
        if line.startswith("0::")
    ]


def _address_space_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return 0
    return pages * int(resource.getpagesize())
