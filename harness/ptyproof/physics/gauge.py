"""The phase and the phase ramp that bring a patch onto a reference: what one pattern does not fix, or fixes badly.

A pattern is blind for the phase of its patch. A ramp over the patch moves its pattern, so the pattern determines it,
but only as well as the center of its few photons; a small error of it puts the patch's edges out of phase with its
neighbors. With a(r) = w(r) conj(O(r)) J(r), for a patch O, a reference J and weights w, the best ramp is the frequency
g with the largest |F(g)|, F(g) = sum a(r) exp(-i g r), and the best phase is arg F(g) (the maximum-likelihood estimate
of a tone; Rife & Boorstyn, IEEE Trans. Inf. Theory 20, 591, 1974).
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from ptyproof.errors import InputError

_ROUNDS = 4  # of Newton's method, which doubles the digits in each
_PADDING = 2  # of the transform that the search begins with, so that it begins near enough to the peak


def fit_ramps(
    patches: NDArray[np.complexfloating], references: NDArray[np.complexfloating], weights: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the phase and ramp of each patch that bring it closest to its reference.

    Parameters
    ----------
    patches, references
        O_k and J_k: (n, H, W) complex.
    weights
        w_k: (n, H, W) real, not negative; such as the illumination |P_k|^2.

    Returns
    -------
    (n,) phases in radians and (n, 2) slopes along rows and columns in radians per pixel, such that
    O_k exp(i (phase + slope r)) fits J_k with r counted from the middle of the window, (H // 2, W // 2). Zero for a
    patch that has nothing in common with its reference.

    Raises
    ------
    InputError
        If the shapes differ or are not (n, H, W).
    """
    if patches.ndim != 3 or not patches.shape == references.shape == weights.shape:
        raise InputError(
            f"patches, references and weights must have one shape (n, H, W), got {patches.shape}, {references.shape} "
            f"and {weights.shape}"
        )
    common = (weights * patches.conj() * references).astype(np.complex128)
    places = [np.arange(size) - size // 2 for size in patches.shape[1:]]
    slopes = _brightest(common)
    for _ in range(_ROUNDS):
        slopes = slopes + _newton_step(common, places, slopes)
    phases = np.angle(_moments(common, places, slopes, ((0, 0),))[0])
    lost = ~common.any(axis=(1, 2))
    phases[lost], slopes[lost] = 0.0, 0.0
    return phases, slopes


def turned(
    patches: NDArray[np.complexfloating], phases: NDArray[np.floating], slopes: NDArray[np.floating]
) -> NDArray[np.complexfloating]:
    """Return O_k exp(i (phase + slope r)), (n, H, W) in the patches' dtype; arguments as `fit_ramps` has them."""
    rows, cols = (np.arange(size) - size // 2 for size in patches.shape[1:])
    along_rows = np.exp(1j * (phases[:, None] + slopes[:, :1] * rows)).astype(patches.dtype)
    along_cols = np.exp(1j * slopes[:, 1:] * cols).astype(patches.dtype)
    return np.asarray(patches * along_rows[:, :, None] * along_cols[:, None, :])


def _brightest(common: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Return the frequency (n, 2) in radians per pixel where the padded transform is largest."""
    sizes = [_PADDING * size for size in common.shape[1:]]
    power = np.abs(scipy.fft.fft2(common, s=sizes))
    rows, cols = np.unravel_index(power.reshape(len(common), -1).argmax(axis=1), sizes)
    frequencies = [2 * np.pi * np.fft.fftfreq(size) for size in sizes]
    return np.stack([frequencies[0][rows], frequencies[1][cols]], axis=1)


def _newton_step(
    common: NDArray[np.complex128], places: list[NDArray[np.int64]], slopes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the change (n, 2) of slopes towards the top of log |F|^2; zero where it is not curved like a top."""
    powers = ((0, 0), (1, 0), (0, 1), (2, 0), (0, 2), (1, 1))
    total, row, col, row2, col2, both = _moments(common, places, slopes, powers)
    with np.errstate(divide="ignore", invalid="ignore"):
        row, col, row2, col2, both = (moment / total for moment in (row, col, row2, col2, both))
        up_rows, up_cols = 2 * row.imag, 2 * col.imag
        curve_rows, curve_cols = -2 * (row2 - row**2).real, -2 * (col2 - col**2).real
        mixed = -2 * (both - row * col).real
        determinant = curve_rows * curve_cols - mixed**2
        step = (
            np.stack([curve_cols * up_rows - mixed * up_cols, curve_rows * up_cols - mixed * up_rows], axis=1)
            / -determinant[:, None]
        )
    is_top = (determinant > 0) & (curve_rows < 0) & np.isfinite(step).all(axis=1)
    return np.where(is_top[:, None], step, 0.0)


def _moments(
    common: NDArray[np.complex128],
    places: list[NDArray[np.int64]],
    slopes: NDArray[np.float64],
    powers: tuple[tuple[int, int], ...],
) -> list[NDArray[np.complex128]]:
    """Return sum r_0^p r_1^q a(r) exp(-i g r), (n,), for each of the powers (p, q)."""
    rows, cols = places
    along_rows = np.exp(-1j * slopes[:, :1] * rows)
    along_cols = np.exp(-1j * slopes[:, 1:] * cols)
    columns = {q: np.einsum("nij,nj->ni", common, along_cols * cols**q) for q in {q for _, q in powers}}
    return [np.einsum("ni,ni->n", columns[q], along_rows * rows**p) for p, q in powers]
