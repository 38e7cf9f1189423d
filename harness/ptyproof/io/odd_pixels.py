"""Pixels of a detector whose counts cannot be those of light, though no mask excludes them.

Counts of a pixel that is two or three times as wide, as between the chips of a detector, are often divided among as
many: these differ by one at most, where two pixels differ by their Poisson noise, whose variance is the sum of both.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

from ptyproof.io.blocks import row_blocks
from ptyproof.io.dataset_arrays import Dataset

_ENOUGH = 1000  # counts in all patterns, from which on a row, a column or a pixel is judged
_LESS_NOISE = 0.25  # of the noise of counts, below which two rows are parts of one
_BRIGHTER = 5.0  # than the median of its neighbors, from which on a steady pixel is hot
_STEADY = 2.0  # of the noise of counts: a pixel that light falls on changes from pattern to pattern by more
_MOST = 8  # places that are named

Image = npt.NDArray[np.float64]


def odd_pixels(dataset: Dataset) -> Iterator[str]:
    """Yield a sentence for each kind of odd pixels among those that are valid, if the counts are known."""
    if dataset.diffraction is None or dataset.intensity_scale is None or len(dataset) < 2:
        return
    valid = dataset.valid_pixels
    if valid is not None and valid.ndim == 3:
        valid = np.asarray(valid.all(axis=0))
    total, square, *lines = _sums(dataset, valid)
    found = {axis: _parts(*sums) for axis, sums in zip(("rows", "columns"), lines, strict=True)}
    said = [f"{axis} {', '.join(f'{a} to {b}' for a, b in parts[:_MOST])}" for axis, parts in found.items() if parts]
    if said:
        yield (
            f"diffraction: {'; '.join(said)} differ by less than the noise of counts: are they parts of wide pixels "
            "between chips? A mask can exclude them"
        )
    neighbors = median_filter(total, 3)
    is_valid = np.ones(total.shape, bool) if valid is None else valid
    dead = is_valid & (total == 0) & (neighbors >= _ENOUGH)
    noise = square / len(dataset) - (total / len(dataset)) ** 2
    steady = noise < _STEADY * total / len(dataset)
    hot = is_valid & (total >= _ENOUGH) & (total > _BRIGHTER * np.maximum(neighbors, 1)) & steady
    for what, where in (("no counts, though their neighbors have", dead), ("many and steady counts", hot)):
        places = [f"({row}, {col})" for row, col in np.argwhere(where).tolist()]
        if places:
            more = f" and {len(places) - _MOST} more" if len(places) > _MOST else ""
            yield f"diffraction: pixels {', '.join(places[:_MOST])}{more} have {what}: a mask can exclude them"


def _sums(
    dataset: Dataset, valid: npt.NDArray[np.bool_] | None
) -> tuple[Image, Image, tuple[Image, Image], tuple[Image, Image]]:
    """Return sums of the counts and their squares, (H, W), and of squared differences and sums of rows and columns."""
    assert dataset.diffraction is not None  # odd_pixels has looked
    height, width = dataset.probe.shape
    total, square = np.zeros((height, width)), np.zeros((height, width))
    rows, cols = (np.zeros(height - 1), np.zeros(height - 1)), (np.zeros(width - 1), np.zeros(width - 1))
    for block in row_blocks(dataset.diffraction):
        counts = dataset.counts(block).astype(np.float64)
        if valid is not None:
            counts *= valid
        total += counts.sum(axis=0)
        square += np.square(counts).sum(axis=0)
        for axis, (differences, sums) in ((1, rows), (2, cols)):
            other = (0, 3 - axis)
            differences += np.square(np.diff(counts, axis=axis)).sum(axis=other)
            line = counts.sum(axis=other)
            sums += line[1:] + line[:-1]
    return total, square, rows, cols


def _parts(differences: Image, sums: Image) -> list[tuple[int, int]]:
    """Return the first and the last of the lines that are parts of one."""
    parts: list[tuple[int, int]] = []
    for first in np.flatnonzero((sums >= _ENOUGH) & (differences < _LESS_NOISE * sums)).tolist():
        begin = parts.pop()[0] if parts and parts[-1][1] == first else first
        parts.append((begin, first + 1))
    return parts
