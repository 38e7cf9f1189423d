"""What a stack of diffraction amplitudes tells of itself: counts, scale, and where its zero frequency lies.

A stack is read once, in blocks along its first axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.io.blocks import row_blocks as row_blocks
from ptyproof.io.legacy import LARGEST_TELLING
from ptyproof.io.metadata import major_of
from ptyproof.io.saturation import KEPT
from ptyproof.io.zero_frequency import pattern_problem

Array = npt.NDArray[Any]

_EPS32 = float(np.finfo(np.float32).eps)
_RELATIVE_TOLERANCE = 1e-6
_MAX_DOSE_FACTOR = 5.0
_SQUARE_PIXELS = 12
_MAX_COUNTS = 2.0**62  # of a pixel; int64 holds them, and no detector counts them


@dataclass(frozen=True)
class PatternStatistics:
    """Sums over a stack of amplitudes d (n, H, W): a = d s and c = a^2, s being the scale (1 where unknown).

    Parameters
    ----------
    scale_known
        Whether s is known; then every c should be a whole number.
    not_finite, negative, not_whole
        Numbers of pixels that are NaN or infinite, below 0, or whose c is further from a whole number than
        float32 explains.
    largest_deviation
        The largest |c - rint(c)| among the last.
    photons_per_pattern
        Mean over the patterns of the summed c.
    all_whole
        Whether every a is a whole number.
    above_one
        Number of pixels with a >= 2, below the values at which float32 holds whole numbers only.
    largest
        The largest a.
    mean_intensity
        Mean over the patterns of c, (H, W).
    has_largest
        Pixels that hold the largest a in some pattern, and other kept marks, (H, W); None where nothing was measured.
    """

    scale_known: bool
    not_finite: int
    negative: int
    not_whole: int
    largest_deviation: float
    photons_per_pattern: float
    all_whole: bool
    above_one: int
    largest: float
    mean_intensity: npt.NDArray[np.float64]
    has_largest: npt.NDArray[np.bool_] | None = None

    @classmethod
    @np.errstate(over="ignore", invalid="ignore")  # of a mad scale: then photons_per_pattern is not finite
    def of(cls, diffraction: Array, intensity_scale: float | None) -> PatternStatistics:
        """Gather the statistics of `diffraction` (n, H, W) float32, in one pass.

        Counts that no number can hold make `photons_per_pattern` infinite.
        """
        scale = 1.0 if intensity_scale is None else intensity_scale
        not_finite = negative = not_whole = above_one = 0
        deviation = 0.0
        all_whole = True
        total, peak = np.zeros(diffraction.shape[1:]), np.zeros(diffraction.shape[1:])
        for rows in row_blocks(diffraction):
            block = diffraction[rows]
            finite = np.isfinite(block)
            amplitude = np.where(finite, block, 0).astype(np.float64) * scale
            counts = amplitude**2
            rounded = np.rint(counts)
            # d is rounded to float32 once, s and the division by it add to that: c is known to a few eps
            off = np.abs(counts - rounded)
            beyond = off > 4 * _EPS32 * counts + 1e-6
            not_finite += int(np.count_nonzero(~finite))
            negative += int(np.count_nonzero(amplitude < 0))
            not_whole += int(np.count_nonzero(beyond))
            deviation = max(deviation, float(off[beyond].max(initial=0.0)))
            whole = np.abs(amplitude - np.rint(amplitude)) <= 2 * _EPS32 * amplitude
            all_whole = all_whole and bool(whole.all())
            above_one += int(np.count_nonzero((amplitude > 1.5) & (amplitude < LARGEST_TELLING)))
            np.maximum(peak, amplitude.max(axis=0), out=peak)
            total += (counts if intensity_scale is None else rounded).sum(axis=0)
        n = max(1, len(diffraction))
        return cls(
            scale_known=intensity_scale is not None,
            not_finite=not_finite,
            negative=negative,
            not_whole=not_whole,
            largest_deviation=deviation,
            photons_per_pattern=float(total.sum()) / n,
            all_whole=all_whole,
            above_one=above_one,
            largest=float(peak.max()),
            mean_intensity=total / n,
            has_largest=peak == peak.max(),
        )


def pattern_problems(statistics: PatternStatistics, metadata: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a stack, as sentences; `metadata` is its `_metadata` record."""
    if statistics.not_finite:
        return [f"has {statistics.not_finite} values that are NaN or infinite"]
    if statistics.negative:
        return [f"has {statistics.negative} values below 0, but amplitudes must be >= 0"]
    if not np.isfinite(statistics.photons_per_pattern):
        return [
            f"has counts too large for a number, amplitudes up to {statistics.largest:g}; is intensity_scale right?"
        ]
    if statistics.scale_known and statistics.largest**2 >= _MAX_COUNTS:
        return [f"has {statistics.largest**2:.6g} counts in one pixel; at most {_MAX_COUNTS:.6g} are read"]
    if not statistics.mean_intensity.any():
        return ["is zero everywhere"]
    problems = _scale_problems(statistics, metadata)
    place = pattern_problem(light_of(statistics, metadata))
    return problems if place is None else [*problems, place]


def light_of(statistics: PatternStatistics, metadata: Mapping[str, Any]) -> npt.NDArray[np.float64]:
    """Return the mean pattern (H, W), without pixels that are no light where the record says that these were kept.

    Such pixels outshine the light that tells where the zero frequency is.
    """
    kept = any(entry["step"] == KEPT for entry in metadata.get("transformations", ()))
    if statistics.has_largest is None or not kept:
        return statistics.mean_intensity
    return np.where(statistics.has_largest, 0.0, statistics.mean_intensity)


def _scale_problems(statistics: PatternStatistics, metadata: Mapping[str, Any]) -> list[str]:
    measured = metadata["photons_per_pattern_measured"]
    requested = metadata["photons_per_pattern_requested"]
    implied = statistics.photons_per_pattern
    if statistics.all_whole and statistics.above_one >= _SQUARE_PIXELS:
        scaled = "diffraction * intensity_scale" if statistics.scale_known else "it"
        stated = f"; the record says {measured:g}" if measured is not None else ""
        return [
            f"seems to be intensity stored as amplitude: {scaled} has only whole numbers, up to "
            f"{statistics.largest:g}, so every count would be a perfect square and a pattern would have "
            f"{implied:g} photons{stated}"
        ]
    if not statistics.scale_known:
        return []
    if statistics.not_whole:
        return [
            f"times intensity_scale gives {statistics.not_whole} counts that are not whole, off by up to "
            f"{statistics.largest_deviation:.3g}; is it intensity stored as amplitude, or is "
            f"intensity_scale {metadata['intensity_scale']:g} wrong?"
        ]
    if measured is not None and abs(implied - measured) > _RELATIVE_TOLERANCE * max(implied, measured):
        return [
            f"times intensity_scale gives {implied:.9g} photons per pattern, but "
            f"photons_per_pattern_measured is {measured:.9g}; is it intensity stored as amplitude, or are "
            "these other patterns than those of the record?"
        ]
    if requested is None or major_of(metadata) > 1:  # masks, saturation and background change what is recorded
        return []
    if not 1 / _MAX_DOSE_FACTOR <= implied / requested <= _MAX_DOSE_FACTOR:
        return [
            f"times intensity_scale gives {implied:g} photons per pattern, but {requested:g} were requested; "
            "is it intensity stored as amplitude?"
        ]
    return []
