"""The Poisson likelihood of a scan's counts as a function of the object, with its gradient.

Notation as in `ptyproof.physics.forward`: the expected counts of pattern k are I_k = |F(P_k O_k)|^2 with the unitary
F, the measured ones are n_k. What is minimized is L = sum over patterns and pixels of I' - n + n log(n / I') with
I' = I + floor, in nats: the negative log-likelihood above its smallest possible value. Its gradient with respect to the
patch is 2 P_k* F^-1[(1 - n_k / I'_k) F(P_k O_k)] (Thibault & Guizar-Sicairos, New J. Phys. 14, 063004, 2012), added up
where the windows lie. As in training, a position's fraction of a pixel moves the probe, so patches stay on the object's
grid.

What a method is told of beam and detector is part of the model: I is G * sum_m |F(P_m O)|^2 times the factor of the
pattern plus the background, see `ptyproof.physics.detector`. The sum L is over pixels that were measured; where a count
is the largest that the detector records, more light costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.fft

from ptyproof.io.told import Told
from ptyproof.physics.detector import Detector
from ptyproof.physics.fourier import PLANE_AXES
from ptyproof.reconstruction.method import NOTHING_TOLD, BlindScan, shifted_probes

RATE_FLOOR = 1e-3  # photons per pixel, added to expected counts, as in training
_BLOCK = 32  # patterns at a time: what is computed of them stays in the cache


@dataclass(frozen=True, eq=False)
class Seen:
    """Patterns as a model sees them, zero frequency first.

    Parameters
    ----------
    counts
        (m, H, W) what was measured.
    patches
        (m, H, W) the patches of the object.
    modes, fields
        For each mode of the probe, P_m and F(P_m O), (m, H, W).
    rates
        (m, H, W) expected counts and the floor.
    counted
        bool, (m, H, W) or (H, W): which values count; None is all.
    """

    counts: npt.NDArray[np.float32]
    patches: npt.NDArray[np.complex64]
    modes: list[npt.NDArray[np.complex64]]
    fields: list[npt.NDArray[np.complex64]]
    rates: npt.NDArray[np.floating]
    counted: npt.NDArray[np.bool_] | None


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
    further
        The other modes of each pattern's probe, (n, H, W) complex64 each.
    told
        What is known of the detector; arrays as `Told` has them, with the zero frequency in the middle.
    origin
        (row, col) of the canvas on the object's grid.
    """

    counts: npt.NDArray[np.float32]
    probes: npt.NDArray[np.complex64]
    corners_px: npt.NDArray[np.int64]
    shape: tuple[int, int]
    further: tuple[npt.NDArray[np.complex64], ...] = ()
    told: Told = NOTHING_TOLD
    origin: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, scan: BlindScan, margin_px: int = 0) -> Likelihood:
        """Return the likelihood of all photons of a scan.

        The canvas has a margin about the windows, as far as the object's grid goes.
        """
        counts = np.square(np.fft.ifftshift(scan.amplitude, axes=PLANE_AXES))
        scale, told = np.float32(scan.unit_scale), scan.told
        probe = (scan.probe * scale).astype(np.complex64)
        if told.further_modes is not None:
            told = replace(told, further_modes=(told.further_modes * scale).astype(np.complex64))
        row, col = np.maximum(scan.corners_px.min(axis=0) - margin_px, 0).tolist()
        last = np.minimum(scan.corners_px.max(axis=0) + np.array(scan.window) + margin_px, scan.object_shape)
        shape = int(last[0]) - row, int(last[1]) - col
        corners = scan.corners_px - np.array([row, col])
        return replace(cls.over(counts, probe, scan.positions_px, corners, shape, told), origin=(row, col))

    def at(self, scan: BlindScan) -> Likelihood:
        """Return the likelihood with the positions of a scan of the same patterns, on the same canvas."""
        probe, scale = scan.probe, np.float32(scan.unit_scale)
        corners = scan.corners_px - np.array(self.origin)
        scaled = (probe * scale).astype(np.complex64)
        found = Likelihood.over(self.counts, scaled, scan.positions_px, corners, self.shape, self.told)
        return replace(found, origin=self.origin)

    @classmethod
    def over(
        cls,
        counts: npt.NDArray[np.float32],
        probe: npt.NDArray[np.complex64],
        positions_px: npt.NDArray[np.float64],
        corners_px: npt.NDArray[np.int64],
        shape: tuple[int, int],
        told: Told,
    ) -> Likelihood:
        """Return the likelihood of counts (n, H, W) float32, zero frequency first.

        `probe` (H, W) complex64 and `told` are scaled to the counts, `positions_px` is (n, 2) float64; `corners_px`
        (n, 2) int64 are windows on a canvas of `shape`.
        """
        modes = () if told.further_modes is None else tuple(told.further_modes)
        further = tuple(shifted_probes(mode, positions_px) for mode in modes)
        return cls(counts, shifted_probes(probe, positions_px), corners_px, shape, further, told)

    @property
    def n_patterns(self) -> int:
        """Number of patterns."""
        return len(self.counts)

    @property
    def place(self) -> tuple[slice, slice]:
        """Rows and columns of the canvas on the object's grid."""
        (row, col), (height, width) = self.origin, self.shape
        return slice(row, row + height), slice(col, col + width)

    @cached_property
    def n_measured(self) -> int:
        """Number of measured values, of all pixels and patterns."""
        valid = self.told.valid_pixels
        if valid is None:
            return self.counts.size
        return int(np.count_nonzero(valid)) * (len(self.counts) if valid.ndim == 2 else 1)

    @cached_property
    def illumination(self) -> npt.NDArray[np.float32]:
        """sum_k |P_k|^2 on the canvas, (h, w) float32, photons."""
        total = np.zeros(self.shape, dtype=np.float32)
        for mode in (self.probes, *self.further):
            for probe, place in zip(mode, self._places, strict=True):
                total[place] += probe.real**2 + probe.imag**2
        return total

    def loss(self, obj: npt.NDArray[np.complex64]) -> float:
        """Return L of an object (h, w) complex64, in nats per pixel of the detector."""
        return self(obj)[0] / self.n_measured

    def __call__(self, obj: npt.NDArray[np.complex64]) -> tuple[float, npt.NDArray[np.complex64]]:
        """Return L in nats, and dL/dRe(O) + i dL/dIm(O), (h, w) complex64, of an object (h, w) complex64."""
        slope = np.zeros(self.shape, dtype=np.complex64)
        total = 0.0
        for block in self.blocks():
            seen = self.seen(obj, block)
            rates, counts = seen.rates, seen.counts
            ratios = counts / rates
            # the logarithm of a ratio is exact near 1, where terms cancel; that of 0 counts is multiplied by 0
            logs = np.log(np.maximum(ratios, np.finfo(np.float32).tiny))
            terms, excess = rates - counts + counts * logs, 1 - ratios
            if seen.counted is not None:
                terms, excess = terms * seen.counted, excess * seen.counted
            total += float(terms.sum(dtype=np.float64))
            excess = self.detector.adjoint(excess, block)
            for probes, far in zip(seen.modes, seen.fields, strict=True):
                far *= excess
                changes = scipy.fft.ifft2(far, norm="ortho", overwrite_x=True)
                changes *= 2 * probes.conj()
                for change, place in zip(changes, self._places[block], strict=True):
                    slope[place] += change
        return total, slope

    def blocks(self) -> Iterator[slice]:
        """Yield blocks of patterns that are worked on at a time."""
        for first in range(0, len(self.counts), _BLOCK):
            yield slice(first, first + _BLOCK)

    def seen(self, obj: npt.NDArray[np.complex64], block: slice) -> Seen:
        """Return a block of patterns as the model sees them with an object (h, w) complex64."""
        counts = self.counts[block]
        patches = np.stack([obj[place] for place in self._places[block]])
        modes = [mode[block] for mode in (self.probes, *self.further)]
        fields = [scipy.fft.fft2(patches * probes, norm="ortho", overwrite_x=True) for probes in modes]
        light = fields[0].real ** 2 + fields[0].imag ** 2
        for far in fields[1:]:
            light += far.real**2 + far.imag**2
        rates = self.detector.expected(light, block) + np.float32(RATE_FLOOR)
        return Seen(counts, patches, modes, fields, rates, self._counted(counts, rates, block))

    def _counted(
        self, counts: npt.NDArray[np.float32], rates: npt.NDArray[np.floating], block: slice
    ) -> npt.NDArray[np.bool_] | None:
        """Return which values of patterns (m, H, W) count, or None where all do."""
        limit, counted = self.told.saturation_counts, None
        if self._valid is not None:
            counted = self._valid if self._valid.ndim == 2 else self._valid[block]
        if limit is not None:
            below = (counts < limit - 0.5) | (rates < counts)
            counted = below if counted is None else counted & below
        return counted

    @cached_property
    def _valid(self) -> npt.NDArray[np.bool_] | None:
        valid = self.told.valid_pixels
        return None if valid is None else np.fft.ifftshift(valid, axes=PLANE_AXES)

    @cached_property
    def detector(self) -> Detector:
        """The detector, with its arrays at zero frequency first."""
        told = self.told
        background = None if told.background is None else np.fft.ifftshift(told.background, axes=PLANE_AXES)
        return Detector(told.psf_sigma_px, told.intensity_factors, background, zero_first=True)

    @cached_property
    def _places(self) -> list[tuple[slice, slice]]:
        height, width = self.counts.shape[1:]
        return [(slice(row, row + height), slice(col, col + width)) for row, col in self.corners_px.tolist()]
