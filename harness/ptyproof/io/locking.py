"""Locks between processes of one machine."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold the machine-wide lock that belongs to a path; its file lies with the system's temporary files.

    The system gives the lock of a process that has died to the next one.
    """
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:32]
    with FileLock(Path(tempfile.gettempdir()) / f"ptyproof-{name}.lock", mode=0o666):
        yield
