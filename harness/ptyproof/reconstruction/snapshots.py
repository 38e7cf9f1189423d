"""Objects on the way to a result: an iterative method's object after a few epochs, kept small.

They show whether a method had converged, to others who know the truth; the method does not see them again. A snapshot
has the pixels that windows touch, in half precision: 5e-4 of the modulus, far below the error of a reconstruction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ptyproof.reconstruction.method import BlindScan

MAX_BYTES = 64 * 2**20  # of all snapshots of a reconstruction
_N_LOGARITHMIC = 9
_RATIO = 1.25  # of the epochs with a snapshot where nobody knows how many there will be


def last_fifth(n_epochs: int) -> int:
    """Return the number of epochs in the last fifth of so many: one or more."""
    return max(1, round(n_epochs / 5))


def wanted_epochs(n_epochs: int) -> list[int]:
    """Return the epochs that get a snapshot, most important first: where the last fifth begins, its middle, others.

    The others are logarithmic, from the first epoch on. The last epoch is the result itself.
    """
    rest = last_fifth(n_epochs)
    steps = np.rint(np.geomspace(1, n_epochs, _N_LOGARITHMIC)).astype(int).tolist()
    epochs = [n_epochs - rest, n_epochs - rest // 2, *steps[::-1]]
    return list(dict.fromkeys(epoch for epoch in epochs if 0 < epoch < n_epochs))


@dataclass(frozen=True, eq=False)
class Snapshots:
    """Objects after some epochs.

    Attributes
    ----------
    epochs
        Their numbers (k,), ascending, from 1.
    values
        (k, h, w, 2) float16: real and imaginary part, divided by `unit`.
    corner_px
        (row, col) of their first pixel on the grid of the object.
    unit
        Modulus of a transparent object.
    """

    epochs: tuple[int, ...]
    values: npt.NDArray[np.float16]
    corner_px: tuple[int, int]
    unit: float

    def objects(self, result: npt.NDArray[np.complex64]) -> Iterator[tuple[int, npt.NDArray[np.complex64]]]:
        """Yield epoch and object, (M, M') complex64; where there are no snapshots it has the values of `result`."""
        row, col = self.corner_px
        height, width = self.values.shape[1:3]
        for epoch, value in zip(self.epochs, self.values, strict=True):
            parts = value.astype(np.float32) * np.float32(self.unit)
            obj = result.copy()
            obj[row : row + height, col : col + width] = parts[..., 0] + 1j * parts[..., 1]
            yield epoch, obj


class SnapshotTaker:
    """Takes the snapshots of a reconstruction; it is what a budget's `on_object` calls.

    Parameters
    ----------
    scan
        The scan, whose windows say which pixels are kept.
    n_epochs
        Epochs of the budget; None where time alone limits them.
    max_bytes
        Of all snapshots together; a scan whose single snapshot is larger has no snapshots.
    """

    def __init__(self, scan: BlindScan, n_epochs: int | None, max_bytes: int = MAX_BYTES) -> None:
        corners = scan.corners_px
        first = np.maximum(corners.min(axis=0), 0)
        last = np.minimum(corners.max(axis=0) + np.array(scan.window), np.array(scan.object_shape))
        self._corner_px = int(first[0]), int(first[1])
        self._shape = int(last[0] - first[0]), int(last[1] - first[1])
        self._unit = scan.unit_scale
        self._most = max_bytes // (4 * math.prod(self._shape))
        self._wanted = None if n_epochs is None else frozenset(wanted_epochs(n_epochs)[: self._most])
        self._next = 1
        self._kept: dict[int, npt.NDArray[np.float16]] = {}

    def __call__(self, epoch: int, obj: Callable[[], npt.NDArray[np.complexfloating]]) -> None:
        """Keep the object that `obj()` returns, (M, M') complex, if a snapshot of this epoch is wanted."""
        if self._most < 1 or (epoch < self._next if self._wanted is None else epoch not in self._wanted):
            return
        self._next = math.ceil(_RATIO * epoch)
        row, col = self._corner_px
        part = obj()[row : row + self._shape[0], col : col + self._shape[1]] / self._unit
        with np.errstate(over="ignore"):
            value = np.stack([part.real, part.imag], axis=-1).astype(np.float16)
        if np.isfinite(value).all():  # a method that diverges shows it by other means
            self._kept[epoch] = value
            if len(self._kept) > self._most:
                del self._kept[min(self._kept)]

    def taken(self) -> Snapshots | None:
        """Return the snapshots; None where there are none."""
        if not self._kept:
            return None
        return Snapshots(tuple(self._kept), np.stack(list(self._kept.values())), self._corner_px, self._unit)
