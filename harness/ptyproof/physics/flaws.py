"""Flaws of a detector and a scan, drawn at random: gaps, dead pixels, fluctuating intensity, errors of positions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ptyproof.errors import InputError

MAX_INTENSITY_ERROR = 0.5
_CLIP = 4.0  # standard deviations; a position that is farther off would be noticed at the beamline


def gap_mask(
    window: tuple[int, int], rows: Sequence[tuple[int, int]], cols: Sequence[tuple[int, int]]
) -> NDArray[np.bool_]:
    """Return the mask (H, W) of a detector with gaps between its modules: True where pixels measure.

    Parameters
    ----------
    window
        (H, W) in pixels.
    rows, cols
        (first, number) of the rows and columns of each gap.

    Raises
    ------
    InputError
        If a gap is not inside the window, or nothing is left of it.
    """
    valid = np.ones(window, dtype=np.bool_)
    for axis, gaps in enumerate((rows, cols)):
        for first, number in gaps:
            if first < 0 or number < 1 or first + number > window[axis]:
                raise InputError(
                    f"a gap of a detector must lie inside its {window[axis]} {('rows', 'columns')[axis]}, got "
                    f"{number} from {first}"
                )
            valid[(slice(None),) * axis + (slice(first, first + number),)] = False
    if not valid.any():
        raise InputError(f"the gaps of a detector leave nothing of its {window[0]} x {window[1]} px")
    return valid


def dead_pixel_mask(window: tuple[int, int], fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return the mask (H, W) of a detector, `round(fraction H W)` of whose pixels measure nothing, drawn by `rng`.

    Raises
    ------
    InputError
        If the fraction is not in [0, 1).
    """
    if not 0 <= fraction < 1:
        raise InputError(f"the fraction of dead pixels must be in [0, 1), got {fraction}")
    size = window[0] * window[1]
    valid = np.ones(size, dtype=np.bool_)
    valid[rng.choice(size, min(round(fraction * size), size - 1), replace=False)] = False
    return valid.reshape(window)


def intensity_factors(n: int, relative_rms: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return factors (n,) of the beam's intensity, drawn log-normal with the mean 1 and a standard deviation.

    Raises
    ------
    InputError
        If the standard deviation is not in [0, 0.5].
    """
    if not 0 <= relative_rms <= MAX_INTENSITY_ERROR:
        raise InputError(f"the error of the intensity must be in [0, {MAX_INTENSITY_ERROR}], got {relative_rms}")
    variance = np.log1p(relative_rms**2)
    return np.asarray(np.exp(rng.normal(-variance / 2, np.sqrt(variance), n)))


def position_errors(n: int, rms_px: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return errors (n, 2) of positions in pixels, normal with a standard deviation along each axis, drawn by `rng`.

    None is larger than four standard deviations.

    Raises
    ------
    InputError
        If the standard deviation is below 0.
    """
    if not rms_px >= 0:
        raise InputError(f"the error of positions must be 0 px or more, got {rms_px}")
    return np.clip(rng.normal(0.0, 1.0, (n, 2)), -_CLIP, _CLIP) * rms_px
