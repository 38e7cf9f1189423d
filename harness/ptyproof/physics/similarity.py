"""How alike two real images are, pixel by pixel (MAE, MSE, PSNR) and in their structure (SSIM, MS-SSIM), in a mask.

`data_range` is always the truth's range, so that no metric depends on the unit of the images. A structural metric
takes its local statistics from the pixels of the mask alone: means, variances and the covariance in a Gaussian window
whose weights are renormalised to what lies inside the mask. Where a whole window lies inside, that is the metric as
published.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from ptyproof.errors import InputError

# Wang, Simoncelli & Bovik, Asilomar 2003: weights of the scales, finest first.
MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
K1, K2 = 0.01, 0.03
TRUNCATE = 3.5

_Image = NDArray[np.float64]
_Mask = NDArray[np.bool_]


def mean_absolute_error(result: _Image, truth: _Image, mask: _Mask) -> float:
    """Mean over the mask (h, w) of |R - T|, in the unit of the images R (h, w) and T (h, w)."""
    _check(result, truth, mask)
    return float(np.abs(result[mask] - truth[mask]).mean())


def mean_squared_error(result: _Image, truth: _Image, mask: _Mask) -> float:
    """Mean over the mask (h, w) of (R - T)^2, in the unit of the images R (h, w) and T (h, w) squared."""
    _check(result, truth, mask)
    return float(np.square(result[mask] - truth[mask]).mean())


def psnr_db(result: _Image, truth: _Image, mask: _Mask, data_range: float) -> float:
    """Peak signal-to-noise ratio 10 log10(data_range^2 / MSE), in dB; infinite where result and truth are equal.

    Images and mask as `mean_squared_error`; `data_range` is in the unit of the images.
    """
    _check_range(data_range)
    mse = mean_squared_error(result, truth, mask)
    return 10.0 * math.log10(data_range**2 / mse) if mse > 0 else math.inf


def ssim(result: _Image, truth: _Image, mask: _Mask, data_range: float, sigma_px: float = 1.5) -> float:
    """Structural similarity (Wang, Bovik, Sheikh & Simoncelli, IEEE TIP 13, 600, 2004), from -1 to 1.

    Mean of the SSIM map over the pixels of the mask around which a whole window fits into the rectangle. Gaussian
    windows of 2 r + 1 pixels, r = round(3.5 sigma), K1 = 0.01, K2 = 0.03, population covariance: for a full mask what
    `skimage.metrics.structural_similarity(gaussian_weights=True, use_sample_covariance=False)` gives.

    Parameters
    ----------
    result, truth
        (h, w) real images of one unit.
    mask
        (h, w): the pixels that count.
    data_range
        The truth's range in the mask, above 0, in the images' unit.
    sigma_px
        Standard deviation of the window.

    Raises
    ------
    InputError
        If shapes differ, a number is not finite, or no window fits (`n_scales_for`).
    """
    luminance, structure = _terms(result, truth, mask, data_range, sigma_px)
    return float((luminance * structure).mean())


def ms_ssim(
    result: _Image, truth: _Image, mask: _Mask, data_range: float, sigma_px: float, n_scales: int | None = None
) -> float:
    """Multi-scale structural similarity (Wang, Simoncelli & Bovik, Asilomar 2003), from -1 to 1.

    prod_j S_j^w_j over the scales, S_j the mean contrast-structure term and, at the coarsest scale, the mean SSIM.
    Each scale averages 2 x 2 pixels of the one before; a pixel of a coarser scale counts where half or more of it does.
    The published weights of the first `n_scales` scales are divided by their sum. A term below zero has no power of
    0.3 and the like, and cutting it to zero would make very different results alike: the value is then minus the
    product of the terms' moduli.

    Parameters
    ----------
    result, truth, mask, data_range, sigma_px
        As in `ssim`.
    n_scales
        From 1 to 5; None takes as many as fit, `n_scales_for`.

    Raises
    ------
    InputError
        As `ssim`, and if `n_scales` are more than fit.
    """
    fitting = n_scales_for(mask, sigma_px)
    scales = fitting if n_scales is None else n_scales
    if not 1 <= scales <= max(fitting, 1):
        raise InputError(f"n_scales must be between 1 and the {fitting} that fit, got {scales}")
    weights = np.array(MS_SSIM_WEIGHTS[:scales]) / sum(MS_SSIM_WEIGHTS[:scales])
    terms = np.empty(scales)
    for scale in range(scales):
        luminance, structure = _terms(result, truth, mask, data_range, sigma_px)
        last = scale == scales - 1
        terms[scale] = (luminance * structure).mean() if last else structure.mean()
        if not last:
            result, truth, mask = _halved(result, truth, mask)
    value = float(np.prod(np.abs(terms) ** weights))
    return -value if (terms < 0).any() else value


def n_scales_for(mask: _Mask, sigma_px: float) -> int:
    """Return how many scales of MS-SSIM fit into a mask (h, w), from 0 (not even a window of the first fits) to 5.

    A scale fits if, in its rectangle, whole windows lie around at least one pixel of its mask.
    """
    radius = _radius(sigma_px)
    for scale in range(len(MS_SSIM_WEIGHTS)):
        if not _inner(mask, radius).any():
            return scale
        mask = _halved_mask(mask)
    return len(MS_SSIM_WEIGHTS)


def _terms(result: _Image, truth: _Image, mask: _Mask, data_range: float, sigma_px: float) -> tuple[_Image, _Image]:
    """Luminance and contrast-structure terms of SSIM at the pixels that count."""
    _check(result, truth, mask)
    _check_range(data_range)
    radius = _radius(sigma_px)
    counted = _inner(mask, radius)
    if not counted.any():
        side = 2 * radius + 1
        raise InputError(
            f"a window of {side} x {side} px (sigma {sigma_px:g} px) fits around no pixel of a crop of "
            f"{mask.shape[0]} x {mask.shape[1]} px"
        )
    share = _blurred(mask.astype(np.float64), sigma_px, radius)[counted]

    def local(image: _Image) -> _Image:
        return np.asarray(_blurred(np.where(mask, image, 0.0), sigma_px, radius)[counted] / share)

    # Statistics do not depend on a constant that both images have; near zero they lose no digits.
    middle = float(truth[mask].mean())
    r, t = result - middle, truth - middle
    mean_r, mean_t = local(r), local(t)
    var_r = local(r * r) - mean_r**2
    var_t = local(t * t) - mean_t**2
    covariance = local(r * t) - mean_r * mean_t
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    mean_r, mean_t = mean_r + middle, mean_t + middle
    luminance = (2 * mean_r * mean_t + c1) / (mean_r**2 + mean_t**2 + c1)
    return luminance, (2 * covariance + c2) / (var_r + var_t + c2)


def _blurred(image: _Image, sigma_px: float, radius: int) -> _Image:
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma_px) ** 2)
    kernel /= kernel.sum()
    rows = correlate1d(image, kernel, axis=0, mode="constant")
    return np.asarray(correlate1d(rows, kernel, axis=1, mode="constant"))


def _radius(sigma_px: float) -> int:
    if not sigma_px > 0:
        raise InputError(f"sigma must be above 0 px, got {sigma_px}")
    return int(TRUNCATE * sigma_px + 0.5)


def _inner(mask: _Mask, radius: int) -> _Mask:
    """The mask without the rectangle's outermost `radius` pixels, where windows reach beyond it."""
    inner = np.zeros_like(mask)
    rows, cols = (slice(radius, n - radius) for n in mask.shape)
    inner[rows, cols] = mask[rows, cols]
    return inner


