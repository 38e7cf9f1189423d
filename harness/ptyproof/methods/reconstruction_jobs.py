"""Which reconstructions a study asks for, which run, and which are skipped and why.

Enumeration is pure: it reads the records of Phases D and E; it writes and reconstructs nothing. The order is dose, the
study's views, halves, methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ptyproof.errors import InputError
from ptyproof.methods.registry import Registry
from ptyproof.study.design import StudyDesign
from ptyproof.study.jobs import JobFilters, SkippedView, TrainingJob, build_training_jobs
from ptyproof.study.layout import TRAINING_MANIFEST, cell_key, reconstruction_file


@dataclass(frozen=True)
class ReconstructionFilters:
    """Which cells are wanted; None wants all. A dose filter narrows the study before anything is looked at."""

    cells: JobFilters = field(default_factory=JobFilters)
    splits: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the record for a manifest."""
        values = (self.cells.doses, self.cells.views, self.cells.gridsizes, self.splits, self.methods)
        names = ("dose", "view", "gridsize", "split", "method")
        return {name: None if value is None else list(value) for name, value in zip(names, values, strict=True)}


@dataclass(frozen=True)
class Cell:
    """A dose (photons per pattern), a view, a half and a method."""

    dose: float
    view: str
    gridsize: int
    split: str
    method: str

    @property
    def key(self) -> str:
        """The cell's name: `dose1000-dense-gs2-test-lsqml`."""
        return f"{self.training_key}-{self.split}-{self.method}"

    @property
    def training_key(self) -> str:
        """The name of the training for it: `dose1000-dense-gs2`."""
        return cell_key(self.dose, self.view, self.gridsize)

    def as_dict(self) -> dict[str, Any]:
        """Return the record for a manifest."""
        return dict(vars(self))


@dataclass(frozen=True)
class ReconstructionJob:
    """A cell that can be reconstructed: its data, where its archive goes, and its training where it needs one."""

    cell: Cell
    data_path: Path
    path: Path
    training: TrainingJob

    @property
    def key(self) -> str:
        """The cell's name."""
        return self.cell.key

    @property
    def product_path(self) -> Path:
        """The same for ptychodus."""
        return self.path.with_name(f"{self.cell.method}.h5")


@dataclass(frozen=True)
class Skip:
    """A cell that cannot be reconstructed.

    `code` is `rejected_by_phase_d`, `missing_without_record`, `method_unavailable` or `no_trained_bundle`; `measured`
    are Phase D's numbers, None where there is no record.
    """

    cell: Cell
    code: str
    reason: str
    selected: bool
    measured: Mapping[str, Any] | None = field(default=None, hash=False)

    @property
    def key(self) -> str:
        """The cell's name."""
        return self.cell.key

    def as_dict(self) -> dict[str, Any]:
        """Return the record for a manifest: JSON values only."""
        own = {"code": self.code, "reason": self.reason, "selected": self.selected}
        return self.cell.as_dict() | own | {"measured": None if self.measured is None else dict(self.measured)}


@dataclass(frozen=True)
class FoundReconstructions:
    """The cells of a narrowed study: jobs to run, jobs that the filters leave out, and skips."""

    jobs: tuple[ReconstructionJob, ...]
    not_selected: tuple[ReconstructionJob, ...]
    skipped: tuple[Skip, ...]

    @property
    def n_enumerated(self) -> int:
        """Number of cells of the narrowed study."""
        return len(self.jobs) + len(self.not_selected) + len(self.skipped)


def study_cells(design: StudyDesign, methods: tuple[str, ...], splits: tuple[str, ...] | None = None) -> list[Cell]:
    """Return every cell of a study, in its order."""
    return [
        Cell(dose, view.name, view.gridsize, split, method)
        for dose in design.doses_photons_per_pattern
        for view in design.views
        for split in splits or design.reconstruction.splits
        for method in methods
    ]


