"""Opening untrusted files: only regular files, because a pipe never ends and a device has no size."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from ptyproof.errors import DataError, RunError


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file, or a link to one, for reading.

    Raises
    ------
    DataError
        If it cannot be read: it does not exist, say, or is no regular file.
    """
    file = open_regular_if_there(path)
    if file is None:
        raise DataError(path, f"cannot be read: {os.strerror(errno.ENOENT)}")
    return file


def open_regular_if_there(path: Path) -> BinaryIO | None:
    """Open a regular file as `open_regular` does; return None if none has this name.

    A file that comes and goes is opened or not: to look for it before or after is to look at another moment.

    Raises
    ------
    DataError
        If it cannot be read for another reason.
    """
    try:
        # without waiting: opening a pipe waits for a writer
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (FileNotFoundError, NotADirectoryError) as error:
        if path.is_symlink():  # to nothing
            raise DataError(path, f"cannot be read: {error.strerror}") from error
        return None
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise DataError(path, f"cannot be read: {reason}") from error
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        raise DataError(path, f"cannot be read: it is {'a folder' if stat.S_ISDIR(mode) else 'not a regular file'}")
    return os.fdopen(handle, "rb")


@contextmanager
def appended(path: Path) -> Iterator[TextIO]:
    """Yield a text file that is written at its end, with Unix line ends; made if it is missing.

    Raises
    ------
    RunError
        If something else than a regular file has its name: a link would have a log written somewhere else.
    """
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        handle = os.open(path, flags, 0o666)
    except OSError as error:
        if path.is_symlink() or path.is_fifo():
            raise RunError(f"{path} is a link or a pipe; logs are not written through these") from error
        raise
    with os.fdopen(handle, "a", encoding="utf-8", errors="backslashreplace", newline="\n", buffering=1) as file:
        yield file


def lies_inside(path: Path, folder: Path) -> bool:
    """Tell whether a path is a regular file that lies in a folder, wherever links on the way lead."""
    try:
        real = path.resolve()
        return real.is_file() and real.is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # RuntimeError: links that lead in a circle
        return False


def read_regular(path: Path, max_bytes: int) -> bytes:
    """Return the bytes of a regular file.

    Raises
    ------
    DataError
        As `open_regular`, and if there are more than `max_bytes`.
    """
    with open_regular(path) as file:
        try:
            raw = file.read(max_bytes + 1)
        except OSError as error:
            raise DataError(path, f"cannot be read: {error.strerror}") from error
    if len(raw) > max_bytes:
        raise DataError(path, f"is larger than {max_bytes} bytes")
    return raw
