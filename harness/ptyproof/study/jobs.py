"""Which trainings a study asks for, which run, and which are skipped and why.

Enumeration is pure: it reads the file system and Phase D's record; it writes, trains and configures nothing. The
order is dose, then the study's views. A view of all positions reads Phase C's data, every other one Phase D's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ptyproof.errors import InputError
from ptyproof.io import schema, strict_json
from ptyproof.study.cells import Cell, Enumeration, Job, Skip
from ptyproof.study.design import StudyDesign
from ptyproof.study.exposures import Exposure, check_values, exposure_of, select_exposures
from ptyproof.study.layout import (
    HALVES,
    OVERLAP_MANIFEST,
    RUN_MANIFEST,
    STATE_FILE,
    TRAINING_LOG,
    job_folder,
    phase_c_file,
    phase_d_file,
)
from ptyproof.study.views import View

if TYPE_CHECKING:
    from ptyproof_schemas.types.overlap_manifest import Half, OverlapManifest, Rejected
    from ptyproof_schemas.types.training_manifest import Filters, Measured, MeasuredHalf

T = TypeVar("T")


@dataclass(frozen=True)
class JobFilters:
    """Which cells are wanted; None wants all.

    Dose and replicate filters narrow the study before anything is looked at. View and gridsize filters choose which
    jobs run; the skips of the narrowed study are reported all the same.
    """

    doses: tuple[float, ...] | None = None
    views: tuple[str, ...] | None = None
    gridsizes: tuple[int, ...] | None = None
    replicates: tuple[int, ...] | None = None

    def selects(self, view: View) -> bool:
        """Tell whether the view passes the view and gridsize filters."""
        by_name = self.views is None or view.name in self.views
        return by_name and (self.gridsizes is None or view.gridsize in self.gridsizes)

    def as_dict(self) -> Filters:
        """Return the record for a manifest."""
        record: Filters = {
            "dose": listed(self.doses),
            "view": listed(self.views),
            "gridsize": listed(self.gridsizes),
        }
        return record if self.replicates is None else {**record, "replicate": list(self.replicates)}


@dataclass(frozen=True)
class TrainingJob(Job):
    """A training: its data, and the folder of its artifacts.

    `shared` is the cell that names a training which several cells share; None where the training is the cell's own.
    """

    neighbor_count: int
    train_data_path: Path
    test_data_path: Path
    artifact_dir: Path
    shared: Cell | None = None

    @property
    def trained(self) -> Cell:
        """The cell that gives the training its name and its random streams."""
        return self.shared or self.cell

    @property
    def output(self) -> Path:
        """The folder of the artifacts."""
        return self.artifact_dir

    @property
    def state_path(self) -> Path:
        """Where the process that trains says so."""
        return self.artifact_dir / STATE_FILE

    @property
    def paths(self) -> tuple[Path, ...]:
        """Both halves of the data, and the folder of the artifacts."""
        return self.train_data_path, self.test_data_path, self.artifact_dir

    @property
    def log_path(self) -> Path:
        """The job's log."""
        return self.artifact_dir / TRAINING_LOG


def training_cells(design: StudyDesign) -> list[Cell]:
    """Return every cell of a study, in its order."""
    return [
        Cell(exposure.dose, view.name, view.gridsize, replicate=exposure.replicate)
        for exposure in design.exposures
        for view in design.views
    ]


def build_training_jobs(
    design: StudyDesign,
    phase_c_root: Path,
    phase_d_root: Path,
    artifact_root: Path,
    filters: JobFilters | None = None,
    allow_missing_phase_d: bool = False,
) -> Enumeration[TrainingJob]:
    """Return the trainings of a study with the data that are there.

    Parameters
    ----------
    design
        The study.
    phase_c_root, phase_d_root
        Output roots of Phases C and D.
    artifact_root
        Root of the jobs' folders; not touched.
    filters
        Doses, replicates, views and gridsizes that are wanted; None wants all.
    allow_missing_phase_d
        What becomes of a selected view whose data are missing although Phase D did not record it as rejected: False
        raises, True skips it with the code `missing_without_record`. An unselected one is always skipped.

    Raises
    ------
    InputError
        If a filter names what the study has not, no cell passes the filters, a root is missing or is the
        other phase's, Phase C data of a wanted dose are missing, or (strict) a selected view is missing.
    ManifestError
        If Phase D's record is damaged.
    """
    filters = filters or JobFilters()
    check_filters(design, filters)
    exposures = select_exposures(design.exposures, filters.doses, filters.replicates)
    _check_roots(phase_c_root, phase_d_root)
    _check_phase_c(design, phase_c_root, exposures)
    rejections, shared = _rejections(phase_d_root), _shared(design)
    jobs: list[TrainingJob] = []
    not_selected: list[TrainingJob] = []
    skipped: list[Skip] = []
    for exposure in exposures:
        for view in design.views:
            selected = filters.selects(view)
            paths = _data_paths(view, exposure, phase_c_root, phase_d_root)
            cell = Cell(exposure.dose, view.name, view.gridsize, replicate=exposure.replicate)
            skip = _skip(cell, view, selected, rejections, paths)
            if skip is None:
                trained = _trained(cell, view)
                folder = job_folder(artifact_root, cell.dose, cell.view, cell.gridsize, cell.replicate)
                job = TrainingJob(
                    cell, design.neighbors_of(view), *paths, folder, shared=trained if trained in shared else None
                )
                (jobs if selected else not_selected).append(job)
            elif selected and skip.code == "missing_without_record" and not allow_missing_phase_d:
                raise InputError(f"{exposure}, view {view.name}: {skip.reason}; run `ptyproof overlap`")
            else:
                skipped.append(skip)
    return Enumeration(tuple(jobs), tuple(not_selected), tuple(skipped))


