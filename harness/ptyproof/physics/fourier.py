"""The Fourier transform of the whole project, and sub-pixel shifts by phase ramps.

F is the unitary 2-D discrete Fourier transform over the last two axes; the spectrum has its zero frequency
in the middle, at index (H // 2, W // 2); the field is not shifted, its index (0, 0) has phase zero:

    (F u)[k, l] = (H W)^(-1/2) sum_ij u[i, j] exp(-2 pi i ((k - H//2) i / H + (l - W//2) j / W)).

Parseval holds without a factor, sum |F u|^2 = sum |u|^2 (Goodman, Introduction to Fourier Optics, ch. 2).
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import DTypeLike, NDArray

from ptyproof.errors import InputError

PLANE_AXES = (-2, -1)


def fft2c(field: NDArray[np.inexact]) -> NDArray[np.complexfloating]:
    """Unitary 2-D Fourier transform with the zero frequency in the middle.

    Parameters
    ----------
    field
        (..., H, W), real or complex.

    Returns
    -------
    (..., H, W) complex spectrum in the precision of `field` (complex64 stays complex64), same unit.

    Raises
    ------
    InputError
        If `field` has fewer than two axes.
    """
    _check_planes(field, "field")
    spectrum = scipy.fft.fft2(field, axes=PLANE_AXES, norm="ortho")
    return np.asarray(np.fft.fftshift(spectrum, axes=PLANE_AXES))


def ifft2c(spectrum: NDArray[np.inexact]) -> NDArray[np.complexfloating]:
    """Inverse, and adjoint, of `fft2c`: (..., H, W) spectrum with zero frequency in the middle -> field.

    Raises InputError if `spectrum` has fewer than two axes.
    """
    _check_planes(spectrum, "spectrum")
    unshifted = np.fft.ifftshift(spectrum, axes=PLANE_AXES)
    return np.asarray(scipy.fft.ifft2(unshifted, axes=PLANE_AXES, norm="ortho", overwrite_x=True))


def phase_ramp(
    length: int, shifts_px: NDArray[np.floating], dtype: DTypeLike = np.complex128
) -> NDArray[np.complexfloating]:
    """Factors that shift a periodic line by a fraction of a pixel when they multiply its unshifted spectrum.

    `ifft(fft(u) * phase_ramp(n, s))[i]` is the trigonometric interpolation of u at i - s: exp(-2 pi i q s)
    with q = fftfreq(n), in cycles per pixel. At the Nyquist frequency of an even length the two aliases
    are averaged, which gives cos(pi s) and keeps real lines real.

    Parameters
    ----------
    length
        Number of samples n of the line.
    shifts_px
        (k,) shifts in pixels, positive towards larger indices.
    dtype
        Complex type of the result.

    Returns
    -------
    (k, length) of `dtype`.

    Raises
    ------
    InputError
        If `length` is below 1 or `shifts_px` is not a one-dimensional array of finite numbers.
    """
    shifts = np.asarray(shifts_px, dtype=np.float64)
    if length < 1:
        raise InputError(f"length must be at least 1, got {length}")
    if shifts.ndim != 1 or not np.all(np.isfinite(shifts)):
        raise InputError(f"shifts_px must be a finite array of shape (k,), got shape {shifts.shape}")
    frequencies = np.fft.fftfreq(length)
    ramp = np.exp(-2j * np.pi * shifts[:, None] * frequencies[None, :])
    if length % 2 == 0:
        ramp[:, length // 2] = np.cos(np.pi * shifts)
    return np.asarray(ramp, dtype=dtype)


def fourier_shift(arrays: NDArray[np.inexact], shifts_px: NDArray[np.floating]) -> NDArray[np.inexact]:
    """Shift each plane of a stack periodically by its own sub-pixel amount.

    Plane k of the result is the trigonometric interpolation of `arrays[k]` at (i - shift_row, j - shift_col).

    Parameters
    ----------
    arrays
        (n, H, W), real or complex.
    shifts_px
        (n, 2) shifts (row, col) in pixels, positive towards larger indices.

    Returns
    -------
    (n, H, W), real for real and complex for complex input, in the same precision.

    Raises
    ------
    InputError
        If the shapes do not fit each other or a shift is not finite.
    """
    shifts = np.asarray(shifts_px, dtype=np.float64)
    if arrays.ndim != 3 or shifts.shape != (arrays.shape[0], 2):
        raise InputError(f"arrays must be (n, H, W) and shifts_px (n, 2), got shapes {arrays.shape} and {shifts.shape}")
    spectrum = scipy.fft.fft2(arrays, axes=PLANE_AXES)
    spectrum *= phase_ramp(arrays.shape[1], shifts[:, 0], spectrum.dtype)[:, :, None]
    spectrum *= phase_ramp(arrays.shape[2], shifts[:, 1], spectrum.dtype)[:, None, :]
    shifted = scipy.fft.ifft2(spectrum, axes=PLANE_AXES, overwrite_x=True)
    return np.asarray(shifted if np.iscomplexobj(arrays) else shifted.real)


def _check_planes(array: NDArray[np.inexact], name: str) -> None:
    if array.ndim < 2:
        raise InputError(f"{name} must have at least two axes (..., H, W), got shape {array.shape}")
