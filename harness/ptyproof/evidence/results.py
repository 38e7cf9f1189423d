"""Reconstructions as they were archived by Phase F, and how well they explain the patterns; no truth is needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.errors import DataError, InputError
from ptyproof.evidence.measures import Measure, measure, undefined
from ptyproof.evidence.protocol import Recipe
from ptyproof.io.dataset import Dataset
from ptyproof.io.npz import NpzArchive
from ptyproof.physics.fourier import fft2c, fourier_shift
from ptyproof.physics.metrics import poisson_deviance, r_factor
from ptyproof.reconstruction.stitching import cut

_BLOCK = 64
_MEMBERS = {"object": ("c", 2), "probe": ("c", 2), "illumination": ("f", 2), "parts": ("i", 2)}


@dataclass(frozen=True, eq=False)
class Result:
    """A reconstruction.

    Attributes
    ----------
    obj
        (M, M') complex64 on the dataset's grid.
    probe
        (H, W) complex64.
    illumination
        (M, M') float32: sum_k |P_k|^2 with the dataset's probe.
    parts
        (M, M') int32: number of the part of the scan, from 1; 0 where no light falls.
    """

    obj: npt.NDArray[np.complex64]
    probe: npt.NDArray[np.complex64]
    illumination: npt.NDArray[np.float32]
    parts: npt.NDArray[np.int32]


def read_result(path: Path) -> Result:
    """Read the archive of a reconstruction.

    Raises
    ------
    DataError
        If it is damaged, an array is missing, of another kind or shape, or not finite.
    """
    with NpzArchive(path) as archive:
        found: dict[str, npt.NDArray[Any]] = {}
        for name, (kind, ndim) in _MEMBERS.items():
            if name not in archive.members:
                raise DataError(path, f"is missing; the archive holds {', '.join(archive.members)}", name)
            array = archive.read(name)
            if array.dtype.kind != kind or array.ndim != ndim or array.size == 0:
                raise DataError(path, f"must be an image of kind {kind!r}, got {array.dtype} of {array.shape}", name)
            if not np.all(np.isfinite(array)):
                raise DataError(path, "must be finite, and is not", name)
            found[name] = array
    for name in ("illumination", "parts"):
        if found[name].shape != found["object"].shape:
            raise DataError(
                path, f"must have the object's shape {found['object'].shape}, got {found[name].shape}", name
            )
    return Result(found["object"], found["probe"], found["illumination"], found["parts"])


def fit_measures(
    result: Result, dataset: Dataset, recipe: Recipe, index: npt.NDArray[np.int64] | None = None, prefix: str = ""
) -> list[Measure]:
    """Return how well a result explains patterns: R-factor and Poisson deviance.

    Expected counts |F(P_k O_k)|^2 are multiplied by the one factor that gives them the measured total, the most likely
    one: an estimated probe leaves the scale of the product free.

    Parameters
    ----------
    result
        Object and probe.
    dataset
        Patterns and positions on the same grid.
    recipe
        Its `rate_floor` is added to expected counts in the likelihood.
    index
        Which patterns; None is all.
    prefix
        Put before the names: `held_out_` for patterns that the result has not been made from.
    """
    names = [f"{prefix}r_factor", f"{prefix}poisson_deviance"]
    if dataset.diffraction is None:
        return undefined(recipe, names, "the dataset has no diffraction")
    if result.probe.shape != dataset.diffraction.shape[1:]:
        size, window = (f"{n[0]} x {n[1]} px" for n in (result.probe.shape, dataset.diffraction.shape[1:]))
        return undefined(recipe, names, f"the result's probe has {size}, the patterns have {window}")
    chosen = np.arange(len(dataset)) if index is None else index
    scale = 1.0 if dataset.intensity_scale is None else dataset.intensity_scale
    measured = expected = 0.0
    for block, rates in _expected(result, dataset, chosen):
        measured += float(np.square(dataset.diffraction[block] * np.float32(scale), dtype=np.float64).sum())
        expected += float(rates.sum())
    if not (measured > 0 and expected > 0):
        return undefined(recipe, names, "the result or the patterns hold no light")
    difference = amplitudes = deviance = 0.0
    for block, rates in _expected(result, dataset, chosen):
        counts = np.square(dataset.diffraction[block] * np.float32(scale), dtype=np.float64)
        rates = rates * (measured / expected)
        total = float(np.sqrt(counts).sum())
        difference += r_factor(rates, counts) * total if total > 0 else float(np.sqrt(rates).sum())
        amplitudes += total
        if dataset.intensity_scale is not None:
            deviance += len(block) * poisson_deviance(rates, np.rint(counts), recipe.rate_floor)
    found = [measure(recipe, names[0], difference / amplitudes)]
    if dataset.intensity_scale is None:
        return found + undefined(recipe, names[1:], "the dataset's photon counts are unknown")
    return [*found, measure(recipe, names[1], deviance / len(chosen))]


def _expected(
    result: Result, dataset: Dataset, index: npt.NDArray[np.int64]
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]:
    """Yield blocks of the index with their |F(P_k O_k)|^2; a position's fraction of a pixel moves the probe."""
    window = (result.probe.shape[0], result.probe.shape[1])
    whole = np.rint(dataset.positions_px).astype(np.int64)
    corners = whole - np.array(window) // 2
    last = np.array(result.obj.shape) - np.array(window)
    if np.any(corners < 0) or np.any(corners > last):
        raise InputError(f"every window of {window} must lie inside the result's object of {result.obj.shape}")
    for first in range(0, len(index), _BLOCK):
        block = index[first : first + _BLOCK]
        stack = np.broadcast_to(result.probe, (len(block), *window))
        probes = fourier_shift(stack, dataset.positions_px[block] - whole[block])
        waves = fft2c(probes * cut(result.obj, corners[block], window))
        yield block, np.square(np.abs(waves), dtype=np.float64)
