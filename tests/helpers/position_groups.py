"""Small groups of patterns that tests of canvas, projection and network share."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ptyproof.training.canvas import Canvas
from ptyproof.training.projection import Patterns
from tests.strategies.scans import complex_noise


def corners_on_canvas(n_groups: int, members: int, seed: int, reach: int = 5) -> npt.NDArray[Any]:
    """Random corners (B, C, 2) with a zero in each axis of each group."""
    corners = np.random.default_rng(seed).integers(0, reach + 1, (n_groups, members, 2))
    return np.asarray(corners - corners.min(axis=1, keepdims=True))


def windows_of(images: npt.NDArray[Any], corners: npt.NDArray[Any], window: tuple[int, int]) -> npt.NDArray[Any]:
    """What is seen of images (B, h, w) through the windows, in numpy."""
    height, width = window
    return np.array(
        [
            [image[row : row + height, col : col + width] for row, col in starts]
            for image, starts in zip(images, corners, strict=True)
        ]
    )


def soft_probe(window: tuple[int, int], photons: float = 1e4, curvature: float = 0.2) -> npt.NDArray[Any]:
    """A probe that is bright in the middle, dim at the edges, with a curved phase: complex128 (H, W)."""
    rows, cols = (np.arange(side) - (side - 1) / 2 for side in window)
    square = (rows[:, None] / window[0]) ** 2 + (cols[None] / window[1]) ** 2
    probe = np.exp(-8 * square) * np.exp(1j * curvature * (rows[:, None] ** 2 + cols[None] ** 2))
    return np.asarray(probe * np.sqrt(photons / np.square(np.abs(probe)).sum()))


def smooth_object(shape: tuple[int, ...], depth: float = 1.0) -> npt.NDArray[Any]:
    """A phase object of long waves, complex128 (h, w)."""
    rows, cols = np.meshgrid(*(np.arange(side) for side in shape), indexing="ij")
    phase = np.sin(0.27 * rows + 0.1 * cols) + np.cos(0.23 * cols - 0.05 * rows**1.1)
    return np.asarray((1 - 0.1 * np.cos(0.3 * rows + 0.2)) * np.exp(1j * depth * phase))


def simulated(corners: npt.NDArray[Any], probe: npt.NDArray[Any], obj: npt.NDArray[Any]) -> Patterns:
    """Noise-free Patterns in double precision of objects (B, h, w) at corners (B, C, 2)."""
    window = probe.shape
    waves = probe * windows_of(obj, corners, window)
    amplitude = np.abs(np.fft.fft2(waves, norm="ortho"))
    canvas = Canvas(torch.from_numpy(corners), window, obj.shape[1:])
    probes = np.broadcast_to(probe, waves.shape).copy()
    return Patterns(torch.from_numpy(amplitude), torch.from_numpy(probes), canvas, corners.shape[1])


def noisy(
    n_groups: int = 3,
    members: int = 4,
    window: tuple[int, int] = (8, 12),
    seed: int = 0,
    photons: float = 400.0,
    multiple: int = 4,
) -> Patterns:
    """Patterns with Poisson counts and probes of noise, single precision; `multiple` divides the canvases' sides."""
    rng = np.random.default_rng(seed)
    shape = (n_groups, members, *window)
    probes = complex_noise(shape, seed + 1)
    probes *= np.sqrt(photons / np.square(np.abs(probes)).sum(axis=(2, 3), keepdims=True))
    waves = probes * np.exp(0.5j * rng.normal(size=shape))
    counts = rng.poisson(np.square(np.abs(np.fft.fft2(waves, norm="ortho"))))
    corners = torch.from_numpy(corners_on_canvas(n_groups, members, seed))
    canvas = Canvas.around(corners, window, multiple)
    amplitude = torch.from_numpy(np.sqrt(counts).astype(np.float32))
    return Patterns(amplitude, torch.from_numpy(probes.astype(np.complex64)), canvas, members)


def changed(patterns: Patterns, **fields: Any) -> Patterns:
    """The same patterns, some fields replaced."""
    own = {field.name: getattr(patterns, field.name) for field in dataclasses.fields(Patterns)}
    return Patterns(**(own | fields))


def doubled(patterns: Patterns) -> Patterns:
    """The same patterns in double precision."""
    return changed(
        patterns, amplitude=patterns.amplitude.to(torch.float64), probes=patterns.probes.to(torch.complex128)
    )


def group_of(patterns: Patterns, index: int) -> Patterns:
    """One group of the patterns, on its own canvas of the same shape."""
    own = slice(index, index + 1)
    canvas = Canvas(patterns.canvas.corners_px[own], patterns.canvas.window, patterns.canvas.shape)
    return changed(patterns, amplitude=patterns.amplitude[own], probes=patterns.probes[own], canvas=canvas)
