"""Which reconstructions a study asks for, which run, and which are skipped and why.

Enumeration is pure: it reads the records of Phases D and E; it writes and reconstructs nothing. The order is dose, the
study's views, halves, methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict, cast

from ptyproof.errors import InputError
from ptyproof.io.knowledge import UNCERTAIN_POSITIONS
from ptyproof.methods.registry import Registered, Registry
from ptyproof.reconstruction.method import Budget
from ptyproof.study.cells import Cell, Enumeration, Job, Skip
from ptyproof.study.design import StudyDesign
from ptyproof.study.jobs import JobFilters, TrainingJob, build_training_jobs, listed, training_cells
from ptyproof.study.layout import STATE_FILE, TRAINING_MANIFEST, cell_key, dose_folder, reconstruction_file
from ptyproof.study.reconstruction import Value
from ptyproof_schemas.types import reconstruction_manifest as records
from ptyproof_schemas.types.common import Stream

DEFAULT_EPOCHS = 100
NO_BUNDLE = "no_trained_bundle"


@dataclass(frozen=True)
class ReconstructionFilters:
    """Which cells are wanted; None wants all. A dose filter narrows the study before anything is looked at."""

    cells: JobFilters = field(default_factory=JobFilters)
    splits: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None

    def as_dict(self) -> records.Filters:
        """Return the record for a manifest."""
        splits = cast("list[records.Split] | None", listed(self.splits))
        return {**self.cells.as_dict(), "split": splits, "method": listed(self.methods)}


@dataclass(frozen=True)
class ReconstructionCell(Cell):
    """A cell with a half and a method."""

    split: str
    method: str

    @property
    def key(self) -> str:
        """The cell's name: `dose1000-dense-gs2-test-lsqml`, `dose1000-dense-gs2-r2-test-lsqml`."""
        return f"{self.training_key}-{self.split}-{self.method}"

    @property
    def training_key(self) -> str:
        """The name of the training for it: `dose1000-dense-gs2`."""
        return cell_key(self.dose, self.view, self.gridsize, self.replicate)

    @property
    def family(self) -> tuple[str, str]:
        """The methods of one half are shown together."""
        return f"{self.training_key}-{self.split}", self.method


class Plan(TypedDict):
    """How a reconstruction is done, as its entry in the manifest says."""

    provider: records.Provider
    needs_training: bool
    probe: Literal["true", "estimated"]
    options: dict[str, Value]
    tuning: NotRequired[dict[str, list[Value]]]
    budget: records.Budget
    seed: Stream
    positions: NotRequired[Literal["estimated"]]


@dataclass(frozen=True)
class ReconstructionJob(Job):
    """A reconstruction: its data, its archive, its training, and a plan (provider, options, budget, seed, ...)."""

    cell: ReconstructionCell
    data_path: Path
    path: Path
    training: TrainingJob
    plan: Plan = field(hash=False, kw_only=True)

    @property
    def output(self) -> Path:
        """The archive."""
        return self.path

    @property
    def product_path(self) -> Path:
        """The same for ptychodus."""
        return self.path.with_name(f"{self.cell.method}.h5")

    @property
    def state_path(self) -> Path:
        """Where the process that reconstructs says so; several jobs share a folder."""
        return self.path.with_name(f"{self.path.stem}.{STATE_FILE}")

    @property
    def paths(self) -> tuple[Path, ...]:
        """The data, the archive, the product, and the folder of the training."""
        return self.data_path, self.path, self.product_path, self.training.artifact_dir

    @property
    def needs(self) -> tuple[Job, ...]:
        """The training whose bundle the method uses."""
        return (self.training,) if self.plan["needs_training"] else ()


