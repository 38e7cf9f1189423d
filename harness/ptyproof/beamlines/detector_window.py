"""The part of the detector that becomes the window: turned, cut around the direct beam, and binned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ptyproof.errors import InputError
from ptyproof.io.npz import Array
from ptyproof.physics.orientation import oriented


@dataclass(frozen=True)
class DetectorWindow:
    """Which pixels of a detector become the window, and how.

    Parameters
    ----------
    orientation
        One of `ptyproof.physics.names.ORIENTATIONS`; everything below is of the turned detector.
    first
        (row, col) of the first pixel that is taken.
    size
        (rows, cols) of pixels that are taken; multiples of `binning`.
    binning
        So many pixels along each axis become one, which has the sum of their counts.
    """

    orientation: str
    first: tuple[int, int]
    size: tuple[int, int]
    binning: int = 1

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the window."""
        return self.size[0] // self.binning, self.size[1] // self.binning

    def cut(self, images: Array) -> Array:
        """Return the window's part of images (..., rows, cols), not binned."""
        turned = oriented(images, self.orientation)
        (row, col), (rows, cols) = self.first, self.size
        return turned[..., row : row + rows, col : col + cols]

    def sums(self, images: Array) -> Array:
        """Return the window's part of counts (..., rows, cols), binned by sum: (..., H, W), integers as int64."""
        part = self.cut(images)
        if self.binning == 1:
            return part
        kind = np.int64 if part.dtype.kind in "iu" else np.float64
        return np.asarray(self._bins(part).sum(axis=(-3, -1), dtype=kind))

    def all_true(self, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return the window's part of a mask (..., rows, cols): a bin is valid where each of its pixels is."""
        part = self.cut(mask)
        return np.asarray(part if self.binning == 1 else self._bins(part).all(axis=(-3, -1)))

    def _bins(self, part: Array) -> Array:
        height, width = self.shape
        return part.reshape(*part.shape[:-2], height, self.binning, width, self.binning)


def window_around(
    detector: tuple[int, int], orientation: str, center: tuple[float, float], crop: tuple[int, int] | None, binning: int
) -> DetectorWindow:
    """Return the window whose index (H // 2, W // 2) has the direct beam.

    Parameters
    ----------
    detector
        (rows, cols) of the turned detector.
    orientation, binning
        See `DetectorWindow`.
    center
        (row, col) of the direct beam on the turned detector, pixels; rounded to whole pixels.
    crop
        (rows, cols) of pixels that are taken; None takes as many as lie around the center.

    Raises
    ------
    InputError
        If the center is outside the detector, or the window does not lie inside it or is no multiple of the bins.
    """
    middle = (round(center[0]), round(center[1]))
    if not all(0 <= at < length for at, length in zip(middle, detector, strict=True)):
        raise InputError(f"--center must be inside the detector of {detector[0]} x {detector[1]} px, got {center}")
    rows, cols = (_largest(length, at, binning) for length, at in zip(detector, middle, strict=True))
    taken = crop or (rows, cols)
    if any(length % binning for length in taken):
        raise InputError(f"--crop must be a multiple of --bin {binning}, got {taken[0]} x {taken[1]}")
    # the bin that has the index (H // 2) begins there
    first = tuple(at - (length // binning // 2) * binning for at, length in zip(middle, taken, strict=True))
    for begin, length, whole in zip(first, taken, detector, strict=True):
        if begin < 0 or begin + length > whole or length < 1:
            raise InputError(
                f"a window of {taken[0]} x {taken[1]} px around ({middle[0]}, {middle[1]}) does not lie inside the "
                f"detector of {detector[0]} x {detector[1]} px; choose a smaller --crop"
            )
    return DetectorWindow(orientation, (first[0], first[1]), taken, binning)


def _largest(length: int, middle: int, binning: int) -> int:
    """As many pixels of an axis as make whole bins with the middle in bin n // 2."""
    bins = length // binning
    while bins > 0 and ((bins // 2) * binning > middle or middle + (bins - bins // 2) * binning > length):
        bins -= 1
    return bins * binning
