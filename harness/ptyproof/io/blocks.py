"""Stacks of patterns in pieces, so that a memory-mapped one stays out of memory."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK_BYTES = 1 << 24
_BLOCK_PATTERNS = 64
_LET_GO: int | None = getattr(mmap, "MADV_DONTNEED", None)  # systems without it keep what was read


def row_blocks(array: npt.NDArray[Any]) -> Iterator[slice]:
    """Yield slices that cover the first axis of `array`, (n, ...) of any dtype, in pieces of about 16 MiB.

    Once a piece has been gone through, an array that is mapped from a file gives its memory back.
    """
    rows = max(1, BLOCK_BYTES // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        yield slice(start, min(start + rows, len(array)))
        let_go(array)


def let_go(array: Any) -> None:
    """Give back the memory that holds what was read of a mapped file; reading it again reads the file again.

    `array` is an array of any shape and dtype, or has the `base` of one. Others, and mappings that are written to, stay
    as they are: those may have what no file has.
    """
    mode, base = None, array
    while base is not None and not isinstance(base, mmap.mmap):
        mode, base = getattr(base, "mode", mode), getattr(base, "base", None)
    if isinstance(base, mmap.mmap) and mode == "r" and _LET_GO is not None and not base.closed:
        base.madvise(_LET_GO)


def let_go_of_freed() -> None:
    """Give memory that was freed back to the system: arrays below 32 MiB leave holes in the heap, which glibc keeps."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def sum_of_squares(array: npt.NDArray[Any]) -> float:
    """Return the sum of the squares of a real array (n, ...), in float64."""
    return sum(float(np.square(array[rows], dtype=np.float64).sum()) for rows in row_blocks(array))


def index_blocks(n: int) -> list[npt.NDArray[np.int64]]:
    """Return the indices 0 to n - 1 in pieces (m,) int64 of at most 64 patterns."""
    return [np.arange(first, min(first + _BLOCK_PATTERNS, n)) for first in range(0, n, _BLOCK_PATTERNS)]
