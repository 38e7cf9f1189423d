"""Locks between processes: whoever works on the same file or folder takes turns, on this machine or another.

A lock is a file beside what it is about, so that processes whose temporary folders differ find the same one, and so do
machines that share the file system. The system lets go of the lock of a process that died, however it died.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import FileLock

_OF_THE_SYSTEM = find_spec("fcntl") is not None  # elsewhere the library asks again and again

LOCK = ".ptyproof.lock"
_held: set[tuple[int, int, Path]] = set()


def is_lock(name: str) -> bool:
    """Tell whether a file's name is that of a lock."""
    return name.startswith(".") and name.endswith(LOCK)


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold the lock that belongs to a path, which need not exist; its folder is made if it is missing.

    A thread that holds the lock may take it again. The lock's file is removed when it is let go of; one that a killed
    process has left is taken over by the next.

    Raises
    ------
    OSError
        If the folder cannot be made or takes no files, or its file system has no locks.
    """
    folder = path.parent.resolve()
    file = folder / f".{path.name[:100]}{LOCK}"
    me = (os.getpid(), threading.get_ident(), file)
    if me in _held:
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = _taken(file)
    except OSError as error:
        raise OSError(error.errno, f"cannot be locked: {error.strerror or error}", str(path)) from error
    _held.add(me)
    try:
        yield
    finally:
        _held.remove(me)
        _let_go(file, handle)


def _taken(file: Path) -> int | FileLock:
    """Wait for a lock, and return what holds it."""
    if not _OF_THE_SYSTEM:
        from filelock import FileLock  # loading it takes more than all locks of a run

        taken = FileLock(file)
        taken.acquire()
        return taken
    import fcntl

    while True:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_file_of(handle, file):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # the holder before has removed the file: whoever comes next makes another


def _let_go(file: Path, handle: int | FileLock) -> None:
    if not isinstance(handle, int):
        handle.release()
        return
    with suppress(OSError):  # the folder was removed, or takes no changes any more
        file.unlink()
    os.close(handle)


def _is_file_of(handle: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), file.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False
