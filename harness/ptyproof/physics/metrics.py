"""How far a reconstruction is from the truth, and expected counts from measured ones.

A diffraction pattern does not tell the global phase of its object, nor the object's scale where the probe's is unknown,
so a result is compared after the one best complex scale. For a stack of patches that have not been brought to a common
phase, each patch has a scale of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import kl_div

from ptyproof.errors import InputError


@dataclass(frozen=True)
class ScaledError:
    """Result of `scaled_error`: the error, and the scale that the result was multiplied with."""

    nrmse: float
    scale: complex


def scaled_error(result: NDArray[np.inexact], truth: NDArray[np.inexact], weight: NDArray[np.floating]) -> ScaledError:
    """Complex normalized root mean square error after the one best complex scale.

    sqrt(sum w |c R - T|^2 / sum w |T|^2) with c = <R, T>_w / <R, R>_w, the scale that makes it smallest, as in Fienup,
    Appl. Opt. 36, 8352 (1997). It lies between 0 and 1. A result that is zero wherever there is weight has the
    scale 0 and the error 1.

    Parameters
    ----------
    result, truth
        R and T: (...) of one shape, real or complex.
    weight
        w: (...) real, not negative, of the same shape; such as the illumination, or a mask as 0 and 1.

    Returns
    -------
    ScaledError, computed in float64.

    Raises
    ------
    InputError
        If shapes differ, a number is not finite, a weight is negative, all weights are zero, or the truth is zero
        wherever there is weight.
    """
    _check(result, truth, weight)
    residual, energy, scale = _fit(result, truth, weight)
    return ScaledError(float(np.sqrt(residual / _positive(energy))), scale)


def patch_error(
    patches: NDArray[np.inexact], truth_patches: NDArray[np.inexact], weights: NDArray[np.floating]
) -> float:
    """`scaled_error` of a stack in which every patch has a complex scale of its own.

    sqrt(sum_k sum w_k |c_k R_k - T_k|^2 / sum_k sum w_k |T_k|^2) with c_k = <R_k, T_k>_w / <R_k, R_k>_w, and
    c_k = 0 where patch R_k is zero.

    Parameters
    ----------
    patches, truth_patches
        (n, H, W) R_k and T_k, real or complex.
    weights
        (n, H, W) w_k: real, not negative; such as the illumination |P_k|^2.

    Returns
    -------
    The error, between 0 and 1, computed in float64.

    Raises
    ------
    InputError
        As `scaled_error`, for the stack as a whole, and if it is not of shape (n, H, W).
    """
    residual, energy = patch_residuals(patches, truth_patches, weights).sum(axis=0)
    return float(np.sqrt(residual / _positive(energy)))


def patch_residuals(
    patches: NDArray[np.inexact], truth_patches: NDArray[np.inexact], weights: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the two sums of each patch that `patch_error` adds up, (n, 2): for stacks that are looked at in blocks.

    Parameters are those of `patch_error`; a block's truth may be zero.

    Raises
    ------
    InputError
        If shapes differ or are not (n, H, W), a number is not finite, or a weight is negative.
    """
    _check(patches, truth_patches, weights)
    if patches.ndim != 3:
        raise InputError(f"patches must have the shape (n, H, W), got {patches.shape}")
    stacks = zip(patches, truth_patches, weights, strict=True)
    return np.array([_fit(result, truth, weight)[:2] for result, truth, weight in stacks])


