"""The eight orientations of an image, and of positions: what flips, transposes and quarter turns can make of axes.

A scan is read in a wrong orientation where the axes of the detector and of the stage do not agree. An orientation of
patterns and one of positions that turn both alike give the same reconstruction, turned; so eight of them are different.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ptyproof.errors import InputError
from ptyproof.physics.names import ORIENTATIONS

# whether rows and columns are swapped first, then whether rows and columns run backward
_PARTS: Mapping[str, tuple[bool, bool, bool]] = {
    "as-is": (False, False, False),
    "flip-rows": (False, True, False),
    "flip-cols": (False, False, True),
    "rotate-180": (False, True, True),
    "transpose": (True, False, False),
    "rotate-90": (True, True, False),  # counterclockwise, as numpy.rot90
    "rotate-270": (True, False, True),
    "transpose-180": (True, True, True),
}


def oriented(images: npt.NDArray[np.generic], orientation: str) -> npt.NDArray[np.generic]:
    """Return a view of images (..., H, W) in an orientation: (..., H, W), or (..., W, H) where axes are swapped."""
    swapped, rows, cols = _parts(orientation)
    turned = np.swapaxes(images, -1, -2) if swapped else images
    return turned[..., :: -1 if rows else 1, :: -1 if cols else 1]


def oriented_positions(positions: npt.NDArray[np.floating], orientation: str) -> npt.NDArray[np.float64]:
    """Return positions (n, 2), (row, col), in an orientation, about the origin."""
    swapped, rows, cols = _parts(orientation)
    turned = positions[:, ::-1] if swapped else positions
    return np.asarray(turned * np.array([-1.0 if rows else 1.0, -1.0 if cols else 1.0]), dtype=np.float64)


def rotated_positions(positions: npt.NDArray[np.floating], degrees: float) -> npt.NDArray[np.float64]:
    """Return positions (n, 2), (row, col), turned about the origin; 90 degrees are `rotate-90`: (r, c) -> (-c, r)."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(positions @ turn.T, dtype=np.float64)


def inverse(orientation: str) -> str:
    """Return the orientation that undoes one."""
    return {"rotate-90": "rotate-270", "rotate-270": "rotate-90"}.get(orientation, orientation)


def composed(first: str, then: str) -> str:
    """Return the orientation that two, one after the other, amount to."""
    marks = np.array([[1.0, 2.0]])
    wanted = oriented_positions(oriented_positions(marks, first), then)
    return next(name for name in ORIENTATIONS if np.array_equal(oriented_positions(marks, name), wanted))


def _parts(orientation: str) -> tuple[bool, bool, bool]:
    if orientation not in _PARTS:
        raise InputError(f"orientation must be one of {', '.join(ORIENTATIONS)}, got {orientation!r}")
    return _PARTS[orientation]
