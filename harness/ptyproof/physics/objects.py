"""Built-in complex objects with structure at every scale that a reconstruction could resolve.

An object is a transmission function, amplitude exp(i phase): amplitude between 0.5 and 1, phase within
(-pi/2, pi/2) rad, so that neither wraps nor holes make a comparison ambiguous. Amplitude and phase share
edges but not values, so a method that copies one into the other does not pass unseen. Edges are as soft as a
Gaussian of 0.7 px, so that Fourier shifts by fractions of a pixel stay true.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from ptyproof.errors import InputError
from ptyproof.physics.names import OBJECT_NAMES

EDGE_SIGMA_PX = 0.7
MIN_SIDE_PX = 16

_MEAN_AMPLITUDE = 0.76
_AMPLITUDE_SWING = 0.24
_PHASE_SWING_RAD = 1.2

_GRAIN_PX = 44.0  # distance of grain centers
_ELLIPSE_AREA_PX = 620.0  # object area for one ellipse
_LINE_AREA_PX = 1500.0
_DOT_AREA_PX = 260.0
_TEXTURE_EXPONENT = 1.1  # amplitude spectrum ~ q^-1.1

_CELL_PX = 128  # one test feature of the Siemens object in each cell
_SPOKES = 24
_FEATURE_RADIUS = 0.46  # over the cell
_BAR_PERIODS_PX = (4.0, 6.0, 9.0, 14.0)
_DOT_PITCH_PX = 9.0

_Field = NDArray[np.float64]


def make_object(name: str, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.complex64]:
    """One of the built-in objects.

    `grains`: a polycrystal (Voronoi grains with dark boundaries) with ellipses, thin lines, dots and a
    texture with a power-law spectrum. `siemens`: a chart of Siemens stars, bar groups and dot lattices.

    Parameters
    ----------
    name
        One of `names.OBJECT_NAMES`.
    shape
        (rows, cols) in pixels.
    rng
        Decides all that is random; the same state gives the same object.

    Returns
    -------
    (rows, cols) complex64 transmission, without unit.

    Raises
    ------
    InputError
        For an unknown name or a side below 16 px.
    """
    if name not in _BUILDERS:
        raise InputError(f"the object must be one of {', '.join(OBJECT_NAMES)}, got {name!r}")
    if len(shape) != 2 or min(shape) < MIN_SIDE_PX:
        raise InputError(f"an object's shape must be (rows, cols) of at least {MIN_SIDE_PX} px, got {shape}")
    return transmission(*_BUILDERS[name](shape, rng))


def transmission(absorption: _Field, delay: _Field) -> NDArray[np.complex64]:
    """Return the object of two fields: amplitude 0.76 - 0.24 tanh(absorption), phase 1.2 tanh(delay) rad.

    Edges become as soft as a Gaussian of 0.7 px.

    Parameters
    ----------
    absorption, delay
        (rows, cols) float64, without unit.

    Returns
    -------
    (rows, cols) complex64 transmission, without unit.
    """
    absorption = gaussian_filter(absorption, EDGE_SIGMA_PX, mode="nearest")
    delay = gaussian_filter(delay, EDGE_SIGMA_PX, mode="nearest")
    amplitude = _MEAN_AMPLITUDE - _AMPLITUDE_SWING * np.tanh(absorption)
    phase = _PHASE_SWING_RAD * np.tanh(delay)
    return np.asarray(amplitude * np.exp(1j * phase), dtype=np.complex64)


def _grains(shape: tuple[int, int], rng: np.random.Generator) -> tuple[_Field, _Field]:
    absorption, delay = _voronoi(shape, rng)
    ellipses = (_ellipses(shape, rng), _ellipses(shape, rng), _ellipses(shape, rng))
    lines = (_lines(shape, rng), _lines(shape, rng))
    dots = (_dots(shape, rng), _dots(shape, rng))
    textures = (_texture(shape, rng), _texture(shape, rng), _texture(shape, rng))
    # The third of the ellipses and of the textures is common to both, the others belong to one alone.
    absorption += 0.55 * ellipses[0] + 0.35 * ellipses[2] + 0.8 * lines[0] + 1.0 * dots[0]
    absorption += 0.22 * textures[0] + 0.12 * textures[2]
    delay += 0.45 * ellipses[1] - 0.35 * ellipses[2] + 0.7 * lines[1] + 0.9 * dots[1]
    delay += 0.22 * textures[1] + 0.12 * textures[2]
    return absorption, delay


def _siemens(shape: tuple[int, int], rng: np.random.Generator) -> tuple[_Field, _Field]:
    rows = np.arange(shape[0], dtype=np.float64)
    cols = np.arange(shape[1], dtype=np.float64)
    cell_row = (rows // _CELL_PX).astype(np.int64)[:, None]
    cell_col = (cols // _CELL_PX).astype(np.int64)[None, :]
    angles = rng.uniform(0.0, 2.0 * np.pi, (int(cell_row.max()) + 1, int(cell_col.max()) + 1))
    angle = angles[cell_row, cell_col]
    y = np.broadcast_to((rows % _CELL_PX - _CELL_PX / 2)[:, None], shape)
    x = np.broadcast_to((cols % _CELL_PX - _CELL_PX / 2)[None, :], shape)
    kind = np.broadcast_to((cell_row + cell_col) % 2 + 2 * (cell_row % 2) * ((cell_row + cell_col) % 2), shape)
    feature = np.select([kind == 0, kind == 1], [_star(y, x, angle), _bars(y, x)], _lattice(y, x))
    disc = np.where(np.hypot(y, x) < _FEATURE_RADIUS * _CELL_PX, 1.0, 0.0)
    absorption = 0.9 * feature + 0.25 * _texture(shape, rng) - 0.3 * disc
    delay = 0.7 * feature - 0.6 * disc * np.sin(angle) + 0.35 * _texture(shape, rng)
    return absorption, delay


_BUILDERS: dict[str, Callable[[tuple[int, int], np.random.Generator], tuple[_Field, _Field]]] = dict(
    zip(OBJECT_NAMES, (_grains, _siemens), strict=True)
)


def _voronoi(shape: tuple[int, int], rng: np.random.Generator) -> tuple[_Field, _Field]:
    """Two fields that are constant in each grain, independent of each other, with a line along boundaries."""
    margin = 2.0 * _GRAIN_PX
    extent = (shape[0] + 2.0 * margin, shape[1] + 2.0 * margin)
    count = max(4, round(extent[0] * extent[1] / _GRAIN_PX**2))
    seeds = rng.uniform(0.0, 1.0, (count, 2)) * np.array(extent) - margin
    pixels = np.moveaxis(np.indices(shape, dtype=np.float64), 0, -1).reshape(-1, 2)
    found = cKDTree(seeds).query(pixels, k=2)
    distances, nearest = np.asarray(found[0]), np.asarray(found[1])
    boundary = np.exp(-(((distances[:, 1] - distances[:, 0]) / 2.2) ** 2)).reshape(shape)
    grain = nearest[:, 0].reshape(shape)
    absorption = rng.uniform(-0.6, 0.6, count)[grain] + 0.7 * boundary
    delay = rng.uniform(-0.75, 0.75, count)[grain] - 0.5 * boundary
    return absorption, delay


def _ellipses(shape: tuple[int, int], rng: np.random.Generator) -> _Field:
    """Sum of ellipses with half axes of 3 to 15 px and values in +-1."""
    field = np.zeros(shape)
    count = max(3, round(shape[0] * shape[1] / (3 * _ELLIPSE_AREA_PX)))
    centres = rng.uniform(0.0, 1.0, (count, 2)) * np.array(shape)
    half_axes = 3.0 * 5.0 ** rng.uniform(0.0, 1.0, (count, 2))
    angles = rng.uniform(0.0, np.pi, count)
    values = rng.choice([-1.0, 1.0], count) * rng.uniform(0.5, 1.0, count)
    for centre, axes, angle, value in zip(centres, half_axes, angles, values, strict=True):
        reach = float(axes.max()) + 2.0
        low = np.maximum(np.floor(centre - reach), 0).astype(np.int64)
        high = np.minimum(np.ceil(centre + reach), shape).astype(np.int64)
        y = np.arange(low[0], high[0])[:, None] - centre[0]
        x = np.arange(low[1], high[1])[None, :] - centre[1]
        along = (np.cos(angle) * y + np.sin(angle) * x) / axes[0]
        across = (np.cos(angle) * x - np.sin(angle) * y) / axes[1]
        # Distance to the edge in pixels, good enough near the edge, gives partly covered pixels.
        depth = (1.0 - np.hypot(along, across)) * axes.min()
        field[low[0] : high[0], low[1] : high[1]] += value * np.clip(depth + 0.5, 0.0, 1.0)
    return field


def _lines(shape: tuple[int, int], rng: np.random.Generator) -> _Field:
    """Straight lines, about 2 px wide and 12 to 70 px long, value about +-1."""
    count = max(2, round(shape[0] * shape[1] / (2 * _LINE_AREA_PX)))
    starts = rng.uniform(0.0, 1.0, (count, 2)) * np.array(shape)
    angles = rng.uniform(0.0, 2.0 * np.pi, count)
    lengths = rng.uniform(12.0, 70.0, count)
    signs = rng.choice([-1.0, 1.0], count, p=[0.35, 0.65])
    steps = np.arange(0.0, 70.0, 0.5)
    directions = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
    points = starts[:, None, :] + steps[None, :, None] * directions[:, None, :]
    weights = np.where(steps[None, :] < lengths[:, None], 0.5 * signs[:, None], 0.0)
    # A line of unit density per pixel has the height 1 / (sigma sqrt(2 pi)) after the Gaussian.
    sigma = 0.7
    line = _splat(shape, points.reshape(-1, 2), weights.ravel())
    return np.asarray(gaussian_filter(line, sigma, mode="constant") * sigma * np.sqrt(2.0 * np.pi))


def _dots(shape: tuple[int, int], rng: np.random.Generator) -> _Field:
    """Round dots about 2 to 3 px wide, value about +-1."""
    count = max(4, round(shape[0] * shape[1] / (2 * _DOT_AREA_PX)))
    centres = rng.uniform(0.0, 1.0, (count, 2)) * np.array(shape)
    values = rng.choice([-1.0, 1.0], count) * rng.uniform(0.6, 1.4, count)
    sigma = 0.8
    dots = gaussian_filter(_splat(shape, centres, values), sigma, mode="constant")
    return np.asarray(dots * 2.0 * np.pi * sigma**2)


def _splat(shape: tuple[int, int], points: NDArray[np.float64], weights: _Field) -> _Field:
    """Add point weights to the four pixels around each point, bilinearly; points outside are dropped."""
    field = np.zeros(shape)
    whole = np.floor(points).astype(np.int64)
    part = points - whole
    for row_step in (0, 1):
        for col_step in (0, 1):
            row = whole[:, 0] + row_step
            col = whole[:, 1] + col_step
            share = np.abs(1 - row_step - part[:, 0]) * np.abs(1 - col_step - part[:, 1])
            inside = (row >= 0) & (row < shape[0]) & (col >= 0) & (col < shape[1])
            np.add.at(field, (row[inside], col[inside]), (weights * share)[inside])
    return field


def _texture(shape: tuple[int, int], rng: np.random.Generator) -> _Field:
    """Gaussian random field with amplitude spectrum q^-1.1, mean 0, standard deviation 1."""
    white = scipy.fft.rfft2(rng.standard_normal(shape))
    frequency = np.hypot(scipy.fft.fftfreq(shape[0])[:, None], scipy.fft.rfftfreq(shape[1])[None, :])
    frequency[0, 0] = np.inf
    field = scipy.fft.irfft2(white * frequency**-_TEXTURE_EXPONENT, s=shape)
    return np.asarray(field / field.std())


def _star(y: _Field, x: _Field, angle: _Field) -> _Field:
    """Siemens star of +-1, zero outside; spokes are as fine as 2 px at the inner end."""
    radius = np.hypot(y, x)
    wave = np.sin(_SPOKES * np.arctan2(y, x) + angle)
    # Pixel-wide ramps instead of jumps: the wave's slope along the circle is SPOKES / radius.
    spokes = np.clip(wave * radius / _SPOKES * 2.0, -1.0, 1.0)
    inner = _SPOKES * 2.0 / np.pi
    return np.where((radius > inner) & (radius < _FEATURE_RADIUS * _CELL_PX), spokes, 0.0)


def _bars(y: _Field, x: _Field) -> _Field:
    """Bar groups of +-1: the period changes from quarter to quarter of the cell, bars lie along y or x."""
    half = _FEATURE_RADIUS * _CELL_PX
    quarter = (y > 0).astype(np.int64) * 2 + (x > 0)
    period = np.asarray(_BAR_PERIODS_PX)[quarter]
    along = np.where(np.abs(y) > half / 2, y, x)
    bars = np.clip(np.sin(2.0 * np.pi * along / period) * period / 3.0, -1.0, 1.0)
    gap = (np.abs(y) < 3) | (np.abs(x) < 3) | (np.maximum(np.abs(y), np.abs(x)) > half)
    return np.where(gap, 0.0, bars)


def _lattice(y: _Field, x: _Field) -> _Field:
    """Lattice of dots inside a circle, whose size grows with x from about 2 to 6 px."""
    half = _FEATURE_RADIUS * _CELL_PX
    off_y = (y + _DOT_PITCH_PX / 2) % _DOT_PITCH_PX - _DOT_PITCH_PX / 2
    off_x = (x + _DOT_PITCH_PX / 2) % _DOT_PITCH_PX - _DOT_PITCH_PX / 2
    size = 2.0 + x / half
    dots = np.clip(size - np.hypot(off_y, off_x) + 0.5, 0.0, 1.0)
    return np.where(np.hypot(y, x) < half, 2.0 * dots - 0.6, 0.0)
