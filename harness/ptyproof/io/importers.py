"""Files of other programs, made into DATA-001 datasets: a registry of the layouts that are recognized.

A layout is recognized by its arrays' names and numbers of axes. What the arrays do not tell and could not be
measured from them is an error that names the option which settles it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ptyproof.errors import DataError, InputError
from ptyproof.io.dataset import Dataset, in_its_version, read_dataset, with_modes
from ptyproof.io.metadata import new_metadata, source_of, with_transformation
from ptyproof.io.npz import Member, NpzArchive
from ptyproof.io.probe_modes import powers
from ptyproof.io.reading import UNSAID, AxisOrder, Reading, Saturated, ScanOrder, Values, ZeroFrequency
from ptyproof.io.tike import ARRAYS, is_tike, load_tike
from ptyproof.io.unknown import advice, described
from ptyproof.io.validation import validate_dataset
from ptyproof.physics.forward import DEFAULT_MARGIN_PX
from ptyproof.physics.modes import orthogonal_modes
from ptyproof.physics.names import OBJECT_NAMES
from ptyproof.physics.objects import make_object
from ptyproof.physics.scans import object_shape_for

OBJECT_SEED = 42


@dataclass(frozen=True)
class ImportOptions:
    """What the caller decides about an import; see `import_foreign`."""

    object_name: str | None = None
    margin_px: int = DEFAULT_MARGIN_PX
    rng: np.random.Generator | None = None
    reading: Reading = UNSAID
    orthogonal: bool = False

    def __post_init__(self) -> None:
        if self.object_name is not None and self.object_name not in OBJECT_NAMES:
            known = ", ".join(OBJECT_NAMES)
            raise InputError(f"object_name must be one of {known}, got {self.object_name!r}")
        if self.margin_px < 0:
            raise InputError(f"margin_px must be >= 0, got {self.margin_px}")


@dataclass(frozen=True, eq=False)
class Imported:
    """A dataset, validated; one sentence for each thing that was changed, and for each that is odd but allowed."""

    dataset: Dataset
    changes: tuple[str, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """A file layout that can be imported.

    `arrays` describes it to users; `matches` tells it by the headers of an archive; `load` makes the dataset
    and adds its changes to a list.
    """

    name: str
    arrays: str
    matches: Callable[[Mapping[str, Member]], bool]
    load: Callable[[NpzArchive, ImportOptions, list[str]], Dataset]


def import_foreign(
    path: Path | str,
    *,
    object_name: str | None = None,
    zero_frequency: ZeroFrequency = "auto",
    margin_px: int = DEFAULT_MARGIN_PX,
    rng: np.random.Generator | None = None,
    axis_order: AxisOrder | None = None,
    values: Values | None = None,
    saturated: Saturated = "refuse",
    scan_order: ScanOrder | None = "rows",
    orthogonal: bool = False,
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
    margin_px
        Room between the outermost windows and the edge of the object's grid, pixels.
    rng
        Draws the built-in object; `numpy.random.default_rng(42)` unless given.
    zero_frequency, axis_order, values, saturated, scan_order
        What the file may leave open; see `Reading`. In a layout that does not say where the zero frequency is, "auto"
        finds it from the patterns, and is an error where they leave it open.
        Positions (n,) are taken to run row by row over a grid of patterns, and that is said; None refuses them.
    orthogonal
        Mix the modes of the probe to orthogonal ones, which illuminate every object as they do.

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
    reading = Reading(axis_order, values, zero_frequency, saturated, scan_order)
    found = read_foreign(path, ImportOptions(object_name, margin_px, rng, reading, orthogonal))
    return found.dataset, found.changes


def read_foreign(path: Path | str, options: ImportOptions, changes: list[str] | None = None) -> Imported:
    """Read a dataset as `import_foreign` does, and return it with what is odd about it.

    `changes` gets each sentence as it is made, so that a caller can show what was done before a file was refused.

    Raises
    ------
    DataError
        As `import_foreign`.
    """
    path, changes = Path(path), [] if changes is None else changes
    with NpzArchive(path) as archive:
        layout = next((layout for layout in LAYOUTS if layout.matches(archive.members)), None)
        if layout is None:
            known = "; ".join(f"{layout.name} ({layout.arrays})" for layout in LAYOUTS)
            found = (
                f"has an unknown layout with the arrays {described(archive)}; name the arrays, as in --reader arrays "
                f"--array patterns=NAME --array positions=NAME, or use a known layout: {known}"
            )
            raise DataError(path, f"{found}; {advice(archive)}")
        dataset = layout.load(archive, options, changes)
    if options.orthogonal:
        dataset = with_orthogonal_modes(dataset, path, changes)
    remarks = validate_dataset(dataset, path)
    return Imported(dataset, tuple(changes), remarks)


def with_orthogonal_modes(dataset: Dataset, path: Path, changes: list[str]) -> Dataset:
    """Return a dataset whose modes are orthogonal and illuminate as those that it had; `changes` gets the sentence.

    Raises
    ------
    DataError
        If the probe has one mode.
    """
    if dataset.further_modes is None:
        raise DataError(path, "has one mode, and orthogonal modes need two or more", "probeGuess")
    if not np.isfinite(dataset.modes).all():
        return dataset  # which is named in validation
    modes = orthogonal_modes(dataset.modes)
    power = powers(modes)
    shares = ", ".join(f"{share:.6g}" for share in (power / power.sum()).tolist())
    said = f"{len(modes)} modes mixed to orthogonal ones with the shares {shares} of the power"
    changes.append(f"probeGuess: {said}")
    metadata = with_transformation(dataset.metadata, "orthogonal-modes", said)
    return with_modes(replace(dataset, metadata=metadata), modes.astype(np.complex64))


def _is_dataset(members: Mapping[str, Member]) -> bool:
    return {"probeGuess", "xcoords", "ycoords"} <= set(members)


def _load_dataset(archive: NpzArchive, options: ImportOptions, changes: list[str]) -> Dataset:
    dataset = read_dataset(archive.path, mmap=True, changes=changes, **options.reading.as_keywords()).dataset
    if options.object_name is None:
        return dataset
    if dataset.obj is not None:
        changes.append("objectGuess: left out for the built-in object that was asked for")
    return _base(archive.path, dataset, options, options.object_name, changes)


def _load_tike(archive: NpzArchive, options: ImportOptions, changes: list[str]) -> Dataset:
    name = options.object_name
    dataset = load_tike(archive, options.reading, options.margin_px, changes, patterns=name is None)
    return dataset if name is None else _base(archive.path, dataset, options, name, changes)


def _base(path: Path, scan: Dataset, options: ImportOptions, name: str, changes: list[str]) -> Dataset:
    """Put a built-in object under probe and positions of a scan."""
    positions_px, window = scan.positions_px, (scan.probe.shape[0], scan.probe.shape[1])
    shape = object_shape_for(positions_px, window, options.margin_px)
    drawn_by = "the given generator" if options.rng else f"a generator with the seed {OBJECT_SEED}"
    obj = make_object(name, shape, options.rng or np.random.default_rng(OBJECT_SEED))
    changes.append(f"objectGuess: built-in object {name}, shape {shape}, drawn by {drawn_by}")
    changes.append(f"diffraction: measured patterns left out, they do not belong to {name}")
    metadata = new_metadata("base", "import-base", {"changes": list(changes)}, source=source_of(path))
    scan_index = np.arange(len(positions_px), dtype=np.int64)
    base = Dataset(obj, scan.probe, positions_px, metadata, scan_index=scan_index, further_modes=scan.further_modes)
    return in_its_version(base)


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "DATA-001",
        "probeGuess, xcoords, ycoords and, where known, diffraction or diff3d, objectGuess",
        _is_dataset,
        _load_dataset,
    ),
    Layout("tike", ARRAYS, is_tike, _load_tike),
)
