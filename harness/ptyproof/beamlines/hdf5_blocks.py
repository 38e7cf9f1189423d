"""Patterns of an HDF5 file, read in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ptyproof.io.npz import Array

_BLOCK_BYTES = 1 << 25


def pattern_blocks(path: Path, name: str) -> Iterator[Array]:
    """Yield the patterns (n, H, W) of a dataset in blocks (k, H, W) of at most 32 MiB or one pattern."""
    import h5py

    with h5py.File(path, "r", locking=False) as file:
        patterns = file[name]
        rows = max(1, _BLOCK_BYTES // max(1, patterns[:1].nbytes))
        for start in range(0, len(patterns), rows):
            yield patterns[start : start + rows]
