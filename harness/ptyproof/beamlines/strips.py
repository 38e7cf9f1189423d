"""Patterns that a library gives in strips of the detector, put together in a file without a name instead of memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile
from typing import Any

import numpy as np

from ptyproof.io.npz import Array

_BLOCK_BYTES = 1 << 25


def patterns_of_strips(
    strips: Iterable[tuple[int, Array]], shape: tuple[int, int, int], dtype: np.dtype[Any]
) -> Iterator[Array]:
    """Yield patterns (k, H, W) in order, of strips (n, rows, W) with the first row of each.

    Parameters
    ----------
    strips
        Together they cover the rows of all patterns.
    shape, dtype
        (n, H, W) and type of the patterns.
    """
    n, height, width = shape
    row_bytes = width * dtype.itemsize
    pattern_bytes = height * row_bytes
    with TemporaryFile() as file:
        for first, strip in strips:
            packed = np.ascontiguousarray(strip, dtype)
            for k in range(n):
                os.pwrite(file.fileno(), packed[k].data, k * pattern_bytes + first * row_bytes)
        block = max(1, _BLOCK_BYTES // pattern_bytes)
        file.seek(0)
        for start in range(0, n, block):
            k = min(block, n - start)
            yield np.fromfile(file, dtype, k * height * width).reshape(k, height, width)
