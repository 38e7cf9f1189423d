"""The study's training manifest and skip summary; see `cell_ledger`."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import ClassVar

from ptyproof.io.file_record import relative
from ptyproof.records.cell_book import CellBook, Record
from ptyproof.records.cell_ledger import NO_CELLS, NOT_STARTED, CellLedger
from ptyproof.records.job_record import CellFiles
from ptyproof.records.manifest import timed_head, write_manifest
from ptyproof.study.cells import Cell
from ptyproof.study.jobs import JobFilters, TrainingJob, cells_by_training, training_cells
from ptyproof.study.layout import BUNDLE, RESULT_FILE, SKIP_SUMMARY, TRAINING_LOG, TRAINING_MANIFEST, job_folder
from ptyproof_schemas.types.skip_summary import SkipSummary
from ptyproof_schemas.types.training_manifest import Job, Lost, TrainingManifest


class TrainingLedger(CellLedger[TrainingJob, TrainingManifest]):
    """The training manifest of a study under an artifact root, and `skip_summary.json` beside it."""

    KIND: ClassVar[str] = "training_manifest"
    FILE: ClassVar[str] = TRAINING_MANIFEST
    SKIPS: ClassVar[str] = "skipped_views"
    SKIP: ClassVar[str] = "skipped_view"
    CELL: ClassVar[type[Cell]] = Cell
    LOST: ClassVar[type] = Lost

    @property
    def skip_summary_path(self) -> Path:
        """The skip summary."""
        return self.artifact_root / SKIP_SUMMARY

    def complete(self, manifest: Record) -> Record:
        """Return a manifest with the number of its skips."""
        return manifest | {"skipped_count": len(manifest["skipped_views"])}

    def write_beside(self, manifest: Record) -> None:
        """Write the skip summary."""
        write_manifest(self.skip_summary_path, _skip_summary(manifest))

    def new(self) -> TrainingManifest:
        """Return the manifest without any cells."""
        return {
            **self.head(),
            "filters": JobFilters().as_dict(),
            "dry_run": False,
            "calls": [],
            "jobs": [],
            "not_selected": [],
            "skipped_views": [],
            "skipped_count": 0,
            "skip_summary_path": SKIP_SUMMARY,
            "account": NO_CELLS.copy(),
        }

    def new_entry(self, job: TrainingJob) -> Job:
        """Return the entry of a training that was selected and is not started."""
        entry: Job = {
            "job": job.key,
            "dose": job.dose,
            "view": job.view,
            "gridsize": job.gridsize,
            "neighbor_count": job.neighbor_count,
            "train_data_path": relative(job.train_data_path, self.artifact_root),
            "test_data_path": relative(job.test_data_path, self.artifact_root),
            "log_path": relative(job.log_path, self.artifact_root),
            "artifact_dir": relative(job.artifact_dir, self.artifact_root),
            "datasets": None,
            "training": None,
            "environment": None,
            "result": self.lost_result(NOT_STARTED),
            "scores": None,
            "earlier_results": [],
        }
        if job.replicate > 1:
            entry["replicate"] = job.replicate
        return entry

    @classmethod
    def files_in(cls, artifact_root: Path, cell: Cell) -> CellFiles:
        """Return the folder of a cell, and in it the entry, the bundle and the log."""
        folder = job_folder(artifact_root, cell.dose, cell.view, cell.gridsize, cell.replicate)
        return CellFiles(folder, folder / RESULT_FILE, (folder / BUNDLE, folder / TRAINING_LOG))

    def near(self, job: TrainingJob) -> tuple[Cell, ...]:
        """Return the cells that share the training of a job, its own among them."""
        return tuple(dict.fromkeys((*self._sharing.get(job.trained, ()), job.cell)))

    @cached_property
    def _sharing(self) -> dict[Cell, list[Cell]]:
        return cells_by_training(self.design)

    def order(self, book: CellBook) -> list[str]:
        """Return the names of all cells of the study, in its order."""
        return [cell.key for cell in training_cells(self.design)]


def _skip_summary(manifest: Record) -> SkipSummary:
    return {
        **timed_head("skip_summary"),
        "study": manifest["study"],
        "training_manifest_path": TRAINING_MANIFEST,
        "skipped_count": manifest["skipped_count"],
        "skipped_views": manifest["skipped_views"],
    }
