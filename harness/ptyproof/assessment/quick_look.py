"""A first look at a measurement: a quick initial estimate, and how well it explains the patterns in each orientation.

Some neighboring patterns are enough, and of them the middle of the detector: the field of view stays, and the pixels of
the object become larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ptyproof.errors import InputError
from ptyproof.io.dataset import Dataset, with_modes
from ptyproof.io.physical import object_pixel_size_m
from ptyproof.io.valid_pixels import of_rows
from ptyproof.metrics.data_fit import data_fit_metrics
from ptyproof.metrics.protocol import Recipe
from ptyproof.physics.fourier import fft2c, ifft2c
from ptyproof.physics.names import ORIENTATIONS
from ptyproof.physics.orientation import oriented_positions, rotated_positions
from ptyproof.physics.scans import object_shape_for, scan_origin_px
from ptyproof.reconstruction.method import illumination
from ptyproof.records.archive import ReconstructionArchive
from ptyproof.study.training import NetworkDesign

N_PATTERNS, WINDOW_PX, PROJECTIONS = 150, 64, 25
CLOSE = 0.03  # relative: R-factors that differ by less do not tell orientations apart


@dataclass(frozen=True)
class Trial:
    """The R-factor of a quick estimate with the positions in one orientation."""

    orientation: str
    r_factor: float


@dataclass(frozen=True, eq=False)
class QuickLook:
    """A quick estimate of some patterns.

    Parameters
    ----------
    obj
        (M, M') complex64, 0 where no light falls.
    illumination
        (M, M') float32, sum_k |P_k|^2.
    r_factor
        Of the inner half of the patterns that it was made from: those at the edge have too few neighbors to contradict.
    n_patterns
        Number of patterns that it was made from.
    """

    obj: npt.NDArray[np.complex64]
    illumination: npt.NDArray[np.float32]
    r_factor: float
    n_patterns: int


def neighbors(dataset: Dataset, n: int = N_PATTERNS) -> npt.NDArray[np.int64]:
    """Return the numbers (m,), ascending, of the n positions that lie nearest to the middle of the scan."""
    away = dataset.positions_px - np.median(dataset.positions_px, axis=0)
    return np.sort(np.argsort(np.square(away).sum(axis=1), kind="stable")[:n]).astype(np.int64)


def quick_look(
    dataset: Dataset, index: npt.NDArray[np.int64], window_px: int = WINDOW_PX, projections: int = PROJECTIONS
) -> QuickLook:
    """Return a quick estimate of the patterns that `index` (m,) numbers, of at most `window_px` pixels a side.

    Raises
    ------
    InputError
        If the dataset has no patterns, or these hold no light.
    """
    small = _reduced(dataset, index, window_px)
    shape = object_shape_for(small.positions_px, _size(small))
    obj = _estimate(small, shape, projections)
    light = illumination(small.probe, small.positions_px, shape)
    return QuickLook(obj, light, _r_factor(small, obj, light), len(index))


def tried_orientations(dataset: Dataset, rotation_deg: float = 0.0) -> list[Trial]:
    """Return the R-factors of a quick estimate with the positions in each of the eight orientations, best first.

    Parameters
    ----------
    dataset
        A measurement. The first orientation, `as-is`, is the one that it has.
    rotation_deg
        An angle by which its positions were turned after their orientation: so are those that are tried.

    Raises
    ------
    InputError
        As `quick_look`.
    """
    index = neighbors(dataset)
    pixel = np.array(object_pixel_size_m(dataset.metadata.get("physical"), _size(dataset)) or (1.0, 1.0))
    middle = np.median(dataset.positions_px, axis=0)
    lengths = rotated_positions((dataset.positions_px - middle) * pixel, -rotation_deg)
    trials = []
    for name in ORIENTATIONS:
        turned = rotated_positions(oriented_positions(lengths, name), rotation_deg) / pixel
        trials.append(Trial(name, quick_look(replace(dataset, positions_px=turned), index).r_factor))
    return sorted(trials, key=lambda trial: trial.r_factor)


def undecided(trials: Sequence[Trial]) -> list[str]:
    """Return the orientations that cannot be told from the best, of trials with the best first; it is among them."""
    return [trial.orientation for trial in trials if trial.r_factor <= (1 + CLOSE) * trials[0].r_factor]


def _size(dataset: Dataset) -> tuple[int, int]:
    return dataset.probe.shape[0], dataset.probe.shape[1]


def _reduced(dataset: Dataset, index: npt.NDArray[np.int64], window_px: int) -> Dataset:
    """Return some patterns, of which the middle is taken, on an object's grid of their own."""
    if dataset.diffraction is None:
        raise InputError("a quick look needs patterns, and the dataset has none")
    full = _size(dataset)
    size = (min(full[0], window_px), min(full[1], window_px))
    first = [n // 2 - m // 2 for n, m in zip(full, size, strict=True)]
    rows, cols = (slice(low, low + m) for low, m in zip(first, size, strict=True))
    part = (..., rows, cols)
    positions = dataset.positions_px[index] * (np.array(size) / full)
    positions += np.ceil(np.array(scan_origin_px(size, 0.0)) - positions.min(axis=0))
    valid, background = (
        None if array is None else np.asarray(of_rows(array, index)[part])
        for array in (dataset.valid_pixels, dataset.background)
    )
    factors = dataset.intensity_factors
    small = replace(
        dataset,
        obj=None,
        patches=None,
        positions_px=positions,
        diffraction=np.ascontiguousarray(dataset.diffraction[index][part]),
        valid_pixels=valid,
        background=background,
        intensity_factors=None if factors is None else factors[index],
        scan_index=None,
        positions_start_px=None,
        positions_true_px=None,
        filenames=None,
    )
    return with_modes(small, ifft2c(fft2c(dataset.modes)[part]).astype(np.complex64))


def _estimate(dataset: Dataset, shape: tuple[int, int], projections: int) -> npt.NDArray[np.complex64]:
    import torch

    from ptyproof.training.network import GroupNetwork
    from ptyproof.training.prediction import predict_object
    from ptyproof.training.scan import normalized_scan

    assert dataset.diffraction is not None  # _reduced has looked
    scale = np.float32(1.0 if dataset.intensity_scale is None else dataset.intensity_scale)
    scan = normalized_scan(dataset.diffraction * scale, dataset.probe, dataset.positions_px, "")
    scan = replace(scan, valid_pixels=dataset.valid_pixels, background=dataset.background)
    with torch.random.fork_rng(devices=[]):  # the network draws weights, which the estimate does not use
        network = GroupNetwork(NetworkDesign(n_stages=1, channels=1, start_iterations=projections)).eval()
    return predict_object(network, scan, shape, start_only=True)


def _r_factor(dataset: Dataset, obj: npt.NDArray[np.complex64], light: npt.NDArray[np.float32]) -> float:
    none = np.empty(0)
    found = ReconstructionArchive(
        obj, dataset.probe, light, np.zeros(obj.shape, np.int32), none.astype(np.int32), none, none, {}
    )
    inner = neighbors(dataset, max(1, len(dataset) // 2))
    value = data_fit_metrics(found, dataset, Recipe(), inner)[0].value
    return float("inf") if value is None else float(value)
