"""How good a reconstruction is where no truth is known: two of them, from disjoint halves of one scan.

Each half's positions are every second one of the scan, so both see the whole field of view. What both halves agree on,
frequency by frequency, is their Fourier ring correlation (1/2-bit threshold: van Heel & Schatz, 2005); and each half's
result has to explain the patterns of the other, which it has not been made from.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ptyproof.errors import InputError
from ptyproof.io.dataset import Dataset
from ptyproof.metrics.against_truth import (
    MetricValue,
    aligned_by,
    metric_value,
    phase_images,
    resolution_metrics,
    undefined,
)
from ptyproof.metrics.data_fit import data_fit_metrics
from ptyproof.metrics.definitions import IMAGES
from ptyproof.metrics.protocol import Recipe
from ptyproof.physics.align import Aligned, illumination_crop, soft_window
from ptyproof.physics.frc import RingCorrelation, ring_correlation
from ptyproof.records.archive import ReconstructionArchive

Index = npt.NDArray[np.int64]
_BOTH = "mean of both halves, each on the other's patterns"


@dataclass(frozen=True, eq=False)
class HalfScan:
    """A reconstruction of some of a scan's patterns, and which: their index in the scan (n,)."""

    result: ReconstructionArchive
    index: Index


@dataclass(frozen=True, eq=False)
class Agreement:
    """What two half-scans have in common: metrics by name, curves by image, and the second brought onto the first."""

    metrics: Mapping[str, MetricValue]
    curves: Mapping[str, RingCorrelation]
    aligned: Aligned

    @property
    def measures(self) -> Mapping[str, MetricValue]:
        """The metrics, by the name that version 0.2 gave them."""
        warnings.warn("use Agreement.metrics; Agreement.measures goes in version 0.4", DeprecationWarning, stacklevel=2)
        return self.metrics


def half_scan_indices(n_positions: int) -> tuple[Index, Index]:
    """Return the patterns of the two halves of a scan: indices (m,) int64 of every second one, ascending.

    Raises
    ------
    InputError
        If there are fewer than two positions.
    """
    if n_positions < 2:
        raise InputError(f"two half-scans need two positions or more, got {n_positions}")
    whole = np.arange(n_positions, dtype=np.int64)
    return whole[::2], whole[1::2]


def half_scan_agreement(first: HalfScan, second: HalfScan, dataset: Dataset, recipe: Recipe | None = None) -> Agreement:
    """Compare two reconstructions of disjoint patterns of one scan, without a truth.

    Parameters
    ----------
    first, second
        On the dataset's grid. The pixels compared are those that both have lit well enough.
    dataset
        The whole scan, whose patterns both indices speak of.
    recipe
        How; None is the usual way.

    Raises
    ------
    InputError
        If the halves share a pattern, an index is outside the dataset, or the objects have different shapes.
    """
    recipe = recipe or Recipe()
    _check(first, second, dataset)
    both = np.minimum(_relative(first.result.illumination), _relative(second.result.illumination))
    crop = illumination_crop(both, recipe.crop_fraction)
    aligned = aligned_by(recipe, second.result.obj, first.result.obj, crop, first.result.parts)
    window = soft_window(crop.mask, recipe.edge_px)
    pairs = {
        "phase": phase_images(aligned),
        "amplitude": (np.abs(aligned.result), np.abs(aligned.truth)),
        "complex": (aligned.result, aligned.truth),
    }
    curves = {image: ring_correlation(*pairs[image], window) for image in IMAGES}
    found = [one for image in IMAGES for one in resolution_metrics(recipe, f"half_scan_{image}", curves[image])]
    found += _held_out(first, second, dataset, recipe)
    return Agreement({one.metric: one for one in found}, curves, aligned)


def _relative(illumination: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return an illumination (M, M') divided by its maximum."""
    return np.asarray(illumination / max(float(illumination.max()), 1e-30))


def _held_out(first: HalfScan, second: HalfScan, dataset: Dataset, recipe: Recipe) -> list[MetricValue]:
    """R-factor and deviance of each half's result on the other's patterns, averaged."""
    sides = [
        data_fit_metrics(half.result, dataset, recipe, other.index, "held_out_", half.index)
        for half, other in ((first, second), (second, first))
    ]
    found = []
    for one, two in zip(*sides, strict=True):
        if one.value is None or two.value is None:
            found += undefined(recipe, [one.metric], str(one.reason or two.reason))
        else:
            found.append(replace(metric_value(recipe, one.metric, (one.value + two.value) / 2), note=_BOTH))
    return found


def _check(first: HalfScan, second: HalfScan, dataset: Dataset) -> None:
    for half in (first, second):
        if half.index.size == 0 or half.index.min() < 0 or half.index.max() >= len(dataset):
            raise InputError(f"a half-scan's index must name patterns of the {len(dataset)} of the scan")
    shared = np.intersect1d(first.index, second.index)
    if shared.size:
        raise InputError(f"half-scans must have no pattern in common, these have {shared.size}: {shared[:3].tolist()}")
    if first.result.obj.shape != second.result.obj.shape:
        shapes = f"{first.result.obj.shape} and {second.result.obj.shape}"
        raise InputError(f"half-scans must have objects of one shape, got {shapes}")
