"""The forward model in torch.

Notation as in `ptyproof.physics.forward`: O_k is the object patch of pattern k, P_k the probe, I_k = |F(P_k O_k)|^2 the
expected counts, F the unitary 2-D FFT. Here its zero frequency comes first, at index (0, 0), as the FFT has it: moving
it to the middle and back would cost as much as a projection's arithmetic.

Sub-pixel positions. Only |F(P O)|^2 is measured, so instead of sampling the object between its pixels the probe is
moved: patches stay on the object's pixel grid, in the window nearest to their position, and each pattern has a probe
P_k of its own, shifted by the remaining fraction of a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ptyproof.physics.detector import blur_matrix

_NEAR = 0.5


def spectrum(field: Tensor) -> Tensor:
    """Return the unitary 2-D FFT over the last two axes of a complex field (..., H, W), zero frequency first."""
    found: Tensor = torch.fft.fft2(field, norm="ortho")
    return found


def back(found: Tensor) -> Tensor:
    """Return the inverse, and adjoint, of `spectrum`: complex (..., H, W) of complex (..., H, W)."""
    field: Tensor = torch.fft.ifft2(found, norm="ortho")
    return field


def expected_counts(probes: Tensor, patches: Tensor) -> Tensor:
    """Return I = |F(P O)|^2, photons per pixel: real (..., H, W) of complex (..., H, W), zero frequency first."""
    far = spectrum(probes * patches)
    return far.real.square() + far.imag.square()


@dataclass(frozen=True, eq=False)
class Detector:
    """The blur of a detector and its background, as `ptyproof.physics.detector` describes them.

    Parameters
    ----------
    rows, cols
        (H, H) and (W, W) real: `blur_matrix` of each axis, zero frequency first; None is a sharp detector.
    background
        real (..., H, W), expected counts, zero frequency first; None is 0.
    """

    rows: Tensor | None = None
    cols: Tensor | None = None
    background: Tensor | None = None

    @classmethod
    def of(
        cls, window: tuple[int, int], sigma_px: float | None, background: Tensor | None, dtype: torch.dtype
    ) -> Detector:
        """Return the detector of windows (H, W), with a blur in pixels or None; arrays have a real `dtype`."""
        if sigma_px is None:
            return cls(background=background)
        rows, cols = (torch.from_numpy(np.fft.ifftshift(blur_matrix(size, sigma_px))).to(dtype) for size in window)
        return cls(rows, cols, background)

    def expected(self, intensity: Tensor, factors: Tensor | None = None) -> Tensor:
        """Return f (G * I) + b, photons per pixel: real (..., H, W) of I (..., H, W) and f (...) or None."""
        if self.rows is not None and self.cols is not None:
            intensity = self.rows @ intensity @ self.cols
        if factors is not None:
            intensity = intensity * factors[..., None, None]
        return intensity if self.background is None else intensity + self.background


def incoherent_counts(modes: Tensor, patches: Tensor) -> Tensor:
    """Return I = sum_m |F(P_m O)|^2, real (..., H, W) of modes (..., P, H, W) and patches (..., H, W)."""
    return expected_counts(modes, patches.unsqueeze(-3)).sum(dim=-3)


def poisson_loss(expected: Tensor, counts: Tensor, floor: float) -> Tensor:
    """Return the Poisson negative log-likelihood above its smallest possible value, mean over pixels, in nats.

    With I' = I + floor: mean(I' - n + n log(n / I')), zero where I' = n. `floor` (photons per pixel) keeps the
    logarithm finite where the model sees no light. Near I' = n the logarithm is taken of 1 + (I' - n) / n, as the terms
    cancel there: at 10^4 photons per pixel single precision would lose all of the loss otherwise.

    Parameters
    ----------
    expected, counts
        I and n, (...) real, of one shape, in photons per pixel.
    floor
        > 0.

    Returns
    -------
    () real.
    """
    rate = expected + floor
    excess = rate - counts
    divisor = torch.where(counts > 0, counts, torch.ones_like(counts))
    relative = excess / divisor
    near = torch.log1p(relative.clamp(-_NEAR, _NEAR))
    log_ratio = torch.where(relative.abs() < _NEAR, near, torch.log(rate / divisor))
    return (excess - counts * log_ratio).mean()
