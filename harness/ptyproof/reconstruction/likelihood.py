"""The Poisson likelihood of a scan's counts as a function of the object, with its gradient.

Notation as in `ptyproof.physics.forward`: the expected counts of pattern k are I_k = |F(P_k O_k)|^2 with the unitary
F, the measured ones are n_k. What is minimized is L = sum over patterns and pixels of I' - n + n log(n / I') with
I' = I + floor, in nats: the negative log-likelihood above its smallest possible value. Its gradient with respect to the
patch is 2 P_k* F^-1[(1 - n_k / I'_k) F(P_k O_k)] (Thibault & Guizar-Sicairos, New J. Phys. 14, 063004, 2012), added up
where the windows lie. As in training, a position's fraction of a pixel moves the probe, so patches stay on the object's
grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.fft

from ptyproof.physics.fourier import PLANE_AXES
from ptyproof.reconstruction.method import BlindScan, shifted_probes

RATE_FLOOR = 1e-3  # photons per pixel, added to expected counts, as in training
_BLOCK = 32  # patterns at a time: what is computed of them stays in the cache


@dataclass(frozen=True, eq=False)
class Likelihood:
    """-log likelihood of a scan, for objects on the part of the grid that its windows touch.

    Objects are in the unit in which their modulus is about 1 (`BlindScan.unit_scale` times smaller than in the file).

    Parameters
    ----------
    counts
        (n, H, W) float32 photons, zero frequency first.
    probes
        (n, H, W) complex64: the probe of each pattern, scaled to the counts.
    corners_px
        (n, 2): first row and column of each window on the canvas.
    shape
        (h, w) of the canvas.
    """

    counts: npt.NDArray[np.float32]
    probes: npt.NDArray[np.complex64]
    corners_px: npt.NDArray[np.int64]
    shape: tuple[int, int]

    @classmethod
    def of(cls, scan: BlindScan) -> Likelihood:
        """Return the likelihood of all photons of a scan."""
        counts = np.square(np.fft.ifftshift(scan.amplitude, axes=PLANE_AXES))
        probe = (scan.probe * np.float32(scan.unit_scale)).astype(np.complex64)
        origin = scan.corners_px.min(axis=0)
        corners = scan.corners_px - origin
        rows, cols = (corners.max(axis=0) + np.array(scan.window)).tolist()
        return cls(counts, shifted_probes(probe, scan.positions_px), corners, (rows, cols))

    @cached_property
    def illumination(self) -> npt.NDArray[np.float32]:
        """sum_k |P_k|^2 on the canvas, (h, w) float32, photons."""
        total = np.zeros(self.shape, dtype=np.float32)
        for probe, place in zip(self.probes, self._places, strict=True):
            total[place] += probe.real**2 + probe.imag**2
        return total

    def loss(self, obj: npt.NDArray[np.complex64]) -> float:
        """Return L of an object (h, w) complex64, in nats per pixel of the detector."""
        return self(obj)[0] / self.counts.size

    def __call__(self, obj: npt.NDArray[np.complex64]) -> tuple[float, npt.NDArray[np.complex64]]:
        """Return L in nats, and dL/dRe(O) + i dL/dIm(O), (h, w) complex64, of an object (h, w) complex64."""
        slope = np.zeros(self.shape, dtype=np.complex64)
        total = 0.0
        for first in range(0, len(self.counts), _BLOCK):
            block = slice(first, first + _BLOCK)
            probes, counts, places = self.probes[block], self.counts[block], self._places[block]
            waves = np.stack([obj[place] for place in places])
            waves *= probes
            far = scipy.fft.fft2(waves, norm="ortho", overwrite_x=True)
            rates = far.real**2 + far.imag**2 + np.float32(RATE_FLOOR)
            ratios = counts / rates
            # the logarithm of a ratio is exact near 1, where terms cancel; that of 0 counts is multiplied by 0
            logs = np.log(np.maximum(ratios, np.finfo(np.float32).tiny))
            total += float((rates - counts + counts * logs).sum(dtype=np.float64))
            far *= 1 - ratios
            changes = scipy.fft.ifft2(far, norm="ortho", overwrite_x=True)
            changes *= 2 * probes.conj()
            for change, place in zip(changes, places, strict=True):
                slope[place] += change
        return total, slope

    @cached_property
    def _places(self) -> list[tuple[slice, slice]]:
        height, width = self.counts.shape[1:]
        return [(slice(row, row + height), slice(col, col + width)) for row, col in self.corners_px.tolist()]
