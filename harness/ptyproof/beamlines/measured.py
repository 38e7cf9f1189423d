"""Which pixels of a detector have measured, and patterns that are seen through that mask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ptyproof.beamlines.raw_scan import RawScan
from ptyproof.errors import DataError
from ptyproof.io.blocks import row_blocks
from ptyproof.io.npz import Array
from ptyproof.io.saturation import find_saturation


@dataclass(frozen=True)
class MaskedPatterns:
    """Patterns (n, H, W) whose pixels that are not valid, of (H, W), read as 0, block by block."""

    patterns: Array
    valid: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of patterns."""
        return len(self.patterns)

    def __getitem__(self, rows: Any) -> Array:
        """Return patterns as an array in memory."""
        shown: Array = np.where(self.valid, self.patterns[rows], self.patterns.dtype.type(0))
        return shown

    def __getattr__(self, name: str) -> Any:
        """Return shape, dtype and size, which are those of the patterns."""
        return getattr(self.patterns, name)


def as_array(patterns: MaskedPatterns) -> Array:
    """Return masked patterns as functions of blocks take arrays."""
    return cast("Array", patterns)


def measured_pixels(
    path: Path, scan: RawScan, patterns: Array, saturated: str, changes: list[str]
) -> npt.NDArray[np.bool_]:
    """Return where the detector measured, (H, W): what its mask, and values that are no counts, do not exclude.

    Parameters
    ----------
    path
        The file, for messages.
    scan
        Its `valid_pixels` are the mask of the files.
    patterns
        (n, H, W) as the detector wrote them.
    saturated
        `mask` also excludes pixels at the largest value of their type.
    changes
        Gets a sentence for each reason that excludes pixels.

    Raises
    ------
    DataError
        If the mask does not fit, patterns of fractions have NaN or negative values, or nothing is valid.
    """
    shape = (patterns.shape[1], patterns.shape[2])
    valid = np.ones(shape, bool) if scan.valid_pixels is None else np.array(scan.valid_pixels, bool)
    if valid.shape != shape:
        raise DataError(path, f"has patterns of {shape[0]} x {shape[1]} px and a mask of {valid.shape}")
    if not valid.all():
        changes.append(f"mask: {int((~valid).sum())} of {valid.size} pixels of the detector are not valid")
    odd = np.zeros(shape, bool)
    for rows in row_blocks(patterns):
        block = patterns[rows]
        odd |= (~np.isfinite(block) | (block < 0)).any(axis=0)
    new = odd & valid
    if new.any():
        if saturated != "mask" and patterns.dtype.kind == "f":
            count = int(new.sum())
            raise DataError(path, f"has NaN or negative values in {count} valid pixels; --saturated mask excludes them")
        changes.append(f"mask: {int(new.sum())} pixels with negative values excluded")
    valid &= ~odd
    if saturated == "mask":
        found = find_saturation(as_array(MaskedPatterns(patterns, valid)))
        while found is not None:
            at = np.zeros(shape, bool)
            for rows in row_blocks(patterns):
                at |= (patterns[rows] == found.value).any(axis=0)
            changes.append(f"mask: {found.described()}; excluded")
            valid &= ~at
            found = find_saturation(as_array(MaskedPatterns(patterns, valid))) if valid.any() else None
    if not valid.any():
        raise DataError(path, "has no valid pixel")
    return valid
