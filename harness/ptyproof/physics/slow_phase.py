"""The slow part of a phase error: the phase that stays behind a Gaussian.

With R a result and T the truth, the error of the phase is the phase of R conj(T). Iterative methods finish fine detail
within a few epochs, and then change the phase over many probe diameters for hundreds of epochs. A Gaussian window G on
R conj(T) tells the two apart: its phase, arg (G * R conj(T)), is the slow part, and R without that phase has the fast
part alone. The window acts on the complex product, never on a phase, so wraps do no harm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ptyproof.errors import InputError


def slow_phase(
    result: NDArray[np.complexfloating],
    truth: NDArray[np.complexfloating],
    mask: NDArray[np.bool_],
    sigma_px: float,
) -> NDArray[np.float64]:
    """Return the slow part of the phase error in rad, counted from its mean direction in the mask.

    Parameters
    ----------
    result, truth
        (h, w) complex, brought onto each other before.
    mask
        (h, w): the pixels that count. The window takes no other pixel.
    sigma_px
        Standard deviation of the Gaussian, pixels, above 0.

    Returns
    -------
    (h, w) float64 in (-pi, pi], zero outside the mask, and where the window holds no product.

    Raises
    ------
    InputError
        If shapes differ, a number in the mask is not finite, the mask is empty, or sigma_px is not above 0.
    """
    if result.ndim != 2 or not result.shape == truth.shape == mask.shape:
        raise InputError(
            f"result, truth and mask must have one shape (h, w), got {result.shape}, {truth.shape} and {mask.shape}"
        )
    if not sigma_px > 0:
        raise InputError(f"sigma_px must be above 0, got {sigma_px:g}")
    if not mask.any():
        raise InputError(f"the mask must have a pixel, got an empty mask of shape {mask.shape}")
    product = np.zeros(mask.shape, dtype=np.complex128)
    product[mask] = result[mask] * np.conj(truth[mask])
    unusable = np.count_nonzero(~np.isfinite(product))
    if unusable:
        raise InputError(f"result and truth must be finite, but {unusable} pixels are not")
    smooth = _blurred(product.real, sigma_px) + 1j * _blurred(product.imag, sigma_px)
    modulus = np.abs(smooth)
    known = mask & (modulus > 0)
    direction = np.divide(smooth, modulus, out=np.zeros_like(smooth), where=known)
    mean = direction[mask].mean()
    return np.where(known, np.angle(direction * np.conj(mean if mean != 0 else 1.0)), 0.0)


def _blurred(image: NDArray[np.float64], sigma_px: float) -> NDArray[np.float64]:
    return np.asarray(gaussian_filter(image, sigma_px, mode="constant"), dtype=np.float64)


def rms_in(image: NDArray[np.floating], mask: NDArray[np.bool_]) -> float:
    """Return the root mean square of a real image (h, w) in a mask (h, w)."""
    return float(np.sqrt(np.mean(np.square(image[mask], dtype=np.float64))))
