"""The study's reconstruction manifest; see `cell_ledger`."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, cast

from ptyproof.methods.reconstruction_jobs import (
    ReconstructionCell,
    ReconstructionFilters,
    ReconstructionJob,
    study_cells,
)
from ptyproof.records.cell_book import CellBook
from ptyproof.records.cell_ledger import NO_CELLS, NOT_STARTED, CellLedger
from ptyproof.records.job_record import CellFiles
from ptyproof.study.cells import Cell
from ptyproof.study.jobs import cells_by_training
from ptyproof.study.layout import (
    HALVES,
    RECONSTRUCTION_MANIFEST,
    RESULT_FILE,
    TRAINING_MANIFEST,
    reconstruction_file,
)
from ptyproof_schemas.types.reconstruction_manifest import Job, Lost, NotSelected, ReconstructionManifest


class ReconstructionLedger(CellLedger[ReconstructionJob, ReconstructionManifest]):
    """The reconstruction manifest of a study under an artifact root."""

    KIND: ClassVar[str] = "reconstruction_manifest"
    FILE: ClassVar[str] = RECONSTRUCTION_MANIFEST
    SKIPS: ClassVar[str] = "skipped"
    SKIP: ClassVar[str] = "skipped"
    CELL: ClassVar[type[Cell]] = ReconstructionCell
    LOST: ClassVar[type] = Lost

    def new(self) -> ReconstructionManifest:
        """Return the manifest without any cells."""
        trained = (self.artifact_root / TRAINING_MANIFEST).is_file()
        return {
            **self.head(),
            "training_manifest_path": TRAINING_MANIFEST if trained else None,
            "filters": ReconstructionFilters().as_dict(),
            "calls": [],
            "jobs": [],
            "not_selected": [],
            "skipped": [],
            "account": NO_CELLS.copy(),
        }

    def new_entry(self, job: ReconstructionJob) -> Job:
        """Return the entry of a reconstruction that was selected and is not started."""
        entry = {
            "job": job.key,
            **cast("NotSelected", job.cell.as_dict()),
            **job.plan,
            "dataset": None,
            "bundle": None,
            "environment": None,
            "remedies": [],
            "result": self.lost_result(NOT_STARTED),
            "earlier_results": [],
        }
        return cast("Job", entry)  # a plan has no key of an attempt

    @classmethod
    def files_in(cls, artifact_root: Path, cell: ReconstructionCell) -> CellFiles:
        """Return the archive of a cell, and the entry beside it."""
        place = cell.dose, cell.view, cell.gridsize, cell.split, cell.method, cell.replicate
        path = reconstruction_file(artifact_root, *place)
        return CellFiles(path, path.with_name(f"{path.stem}.{RESULT_FILE}"), (path,))

    def near(self, job: ReconstructionJob) -> tuple[Cell, ...]:
        """Return the cells that may have the same reconstruction, that of the job among them.

        They are of other views of the same dose, or of cells that share the training and so the data of its half.
        """
        views = [replace(job.cell, view=view.name, gridsize=view.gridsize) for view in self.design.views]
        sharing = [
            replace(job.cell, dose=cell.dose, view=cell.view, gridsize=cell.gridsize)
            for cell in self._sharing.get(job.training.trained, ())
        ]
        return tuple(dict.fromkeys((*views, *sharing, job.cell)))

    @cached_property
    def _sharing(self) -> dict[Cell, list[Cell]]:
        return cells_by_training(self.design)

    def order(self, book: CellBook) -> list[str]:
        """Return the names of all possible cells: the study's methods first, then those of the call."""
        present = {
            record["method"] for group in (book.jobs, book.skips, book.not_selected) for record in group.values()
        }
        named = [entry.name for entry in self.design.reconstruction.methods]
        methods = (*named, *sorted(present - set(named)))
        return [cell.key for cell in study_cells(self.design, methods, HALVES)]