def listed(values: Iterable[T] | None) -> list[T] | None:
    """Return a filter as a manifest has it: a list, or None where all are wanted."""
    return None if values is None else list(values)


def check_filters(design: StudyDesign, filters: JobFilters) -> None:
    """Refuse filters that select no job.

    Raises
    ------
    InputError
        If a filter names what the study does not have, or no job has what all filters name.
    """
    select_exposures(design.exposures, filters.doses, filters.replicates)
    check_values("--view", filters.views, [view.name for view in design.views])
    check_values("--gridsize", filters.gridsizes, sorted({view.gridsize for view in design.views}))
    if not any(filters.selects(view) for view in design.views):
        cells = ", ".join(f"{view.name} (gridsize {view.gridsize})" for view in design.views)
        raise InputError(
            f"no job has both --view {filters.views} and --gridsize {filters.gridsizes}; the views are {cells}"
        )


def _check_roots(phase_c_root: Path, phase_d_root: Path) -> None:
    for option, root, foreign, own in (
        ("--phase-c-root", phase_c_root, OVERLAP_MANIFEST, RUN_MANIFEST),
        ("--phase-d-root", phase_d_root, RUN_MANIFEST, OVERLAP_MANIFEST),
    ):
        if not root.is_dir():
            raise InputError(f"{option} must be a folder, got {root}")
        if (root / foreign).is_file() and not (root / own).is_file():
            raise InputError(f"{option} {root} contains {foreign} but not {own}: are the roots swapped?")


def _trained(cell: Cell, view: View) -> Cell:
    """Return the cell that names the training of a cell of the view."""
    return replace(cell, dose=view.training_dose(cell.dose), view=view.training_name)


def _shared(design: StudyDesign) -> frozenset[Cell]:
    """Return the names of the trainings that several cells of a study share, or that no cell of it has for its own."""
    return frozenset(name for name, cells in cells_by_training(design).items() if cells != [name])


def cells_by_training(design: StudyDesign) -> dict[Cell, list[Cell]]:
    """Return the cells of each training, in the study's order; nothing for a study whose cells share none."""
    if all(view.trained_as is None and view.trained_at is None for view in design.views):
        return {}
    views = {view.name: view for view in design.views}
    trained: dict[Cell, list[Cell]] = {}
    for cell in training_cells(design):
        trained.setdefault(_trained(cell, views[cell.view]), []).append(cell)
    return trained


def _check_phase_c(design: StudyDesign, root: Path, exposures: Iterable[Exposure]) -> None:
    for exposure, half, test_half in product(exposures, HALVES, design.test_halves):
        path = phase_c_file(root, exposure.dose, half, exposure.replicate, test_half)
        if not path.is_file():
            raise InputError(f"Phase C data of {exposure} are missing: {path}; run `ptyproof generate`")


def _rejections(phase_d_root: Path) -> dict[tuple[Exposure, str], Rejected]:
    path = phase_d_root / OVERLAP_MANIFEST
    if not path.is_file():
        return {}
    manifest: OverlapManifest = schema.accepted(strict_json.read_json(path), "overlap_manifest", path)
    return {(exposure_of(cell), cell["view"]): cell for cell in manifest["rejected_views"]}


def _data_paths(view: View, exposure: Exposure, phase_c_root: Path, phase_d_root: Path) -> tuple[Path, Path]:
    dose, replicate = exposure
    trained_at = view.training_dose(dose)
    if view.reads_phase_c:
        train = phase_c_file(phase_c_root, trained_at, "train", replicate)
        return train, phase_c_file(phase_c_root, dose, "test", replicate, view.test_half)
    return (
        phase_d_file(phase_d_root, trained_at, view.name, "train", replicate),
        phase_d_file(phase_d_root, dose, view.name, "test", replicate),
    )


def _skip(
    cell: Cell,
    view: View,
    selected: bool,
    rejections: Mapping[tuple[Exposure, str], Rejected],
    paths: tuple[Path, Path],
) -> Skip | None:
    rejected = rejections.get((Exposure(cell.dose, cell.replicate), view.name))
    if rejected is not None:
        measured: Measured = {
            "code": rejected["code"],
            "train": _measured(rejected["train"]),
            "test": _measured(rejected["test"]),
        }
        return Skip(cell, "rejected_by_phase_d", rejected["reason"], selected, measured)
    if view.reads_phase_c and view.training_dose(cell.dose) == cell.dose:
        return None  # its files were checked with the dose
    for path in paths:
        if not os.path.isfile(path):  # noqa: PTH113 - three times as fast as Path.is_file, for large matrices
            reason = f"no record of a rejection was found, and {path.name} is missing"
            return Skip(cell, "missing_without_record", reason, selected)
    return None


def _measured(half: Half) -> MeasuredHalf:
    return {
        "n_images_total": half["n_images_total"],
        "n_images_selected": half["n_images_selected"],
        "acceptance_rate": half["acceptance_rate"],
        "selection": half["selection"],
        "spacing_before_selection": half["spacing_before_selection"],
    }
