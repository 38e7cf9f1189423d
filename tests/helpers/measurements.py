"""A synthetic measurement in the layouts that people have: small, with light in the middle of every window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ptyproof.io.dataset import Dataset

WINDOW = (16, 20)
GRID = (4, 5)
N = GRID[0] * GRID[1]
N_TIKE = 6
PLACES = {"center": (), "corner": (0, 1), "top": (0,), "left": (1,)}


def bell(window: tuple[int, int] = WINDOW, power: int = 4) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Light (H, W) that gathers around index (H // 2, W // 2)."""
    rows, cols = (np.abs(np.arange(length) - length // 2) / (length / 2) for length in window)
    return np.outer((1 - rows / 1.1) ** power, (1 - cols / 1.1) ** power)


def legacy_arrays(**changes: Any) -> dict[str, Any]:
    """Arrays of the layout DATA-001 without a record: counts under diff3d; None leaves an array out."""
    rng = np.random.default_rng(3)
    grid = np.stack(np.meshgrid(*(4.0 * np.arange(length) for length in GRID), indexing="ij"), axis=-1).reshape(-1, 2)
    positions = grid + rng.uniform(0, 0.9, grid.shape) + np.array([9.0, 11.0])
    probe = np.sqrt(bell()) * np.exp(1j * rng.uniform(0, 1, WINDOW))
    arrays = {
        "diff3d": rng.poisson(300 * bell(), (N, *WINDOW)).astype("u2"),
        "probeGuess": probe.astype("c8"),
        "xcoords": positions[:, 1],
        "ycoords": positions[:, 0],
    } | changes
    return {name: array for name, array in arrays.items() if array is not None}


def legacy(path: Path, **changes: Any) -> Path:
    """Write `legacy_arrays`."""
    np.savez(path, **legacy_arrays(**changes))
    return path


def tike(path: Path, **changes: Any) -> Path:
    """Write the same measurement in the layout of tike's test data, positions around 0."""
    found = legacy_arrays()
    positions = np.stack([found["ycoords"], found["xcoords"]], axis=1)
    arrays = {
        "data": found["diff3d"][None],
        "scan": (positions - positions.mean(axis=0))[None],
        "probe": found["probeGuess"][None, None, None],
    } | changes
    np.savez(path, **arrays)
    return path


def tike_arrays(corner: bool = True, **changes: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Arrays of tike's layout: counts around the zero frequency, positions centred on 0, a probe with mode axes."""
    rng = np.random.default_rng(5)
    light = np.outer(*(np.hanning(length + 2)[1:-1] ** 4 for length in WINDOW))
    counts = rng.poisson(900 * light, (1, N_TIKE, *WINDOW)).astype(np.float32)
    if corner:
        counts = np.fft.ifftshift(counts, axes=(2, 3))
    probe = (rng.normal(size=(1, 1, 1, 1, *WINDOW)) + 1j * rng.normal(size=(1, 1, 1, 1, *WINDOW))).astype("c8")
    scan = rng.uniform(-30, 30, (1, N_TIKE, 2)).astype(np.float32) + np.array([5, -11], np.float32)
    arrays = {"data": counts, "scan": scan, "probe": probe, **changes}
    return {name: array for name, array in arrays.items() if array is not None}


def some_of(dataset: Dataset, index: np.ndarray[Any, Any]) -> Dataset:
    """Return some patterns of a dataset as one of their own."""
    assert dataset.diffraction is not None
    photons = float(dataset.counts(index).sum(axis=(1, 2)).mean())
    return replace(
        dataset,
        positions_px=dataset.positions_px[index],
        diffraction=dataset.diffraction[index],
        scan_index=None if dataset.scan_index is None else dataset.scan_index[index],
        metadata=dataset.metadata | {"photons_per_pattern_measured": photons},
    )
