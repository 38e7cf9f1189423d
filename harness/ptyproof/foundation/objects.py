"""Objects to train on, drawn at random: none of them is an object of a built-in study, or an image.

Four kinds. `grains` are those of `ptyproof.physics.objects`, drawn anew. `leaves` cover one another (dead leaves: Lee,
Mumford & Huang, Int. J. Comput. Vis. 41, 35, 2001), with stripes, grain or a slope inside; `striped` ones lie under
gratings. `field` is a random field with a power-law spectrum. Contrasts are random as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ptyproof.physics.objects import make_object, transmission

KINDS = ("grains", "leaves", "striped", "field")

_SHARES = (0.35, 0.40, 0.12, 0.13)
_STRETCHED = 0.2  # of the objects have another range of amplitudes and phases
_CONTRAST = (0.12, 1.0)

_Field = NDArray[np.float64]


def random_object(shape: tuple[int, int], rng: np.random.Generator) -> tuple[str, NDArray[np.complex64]]:
    """Return the kind of a random object, and its transmission (rows, cols) complex64."""
    kind = str(rng.choice(KINDS, p=_SHARES))
    if kind == "grains":
        obj = make_object(kind, shape, rng)
    else:
        absorption, delay = {"leaves": _leaves, "striped": _striped, "field": _field}[kind](shape, rng)
        contrasts = np.exp(rng.uniform(np.log(_CONTRAST[0]), np.log(_CONTRAST[1]), 2))
        obj = transmission(contrasts[0] * absorption, contrasts[1] * delay)
    if rng.random() < _STRETCHED:
        obj = stretched(obj, rng.uniform(0.0, 2.5), rng.uniform(0.3, 2.0))
    return kind, obj


def stretched(obj: NDArray[np.complex64], absorption: float, delay: float) -> NDArray[np.complex64]:
    """Return an object (M, M') with a thickness so many times as large, for amplitude and phase: (M, M')."""
    return np.asarray(np.abs(obj) ** absorption * np.exp(1j * delay * np.angle(obj)), dtype=np.complex64)


def _standardized(field: _Field) -> _Field:
    return np.asarray((field - field.mean()) / (field.std() + 1e-9))


def _stripes(shape: tuple[int, int], rng: np.random.Generator) -> _Field:
    """Return a line, ring or ray grating, with values in +-1."""
    rows, cols = np.indices(shape, dtype=np.float64)
    angle, period_px = rng.uniform(0, np.pi), rng.uniform(3.5, 18.0)
    center = rng.uniform(-1, 2, 2) * shape
    kind = rng.integers(3)
    if kind == 0:
        phase = (np.cos(angle) * rows + np.sin(angle) * cols) / period_px
    elif kind == 1:
        phase = np.hypot(rows - center[0], cols - center[1]) / period_px
    else:
        phase = np.arctan2(rows - center[0], cols - center[1]) * rng.integers(6, 40) / (2 * np.pi)
    wave = np.sin(2 * np.pi * phase)
    return np.asarray(np.sign(wave) if rng.random() < 0.6 else wave)


def _leaves(shape: tuple[int, int], rng: np.random.Generator) -> tuple[_Field, _Field]:
    """Return two fields with common edges: discs and boxes of a power law of sizes, each over those before it."""
    fields = np.zeros((2, *shape))
    smallest, largest = rng.uniform(1.5, 4.0), rng.uniform(20.0, 70.0)
    correlated = rng.random()
    for _ in range(int(rng.integers(40, 260))):
        radius = (smallest**-2 + rng.random() * (largest**-2 - smallest**-2)) ** -0.5
        center = rng.uniform(-0.1, 1.1, 2) * shape
        angle, flatness, is_disc = rng.uniform(0, np.pi), rng.uniform(0.25, 1.0), rng.random() < 0.5
        values = rng.normal(0.0, 1.0, 2)
        if rng.random() < correlated:
            values[1] = 0.8 * values[0] + 0.4 * values[1]
        low = np.maximum(center - radius - 1, 0).astype(int)
        high = np.minimum(center + radius + 2, shape).astype(int)
        if np.any(low >= high):
            continue
        rows = np.arange(low[0], high[0])[:, None] - center[0]
        cols = np.arange(low[1], high[1])[None, :] - center[1]
        along = np.cos(angle) * rows + np.sin(angle) * cols
        across = (np.cos(angle) * cols - np.sin(angle) * rows) / flatness
        far = np.hypot(along, across) if is_disc else np.maximum(np.abs(along), np.abs(across)) / 0.75
        inside = _inside(rows, cols, radius, rng)
        place = (slice(low[0], high[0]), slice(low[1], high[1]))
        for field, value, added in zip(fields, values, inside, strict=True):
            field[place] = np.where(far < radius, value + added, field[place])
    return _standardized(fields[0]), _standardized(fields[1])


def _inside(
    rows: _Field, cols: _Field, radius: float, rng: np.random.Generator
) -> tuple[_Field | float, _Field | float]:
    """Return what a leaf has besides its values: stripes, grain, a slope, or nothing."""
    shape = (rows.shape[0], cols.shape[1])
    draw = rng.random()
    if draw < 0.15 and radius > 8:
        stripes = _stripes(shape, rng)
        return rng.uniform(0, 1) * stripes, rng.uniform(-1, 1) * stripes
    if draw < 0.4 and radius > 6:
        grain = 2 * gaussian_filter(rng.uniform(0, 0.6) * rng.normal(size=shape), rng.uniform(0.5, 2.0))
        return grain, -grain if rng.random() < 0.5 else 0.0
    if draw < 0.6:
        return rng.normal(0, 0.6) * rows / radius, rng.normal(0, 0.6) * cols / radius
    return 0.0, 0.0


def _striped(shape: tuple[int, int], rng: np.random.Generator) -> tuple[_Field, _Field]:
    absorption, delay = _leaves(shape, rng)
    first, second = _stripes(shape, rng), _stripes(shape, rng)
    strengths = rng.uniform(0.2, 1.0, 2)
    absorption = 0.5 * absorption + strengths[0] * first
    delay = 0.5 * delay + strengths[1] * (first if rng.random() < 0.5 else second)
    return _standardized(absorption), _standardized(delay)


def _field(shape: tuple[int, int], rng: np.random.Generator) -> tuple[_Field, _Field]:
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None, :])
    falling = (frequency + 1 / 64) ** -rng.uniform(0.7, 2.0)
    spectra = np.fft.fft2(rng.normal(size=(2, *shape))) * falling
    first, second = (_standardized(np.fft.ifft2(spectrum).real) for spectrum in spectra)
    if rng.random() < 0.4:
        first = np.sign(first - rng.normal(0, 0.5))
    return _standardized(first), _standardized(rng.uniform(-1, 1) * first + second)
