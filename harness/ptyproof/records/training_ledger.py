"""The study's training manifest and skip summary; `cell_ledger` says how they are kept."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from ptyproof.io.file_record import relative
from ptyproof.provenance.redaction import redaction
from ptyproof.records.cell_ledger import NOT_ENDED, NOT_STARTED, STATUSES, CellBook, CellLedger, Record
from ptyproof.records.manifest import timed_head, write_manifest
from ptyproof.study.jobs import Enumeration, JobFilters, SkippedView, TrainingJob
from ptyproof.study.layout import SKIP_SUMMARY, TRAINING_MANIFEST, cell_key, cell_of

__all__ = ["NOT_ENDED", "NOT_STARTED", "RESULT_KEYS", "STATUSES", "Ledger", "lost_result"]

RESULT_KEYS = (
    "status",
    "error",
    "final_loss",
    "validation_loss",
    "epochs_completed",
    "bundle_epoch",
    "resumed_from_epoch",
    "checkpoint_path",
    "bundle_path",
    "bundle_sha256",
    "bundle_size_bytes",
    "metrics_path",
    "loss_curve_path",
    "recipe_sha256",
    "started",
    "finished",
)


class Ledger(CellLedger):
    """The training manifest of a study under an artifact root, and `skip_summary.json` beside it."""

    KIND: ClassVar[str] = "training_manifest"
    FILE: ClassVar[str] = TRAINING_MANIFEST
    SKIPS: ClassVar[str] = "skipped_views"
    RESULT_KEYS: ClassVar[tuple[str, ...]] = RESULT_KEYS

    @property
    def skip_summary_path(self) -> Path:
        """The skip summary."""
        return self.artifact_root / SKIP_SUMMARY

    def open_call(self, found: Enumeration, filters: JobFilters, allow_missing_phase_d: bool, call_id: str) -> Record:
        """Record what a call asks for: its cells, skips and filters; return the manifest.

        A call of several processes has one `call_id`, and is recorded by the first of them.
        """
        with self.changing() as book:
            manifest = book.manifest
            if not book.is_new_call(call_id):
                return manifest
            manifest["filters"] = _filters(filters)
            manifest["calls"].append(
                {
                    "id": call_id,
                    "timestamp": manifest["timestamp"],
                    "filters": _filters(filters),
                    "allow_missing_phase_d": allow_missing_phase_d,
                    "jobs": [job.key for job in found.jobs],
                    "skipped": [skip.key for skip in found.skipped],
                }
            )
            for job in found.jobs:
                book.jobs.setdefault(job.key, self._entry(job))
            for skip in found.skipped:
                book.skip(skip.key, skip.as_dict())
            for job in (*found.jobs, *found.not_selected):
                book.skips.pop(job.key, None)  # a view that was missing once and is there now
            book.not_selected.update({job.key: _cell(job) for job in found.not_selected})
        return manifest

    def record(self, job: TrainingJob, **changes: Any) -> Record:
        """Change the entry of a job (its `result`, `scores`, ...) and return it.

        A result that is replaced after it had ended is kept under `earlier_results`.
        """
        with self.changing() as book:
            return book.change(job.key, self._entry(job), changes)

    def entry(self, job: TrainingJob) -> Record | None:
        """Return the recorded entry of a job, or None."""
        return self.entry_of(job.key)

    def portable(self, text: str, job: TrainingJob) -> str:
        """Return a text about a job with its paths relative to the artifact root, as in the manifest, and no others."""
        for path in (job.train_data_path, job.test_data_path, job.artifact_dir):
            text = text.replace(str(path), relative(path, self.artifact_root))
        return redaction(self.artifact_root).clean(text.replace(f"{self.artifact_root}/", ""))

    def write(self, manifest: Record) -> None:
        """Write the skip summary and the manifest."""
        manifest["skipped_count"] = len(manifest["skipped_views"])
        write_manifest(self.skip_summary_path, _skip_summary(manifest))
        write_manifest(self.path, manifest)

    def new(self) -> Record:
        """Return the manifest without any cells."""
        return timed_head("training_manifest") | {
            "study": self.design.name,
            "design": self.design.as_dict(),
            "design_digest": self.design.digest(),
            "phase_c_root": relative(self.phase_c_root, self.artifact_root),
            "phase_d_root": relative(self.phase_d_root, self.artifact_root),
            "artifact_root": ".",
            "filters": _filters(JobFilters()),
            "dry_run": False,
            "calls": [],
            "jobs": [],
            "not_selected": [],
            "skipped_views": [],
            "skipped_count": 0,
            "skip_summary_path": SKIP_SUMMARY,
            "account": {},
        }

    def name(self, record: Record) -> str:
        """Return the name of a cell from its record."""
        return cell_of(record)

    def order(self, book: CellBook) -> list[str]:
        """Return the names of all cells of the study, in its order."""
        return [
            cell_key(dose, view.name, view.gridsize)
            for dose in self.design.doses_photons_per_pattern
            for view in self.design.views
        ]

    def _entry(self, job: TrainingJob) -> Record:
        return {
            "job": job.key,
            **_cell(job),
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


def lost_result(error: str) -> Record:
    """Return the result of a training whose end is not recorded."""
    return Ledger.lost_result(error)


def _skip_summary(manifest: Record) -> Record:
    return timed_head("skip_summary") | {
        "study": manifest["study"],
        "training_manifest_path": TRAINING_MANIFEST,
        "skipped_count": manifest["skipped_count"],
        "skipped_views": manifest["skipped_views"],
    }


def _filters(filters: JobFilters) -> Record:
    return {
        "dose": _listed(filters.doses),
        "view": _listed(filters.views),
        "gridsize": _listed(filters.gridsizes),
    }


def _listed(values: Iterable[Any] | None) -> list[Any] | None:
    return None if values is None else list(values)


def _cell(job: TrainingJob | SkippedView) -> Record:
    return {"dose": job.dose, "view": job.view, "gridsize": job.gridsize}
