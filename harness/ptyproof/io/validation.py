"""Does a dataset keep the contract DATA-001? Every problem is found, named by its array, and said in numbers.

Pattern stacks are read in blocks, so that a memory-mapped dataset stays out of memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.errors import DataError, InputError
from ptyproof.io import detector_checks
from ptyproof.io.dataset_arrays import Dataset
from ptyproof.io.extent import ScanExtent
from ptyproof.io.keys import BACKGROUND, DTYPES, FACTORS, VALID
from ptyproof.io.metadata import KIND, major_of
from ptyproof.io.patterns import PatternStatistics, light_of, pattern_problems, row_blocks
from ptyproof.io.saturation import KEPT, marked_pixels
from ptyproof.io.schema import schema_errors
from ptyproof.io.zero_frequency import LightCenter, open_remark, probe_center, probe_problem

Array = npt.NDArray[Any]

_REQUIRED = {
    "base": ("objectGuess",),
    "simulation": ("diffraction", "objectGuess"),
    "measurement": ("diffraction",),
}
# Between these, |P|^2, and the object that explains 1e15 photons per pattern with it, are numbers that float32 holds.
DIMMEST_PROBE = 1e-10
BRIGHTEST_PROBE = 1e10
_KIND_NAMES = {"f": "real", "c": "complex", "i": "whole numbers", "b": "true or false", "U": "text"}


@dataclass(frozen=True)
class Problem:
    """One breach of the contract: the array (or `_metadata`) at fault and what is wrong with it."""

    member: str
    reason: str


@dataclass(frozen=True)
class Judgement:
    """Everything by which a dataset breaks the contract, in the order of the checks, and what is odd but allowed."""

    problems: list[Problem]
    remarks: tuple[str, ...] = ()


def judge_dataset(dataset: Dataset, without_truth: bool = False) -> Judgement:
    """Judge a dataset; its pattern stack is read once.

    `without_truth` says that the object was not read, so its absence is no problem.

    Checks that need an earlier one (values inside an array of the wrong dtype, say) are left out where that
    failed.
    """
    problems = _metadata_problems(dataset.metadata) or _form_problems(dataset, without_truth)
    if problems:
        return Judgement(problems)
    problems = _finite_problems(dataset) or _probe_place_problems(dataset)
    problems += _scan_index_problems(dataset)
    problems += [Problem(*fault) for fault in detector_checks.value_faults(dataset)]
    positions_sound = not any(problem.member in {"xcoords", "ycoords"} for problem in problems)
    if positions_sound:
        problems += _position_problems(dataset)
    statistics = _pattern_statistics(dataset)
    if statistics is not None:
        problems += [Problem("diffraction", reason) for reason in pattern_problems(statistics, dataset.metadata)]
    return Judgement(problems) if problems else Judgement([], _remarks(dataset, statistics))


def dataset_problems(dataset: Dataset, without_truth: bool = False) -> list[Problem]:
    """Return everything by which `dataset` breaks the contract; empty when sound. See `judge_dataset`."""
    return judge_dataset(dataset, without_truth).problems


def validate_dataset(dataset: Dataset, path: Path | str, without_truth: bool = False) -> tuple[str, ...]:
    """Raise for the first problem of `dataset`, naming how many more there are; return what is odd but allowed.

    Parameters
    ----------
    dataset
        The dataset.
    path
        The file that it was read from or will be written to, for the message.
    without_truth
        The object was not read, so its absence is no problem.

    Raises
    ------
    DataError
        If the dataset breaks the contract.
    """
    found = judge_dataset(dataset, without_truth)
    if found.problems:
        rest = f" (and {len(found.problems) - 1} more problems)" if len(found.problems) > 1 else ""
        raise DataError(path, found.problems[0].reason + rest, found.problems[0].member)
    return found.remarks


def validate_split(
    train: Dataset, test: Dataset, paths: tuple[Path | str, Path | str], illumination_fraction: float = 0.0
) -> None:
    """Raise unless two datasets are disjoint halves of one scan.

    They must have the same probe and object, no scan index and no position in common, and no pixel of the
    object that both illuminate (`illuminated_pixels`).

    Parameters
    ----------
    train, test
        The halves.
    paths
        Their files, for the message.
    illumination_fraction
        Share of the largest |P|^2 above which a pixel counts as illuminated; 0 counts every non-zero pixel.

    Raises
    ------
    DataError
        Names the test file, the array at fault and the numbers.
    InputError
        If there is no object that tells how large the grid is.
    """
    here = paths[1]
    other = f"the training half {paths[0]}"
    if not _same(train.modes, test.modes):
        raise DataError(here, f"differs from that of {other}", "probeGuess")
    if not _same(train.obj, test.obj):
        raise DataError(here, f"differs from that of {other}", "objectGuess")
    if train.scan_index is not None and test.scan_index is not None:
        shared = np.intersect1d(train.scan_index, test.scan_index)
        if shared.size:
            reason = f"shares {shared.size} indices with {other}, {shared[0]} the first"
            raise DataError(here, reason, "scan_index")
    known = {tuple(position) for position in train.positions_px.tolist()}
    twice = [position for position in test.positions_px.tolist() if tuple(position) in known]
    if twice:
        raise DataError(here, f"shares {len(twice)} positions with {other}, {twice[0]} the first", "ycoords")
    if train.obj is None:
        raise InputError("checking for shared illumination needs the object's grid, but there is no objectGuess")
    both = illuminated_pixels(train, illumination_fraction) & illuminated_pixels(test, illumination_fraction)
    if both.any():
        row, col = (int(axis[0]) for axis in np.nonzero(both))
        reason = f"illuminates {int(both.sum())} pixels that {other} also illuminates, the first at ({row}, {col})"
        raise DataError(here, reason, "ycoords")


def illuminated_pixels(dataset: Dataset, illumination_fraction: float = 0.0) -> npt.NDArray[np.bool_]:
    """Return the mask (M, M') of object pixels that are illuminated from any position.

    Illuminated is what lies under a pixel of the probe with |P|^2 above `illumination_fraction` of its
    maximum; a fractional position paints at all whole positions next to it.

    Raises
    ------
    InputError
        If the dataset has no object.
    """
    if dataset.obj is None:
        raise InputError("illuminated pixels need the object's shape, but this dataset has no objectGuess")
    mask = np.zeros(dataset.obj.shape, bool)
    power = np.square(np.abs(dataset.modes.astype(np.complex128))).sum(axis=0)
    lit = power > illumination_fraction * power.max()
    height, width = lit.shape
    true_px = dataset.positions_px if dataset.positions_true_px is None else dataset.positions_true_px
    corner = true_px - (height // 2, width // 2)
    corners = np.concatenate([np.floor(corner), np.ceil(corner)]).astype(np.int64)
    mixed = np.stack([corners[:, 0], np.roll(corners[:, 1], len(corner))], axis=1)
    for row, col in np.unique(np.concatenate([corners, mixed]), axis=0):
        mask[row : row + height, col : col + width] |= lit
    return mask


def _metadata_problems(metadata: Any) -> list[Problem]:
    errors = schema_errors(metadata, KIND, major_of(metadata))
    return [Problem("_metadata", f"{error.json_path}: {error.message[:300]}") for error in errors]


def _form_problems(dataset: Dataset, without_truth: bool) -> list[Problem]:
    """Presence, dtype and shape of every array."""
    role = dataset.metadata["role"]
    absent = {"diffraction": dataset.diffraction is None, "objectGuess": dataset.obj is None and not without_truth}
    problems = [Problem(name, f"is missing; a {role} dataset needs it") for name in _REQUIRED[role] if absent[name]]
    if role == "base" and dataset.diffraction is not None:
        problems.append(Problem("diffraction", "is not allowed in a base dataset, which has no patterns"))
    if dataset.probe.ndim != 2 or 0 in dataset.probe.shape:
        problems.append(Problem("probeGuess", f"must have the shape (H, W), got {dataset.probe.shape}"))
        return problems
    n, window = len(dataset), dataset.probe.shape
    expected: list[tuple[str, Array | None, tuple[int, ...] | None]] = [
        ("probeGuess", dataset.probe, None),
        ("ycoords", dataset.positions_px, (n, 2)),
        ("objectGuess", dataset.obj, None),
        ("diffraction", dataset.diffraction, (n, *window)),
        ("Y", dataset.patches, (n, *window)),
        ("scan_index", dataset.scan_index, (n,)),
        ("ycoords_start", dataset.positions_start_px, (n, 2)),
        ("filenames", dataset.filenames, (n,)),
        ("probeGuess", dataset.further_modes, None),
        (VALID, dataset.valid_pixels, None),
        (BACKGROUND, dataset.background, None),
        (FACTORS, dataset.intensity_factors, (n,)),
        ("ycoords_true", dataset.positions_true_px, (n, 2)),
    ]
    for name, array, shape in expected:
        if array is not None:
            problems += _array_form(name, array, shape)
    if dataset.obj is not None and dataset.obj.ndim != 2:
        problems.append(Problem("objectGuess", f"must have the shape (M, M'), got {dataset.obj.shape}"))
    return problems + [Problem(*fault) for fault in detector_checks.form_faults(dataset)]


def _array_form(name: str, array: Array, shape: tuple[int, ...] | None) -> list[Problem]:
    problems = []
    dtype = DTYPES.get(name)
    if dtype is None and array.dtype.kind != "U":
        problems.append(Problem(name, f"must be text (unicode), got {array.dtype}"))
    if dtype is not None and array.dtype != dtype:
        wanted = _KIND_NAMES[dtype.kind]
        problems.append(Problem(name, f"must be {wanted} ({dtype}), got {array.dtype}"))
    if shape is not None and array.shape != shape:
        problems.append(
            Problem(name, f"must have the shape {shape}, as positions and probe have it, got {array.shape}")
        )
    return problems


def _finite_problems(dataset: Dataset) -> list[Problem]:
    arrays: list[tuple[str, Array | None]] = [
        ("probeGuess", dataset.probe),
        ("objectGuess", dataset.obj),
        ("ycoords", dataset.positions_px[:, 0]),
        ("xcoords", dataset.positions_px[:, 1]),
        ("Y", dataset.patches),
        ("ycoords_start", dataset.positions_start_px),
        ("ycoords_true", dataset.positions_true_px),
    ]
    problems = []
    for name, array in arrays:
        if array is None:
            continue
        bad = sum(int(np.count_nonzero(~np.isfinite(array[rows]))) for rows in row_blocks(array))
        if bad:
            problems.append(Problem(name, f"has {bad} values that are NaN or infinite"))
    return problems or _probe_problems(dataset.probe)


def _probe_problems(probe: Array) -> list[Problem]:
    largest = float(np.abs(probe).max())
    if largest == 0:
        return [Problem("probeGuess", "is zero everywhere")]
    if not DIMMEST_PROBE <= largest <= BRIGHTEST_PROBE:
        allowed = f"between {DIMMEST_PROBE:g} and {BRIGHTEST_PROBE:g}, as their squares are computed in float32"
        return [Problem("probeGuess", f"must have its largest |P| {allowed}, got {largest:g}; scale it")]
    return []


def _scan_index_problems(dataset: Dataset) -> list[Problem]:
    index = dataset.scan_index
    if index is None or not index.size:
        return []
    if index.min() < 0:
        return [Problem("scan_index", f"must be >= 0, the smallest is {index.min()}")]
    if len(np.unique(index)) < len(index):
        repeats = len(index) - len(np.unique(index))
        return [Problem("scan_index", f"must name each position once, {repeats} entries are repeats")]
    return []


def _position_problems(dataset: Dataset) -> list[Problem]:
    if len(dataset) < 2:
        return [Problem("ycoords", f"must have at least 2 scan positions, got {len(dataset)}")]
    positions = dataset.positions_px
    if (positions == positions[0]).all():
        return [
            Problem("ycoords", f"has {len(dataset)} positions that are all equal; a scan needs different positions")
        ]
    reason = scan_extent(dataset).problem()
    if reason is not None:
        return [Problem("ycoords", reason)]
    if dataset.obj is not None:
        short = [axis for axis in (0, 1) if dataset.obj.shape[axis] < dataset.probe.shape[axis]]
        if short:
            shapes = f"{dataset.obj.shape}, the probe has {dataset.probe.shape}"
            return [Problem("objectGuess", f"must be larger than the probe, but has the shape {shapes}")]
    found = [*_outside(dataset, 0, "ycoords"), *_outside(dataset, 1, "xcoords")]
    exchanged = replace(dataset, positions_px=positions[:, ::-1])
    if found and not _outside(exchanged, 0, "") and not _outside(exchanged, 1, ""):
        hint = "; with xcoords (columns) and ycoords (rows) exchanged, all windows would be inside"
        return [Problem(problem.member, problem.reason + hint) for problem in found]
    return found


def _outside(dataset: Dataset, axis: int, name: str) -> list[Problem]:
    """The whole window must lie on the object's grid, interpolation neighbors of a fraction included."""
    size = dataset.probe.shape[axis]
    first = dataset.positions_px[:, axis] - size // 2
    outside = np.floor(first) < 0
    where = f"begin at {size // 2}"
    if dataset.obj is not None:
        length = dataset.obj.shape[axis]
        outside |= np.ceil(first + size - 1) > length - 1
        where = f"lie in [{size // 2}, {length - size + size // 2}]"
    if not outside.any():
        return []
    first_outside = int(np.argmax(outside))
    value = dataset.positions_px[first_outside, axis]
    reason = (
        f"has {int(outside.sum())} positions outside, {value:g} the first (number {first_outside}); with windows of "
        f"{size} px they must {where}"
    )
    return [Problem(name, reason)]


def scan_extent(dataset: Dataset) -> ScanExtent:
    """Return how far the scan of a dataset reaches against its window."""
    return ScanExtent.of(dataset.positions_px, (dataset.probe.shape[0], dataset.probe.shape[1]))


def _probe_power(dataset: Dataset) -> npt.NDArray[np.float64]:
    """Return |P|^2 (H, W) of the strongest mode over its maximum, so that no sum of it underflows."""
    amplitude = np.abs(dataset.probe.astype(np.complex128))
    power: npt.NDArray[np.float64] = (amplitude / amplitude.max()) ** 2
    return power


def _probe_place_problems(dataset: Dataset) -> list[Problem]:
    reason = probe_problem(_probe_power(dataset))
    return [] if reason is None else [Problem("probeGuess", reason)]


def _pattern_statistics(dataset: Dataset) -> PatternStatistics | None:
    if dataset.diffraction is None or not len(dataset):
        return None
    scale = dataset.metadata["intensity_scale"]
    found = PatternStatistics.of(dataset.diffraction, scale)
    if any(entry["step"] == KEPT for entry in dataset.metadata["transformations"]):
        return replace(found, has_largest=marked_pixels(dataset.diffraction, 1.0 if scale is None else scale))
    return found


def _remarks(dataset: Dataset, statistics: PatternStatistics | None) -> tuple[str, ...]:
    light = (
        None
        if statistics is None
        else open_remark("diffraction", LightCenter.of(light_of(statistics, dataset.metadata)))
    )
    probe = open_remark("probeGuess", probe_center(_probe_power(dataset)))
    others = (*scan_extent(dataset).remarks(), *detector_checks.remarks(dataset))
    return (*others, *(remark for remark in (probe, light) if remark is not None))


def _same(first: Array | None, second: Array | None) -> bool:
    if first is None or second is None:
        return first is second
    return bool(np.array_equal(first, second))
