"""What a detector makes of the intensity that arrives: blur, intensity of the beam, background, saturation, mask.

With I_k = sum_m |F(P_m O_k)|^2 of `ptyproof.physics.forward`, a pixel expects

    E_k = f_k (G * I_k) + b

counts, where G is a Gaussian, f_k the factor of the beam's intensity in pattern k, and b the background. It records
min(n_k, saturation) of n_k ~ Poisson(E_k), and 0 where nothing is measured.

The blur is separable, G * I = A I B^T, with the Gaussian sampled at the pixels and normalized. **Edge rule**: light
that would leave the window is reflected at its edge (half-sample symmetric). So A and B are symmetric and their columns
add up to 1: the blur conserves energy and is its own adjoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import pdtr, pdtrc

from ptyproof.errors import InputError

MAX_PSF_SIGMA_PX = 64.0
_REACH = 6.0  # standard deviations, beyond which the Gaussian is below 1e-8 of its peak

_Index = slice | NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Detector:
    """A detector, and what it has besides the light of the object.

    Parameters
    ----------
    psf_sigma_px
        Standard deviation of the blur in pixels; None is a sharp detector.
    factors
        (n,) float64 > 0: intensity of the beam in each pattern; None is 1.
    background
        (H, W) or (n, H, W), expected counts >= 0; None is 0.
    saturation_counts
        Largest count that is recorded; None is no limit.
    valid
        bool (H, W) or (n, H, W): True where a pixel is measured; None is everywhere.
    zero_first
        Whether all arrays have their zero frequency at index (0, 0), as the FFT has it, and not in the middle.
    """

    psf_sigma_px: float | None = None
    factors: NDArray[np.float64] | None = None
    background: NDArray[np.floating] | None = None
    saturation_counts: float | None = None
    valid: NDArray[np.bool_] | None = None
    zero_first: bool = False

    @property
    def is_perfect(self) -> bool:
        """Whether the detector records the light as it is."""
        flaws = (self.psf_sigma_px, self.factors, self.background, self.saturation_counts, self.valid)
        return all(flaw is None for flaw in flaws)

    def expected(self, intensity: NDArray[np.floating], rows: _Index = slice(None)) -> NDArray[np.floating]:
        """Return E (m, H, W) of intensities I (m, H, W) of the patterns `rows`, in their precision.

        Raises
        ------
        InputError
            If the blur is impossible.
        """
        found = self._factored(self._blurred(intensity), rows)
        if self.background is not None:
            found = found + _of(self.background, rows).astype(found.dtype, copy=False)
        return found

    def adjoint(self, change: NDArray[np.floating], rows: _Index = slice(None)) -> NDArray[np.floating]:
        """Return G* (f c) of c (m, H, W): the adjoint of the linear part of `expected`, without the background."""
        return self._blurred(self._factored(change, rows))

    def recorded(self, counts: NDArray[np.int64], rows: _Index = slice(None)) -> NDArray[np.int64]:
        """Return what is recorded of counts (m, H, W) of the patterns `rows`."""
        found = counts
        if self.saturation_counts is not None:
            found = np.minimum(found, np.int64(self.saturation_counts))
        return found if self.valid is None else np.where(_of(self.valid, rows), found, 0)

    def mean_recorded(self, expected: NDArray[np.floating], rows: _Index = slice(None)) -> NDArray[np.float64]:
        """Return the mean of what is recorded, (m, H, W) float64, where E (m, H, W) counts are expected.

        With N ~ Poisson(E) and a limit s, the mean of min(N, s) is E P(N <= s - 2) + s P(N >= s).
        """
        found = np.asarray(expected, dtype=np.float64)
        if self.saturation_counts is not None:
            limit = float(np.floor(self.saturation_counts))
            below = np.where(limit >= 2, pdtr(max(limit - 2, 0), found), 0.0)
            found = found * below + limit * pdtrc(limit - 1, found)
        return found if self.valid is None else np.where(_of(self.valid, rows), found, 0.0)

    def _blurred(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        return blurred(values, self.psf_sigma_px, self.zero_first)

    def _factored(self, values: NDArray[np.floating], rows: _Index) -> NDArray[np.floating]:
        if self.factors is None:
            return values
        return values * self.factors[rows].astype(values.dtype)[:, None, None]


def blurred(intensity: NDArray[np.floating], sigma_px: float | None, zero_first: bool = False) -> NDArray[np.floating]:
    """Return G * I (..., H, W) of I (..., H, W), in its precision; None is no blur.

    `zero_first` says that the zero frequency is at index (0, 0), so that the edges of the detector lie in the middle.

    Raises
    ------
    InputError
        If sigma is not in (0, 64] px.
    """
    if sigma_px is None:
        return intensity
    matrices = [blur_matrix(size, sigma_px).astype(intensity.dtype) for size in intensity.shape[-2:]]
    rows, cols = (np.fft.ifftshift(matrix) for matrix in matrices) if zero_first else matrices
    return np.asarray(rows @ intensity @ cols)  # the matrices are symmetric


@lru_cache(maxsize=32)
def blur_matrix(size: int, sigma_px: float) -> NDArray[np.float64]:
    """Return the blur along an axis, (size, size) float64, symmetric, with columns that add up to 1; it is read-only.

    Entry (i, j) is g(i - j) plus g at the distances of i from the mirror images of j, with g(d) proportional to
    exp(-d^2 / (2 sigma^2)).

    Raises
    ------
    InputError
        If sigma is not in (0, 64] px.
    """
    if not 0 < sigma_px <= MAX_PSF_SIGMA_PX:
        raise InputError(f"the blur of a detector must be in (0, {MAX_PSF_SIGMA_PX:g}] px, got {sigma_px}")
    reach = max(1, int(np.ceil(_REACH * sigma_px)))
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets / sigma_px) ** 2)
    kernel /= kernel.sum()
    matrix = np.zeros((size, size))
    targets = np.arange(size)
    for offset, weight in zip(offsets.tolist(), kernel.tolist(), strict=True):
        folded = np.mod(targets + offset, 2 * size)
        matrix[np.where(folded < size, folded, 2 * size - 1 - folded), targets] += weight
    matrix.flags.writeable = False
    return matrix


def _of(array: NDArray[np.generic], rows: _Index) -> NDArray[np.generic]:
    return array if array.ndim == 2 else array[rows]
