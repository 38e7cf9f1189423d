"""Locks between processes: those that write the same file or folder take turns, on one machine or several.

A lock is a file beside what it is about, so that processes whose temporary folders differ find the same one. It is
`flock` of the system, which lets go of the lock of a process that died, however it died. On NFS, Linux makes it a lock
of the server, which other machines see; a file system without locks is refused.
"""

from __future__ import annotations

import errno
import importlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# None on a system without these locks
fcntl: Any = importlib.import_module("fcntl") if find_spec("fcntl") else None

LOCK = ".ptyproof.lock"
_held: set[tuple[int, int, Path]] = set()


def is_lock(name: str) -> bool:
    """Tell whether a file's name is that of a lock."""
    return name.startswith(".") and name.endswith(LOCK)


@contextmanager
def lock(path: Path) -> Iterator[bool]:
    """Hold the lock that belongs to a path, which need not exist; its folder is made if it is missing.

    Yield whether another process or thread had held it meanwhile.

    A thread that holds the lock may take it again. The lock's file is removed when it is let go of; one that a killed
    process has left is taken over by the next.

    Raises
    ------
    OSError
        If the folder cannot be made or takes no files, or its file system, or the system, has no locks.
    """
    with _lock(path, waits=True) as waited:
        yield bool(waited)


@contextmanager
def lock_if_free(path: Path) -> Iterator[bool]:
    """Hold the lock that belongs to a path, as `lock` does, unless another one holds it; yield whether it is held.

    Raises
    ------
    OSError
        As `lock` does.
    """
    with _lock(path, waits=False) as waited:
        yield waited is not None


@contextmanager
def _lock(path: Path, waits: bool) -> Iterator[bool | None]:
    """Hold a lock; yield whether it had to be waited for, None if another one holds it and `waits` is False."""
    folder = path.parent.resolve()
    file = folder / f".{path.name[:100]}{LOCK}"
    me = (os.getpid(), threading.get_ident(), file)
    if me in _held:
        yield False
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, waited = _taken(file, waits)
    except OSError as error:
        raise OSError(error.errno, f"cannot be locked: {error.strerror or error}", str(path)) from error
    if handle is None:
        yield None
        return
    _held.add(me)
    try:
        yield waited
    finally:
        _held.remove(me)
        with suppress(OSError):  # the folder was removed, or takes no changes any more
            file.unlink()
        os.close(handle)


def _taken(file: Path, waits: bool) -> tuple[int | None, bool]:
    """Return the handle that holds a lock, None if another one holds it and `waits` is False; and if it was held."""
    if fcntl is None:
        raise OSError(errno.ENOTSUP, "this system has no flock; use Linux or macOS")
    waited = False
    while True:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            if not _is_free(handle):
                waited = True
                if not waits:
                    os.close(handle)
                    return None, True
                fcntl.flock(handle, fcntl.LOCK_EX)
            if is_file_of(handle, file):
                return handle, waited
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # the holder before has removed the file: the next process makes another
        waited = True


def _is_free(handle: int) -> bool:
    """Take the lock of a file, unless another one holds it; return whether it is taken."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_file_of(handle: int, path: Path) -> bool:
    """Tell whether the file that a handle has open still stands under a path; links are not followed."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False