def build_reconstruction_jobs(
    design: StudyDesign,
    registry: Registry,
    phase_c_root: Path,
    phase_d_root: Path,
    artifact_root: Path,
    trainings: Mapping[str, Any] | None,
    filters: ReconstructionFilters | None = None,
    allow_missing_phase_d: bool = False,
    to_be_trained: bool = False,
) -> FoundReconstructions:
    """Return the reconstructions of a study with the data and bundles that are there.

    Parameters
    ----------
    design, registry
        The study, and the methods that are known.
    phase_c_root, phase_d_root, artifact_root
        Output roots of Phases C and D, and the folder of bundles and reconstructions.
    trainings
        The training manifest, or None where there is none.
    filters
        What is wanted; None wants all.
    allow_missing_phase_d
        Skip a view whose data are missing without a record, with that reason, instead of raising.
    to_be_trained
        Trainings are still to come: a bundle that is not there yet is no reason to skip.

    Raises
    ------
    InputError
        If a filter names what the study has not, or data are missing; see `build_training_jobs`.
    ManifestError
        If Phase D's record is damaged.
    """
    filters = filters or ReconstructionFilters()
    methods = _methods(registry, filters)
    splits = _splits(design, filters)
    found = build_training_jobs(design, phase_c_root, phase_d_root, artifact_root, filters.cells, allow_missing_phase_d)
    records: list[TrainingJob | SkippedView] = [*found.jobs, *found.not_selected, *found.skipped]
    whole = {record.key: record for record in records}
    wanted_views = {job.key for job in found.jobs} | {skip.key for skip in found.skipped if skip.selected}
    jobs: list[ReconstructionJob] = []
    not_selected: list[ReconstructionJob] = []
    skipped: list[Skip] = []
    for cell in study_cells(design, methods, splits):
        if cell.training_key not in whole:
            continue  # another dose
        selected = (
            cell.training_key in wanted_views
            and (filters.methods is None or cell.method in filters.methods)
            and (filters.splits is None or cell.split in filters.splits)
        )
        record = whole[cell.training_key]
        skip = _skip(cell, record, registry, trainings, selected, to_be_trained)
        if skip is not None:
            skipped.append(skip)
            continue
        assert isinstance(record, TrainingJob)
        data = record.train_data_path if cell.split == "train" else record.test_data_path
        path = reconstruction_file(artifact_root, cell.dose, cell.view, cell.gridsize, cell.split, cell.method)
        (jobs if selected else not_selected).append(ReconstructionJob(cell, data, path, record))
    return FoundReconstructions(tuple(jobs), tuple(not_selected), tuple(skipped))


def no_bundle(key: str, trainings: Mapping[str, Any] | None) -> str | None:
    """Return why a training has left no bundle, or None if it has."""
    if trainings is None:
        return f"{key} was not trained: there is no {TRAINING_MANIFEST}; run `ptyproof train`"
    entry = next((entry for entry in trainings["jobs"] if entry["job"] == key), None)
    if entry is None:
        return f"{key} was not trained: {TRAINING_MANIFEST} has no job of that name"
    result = entry["result"]
    return None if result["status"] == "success" else f"{key} has no bundle: its training {_ended(result)}"


def _ended(result: Mapping[str, Any]) -> str:
    return f"failed: {result['error']}" if result["status"] == "failed" else f"is lost: {result['error']}"


def _skip(
    cell: Cell,
    record: TrainingJob | SkippedView,
    registry: Registry,
    trainings: Mapping[str, Any] | None,
    selected: bool,
    to_be_trained: bool,
) -> Skip | None:
    if isinstance(record, SkippedView):
        return Skip(cell, record.code, record.reason, selected, record.measured)
    method = registry[cell.method]
    if method.unavailable is not None:
        return Skip(cell, "method_unavailable", method.unavailable, selected)
    if method.needs_training and not to_be_trained:
        reason = no_bundle(cell.training_key, trainings)
        if reason is not None:
            return Skip(cell, "no_trained_bundle", reason, selected)
    return None


def _methods(registry: Registry, filters: ReconstructionFilters) -> tuple[str, ...]:
    if filters.methods is None:
        return registry.order
    if not filters.methods:
        raise InputError("--method must name one method or more, got none")
    more = [name for name in filters.methods if registry[name].name not in registry.order]
    return (*registry.order, *dict.fromkeys(more))


def _splits(design: StudyDesign, filters: ReconstructionFilters) -> tuple[str, ...]:
    known = ("train", "test")
    for split in filters.splits or ():
        if split not in known:
            raise InputError(f"--split must be one of {', '.join(known)}, got {split!r}")
    more = tuple(split for split in filters.splits or () if split not in design.reconstruction.splits)
    return tuple(split for split in known if split in (*design.reconstruction.splits, *more))
