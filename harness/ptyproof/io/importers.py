"""Files of other programs, made into DATA-001 datasets: a registry of the layouts that are recognised.

A layout is recognised by its arrays' names and numbers of axes. What the arrays do not tell and could not be
measured from them is an error that names the option which settles it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ptyproof.errors import DataError, InputError
from ptyproof.io.dataset import Dataset, read_dataset
from ptyproof.io.hashing import sha256_file
from ptyproof.io.legacy import AxisOrder, LegacyOptions, Values
from ptyproof.io.metadata import file_name, new_metadata
from ptyproof.io.npz import Array, Member, NpzArchive
from ptyproof.io.patterns import CLEAR_RATIO, row_blocks, zero_frequency_shares
from ptyproof.io.validation import validate_dataset
from ptyproof.physics.forward import DEFAULT_MARGIN_PX
from ptyproof.physics.objects import OBJECT_NAMES, make_object
from ptyproof.physics.scans import object_shape_for

ZeroFrequency = Literal["auto", "corner", "centre"]

ZERO_FREQUENCIES = ("auto", "corner", "centre")
OBJECT_SEED = 42


@dataclass(frozen=True)
class ImportOptions:
    """What the caller decides about an import; see `import_foreign`."""

    object_name: str | None
    zero_frequency: ZeroFrequency
    margin_px: int
    rng: np.random.Generator | None
    legacy: LegacyOptions

    def __post_init__(self) -> None:
        if self.object_name is not None and self.object_name not in OBJECT_NAMES:
            known = ", ".join(OBJECT_NAMES)
            raise InputError(f"object_name must be one of {known}, got {self.object_name!r}")
        if self.zero_frequency not in ZERO_FREQUENCIES:
            known = ", ".join(ZERO_FREQUENCIES)
            raise InputError(f"zero_frequency must be one of {known}, got {self.zero_frequency!r}")
        if self.margin_px < 0:
            raise InputError(f"margin_px must be >= 0, got {self.margin_px}")


@dataclass(frozen=True)
class Layout:
    """A file layout that can be imported.

    `arrays` describes it to users; `matches` tells it by the headers of an archive; `load` makes the dataset
    and the list of changes.
    """

    name: str
    arrays: str
    matches: Callable[[Mapping[str, Member]], bool]
    load: Callable[[NpzArchive, ImportOptions], tuple[Dataset, list[str]]]


def import_foreign(
    path: Path | str,
    *,
    object_name: str | None = None,
    zero_frequency: ZeroFrequency = "auto",
    margin_px: int = DEFAULT_MARGIN_PX,
    rng: np.random.Generator | None = None,
    axis_order: AxisOrder | None = None,
    values: Values | None = None,
) -> tuple[Dataset, tuple[str, ...]]:
    """Read a dataset of another program, or a DATA-001 file, as a DATA-001 dataset.

    Parameters
    ----------
    path
        The file.
    object_name
        None makes a measurement of the file's own patterns, without object. One of `OBJECT_NAMES` makes a
        base dataset: that built-in object under the file's probe and positions; the measured patterns are
        left out, because they do not belong to that object.
    zero_frequency
        Where the patterns have their zero frequency: "corner" (index (0, 0)), "centre" (index
        (H // 2, W // 2)), or "auto": measured from the patterns, and an error where they leave it open.
    margin_px
        Room between the outermost windows and the edge of the object's grid, pixels.
    rng
        Draws the built-in object; `numpy.random.default_rng(42)` unless given.
    axis_order, values
        What a legacy DATA-001 file may leave open; see `read_dataset`.

    Returns
    -------
    dataset, changes
        The dataset, validated, and one sentence for each thing that was changed; the sentences also stand in
        the metadata's transformations.

    Raises
    ------
    DataError
        If the file is damaged, its layout is not known, or its arrays contradict each other.
    InputError
        If an argument is unknown.
    """
    options = ImportOptions(object_name, zero_frequency, margin_px, rng, LegacyOptions(axis_order, values))
    path = Path(path)
    with NpzArchive(path) as archive:
        layout = next((layout for layout in LAYOUTS if layout.matches(archive.members)), None)
        if layout is None:
            found = ", ".join(f"{m.name} {m.shape} {m.dtype}" for m in archive.members.values())
            known = "; ".join(f"{layout.name} ({layout.arrays})" for layout in LAYOUTS)
            raise DataError(path, f"has a layout that is not known: it holds {found}; known layouts: {known}")
        dataset, changes = layout.load(archive, options)
    validate_dataset(dataset, path)
    return dataset, tuple(changes)


def _is_dataset(members: Mapping[str, Member]) -> bool:
    return {"probeGuess", "xcoords", "ycoords"} <= set(members)


def _load_dataset(archive: NpzArchive, options: ImportOptions) -> tuple[Dataset, list[str]]:
    legacy = options.legacy
    loaded = read_dataset(archive.path, axis_order=legacy.axis_order, values=legacy.values)
    if options.object_name is None:
        return loaded.dataset, list(loaded.changes)
    changes = [*loaded.changes]
    if loaded.dataset.obj is not None:
        changes.append("objectGuess: left out for the built-in object that was asked for")
    return _base(archive.path, loaded.dataset.probe, loaded.dataset.positions_px, options, changes)


def _is_tike(members: Mapping[str, Member]) -> bool:
    axes = {name: len(member.shape) for name, member in members.items()}
    return axes.get("data") == 4 and axes.get("scan") == 3 and axes.get("probe") in {5, 6}


def _load_tike(archive: NpzArchive, options: ImportOptions) -> tuple[Dataset, list[str]]:
    """Read tike's test layout: one view of counts, centred positions, a probe with mode axes."""
    changes = [
        f"{name}: left out, the layout does not know it"
        for name in sorted(archive.members)
        if name not in {"data", "scan", "probe"}
    ]
    probe = _tike_probe(archive, changes)
    data, scan = archive.read("data"), archive.read("scan")
    if len(data) != 1 or len(scan) != 1:
        views = f"data {data.shape}, scan {scan.shape}"
        raise DataError(archive.path, f"must hold one view, got {views}; split it into one file per view", "data")
    counts = data[0]
    if scan.shape[1:] != (len(counts), 2) or counts.shape[1:] != probe.shape:
        shapes = f"data {data.shape}, scan {scan.shape}, probe {probe.shape}"
        raise DataError(archive.path, f"contradicts the other arrays: {shapes}", "data")
    _check_counts(archive.path, counts)
    positions_px = _placed(archive, scan[0], probe.shape, options.margin_px, changes)
    photons = float(counts.sum(dtype=np.float64)) / len(counts)
    power = float(np.sum(np.abs(probe.astype(np.complex128)) ** 2))
    changes.append(
        f"probe: values left as they are; sum |P|^2 is {power:.6g}, the mean pattern has {photons:.6g} counts"
    )
    if options.object_name is not None:
        return _base(archive.path, probe, positions_px, options, changes)
    diffraction = _centred_amplitude(archive.path, counts, options.zero_frequency, changes)
    metadata = new_metadata(
        "measurement",
        "import-tike",
        {"changes": list(changes)},
        photons_per_pattern_measured=photons,
        intensity_scale=1.0,
        source=_source(archive.path),
    )
    scan_index = np.arange(len(counts), dtype=np.int64)
    return Dataset(None, probe, positions_px, metadata, diffraction, scan_index=scan_index), changes


def _tike_probe(archive: NpzArchive, changes: list[str]) -> npt.NDArray[np.complex64]:
    probe = archive.read("probe")
    modes = probe.reshape(-1, *probe.shape[-2:])
    if modes.dtype.kind != "c":
        raise DataError(archive.path, f"must be complex, got {modes.dtype}", "probe")
    with np.errstate(over="ignore", invalid="ignore"):
        power = np.sum(np.abs(modes.astype(np.complex128)) ** 2, axis=(1, 2))
        total = float(power.sum())
    if not (math.isfinite(total) and total > 0):
        raise DataError(archive.path, "must be finite and not zero everywhere", "probe")
    kept = int(np.argmax(power))
    left_out = 1.0 - float(power[kept]) / total
    changes.append(
        f"probe: shape {probe.shape} made {modes.shape[1:]}, mode {kept} of {len(modes)} kept; "
        f"share of power left out {left_out:.6g}"
    )
    return np.ascontiguousarray(modes[kept], dtype=np.complex64)


def _check_counts(path: Path, counts: Array) -> None:
    if counts.dtype.kind not in "fiu":
        raise DataError(path, f"must be photon counts, got {counts.dtype}", "data")
    for rows in row_blocks(counts):
        block = counts[rows]
        if not (np.isfinite(block).all() and (block >= 0).all() and np.array_equal(block, np.rint(block))):
            raise DataError(path, "must be photon counts: whole numbers >= 0", "data")
    if not counts.any():
        raise DataError(path, "is zero everywhere", "data")


def _placed(
    archive: NpzArchive, scan: Array, window: tuple[int, ...], margin_px: int, changes: list[str]
) -> npt.NDArray[np.float64]:
    """Move positions by whole pixels, so that all windows lie inside a grid that begins at (0, 0)."""
    if scan.dtype.kind not in "fiu" or not np.isfinite(scan).all():
        raise DataError(archive.path, "must be finite real positions (row, col)", "scan")
    positions = scan.astype(np.float64)
    half = np.array([window[0] // 2, window[1] // 2])
    offset = half + margin_px - np.floor(positions.min(axis=0))
    changes.append(
        f"scan: (row, col) moved by ({offset[0]:g}, {offset[1]:g}) px, so that every window lies at least "
        f"{margin_px} px inside the object's grid"
    )
    placed: npt.NDArray[np.float64] = positions + offset
    return placed


def _centred_amplitude(
    path: Path, counts: Array, zero_frequency: ZeroFrequency, changes: list[str]
) -> npt.NDArray[np.float32]:
    where = zero_frequency
    if where == "auto":
        where, why = _measured_zero_frequency(path, counts)
    else:
        why = "as the caller said"
    amplitude = np.empty(counts.shape, np.float32)
    for rows in row_blocks(counts):
        root = np.sqrt(counts[rows].astype(np.float64))
        amplitude[rows] = np.fft.fftshift(root, axes=(1, 2)) if where == "corner" else root
    moved = "moved from the corner to the middle" if where == "corner" else "left in the middle"
    changes.append(f"data: zero frequency {moved}, {why}")
    changes.append("data: counts made amplitude, their square root, so that intensity_scale is 1")
    return amplitude


def _measured_zero_frequency(path: Path, counts: Array) -> tuple[ZeroFrequency, str]:
    """Tell corner from centre by where the counts are: transmitted light gathers around zero frequency."""
    total = np.zeros(counts.shape[1:])
    for rows in row_blocks(counts):
        total += counts[rows].sum(axis=0, dtype=np.float64)
    centre, corner = zero_frequency_shares(total)
    shares = f"{corner:.2%} of the counts lie around index (0, 0), {centre:.2%} around the middle"
    if corner > CLEAR_RATIO * centre:
        return "corner", shares
    if centre > CLEAR_RATIO * corner:
        return "centre", shares
    option = "say which with zero_frequency='corner' or zero_frequency='centre'"
    raise DataError(path, f"leaves open where the zero frequency is: {shares}; {option}", "data")


def _base(
    path: Path, probe: Array, positions_px: Array, options: ImportOptions, changes: list[str]
) -> tuple[Dataset, list[str]]:
    assert options.object_name is not None
    shape = object_shape_for(positions_px, (probe.shape[0], probe.shape[1]), options.margin_px)
    drawn_by = "the given generator" if options.rng else f"a generator with the seed {OBJECT_SEED}"
    obj = make_object(options.object_name, shape, options.rng or np.random.default_rng(OBJECT_SEED))
    changes.append(f"objectGuess: built-in object {options.object_name}, shape {shape}, drawn by {drawn_by}")
    changes.append(f"diffraction: measured patterns left out, they do not belong to {options.object_name}")
    metadata = new_metadata("base", "import-base", {"changes": list(changes)}, source=_source(path))
    scan_index = np.arange(len(positions_px), dtype=np.int64)
    return Dataset(obj, probe, positions_px, metadata, scan_index=scan_index), changes


def _source(path: Path) -> dict[str, Any]:
    return {"name": file_name(path), "sha256": sha256_file(path), "of": "file"}


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "DATA-001",
        "probeGuess, xcoords, ycoords and, where known, diffraction or diff3d, objectGuess",
        _is_dataset,
        _load_dataset,
    ),
    Layout(
        "tike",
        "data (1, n, H, W) counts, scan (1, n, 2), probe (..., H, W) with 5 or 6 axes",
        _is_tike,
        _load_tike,
    ),
)
