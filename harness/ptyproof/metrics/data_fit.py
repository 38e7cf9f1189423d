"""How well a reconstruction explains diffraction patterns: no truth is needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ptyproof.errors import InputError
from ptyproof.io.dataset import Dataset
from ptyproof.io.valid_pixels import of_rows
from ptyproof.metrics.against_truth import MetricValue, metric_value, undefined
from ptyproof.metrics.protocol import Recipe
from ptyproof.physics.detector import Detector
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
    made_of: npt.NDArray[np.int64] | None = None,
) -> list[MetricValue]:
    """Return how well a result explains patterns: R-factor and Poisson deviance.

    Expected counts |F(P_k O_k)|^2 are multiplied by the one factor that gives them the measured total, the most likely
    one: an estimated probe leaves the scale of the product free. What a dataset knows of beam and detector is part of
    the model, whatever the method was told: modes, blur and factors of the light, and the background. Pixels that were
    not measured, and saturated ones, do not count.

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
    made_of
        (m',) numbers of the patterns that the result has been made from, which have its refined positions, if it has
        some; all others have those of the dataset. None is all.

    Raises
    ------
    InputError
        If a window is not inside the result's object, or the result has refined positions of other patterns.
    """
    names = [f"{prefix}r_factor", f"{prefix}poisson_deviance"]
    if dataset.diffraction is None:
        return undefined(recipe, names, "the dataset has no diffraction")
    if result.probe.shape != dataset.diffraction.shape[1:]:
        size, window = (f"{n[0]} x {n[1]} px" for n in (result.probe.shape, dataset.diffraction.shape[1:]))
        return undefined(recipe, names, f"the result's probe has {size}, the patterns have {window}")
    chosen = np.arange(len(dataset)) if index is None else index
    scale = 1.0 if dataset.intensity_scale is None else dataset.intensity_scale
    model = _Model(result, dataset, scale, _positions(result, dataset, made_of))
    measured = expected = 0.0
    for part in model.parts(chosen):
        measured += float(part.counts.sum()) - float(part.background.sum())
        expected += float(part.light.sum())
    if not (measured > 0 and expected > 0):
        return undefined(recipe, names, "the result or the patterns hold no light")
    difference = amplitudes = deviance = weights = 0.0
    for part in model.parts(chosen):
        rates, counts = part.light * (measured / expected) + part.background, part.counts
        total = float(np.sqrt(counts).sum())
        difference += r_factor(rates, counts) * total if total > 0 else float(np.sqrt(rates).sum())
        amplitudes += total
        if dataset.intensity_scale is not None and counts.size:
            deviance += part.weight * poisson_deviance(rates, np.rint(counts), recipe.rate_floor)
            weights += part.weight
    found = [metric_value(recipe, names[0], difference / amplitudes)]
    if dataset.intensity_scale is None:
        return found + undefined(recipe, names[1:], "the dataset's photon counts are unknown")
    return [*found, metric_value(recipe, names[1], deviance / weights)]


def _positions(
    result: ReconstructionArchive, dataset: Dataset, made_of: npt.NDArray[np.int64] | None
) -> npt.NDArray[np.float64]:
    """Return the positions (n, 2) of a dataset, with those that the result has refined."""
    if result.positions_px is None:
        return dataset.positions_px
    index = np.arange(len(dataset)) if made_of is None else made_of
    if len(index) != len(result.positions_px):
        raise InputError(f"the result has {len(result.positions_px)} refined positions, but {len(index)} are expected")
    found = dataset.positions_px.copy()
    found[index] = result.positions_px
    return found


@dataclass(frozen=True, eq=False)
class _Part:
    """Some patterns: counts, expected light and background in the pixels that count, one shape; and their weight."""

    counts: npt.NDArray[np.float64]
    light: npt.NDArray[np.float64]
    background: npt.NDArray[np.float64]
    weight: int


@dataclass(frozen=True, eq=False)
class _Model:
    """What a result says of patterns, with what their dataset knows of beam and detector."""

    result: ReconstructionArchive
    dataset: Dataset
    scale: float
    positions_px: npt.NDArray[np.float64]

    def parts(self, index: npt.NDArray[np.int64]) -> Iterator[_Part]:
        """Yield the patterns of the index in blocks."""
        dataset = self.dataset
        detector = Detector(dataset.detector_psf_sigma_px, dataset.intensity_factors)
        limit = dataset.saturation_counts
        assert dataset.diffraction is not None  # the caller has looked
        for block, intensity in self._intensities(index):
            counts = np.square(dataset.diffraction[block] * np.float32(self.scale), dtype=np.float64)
            light = np.asarray(detector.expected(intensity, block), dtype=np.float64)
            background = np.zeros(1) if dataset.background is None else of_rows(dataset.background, block)
            valid = None if dataset.valid_pixels is None else of_rows(dataset.valid_pixels, block)
            if limit is not None:
                free = counts < limit - 0.5
                valid = free if valid is None else free & valid
            if valid is None:
                yield _Part(counts, light, np.broadcast_to(background, counts.shape), len(block))
            else:
                seen = np.broadcast_to(valid, counts.shape)
                besides = np.broadcast_to(background, counts.shape)
                yield _Part(counts[seen], light[seen], besides[seen], int(seen.sum()))

    def _intensities(
        self, index: npt.NDArray[np.int64]
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]:
        """Yield blocks of the index with sum_m |F(P_m O_k)|^2; a position's fraction of a pixel moves the probe."""
        result, positions_px = self.result, self.positions_px
        window = (result.probe.shape[0], result.probe.shape[1])
        whole = np.rint(positions_px).astype(np.int64)
        corners = whole - np.array(window) // 2
        last = np.array(result.obj.shape) - np.array(window)
        if np.any(corners < 0) or np.any(corners > last):
            raise InputError(f"every window of {window} must lie inside the result's object of {result.obj.shape}")
        for first in range(0, len(index), _BLOCK):
            block = index[first : first + _BLOCK]
            patches = cut(result.obj, corners[block], window)
            found = np.zeros(patches.shape)
            for mode in self._modes:
                waves = fft2c(shifted_probes(mode, positions_px[block]) * patches)
                found += np.square(np.abs(waves), dtype=np.float64)
            yield block, found

    @cached_property
    def _modes(self) -> list[npt.NDArray[np.complex64]]:
        """The result's modes; or its probe, and the modes that the dataset knows, as much brighter as it is."""
        probe, further = self.result.probe, self.dataset.further_modes
        if self.result.further_modes is not None:
            return [probe, *self.result.further_modes]
        if further is None:
            return [probe]
        gain = np.linalg.norm(probe) / np.linalg.norm(self.dataset.probe)
        return [probe, *(further * np.float32(gain)).astype(np.complex64)]
