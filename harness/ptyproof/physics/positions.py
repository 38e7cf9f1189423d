"""Scan positions as arrays: (n, 2) of (row, col) in pixels of the object grid, checked in one place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptyproof.errors import InputError

MAX_COORDINATE_PX = 1e9


def checked_positions(positions_px: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the positions as a float64 (n, 2) array of (row, col) in pixels.

    Raises
    ------
    InputError
        Where the shape is not (n, 2), the values are not real numbers, or one is not finite or lies
        farther than 1e9 px from the origin (squared distances would lose their meaning).
    """
    array = np.asarray(positions_px)
    if array.ndim != 2 or array.shape[1] != 2:
        raise InputError(f"positions_px must have the shape (n, 2) as (row, col), got {array.shape}")
    if array.dtype.kind not in "fiu":
        raise InputError(f"positions_px must hold real numbers, got dtype {array.dtype}")
    array = array.astype(np.float64, copy=False)
    bad = ~(np.abs(array) <= MAX_COORDINATE_PX).all(axis=1)
    if bad.any():
        first = int(np.argmax(bad))
        raise InputError(
            f"positions_px must be finite and within {MAX_COORDINATE_PX:g} px of the origin, "
            f"got {array[first].tolist()} at index {first}"
        )
    return array


def rms_error(positions_px: NDArray[np.floating], true_px: NDArray[np.floating]) -> float:
    """Return the root mean square error of positions along an axis, pixels, without their common shift.

    `positions_px` (n, 2) and `true_px` (n, 2) are float. A shift of all positions is a shift of the object, which no
    pattern knows; a scale or a rotation is an error.
    """
    error = checked_positions(positions_px) - checked_positions(true_px)
    return float(np.sqrt(np.square(error - error.mean(axis=0)).mean()))
