"""Beams that are not coherent: modes of a probe that stand for further modes, short coherence, or a moving sample.

Each function takes modes P_m (P, H, W) whose intensities add up, and returns others with the same total power. They are
exact sums of coherent cases, so any of them can follow another; `strongest_modes` then finds the few orthogonal modes
that hold nearly all of the power.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from ptyproof.errors import InputError
from ptyproof.physics.dose import probe_intensity
from ptyproof.physics.fourier import phase_ramp
from ptyproof.physics.modes import orthogonal_modes

MAX_MODES = 16
POWER_SHARE = 0.9999  # of the modes that are kept
_POINTS = 5  # of a quadrature

_Modes = NDArray[np.complexfloating]


def hermite_modes(probe: _Modes, powers: Sequence[float]) -> _Modes:
    """Return the probe (H, W) and further modes of it, (P, H, W): P H_i(y) H_j(x) in the order 00, 10, 01, 20, 11, 02.

    y and x are the distances from the centroid of |P|^2 in its standard deviations, H_i Hermite polynomials (modes of a
    Gaussian Schell-model beam: Starikov & Wolf, J. Opt. Soc. Am. 72, 923, 1982). Each is made orthogonal to those
    before it, and mode m has the share powers[m] / sum(powers) of the probe's power.

    Raises
    ------
    InputError
        For no power, powers that are not above 0 or do not fall, or more than 16.
    """
    shares = np.asarray(powers, dtype=np.float64)
    if shares.ndim != 1 or not 1 <= len(shares) <= MAX_MODES or not np.all(shares > 0) or np.any(np.diff(shares) > 0):
        raise InputError(f"mode powers must be 1 to {MAX_MODES} falling numbers above 0, got {list(powers)}")
    intensity = probe_intensity(probe)
    total = float(intensity.sum())
    axes = []
    for axis, size in enumerate(probe.shape):
        line = intensity.sum(axis=1 - axis) / total
        middle = float(line @ np.arange(size))
        width = float(np.sqrt(line @ (np.arange(size) - middle) ** 2))
        axes.append((np.arange(size) - middle) / max(width, 1e-9))
    modes: list[NDArray[np.complex128]] = []
    for order in range(MAX_MODES):
        for col in range(order + 1):
            if len(modes) == len(shares):
                break
            mode = np.outer(_hermite(order - col, axes[0]), _hermite(col, axes[1])) * probe.astype(np.complex128)
            for earlier in modes + modes:  # twice, so that rounding leaves nothing
                mode = mode - earlier * np.vdot(earlier, mode)
            modes.append(mode / np.linalg.norm(mode))
    scaled = np.stack(modes) * np.sqrt(total * shares / shares.sum())[:, None, None]
    return np.asarray(scaled, dtype=probe.dtype)


def partly_coherent(modes: _Modes, length_px: float) -> _Modes:
    """Return modes (25 P, H, W) of the beam of modes (P, H, W), with a degree of coherence exp(-d^2 / (2 length^2)).

    d is the distance of two points. The modes are the given ones with tilts exp(i q r); q is normal with the standard
    deviation 1 / length along each axis, and the sum over it is a Gauss-Hermite quadrature. A tilt moves a pattern by
    N q / (2 pi) pixels, so patterns are blurred.

    Raises
    ------
    InputError
        If the length is not above 0.
    """
    if not length_px > 0:
        raise InputError(f"a coherence length must be above 0 px, got {length_px}")
    points, weights = np.polynomial.hermite_e.hermegauss(_POINTS)
    weights = weights / weights.sum()
    rows, cols = (np.exp(1j * np.outer(points / length_px, np.arange(size) - size // 2)) for size in modes.shape[1:])
    found = [
        np.sqrt(row_weight * col_weight) * modes * np.outer(row, col)
        for row, row_weight in zip(rows, weights, strict=True)
        for col, col_weight in zip(cols, weights, strict=True)
    ]
    return np.concatenate(found).astype(modes.dtype)


def moved_along_columns(modes: _Modes, length_px: float) -> _Modes:
    """Return modes (5 P, H, W) of the beam of modes (P, H, W) in a scan that moves by `length_px` in an exposure.

    The probe goes along the columns, from -length / 2 to length / 2 about the position, and the intensities of
    five places (Gauss-Legendre quadrature) add up.

    Raises
    ------
    InputError
        If the length is below 0.
    """
    if not length_px >= 0:
        raise InputError(f"the way during an exposure must be 0 px or more, got {length_px}")
    points, weights = np.polynomial.legendre.leggauss(_POINTS)
    # along this axis alone, so that rows without light stay exactly dark
    spectrum = scipy.fft.fft(modes, axis=2)
    ramps = phase_ramp(modes.shape[2], points * length_px / 2, modes.dtype)
    moved = [scipy.fft.ifft(spectrum * ramp, axis=2) for ramp in ramps]
    found = [np.sqrt(weight) * mode for mode, weight in zip(moved, weights / 2, strict=True)]
    return np.concatenate(found).astype(modes.dtype)


def strongest_modes(modes: _Modes, share: float = POWER_SHARE) -> _Modes:
    """Return orthogonal modes (Q, H, W) of the beam of modes (P, H, W), that hold at least a share of its power.

    They are in the order of their power, 16 at most, and scaled such that their power is that of all.
    """
    found = orthogonal_modes(modes)
    power = np.sum(np.square(np.abs(found), dtype=np.float64), axis=(1, 2))
    held = np.cumsum(power) / power.sum()
    kept = min(int(np.searchsorted(held, share)) + 1, MAX_MODES, len(found))
    return np.asarray(found[:kept] / np.sqrt(held[kept - 1]), dtype=modes.dtype)


def _hermite(order: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.polynomial.hermite_e.hermeval(x, [0.0] * order + [1.0]))