def _halved(result: _Image, truth: _Image, mask: _Mask) -> tuple[_Image, _Image, _Mask]:
    """Means of the counted pixels among 2 x 2; an odd last row or column is left out."""
    blocks = _blocks(mask.astype(np.float64))
    count = blocks.sum(axis=(1, 3))
    safe = np.maximum(count, 1.0)
    coarse = [_blocks(np.where(mask, image, 0.0)).sum(axis=(1, 3)) / safe for image in (result, truth)]
    return coarse[0], coarse[1], count >= 2


def _halved_mask(mask: _Mask) -> _Mask:
    return np.asarray(_blocks(mask.astype(np.float64)).sum(axis=(1, 3)) >= 2)


def _blocks(image: _Image) -> _Image:
    height, width = image.shape[0] // 2, image.shape[1] // 2
    return image[: 2 * height, : 2 * width].reshape(height, 2, width, 2)


def _check_range(data_range: float) -> None:
    if not (math.isfinite(data_range) and data_range > 0):
        raise InputError(f"data_range must be finite and above 0, got {data_range}")


def _check(result: _Image, truth: _Image, mask: _Mask) -> None:
    if result.ndim != 2 or not result.shape == truth.shape == mask.shape:
        raise InputError(
            f"result, truth and mask must have one shape (h, w), got {result.shape}, {truth.shape} and {mask.shape}"
        )
    if not mask.any():
        raise InputError(f"the mask must hold a pixel, got none of shape {mask.shape}")
    for name, image in (("result", result), ("truth", truth)):
        if np.iscomplexobj(image) or not np.all(np.isfinite(image)):
            raise InputError(f"{name} must hold finite real numbers, got {image.dtype}")
