"""Stacks of patterns in pieces, so that a memory-mapped one stays out of memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK_BYTES = 1 << 24
_BLOCK_PATTERNS = 64


def row_blocks(array: npt.NDArray[Any]) -> Iterator[slice]:
    """Yield slices that cover the first axis of `array`, (n, ...) of any dtype, in pieces of about 16 MiB."""
    rows = max(1, BLOCK_BYTES // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        yield slice(start, min(start + rows, len(array)))


def index_blocks(n: int) -> list[npt.NDArray[np.int64]]:
    """Return the indices 0 to n - 1 in pieces (m,) int64 of at most 64 patterns."""
    return [np.arange(first, min(first + _BLOCK_PATTERNS, n)) for first in range(0, n, _BLOCK_PATTERNS)]