def poisson_deviance(expected: NDArray[np.floating], counts: NDArray[np.number], floor: float) -> float:
    """Negative Poisson log-likelihood of the counts above its smallest possible value, in nats per pixel.

    Mean over all pixels of I' - n + n log(n / I') with I' = I + floor and 0 log 0 = 0: the Kullback-Leibler divergence
    of the likelihood from that of a model which expects just the counts. It is half the deviance of statistics, is zero
    for I' = n only, and is about 1/2 where the model is true and counts are high.

    Parameters
    ----------
    expected
        Expected counts I, (...) of any shape, not negative.
    counts
        Counts n, (...) of the same shape, not negative.
    floor
        Background added to the expected counts, in counts; it keeps the result finite where I is zero and n is not.

    Returns
    -------
    Nats per pixel, computed in float64; infinite if a count lies where I' is zero.

    Raises
    ------
    InputError
        If shapes differ, there is no pixel, or a number is negative or not finite.
    """
    if expected.shape != counts.shape or expected.size == 0:
        raise InputError(f"expected and counts must have one shape, not empty, got {expected.shape} and {counts.shape}")
    for name, array in (("expected", expected), ("counts", counts), ("floor", np.asarray(floor))):
        _check_not_negative(array, name)
    rates = np.add(expected, floor, dtype=np.float64)
    return float(kl_div(counts.astype(np.float64), rates).mean())


def r_factor(expected: NDArray[np.floating], counts: NDArray[np.number]) -> float:
    """Relative error of the amplitudes: sum |sqrt(n) - sqrt(I)| / sum sqrt(n), over all pixels.

    Parameters
    ----------
    expected
        Expected counts I, (...) of any shape, not negative.
    counts
        Counts n, or any intensities of the same unit, (...) of the same shape, not negative.

    Returns
    -------
    0 for a perfect fit, computed in float64.

    Raises
    ------
    InputError
        If shapes differ, a number is negative or not finite, or all counts are zero.
    """
    if expected.shape != counts.shape:
        raise InputError(f"expected and counts must have one shape, got {expected.shape} and {counts.shape}")
    for name, array in (("expected", expected), ("counts", counts)):
        _check_not_negative(array, name)
    measured = np.sqrt(counts, dtype=np.float64)
    total = measured.sum()
    if not total > 0:
        raise InputError("an R-factor needs counts above zero, got none")
    return float(np.abs(measured - np.sqrt(expected, dtype=np.float64)).sum() / total)


def _fit(
    result: NDArray[np.inexact], truth: NDArray[np.inexact], weight: NDArray[np.floating]
) -> tuple[float, float, complex]:
    """Residual sum w |c R - T|^2, energy sum w |T|^2 and scale c."""
    root = np.sqrt(weight, dtype=np.float64)
    r = (result * root).ravel()
    t = (truth * root).ravel()
    power = _energy(r)
    scale = complex(np.sum(r.conj() * t) / power) if power > 0 else 0j
    return _energy(scale * r - t), _energy(t), scale


def _energy(values: NDArray[np.inexact]) -> float:
    """Sum of |v|^2, with the same bits on any number of threads, unlike a product of BLAS."""
    return float(np.sum(np.square(values.real)) + np.sum(np.square(values.imag)))


def _check(result: NDArray[np.inexact], truth: NDArray[np.inexact], weight: NDArray[np.floating]) -> None:
    if not result.shape == truth.shape == weight.shape:
        raise InputError(
            f"result, truth and weight must have one shape, got {result.shape}, {truth.shape} and {weight.shape}"
        )
    for name, array in (("result", result), ("truth", truth)):
        if not np.all(np.isfinite(array)):
            raise InputError(f"{name} must be finite, but {np.count_nonzero(~np.isfinite(array))} values are not")
    _check_not_negative(weight, "weight")
    if not weight.any():
        raise InputError(f"weight must be above zero somewhere, got zeros of shape {weight.shape}")


def _check_not_negative(array: NDArray[np.number], name: str) -> None:
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} must hold real numbers, got dtype {array.dtype}")
    bad = ~(np.isfinite(array) & (array >= 0))
    if bad.any():
        raise InputError(f"{name} must be finite and not negative, but {np.count_nonzero(bad)} of its values are not")


def _positive(energy: float) -> float:
    if not energy > 0:
        raise InputError("truth must not be zero wherever there is weight, got zeros")
    return energy
