"""Probes to train on, drawn at random: beams of zone plates in many sizes and planes, with and without aberrations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import erfc

from ptyproof.physics.probes import make_probe

_BUILT_IN = 0.7  # of the probes are like those of studies
_STRUCTURED = 0.3  # of the others have speckle
_WIDTHS = (0.22, 0.5)  # of the window
_BUILT_IN_WIDTHS = (0.28, 0.38)
_FRESNEL = (1.3, 8.0)  # radius times cutoff: from a blurred spot to a ring with a sharp edge
_MAX_CUTOFF = 0.3  # cycles per pixel
_ABERRATION_RAD = 0.5
_TAPER = (0.42, 0.49)  # of the window: one inside, zero outside


def random_probe(window_px: int, smallest_px: float, rng: np.random.Generator) -> NDArray[np.complex64]:
    """Return a probe (N, N) complex64 with sum |P|^2 = 1.

    Parameters
    ----------
    window_px
        N.
    smallest_px
        No beam is narrower, so that neighbors in a scan overlap.
    rng
        Decides all that is random.
    """
    is_built_in = rng.random() < _BUILT_IN
    low, high = (window_px * share for share in (_BUILT_IN_WIDTHS if is_built_in else _WIDTHS))
    width_px = rng.uniform(min(max(low, smallest_px), high), high)
    if is_built_in:
        name = "zone_plate" if rng.random() < 0.85 else "soft_aperture"
        return make_probe(name, window_px, width_px)
    probe = _aberrated(window_px, width_px, rng)
    if rng.random() < _STRUCTURED:
        probe = probe * (1 + rng.uniform(0.1, 0.5) * _speckle(window_px, rng.uniform(1.5, 5.0), rng))
    probe = probe * _taper(window_px)
    return np.asarray(probe / np.linalg.norm(probe), dtype=np.complex64)


def _aberrated(window_px: int, width_px: float, rng: np.random.Generator) -> NDArray[np.complex128]:
    """Return the beam of an annular pupil out of focus, whose cone of light has a width, with aberrations."""
    radius = width_px / 2
    cutoff = min(float(np.exp(rng.uniform(*np.log(_FRESNEL)))) / radius, _MAX_CUTOFF)
    stop = 0.0 if rng.random() < 0.3 else rng.uniform(0.2, 0.6)
    frequencies = np.fft.fftfreq(window_px)
    y, x = frequencies[:, None] / cutoff, frequencies[None, :] / cutoff
    far = np.hypot(y, x)
    pupil = 0.5 * (erfc((far - 1) / 0.08) - (erfc((far - stop) / 0.08) if stop else 0.0))
    defocus = rng.choice((-1.0, 1.0)) * np.pi * radius * cutoff
    strengths = rng.normal(0.0, _ABERRATION_RAD, 4)
    shapes = (x * x - y * y, 2 * x * y, x * far**2, y * far**2)  # astigmatism and coma
    phase = defocus * far**2 + sum(strength * form for strength, form in zip(strengths, shapes, strict=True))
    return np.asarray(np.fft.fftshift(np.fft.ifft2(pupil * np.exp(1j * np.where(far < 1.5, phase, 0.0)))))


def _speckle(window_px: int, size_px: float, rng: np.random.Generator) -> NDArray[np.complex128]:
    parts = [gaussian_filter(part, size_px) for part in rng.normal(size=(2, window_px, window_px))]
    return np.asarray(sum(factor * part / part.std() for factor, part in zip((1, 1j), parts, strict=True)) / np.sqrt(2))


def _taper(window_px: int) -> NDArray[np.float64]:
    place = np.arange(window_px) - window_px // 2
    far = np.hypot(place[:, None], place[None, :]) / window_px
    progress = np.clip((far - _TAPER[0]) / (_TAPER[1] - _TAPER[0]), 0.0, 1.0)
    return np.asarray(np.where(progress < 1, 0.5 + 0.5 * np.cos(np.pi * progress), 0.0))
