"""How well a reconstruction explains diffraction patterns: no truth is needed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ptyproof.errors import InputError
from ptyproof.io.dataset import Dataset
from ptyproof.metrics.against_truth import MetricValue, metric_value, undefined
from ptyproof.metrics.protocol import Recipe
from ptyproof.physics.fourier import fft2c
from ptyproof.physics.metrics import poisson_deviance, r_factor
from ptyproof.reconstruction.method import shifted_probes
from ptyproof.reconstruction.stitching import cut
from ptyproof.records.archive import ReconstructionArchive

_BLOCK = 64


def data_fit_metrics(
    result: ReconstructionArchive,
    dataset: Dataset,
    recipe: Recipe,
    index: npt.NDArray[np.int64] | None = None,
    prefix: str = "",
) -> list[MetricValue]:
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
        (m,) numbers of the patterns that count; None is all.
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
    found = [metric_value(recipe, names[0], difference / amplitudes)]
    if dataset.intensity_scale is None:
        return found + undefined(recipe, names[1:], "the dataset's photon counts are unknown")
    return [*found, metric_value(recipe, names[1], deviance / len(chosen))]


def _expected(
    result: ReconstructionArchive, dataset: Dataset, index: npt.NDArray[np.int64]
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
        probes = shifted_probes(result.probe, dataset.positions_px[block])
        waves = fft2c(probes * cut(result.obj, corners[block], window))
        yield block, np.square(np.abs(waves), dtype=np.float64)