def study_cells(
    design: StudyDesign, methods: tuple[str, ...], splits: tuple[str, ...] | None = None
) -> list[ReconstructionCell]:
    """Return every cell of a study, in its order."""
    return [
        ReconstructionCell(cell.dose, cell.view, cell.gridsize, split, method, replicate=cell.replicate)
        for cell in training_cells(design)
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
    budget: Budget | None = None,
) -> Enumeration[ReconstructionJob]:
    """Return the reconstructions of a study with the data and bundles that are there.

    Parameters
    ----------
    design, registry
        The study, and the methods that are known.
    phase_c_root, phase_d_root, artifact_root
        Output roots of Phases C and D, and the folder of bundles and reconstructions.
    trainings
        The training manifest, or None without one.
    filters
        What is wanted; None wants all.
    allow_missing_phase_d
        Skip a view whose data are missing without a record, with that reason, instead of raising.
    to_be_trained
        Trainings are still to come: a bundle that is not there yet is no reason to skip.
    budget
        Instead of the study's, for every method that iterates; None keeps the study's.

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
    trained = {job.key: job for job in (*found.jobs, *found.not_selected)}
    untrained = {skip.key: skip for skip in found.skipped}
    entries = None if trainings is None else {entry["job"]: entry for entry in trainings["jobs"]}
    known = trained.keys() | untrained.keys()
    wanted_views = {job.key for job in found.jobs} | {skip.key for skip in found.skipped if skip.selected}
    jobs: list[ReconstructionJob] = []
    not_selected: list[ReconstructionJob] = []
    skipped: list[Skip] = []
    for cell in study_cells(design, methods, splits):
        if cell.training_key not in known:
            continue  # another dose or replicate
        selected = (
            cell.training_key in wanted_views
            and (filters.methods is None or cell.method in filters.methods)
            and (filters.splits is None or cell.split in filters.splits)
        )
        missing = untrained.get(cell.training_key)
        if missing is not None:
            skipped.append(replace(missing, cell=cell, selected=selected))
            continue
        method = registry[cell.method]
        reason = _why_impossible(cell, method, entries, to_be_trained)
        if reason is not None:
            skipped.append(Skip(cell, *reason, selected))
            continue
        training = trained[cell.training_key]
        data = training.train_data_path if cell.split == "train" else training.test_data_path
        path = reconstruction_file(
            artifact_root, cell.dose, cell.view, cell.gridsize, cell.split, cell.method, cell.replicate
        )
        job = ReconstructionJob(cell, data, path, training, plan=_plan(design, method, cell, budget))
        (jobs if selected else not_selected).append(job)
    return Enumeration(tuple(jobs), tuple(not_selected), tuple(skipped))


def no_bundle(key: str, trainings: Mapping[str, Mapping[str, Any]] | None) -> str | None:
    """Return why a training has left no bundle, or None if it has.

    `trainings` are the entries of the training manifest by the names of their jobs, None if there is no manifest.
    """
    if trainings is None:
        return f"{key} was not trained: there is no {TRAINING_MANIFEST}; run `ptyproof train`"
    entry = trainings.get(key)
    if entry is None:
        return f"{key} was not trained: {TRAINING_MANIFEST} has no job of that name"
    result = entry["result"]
    return None if result["status"] == "success" else f"{key} has no bundle: its training {_ended(result)}"


def _ended(result: Mapping[str, Any]) -> str:
    return f"failed: {result['error']}" if result["status"] == "failed" else f"is lost: {result['error']}"


def _why_impossible(
    cell: ReconstructionCell, method: Registered, trainings: Mapping[str, Any] | None, to_be_trained: bool
) -> tuple[str, str] | None:
    """Return the code and the reason for which a cell with data cannot be reconstructed, None if it can."""
    if method.unavailable is not None:
        return "method_unavailable", method.unavailable
    reason = no_bundle(cell.training_key, trainings) if method.needs_training and not to_be_trained else None
    return None if reason is None else (NO_BUNDLE, reason)


def _plan(design: StudyDesign, method: Registered, cell: ReconstructionCell, budget: Budget | None) -> Plan:
    needs, epochs = method.method.needs, design.reconstruction.epochs_of(cell.method)
    iterates = needs.iterates or epochs is not None
    spent = (budget or Budget(epochs or DEFAULT_EPOCHS)) if iterates else Budget()
    estimated = design.reconstruction.probe_knowledge == "estimated" and needs.probe == "either"
    key = ["phase_f", dose_folder(cell.dose, cell.replicate), cell.split, cell.method]
    plan: Plan = {
        "provider": {"name": method.provider.name, "version": method.provider.version},
        "needs_training": method.needs_training,
        "probe": "estimated" if estimated else "true",
        "options": dict(method.options),
        "budget": {"epochs": spent.epochs, "seconds": spent.seconds},
        "seed": {"root": design.reconstruction.seed, "key": key},
    }
    if UNCERTAIN_POSITIONS in design.tells_in(cell.view) and UNCERTAIN_POSITIONS in needs.may_be_told:
        plan["positions"] = "estimated"
    if method.tuning:
        plan["tuning"] = dict(method.tuning)
    return plan


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
