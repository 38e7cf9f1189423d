"""Built-in probes, and how wide a probe is.

The pixel is the unit of length and cycles per pixel the unit of frequency; a wavelength or a distance never
appears. Window coordinates are counted from index (H // 2, W // 2), the pixel that a scan position names.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.special import erfc

from ptyproof.errors import InputError
from ptyproof.physics.dose import probe_intensity
from ptyproof.physics.fourier import fft2c, ifft2c
from ptyproof.physics.names import PROBE_NAMES

MIN_WINDOW_PX = 16
MIN_DIAMETER_PX = 4.0
# A window of 64 px gets a probe of 20 px; other windows in proportion.
DEFAULT_DIAMETER_FRACTION = 20 / 64
# Widest probe, as a share of the window's smaller side, that still dies out inside the window.
MAX_DIAMETER_FRACTION = 0.45

# Fresnel number (cone radius x cutoff) of the zone plate's beam: with this one the bright spot behind the
# central stop and the rings around it are about equally bright.
_FRESNEL_NUMBER = 1.95
_CONE_OVER_FWHM = 1.17  # the soft edge of the defocused beam is at half its height inside the geometric cone
_MAX_CUTOFF = 0.3  # cycles per pixel, so that even the smallest beam is sampled well
_STOP_FRACTION = 0.35  # radius of the central stop over the radius of the pupil
_PUPIL_EDGE = 0.08  # softness of the pupil's edges over its radius
_APERTURE_EDGE = 0.08  # softness of the aperture's edge over its diameter
_APERTURE_PHASE_RAD = 4.0  # phase of the aperture's quadratic term at its edge
_SUBPIXELS = 4  # each pixel counts as 4 x 4 points when a circle is laid over it


def make_probe(name: str, shape: int | tuple[int, int], diameter_px: float | None = None) -> NDArray[np.complex64]:
    """One of the built-in probes, centered on index (H // 2, W // 2), with sum |P|^2 = 1.

    `zone_plate` is the defocused beam of a zone plate: an annular pupil with a central stop and soft edges,
    propagated out of focus by the Fresnel transfer function exp(-i pi z q^2), with z such that the cone of
    light has the wanted diameter (Goodman, Introduction to Fourier Optics, ch. 4). `soft_aperture` is a disc
    with a soft edge and a quadratic phase. Both are brought to exactly zero before the window's edge.

    Parameters
    ----------
    name
        One of `names.PROBE_NAMES`.
    shape
        (H, W) of the window in pixels, or one number for a square window.
    diameter_px
        Full width at half maximum of the beam, in pixels; by default 20/64 of the window's smaller side.

    Returns
    -------
    (H, W) complex64.

    Raises
    ------
    InputError
        For an unknown name, a window below 16 px, or a diameter below 4 px or above 0.45 of the window's
        smaller side.
    """
    if name not in _BUILDERS:
        raise InputError(f"the probe must be one of {', '.join(PROBE_NAMES)}, got {name!r}")
    window = (shape, shape) if isinstance(shape, int) else shape
    side = min(window)
    if side < MIN_WINDOW_PX:
        raise InputError(f"a probe's window must be at least {MIN_WINDOW_PX} px wide, got {window}")
    diameter = DEFAULT_DIAMETER_FRACTION * side if diameter_px is None else diameter_px
    largest = MAX_DIAMETER_FRACTION * side
    if not MIN_DIAMETER_PX <= diameter <= largest:
        raise InputError(
            f"diameter_px must be between {MIN_DIAMETER_PX:g} and {largest:g} in a {window} window, got {diameter}"
        )
    probe = _BUILDERS[name](window, diameter) * _window_taper(window)
    return np.asarray(probe / np.sqrt(np.sum(np.abs(probe) ** 2)), dtype=np.complex64)


def defocused(probe: NDArray[np.complexfloating], phase_rad: float) -> NDArray[np.complex64]:
    """Return a probe (H, W) out of focus, with its power: its spectrum times exp(i phase (2 q)^2).

    q is in cycles per pixel. `phase_rad` is the phase at the Nyquist frequency of an axis, q = 1/2 (Fresnel propagation
    in the paraxial limit; Goodman, Introduction to Fourier Optics, ch. 4).
    """
    squares = [(2 * (np.arange(size) - size // 2) / size) ** 2 for size in probe.shape]
    phases = np.exp(1j * phase_rad * np.add.outer(*squares))
    return ifft2c(fft2c(probe) * phases).astype(np.complex64)


def encircled_diameter_px(probe: NDArray[np.complexfloating], fraction: float = 0.9) -> float:
    """Diameter of the circle about the centroid of |P|^2 that holds a fraction of its power.

    Each pixel's power is spread over 4 x 4 points, so that the power inside grows smoothly with the radius.

    Parameters
    ----------
    probe
        (H, W), or (n_modes, H, W), whose intensities are added.
    fraction
        Share of the power, above 0 and below 1.

    Returns
    -------
    Diameter in pixels.

    Raises
    ------
    InputError
        For a fraction out of range, another number of axes, or a probe that is zero or not finite.
    """
    if not 0.0 < fraction < 1.0:
        raise InputError(f"fraction must be above 0 and below 1, got {fraction}")
    intensity = probe_intensity(probe)
    total = float(intensity.sum())
    if not (np.isfinite(total) and total > 0):
        raise InputError(f"the probe's power must be positive and finite, got {total}")
    fine = np.repeat(np.repeat(intensity, _SUBPIXELS, axis=0), _SUBPIXELS, axis=1)
    rows = (np.arange(fine.shape[0], dtype=np.float64) + 0.5) / _SUBPIXELS
    cols = (np.arange(fine.shape[1], dtype=np.float64) + 0.5) / _SUBPIXELS
    weights = fine / fine.sum()
    row = float(weights.sum(axis=1) @ rows)
    col = float(weights.sum(axis=0) @ cols)
    radii = np.hypot(rows[:, None] - row, cols[None, :] - col).ravel()
    order = np.argsort(radii, kind="stable")
    inside = np.cumsum(weights.ravel()[order])
    return 2.0 * float(np.interp(fraction, inside, radii[order]))


def _zone_plate(window: tuple[int, int], diameter: float) -> NDArray[np.complex128]:
    cone_radius = _CONE_OVER_FWHM * diameter / 2.0
    cutoff = min(_FRESNEL_NUMBER / cone_radius, _MAX_CUTOFF)
    frequency = np.hypot(scipy.fft.fftfreq(window[0])[:, None], scipy.fft.fftfreq(window[1])[None, :])
    edge = _PUPIL_EDGE * cutoff
    pupil = _soft_disc(frequency, cutoff, edge) - _soft_disc(frequency, _STOP_FRACTION * cutoff, edge)
    defocus = cone_radius / cutoff  # a ray of frequency q lands at the radius defocus * q
    spectrum = pupil * np.exp(-1j * np.pi * defocus * frequency**2)
    return np.asarray(scipy.fft.fftshift(scipy.fft.ifft2(spectrum)))


def _soft_aperture(window: tuple[int, int], diameter: float) -> NDArray[np.complex128]:
    radius = _radius(window)
    disc = _soft_disc(radius, diameter / 2.0, _APERTURE_EDGE * diameter)
    return np.asarray(disc * np.exp(1j * _APERTURE_PHASE_RAD * (2.0 * radius / diameter) ** 2))


_BUILDERS: dict[str, Callable[[tuple[int, int], float], NDArray[np.complex128]]] = dict(
    zip(PROBE_NAMES, (_zone_plate, _soft_aperture), strict=True)
)


def _soft_disc(radius: NDArray[np.float64], edge_at: float, softness: float) -> NDArray[np.float64]:
    return np.asarray(0.5 * erfc((radius - edge_at) / softness))


def _radius(window: tuple[int, int]) -> NDArray[np.float64]:
    rows = np.arange(window[0], dtype=np.float64) - window[0] // 2
    cols = np.arange(window[1], dtype=np.float64) - window[1] // 2
    return np.hypot(rows[:, None], cols[None, :])


def _window_taper(window: tuple[int, int]) -> NDArray[np.float64]:
    """One in the middle, a cosine edge from 0.34 to 0.46 of the smaller side, exactly zero outside."""
    side = min(window)
    progress = np.clip((_radius(window) / side - 0.34) / 0.12, 0.0, 1.0)
    taper = 0.5 + 0.5 * np.cos(np.pi * progress)
    taper[progress >= 1.0] = 0.0
    return taper
