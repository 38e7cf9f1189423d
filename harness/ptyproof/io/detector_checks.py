"""Does what a dataset has of version 2 keep the contract: modes, mask, background, factors, true positions, units?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.io.blocks import row_blocks
from ptyproof.io.dataset_arrays import Dataset, since_2
from ptyproof.io.keys import BACKGROUND, FACTORS, RECORD_OF_PATTERNS, VALID
from ptyproof.io.metadata import major_of
from ptyproof.io.physical import pixel_size_problem
from ptyproof.io.probe_modes import powers
from ptyproof.io.valid_pixels import stray

Array = npt.NDArray[Any]
Said = Iterator[tuple[str, str]]  # the array, or `_metadata`, at fault, and what is wrong with it

FACTOR_RANGE = (1e-6, 1e6)
LARGEST_BACKGROUND = 1e12  # counts in a pixel
_ROUNDING = 1e-5  # of the powers of modes, relative, and of counts


def form_faults(dataset: Dataset) -> Said:
    """Yield what is wrong with presence and shapes; dtypes are those of all arrays."""
    window, n = dataset.probe.shape, len(dataset)
    found = since_2(dataset)
    if found and major_of(dataset.metadata) != 2:
        yield (
            "_metadata",
            f"must have a schema_version of 2, as the dataset has {', '.join(found)}; got "
            f"{dataset.metadata['schema_version']}",
        )
    modes = dataset.further_modes
    if modes is not None and (modes.ndim != 3 or not len(modes) or modes.shape[1:] != window):
        yield "probeGuess", f"must have further modes of the shape (P - 1, {window[0]}, {window[1]}), got {modes.shape}"
    for name, array in ((VALID, dataset.valid_pixels), (BACKGROUND, dataset.background)):
        if array is not None and array.shape not in (window, (n, *window)):
            yield name, f"must have the shape {window} or {(n, *window)}, got {array.shape}"
    if dataset.role == "base":
        arrays = {VALID: dataset.valid_pixels, BACKGROUND: dataset.background, FACTORS: dataset.intensity_factors}
        arrays["ycoords_true"] = dataset.positions_true_px
        for name in [name for name, array in arrays.items() if array is not None]:
            yield name, "is not allowed in a base dataset, which has no patterns"
        for key in RECORD_OF_PATTERNS:
            if key in dataset.metadata:
                yield "_metadata", f"must have no {key} in a base dataset, which has no patterns"
    elif dataset.role == "measurement" and dataset.positions_true_px is not None:
        yield "ycoords_true", "is not allowed in a measurement, whose true positions are unknown"


def value_faults(dataset: Dataset) -> Said:
    """Yield what is wrong with the values, once forms are right and numbers of other arrays are finite."""
    yield from _mode_faults(dataset)
    yield from _mask_faults(dataset)
    if dataset.background is not None:
        yield from _background_faults(dataset.background)
    factors = dataset.intensity_factors
    if factors is not None:
        low, high = FACTOR_RANGE
        bad = ~((factors >= low) & (factors <= high))  # NaN is bad, too
        if bad.any():
            first = int(np.argmax(bad))
            yield (
                FACTORS,
                f"must be between {low:g} and {high:g}, but {int(bad.sum())} of {len(factors)} are not, "
                f"{factors[first]:g} the first (number {first})",
            )
    window = dataset.probe.shape
    reason = pixel_size_problem(dataset.metadata.get("physical"), (window[0], window[1]))
    if reason is not None:
        yield "_metadata", reason


def remarks(dataset: Dataset) -> Iterator[str]:
    """Yield what is odd but allowed."""
    physical = dataset.metadata.get("physical")
    if physical is not None and physical["regime"] == "near":
        yield "physical: the regime is the near field, and the models of this program are of the far field"


def _mode_faults(dataset: Dataset) -> Said:
    if dataset.further_modes is None:
        return
    power = powers(dataset.modes)
    if not np.isfinite(power).all():
        yield "probeGuess", f"has modes whose power is not finite: {_listed(power)}"
    elif np.any(power[1:] > power[:-1] * (1 + _ROUNDING)):
        yield "probeGuess", f"must have its modes by falling power, got {_listed(power)}"


def _mask_faults(dataset: Dataset) -> Said:
    valid, diffraction = dataset.valid_pixels, dataset.diffraction
    if valid is not None:
        if not any(valid[rows].any() for rows in row_blocks(valid)):
            yield VALID, "excludes every pixel"
        elif diffraction is not None and (n := stray(diffraction, valid)):
            yield "diffraction", f"must be 0 in pixels that {VALID} excludes, but {n} values are not"
    limit, scale = dataset.saturation_counts, dataset.intensity_scale
    if limit is not None and diffraction is not None and diffraction.size:
        peak = max(float(diffraction[rows].max()) for rows in row_blocks(diffraction))
        largest = (peak * (1.0 if scale is None else scale)) ** 2
        if largest > limit * (1 + _ROUNDING):
            yield "diffraction", f"has {largest:.9g} counts in a pixel, more than saturation_counts, {limit:.9g}"


def _background_faults(background: Array) -> Said:
    bad = sum(int(np.count_nonzero(~np.isfinite(background[rows]))) for rows in row_blocks(background))
    if bad:
        yield BACKGROUND, f"has {bad} values that are NaN or infinite"
        return
    low = min(float(background[rows].min()) for rows in row_blocks(background))
    high = max(float(background[rows].max()) for rows in row_blocks(background))
    if low < 0 or high > LARGEST_BACKGROUND:
        yield BACKGROUND, f"must be counts between 0 and {LARGEST_BACKGROUND:g}, got {low:g} to {high:g}"


def _listed(values: Array) -> str:
    return ", ".join(f"{value:.6g}" for value in values[:8].tolist()) + (", ..." if len(values) > 8 else "")
