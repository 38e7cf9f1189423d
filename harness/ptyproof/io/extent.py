"""How far a scan reaches, against the window that it moves: the first thing that wrong units of positions show in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

OBJECT_BYTES = 1 << 30  # of an object in complex64: 11,585 x 11,585 px
MAX_AREA_RATIO = 64  # of the object's area to that of all windows together
_PIXEL_BYTES = 8
_CLOSE = 0.1  # of the window: a scan that reaches less far hardly moves
_FAR = 5.0  # times the distance from the median that nine in ten positions keep
_UNITS = "positions must be in pixels of the object's grid (meters / pixel size); "


@dataclass(frozen=True)
class ScanExtent:
    """How far a scan reaches.

    Parameters
    ----------
    n
        Number of positions.
    rows_px, cols_px
        Largest minus smallest position along each axis, in the unit that the file has them in.
    window
        (H, W) in pixels.
    odd_index, odd_position
        The position that lies farthest from the scan's median, (row, col).
    odd_ratio
        Its distance from the median over the distance that 90 % of the positions keep.
    """

    n: int
    rows_px: float
    cols_px: float
    window: tuple[int, int]
    odd_index: int
    odd_position: tuple[float, float]
    odd_ratio: float

    @classmethod
    @np.errstate(over="ignore", invalid="ignore")
    def of(cls, positions_px: npt.NDArray[np.float64], window: tuple[int, int]) -> ScanExtent:
        """Return the extent of positions (n, 2), finite, n >= 1, under windows (H, W)."""
        spread = positions_px.max(axis=0) - positions_px.min(axis=0)
        distance = np.hypot(*(positions_px - np.median(positions_px, axis=0)).T)
        odd = int(np.argmax(distance))
        usual = float(np.quantile(distance, 0.9))
        row, col = positions_px[odd].tolist()
        ratio = float(distance[odd]) / usual if usual > 0 else 1.0
        return cls(len(positions_px), float(spread[0]), float(spread[1]), window, odd, (row, col), ratio)

    @property
    def object_px(self) -> tuple[float, float]:
        """(rows, cols) of the smallest object that holds every window; floats, since wrong units give huge ones."""
        return float(np.ceil(self.rows_px)) + self.window[0], float(np.ceil(self.cols_px)) + self.window[1]

    def described(self) -> str:
        """Return the extent in words: rows x columns against the window."""
        (rows, cols), window = self.object_px, self.window
        return (
            f"scan spans {self.rows_px:.6g} x {self.cols_px:.6g} px (rows x columns) under windows of {window[0]} x "
            f"{window[1]} px, which cover {rows:.6g} x {cols:.6g} px"
        )

    def problem(self) -> str | None:
        """Return why no scan of such an extent is read, or None."""
        if max(self.rows_px, self.cols_px) < 1:
            return (
                f"{_lead(self)}under one pixel, so all windows are at one place; {_UNITS}"
                f"are these meters, or fractions? {self._odd()}"
            )
        rows, cols = self.object_px
        area, windows = rows * cols, self.n * self.window[0] * self.window[1]
        if area > MAX_AREA_RATIO * windows:
            limit = f"more than {MAX_AREA_RATIO} times the area of the {self.n} windows together"
        elif area * _PIXEL_BYTES > OBJECT_BYTES:
            limit = f"more than the {OBJECT_BYTES >> 30} GiB that an object may take"
        else:
            return None
        return f"{_lead(self)}so the object would be {rows:.6g} x {cols:.6g} px, {limit}; {_UNITS}{self._odd()}"

    def remarks(self) -> list[str]:
        """Return what is odd about an extent that is read all the same."""
        found = []
        if max(self.rows_px / self.window[0], self.cols_px / self.window[1]) < _CLOSE:
            found.append(
                f"scan: spans less than {_CLOSE:g} of the window, so all windows show nearly the same; {_UNITS}"
                "is this another unit?"
            )
        rows, cols = self.object_px
        share = self.n * self.window[0] * self.window[1] / (rows * cols)
        if share < 1:
            found.append(
                f"scan: the {self.n} windows together have {share:.2g} of the area that the scan spans, so they can "
                f"hardly overlap; {_UNITS}is this another unit?"
            )
        if self.odd_ratio > _FAR:
            found.append(f"scan: {self._odd()}, {self.odd_ratio:.3g} times as far as nine in ten positions")
        return found

    def _odd(self) -> str:
        row, col = self.odd_position
        return f"the position farthest from the median is number {self.odd_index}, ({row:.9g}, {col:.9g})"


def _lead(extent: ScanExtent) -> str:
    return (
        f"has {extent.n} positions that span {extent.rows_px:.6g} x {extent.cols_px:.6g} px (rows x columns) under "
        f"windows of {extent.window[0]} x {extent.window[1]} px, "
    )
