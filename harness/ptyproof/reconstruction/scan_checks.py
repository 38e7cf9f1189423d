"""What the arrays of a scan must be before a method sees them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ptyproof.errors import InputError
from ptyproof.io.blocks import row_blocks


def check_scan(
    amplitude: npt.NDArray[np.floating],
    probe: npt.NDArray[np.complexfloating],
    positions_px: npt.NDArray[np.floating],
    object_shape: tuple[int, int],
) -> None:
    """Accept the arrays of a scan, as `BlindScan` describes them, or refuse them.

    Raises
    ------
    InputError
        If shapes do not fit each other, there is no pattern, a number is not finite, an amplitude is negative, all
        patterns or the probe are zero everywhere, or a window is not inside the object.
    """
    if amplitude.ndim != 3 or len(amplitude) == 0:
        raise InputError(f"a scan must have one pattern or more, (n, H, W), got the shape {amplitude.shape}")
    if probe.shape != amplitude.shape[1:]:
        raise InputError(f"the probe must have the patterns' shape {amplitude.shape[1:]}, got {probe.shape}")
    if positions_px.shape != (len(amplitude), 2):
        raise InputError(f"positions must have the shape ({len(amplitude)}, 2), got {positions_px.shape}")
    for name, array in (("amplitude", amplitude), ("probe", probe), ("positions_px", positions_px)):
        bad = sum(int(np.count_nonzero(~np.isfinite(array[rows]))) for rows in row_blocks(array))
        if bad:
            raise InputError(f"{name} must be finite, but {bad} of its {array.size} numbers are not")
    lowest = min(float(amplitude[rows].min()) for rows in row_blocks(amplitude))
    if lowest < 0:
        raise InputError(f"amplitude must not be negative, got {lowest:g}")
    if not any(amplitude[rows].any() for rows in row_blocks(amplitude)):
        raise InputError("the patterns must hold light, but every amplitude is zero")
    if not probe.any():
        raise InputError("the probe must not be zero everywhere")
    outside = windows_outside(positions_px, (probe.shape[0], probe.shape[1]), object_shape)
    if outside.size:
        at = positions_px[outside[0]].tolist()
        raise InputError(
            f"every window must be inside the object of shape {object_shape}, but {outside.size} of "
            f"{len(positions_px)} are not: position {at} at index {outside[0]}, window {probe.shape}"
        )


def windows_outside(
    positions_px: npt.NDArray[np.floating], window: tuple[int, int], object_shape: tuple[int, int]
) -> npt.NDArray[np.int64]:
    """Return the numbers (m,) of the positions (n, 2) whose window (H, W) is not inside the object (M, M')."""
    first = np.rint(positions_px) - np.array(window) // 2
    return np.flatnonzero(((first < 0) | (first + window > object_shape)).any(axis=1))
