"""The study's reconstruction manifest; `cell_ledger` says how it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ptyproof.io.file_record import relative
from ptyproof.methods.reconstruction_jobs import (
    Cell,
    FoundReconstructions,
    ReconstructionFilters,
    ReconstructionJob,
    Skip,
    study_cells,
)
from ptyproof.provenance.redaction import redaction
from ptyproof.records.cell_ledger import NOT_STARTED, CellBook, CellLedger, Record
from ptyproof.records.manifest import timed_head
from ptyproof.study.layout import HALVES, RECONSTRUCTION_MANIFEST, TRAINING_MANIFEST

RESULT_KEYS = (
    "status",
    "error",
    "reconstruction",
    "product",
    "arrays_sha256",
    "n_parts",
    "iterations",
    "stopped_by",
    "final_loss",
    "timing",
    "reused_from",
    "recipe_sha256",
    "started",
    "finished",
)
_CELL_KEYS = ("dose", "view", "gridsize", "split", "method")


@dataclass(frozen=True)
class Call:
    """What a call asks for. A call of several processes has one `call_id`, and is recorded by the first of them."""

    call_id: str
    filters: ReconstructionFilters
    budget: Record | None = None
    allow_missing_phase_d: bool = False


class ReconstructionLedger(CellLedger):
    """The reconstruction manifest of a study under an artifact root."""

    KIND: ClassVar[str] = "reconstruction_manifest"
    FILE: ClassVar[str] = RECONSTRUCTION_MANIFEST
    SKIPS: ClassVar[str] = "skipped"
    RESULT_KEYS: ClassVar[tuple[str, ...]] = RESULT_KEYS

    def open_call(self, found: FoundReconstructions, call: Call, plans: dict[str, Record]) -> Record:
        """Record what a call asks for, its cells, skips and filters; return the manifest.

        `plans` has for each job what its entry says of how it is done: provider, needs_training, probe, budget, seed.
        """
        with self.changing() as book:
            manifest = book.manifest
            if not book.is_new_call(call.call_id):
                return manifest
            manifest["filters"] = call.filters.as_dict()
            manifest["calls"].append(
                {
                    "id": call.call_id,
                    "timestamp": manifest["timestamp"],
                    "filters": call.filters.as_dict(),
                    "budget": call.budget,
                    "allow_missing_phase_d": call.allow_missing_phase_d,
                    "jobs": [job.key for job in found.jobs],
                    "skipped": [skip.key for skip in found.skipped],
                }
            )
            for job in found.jobs:
                book.jobs.setdefault(job.key, self._entry(job, plans[job.key]))
            for skip in found.skipped:
                book.skip(skip.key, skip.as_dict())
            for job in (*found.jobs, *found.not_selected):
                book.skips.pop(job.key, None)  # what was missing once and is there now
            book.not_selected.update({job.key: job.cell.as_dict() for job in found.not_selected})
        return manifest

    def record(self, job: ReconstructionJob, plan: Record, **changes: Any) -> Record:
        """Change the entry of a job and return it; a result that is replaced after it had ended is kept."""
        with self.changing() as book:
            return book.change(job.key, self._entry(job, plan), plan | changes)

    def skip(self, skip: Skip) -> None:
        """Record that a selected cell turned out to be impossible."""
        with self.changing() as book:
            book.skip(skip.key, skip.as_dict())

    def portable(self, text: str, job: ReconstructionJob) -> str:
        """Return a text about a job with its paths relative to the artifact root, as in the manifest, and no others."""
        for path in (job.data_path, job.path, job.product_path, job.training.artifact_dir):
            text = text.replace(str(path), relative(path, self.artifact_root))
        return redaction(self.artifact_root).clean(text.replace(f"{self.artifact_root}/", ""))

    def new(self) -> Record:
        """Return the manifest without any cells."""
        trained = (self.artifact_root / TRAINING_MANIFEST).is_file()
        return timed_head(self.KIND) | {
            "study": self.design.name,
            "design": self.design.as_dict(),
            "design_digest": self.design.digest(),
            "phase_c_root": relative(self.phase_c_root, self.artifact_root),
            "phase_d_root": relative(self.phase_d_root, self.artifact_root),
            "artifact_root": ".",
            "training_manifest_path": TRAINING_MANIFEST if trained else None,
            "filters": ReconstructionFilters().as_dict(),
            "calls": [],
            "jobs": [],
            "not_selected": [],
            "skipped": [],
            "account": {},
        }

    def name(self, record: Record) -> str:
        """Return the name of a cell from its record."""
        return Cell(*(record[key] for key in _CELL_KEYS)).key

    def order(self, book: CellBook) -> list[str]:
        """Return the names of all cells that may be there: the study's methods first, then those asked for."""
        present = {
            record["method"] for group in (book.jobs, book.skips, book.not_selected) for record in group.values()
        }
        named = [entry.name for entry in self.design.reconstruction.methods]
        methods = (*named, *sorted(present - set(named)))
        return [cell.key for cell in study_cells(self.design, methods, HALVES)]

    def _entry(self, job: ReconstructionJob, plan: Record) -> Record:
        return {
            "job": job.key,
            **job.cell.as_dict(),
            **plan,
            "dataset": None,
            "bundle": None,
            "environment": None,
            "remedies": [],
            "result": self.lost_result(NOT_STARTED),
            "earlier_results": [],
        }
