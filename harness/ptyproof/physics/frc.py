"""Fourier ring correlation: up to which spatial frequency two images agree.

FRC(q) = Re sum F(a) conj(F(b)) / sqrt(sum |F(a)|^2 sum |F(b)|^2), sums over the Fourier pixels of the ring at q
(Saxton & Baumeister, J. Microsc. 127, 127, 1982). Images are taken less their weighted mean and times a soft window,
since edges agree at every frequency. Rings are one over the shorter side wide, up to the Nyquist frequency, 1/2 cycle
per pixel; the ring at zero frequency is left out.

A threshold is a level, or a curve of information per pixel, which van Heel & Schatz, J. Struct. Biol. 151, 250 (2005)
give for a signal-to-noise ratio of S: T(n) = (S + (2 sqrt(S) + 1) / sqrt(n)) / (S + 1 + 2 sqrt(S) / sqrt(n)) with n the
Fourier pixels in the ring: S = 1/2 for 1 bit, S = 2^(1/2) - 1 over 2 for 1/2 bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from ptyproof.errors import InputError

NYQUIST = 0.5  # cycles per pixel
ONE_BIT = 0.5
HALF_BIT = (math.sqrt(2) - 1) / 2
# Rounding leaves this much, relative to the square of an image's largest value, of what should be no power at all.
_NO_POWER = 1e-24

_Real = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RingCorrelation:
    """The curve of two images.

    Attributes
    ----------
    frequency
        (k,) cycles per pixel: the middle of each ring, from one over the shorter side to at most 1/2.
    correlation
        (k,) FRC between -1 and 1; 0 where either image has no power.
    n_px
        (k,) Fourier pixels in each ring.
    has_power
        For either image whether it has any structure at all in the window.
    """

    frequency: _Real
    correlation: _Real
    n_px: NDArray[np.int64]
    has_power: tuple[bool, bool]

    def threshold(self, level: float | None = None, snr: float | None = None) -> _Real:
        """Return (k,) threshold: one level, or that of a signal-to-noise ratio (`ONE_BIT`, `HALF_BIT`).

        Raises
        ------
        InputError
            If both level and ratio are given, or neither.
        """
        if (level is None) == (snr is None):
            raise InputError(f"a threshold is a level or a signal-to-noise ratio, got level {level} and snr {snr}")
        if snr is None:
            return np.full(len(self.frequency), level, dtype=np.float64)
        root = np.sqrt(self.n_px)
        twice = 2 * math.sqrt(snr)
        return np.asarray((snr + (twice + 1) / root) / (snr + 1 + twice / root))


def ring_correlation(a: NDArray[np.inexact], b: NDArray[np.inexact], window: NDArray[np.floating]) -> RingCorrelation:
    """Return the FRC of two images.

    Parameters
    ----------
    a, b
        (h, w) real or complex, of one unit; brought onto each other before.
    window
        (h, w) weights from 0 to 1 with soft edges (`ptyproof.physics.align.soft_window`).

    Raises
    ------
    InputError
        If shapes differ, a number is not finite, the window is zero, or a side is shorter than 4 px.
    """
    if a.ndim != 2 or not a.shape == b.shape == window.shape:
        raise InputError(f"a, b and window must have one shape (h, w), got {a.shape}, {b.shape} and {window.shape}")
    if min(a.shape) < 4:
        raise InputError(f"a ring correlation needs sides of at least 4 px, got {a.shape}")
    for name, image in (("a", a), ("b", b), ("window", window)):
        if not np.all(np.isfinite(image)):
            raise InputError(f"{name} must be finite, but {np.count_nonzero(~np.isfinite(image))} values are not")
    if not window.sum() > 0:
        raise InputError("the window of a ring correlation must be above zero somewhere, got zeros")
    side = min(a.shape)
    frequencies = np.hypot(*np.meshgrid(*(scipy.fft.fftfreq(n) for n in a.shape), indexing="ij"))
    rings = np.rint(frequencies * side).astype(np.int64).ravel()
    spectra, has_power = zip(*(_spectrum(image, window) for image in (a, b)), strict=True)
    count = side // 2 + 1
    keep = rings < count

    def summed(values: _Real) -> _Real:
        return np.asarray(np.bincount(rings[keep], weights=values.ravel()[keep], minlength=count)[1:], dtype=np.float64)

    cross = summed((spectra[0] * np.conj(spectra[1])).real)
    power = np.sqrt(summed(np.abs(spectra[0]) ** 2) * summed(np.abs(spectra[1]) ** 2))
    correlation = np.divide(cross, power, out=np.zeros_like(cross), where=power > 0)
    n_px = np.bincount(rings[keep], minlength=count)[1:]
    return RingCorrelation(np.arange(1, count) / side, correlation, n_px, has_power)


def crossing(curve: RingCorrelation, threshold: NDArray[np.floating], lowest: float = 0.0) -> float:
    """Return the frequency at which a curve first falls below its threshold, in cycles per pixel.

    Between the last ring at or above and the first ring below, both lines are taken as straight. 0 if the first ring
    is below already; 1/2, the Nyquist frequency, if no ring is.

    Parameters
    ----------
    curve
        Of `ring_correlation`.
    threshold
        (k,), of `RingCorrelation.threshold`.
    lowest
        Rings of lower frequencies do not count, cycles per pixel. Errors of the slow phase are there.

    Raises
    ------
    InputError
        If the threshold has another length than the curve, or no ring counts.
    """
    above = _above(curve, threshold)
    counted = np.flatnonzero(curve.frequency >= lowest)
    if counted.size == 0:
        raise InputError(f"lowest must be at most {curve.frequency[-1]:g} cycles per pixel, got {lowest:g}")
    below = counted[above[counted] < 0]
    if below.size == 0:
        return NYQUIST
    first = int(below[0])
    return 0.0 if first == counted[0] else _between(curve, above, first - 1)


def last_crossing(curve: RingCorrelation, threshold: NDArray[np.floating]) -> float:
    """Return the frequency above which a curve stays below its threshold, in cycles per pixel.

    Interpolated as in `crossing`. 0 if every ring is below; 1/2, the Nyquist frequency, if the last ring is not.

    Parameters
    ----------
    curve
        Of `ring_correlation`.
    threshold
        (k,), of `RingCorrelation.threshold`.

    Raises
    ------
    InputError
        If the threshold has another length than the curve.
    """
    above = _above(curve, threshold)
    high = np.flatnonzero(above >= 0)
    if high.size == 0:
        return 0.0
    last = int(high[-1])
    return NYQUIST if last == len(above) - 1 else _between(curve, above, last)


def _above(curve: RingCorrelation, threshold: NDArray[np.floating]) -> _Real:
    if threshold.shape != curve.correlation.shape:
        raise InputError(f"a threshold must have the curve's {len(curve.correlation)} rings, got {threshold.shape}")
    return np.asarray(curve.correlation - threshold)


def _between(curve: RingCorrelation, above: _Real, ring: int) -> float:
    """Return where the line from a ring to the next one, which is below, crosses zero."""
    high, low = above[ring], above[ring + 1]
    share = high / (high - low)
    return float(curve.frequency[ring] + share * (curve.frequency[ring + 1] - curve.frequency[ring]))


def _spectrum(image: NDArray[np.inexact], window: NDArray[np.floating]) -> tuple[NDArray[np.complex128], bool]:
    """Spectrum of the windowed image less its mean, and whether there is more in it than rounding."""
    wide = np.asarray(image, dtype=np.complex128)
    varying = window * (wide - np.average(wide, weights=window))
    largest = float(np.abs(wide[window > 0]).max())
    power = float(np.square(np.abs(varying)).max())
    if power <= _NO_POWER * largest**2:
        return np.zeros_like(wide), False
    return np.asarray(scipy.fft.fft2(varying)), True
