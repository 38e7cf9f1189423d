"""Digests of files that are asked for again and again: a file is read once, as long as it stays the same."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ptyproof.io.hashing import sha256_file

SETTLED_NS = 100_000_000  # age after which a change shows in a file's times, on clocks that tick


class FileDigests:
    """The sha256 of files. A file that was changed or replaced since it was read is read again."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], str]] = {}

    def of(self, path: Path) -> str:
        """Return the sha256 of a file by its path without links, 64 hexadecimal digits.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        before = path.stat()
        state = _state(before)
        known = self._known.get(path)
        if known is not None and known[0] == state:
            return known[1]
        digest = sha256_file(path)
        self._known.pop(path, None)
        if time.time_ns() - max(before.st_mtime_ns, before.st_ctime_ns) > SETTLED_NS and _state(path.stat()) == state:
            self._known[path] = state, digest
        return digest


def _state(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
