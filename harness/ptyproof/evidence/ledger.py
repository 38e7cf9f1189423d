"""The study's training manifest and skip summary: one writer at a time, and nothing that was recorded is lost.

Every process that trains opens the manifest under a lock, changes the cells it knows about, and writes it whole. A job
that was started stands there as `lost` until its end is recorded, so that a run that was killed stays visible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptyproof.errors import InputError
from ptyproof.evidence.manifest import read_manifest, relative, timed_head, write_manifest
from ptyproof.io.locking import lock
from ptyproof.study.design import StudyDesign
from ptyproof.study.jobs import Enumeration, JobFilters, SkippedView, TrainingJob, cell_key, cell_of
from ptyproof.study.layout import SKIP_SUMMARY, TRAINING_MANIFEST

NOT_STARTED = "selected, but it was not started: the run ended before it, or is under way"
NOT_ENDED = "started, but no end was recorded: it was killed, or is running"
STATUSES = ("success", "failed", "lost")


@dataclass(frozen=True, eq=False)
class Ledger:
    """The training manifest of a study under an artifact root.

    Parameters
    ----------
    design
        The study.
    phase_c_root, phase_d_root
        Where the data lie; recorded relative to `artifact_root`.
    artifact_root
        Folder of `training_manifest.json` and `skip_summary.json`.
    """

    design: StudyDesign
    phase_c_root: Path
    phase_d_root: Path
    artifact_root: Path

    @property
    def path(self) -> Path:
        """The manifest."""
        return self.artifact_root / TRAINING_MANIFEST

    @property
    def skip_summary_path(self) -> Path:
        """The skip summary."""
        return self.artifact_root / SKIP_SUMMARY

    def read(self) -> dict[str, Any] | None:
        """Return the manifest as it stands, or None where there is none.

        Raises
        ------
        ManifestError
            If it is damaged.
        InputError
            If it is the record of another study.
        """
        if not self.path.exists():
            return None
        manifest: dict[str, Any] = read_manifest(self.path, "training_manifest")
        if manifest["design_digest"] != self.design.digest():
            raise InputError(
                f"{self.path} is the record of study {manifest['study']} with another design; choose another "
                f"--artifact-root for study {self.design.name}"
            )
        return manifest

    def open_call(
        self, found: Enumeration, filters: JobFilters, allow_missing_phase_d: bool, call_id: str
    ) -> dict[str, Any]:
        """Record what a call asks for: its cells, skips and filters; return the manifest.

        A call of several processes has one `call_id`, and is recorded by the first of them.
        """
        with self._changing() as book:
            manifest = book.manifest
            if any(call["id"] == call_id for call in manifest["calls"]):
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
                book.jobs.setdefault(job.key, self._entry(job, lost_result(NOT_STARTED)))
            for skip in found.skipped:
                book.skip(skip)
            for job in (*found.jobs, *found.not_selected):
                book.skips.pop(job.key, None)  # a view that was missing once and is there now
            book.not_selected.update({job.key: _cell(job) for job in found.not_selected})
        return manifest

    def record(self, job: TrainingJob, **changes: Any) -> dict[str, Any]:
        """Change the entry of a job (its `result`, `scores`, ...) and return it.

        A result that is replaced after it had ended is kept under `earlier_results`.
        """
        with self._changing() as book:
            entry = book.jobs.setdefault(job.key, self._entry(job, lost_result(NOT_STARTED)))
            if "result" in changes and entry["result"]["status"] != "lost":
                entry["earlier_results"].append(entry["result"])
            entry.update(changes)
        return entry

    def entry(self, job: TrainingJob) -> dict[str, Any] | None:
        """Return the recorded entry of a job, or None."""
        manifest = self.read()
        entries: list[dict[str, Any]] = [] if manifest is None else manifest["jobs"]
        return next((entry for entry in entries if entry["job"] == job.key), None)

    def portable(self, text: str, job: TrainingJob) -> str:
        """Return a text about a job with the job's paths relative to the artifact root, as in the manifest."""
        for path in (job.train_data_path, job.test_data_path, job.artifact_dir):
            text = text.replace(str(path), relative(path, self.artifact_root))
        return text

    @contextmanager
    def _changing(self) -> Iterator[_Book]:
        with lock(self.path):
            earlier = self.read()
            book = _Book(self._new() | ({} if earlier is None else {key: earlier[key] for key in _KEPT}))
            yield book
            book.close(self.design)
            write_manifest(self.skip_summary_path, _skip_summary(book.manifest))
            write_manifest(self.path, book.manifest)

    def _new(self) -> dict[str, Any]:
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

    def _entry(self, job: TrainingJob, result: dict[str, Any]) -> dict[str, Any]:
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
            "result": result,
            "scores": None,
            "earlier_results": [],
        }


class _Book:
    """A manifest that is open for changes, its cells by name: jobs, skips, and those that nobody has selected."""

    def __init__(self, manifest: dict[str, Any]) -> None:
        self.manifest = manifest
        self.jobs: dict[str, dict[str, Any]] = {entry["job"]: entry for entry in manifest["jobs"]}
        self.skips = {cell_of(skip): skip for skip in manifest["skipped_views"]}
        self.not_selected = {cell_of(cell): cell for cell in manifest["not_selected"]}

    def skip(self, skip: SkippedView) -> None:
        """Make a cell a skip, unless it was trained while its data were there: that result stays."""
        if skip.key in self.jobs and self.jobs[skip.key]["result"]["status"] != "lost":
            return
        self.jobs.pop(skip.key, None)
        self.skips[skip.key] = skip.as_dict()

    def close(self, design: StudyDesign) -> None:
        """Put the cells into the manifest, in the study's order, and do the account."""
        order = [
            cell_key(dose, view.name, view.gridsize)
            for dose in design.doses_photons_per_pattern
            for view in design.views
        ]
        jobs = _in_order(order, self.jobs)
        skips = _in_order(order, self.skips)
        others = _in_order([key for key in order if key not in self.jobs | self.skips], self.not_selected)
        counts = {f"n_{status}": 0 for status in STATUSES}
        for entry in jobs:
            counts[f"n_{entry['result']['status']}"] += 1
        counts |= {"n_skipped": len(skips), "n_not_selected": len(others)}
        self.manifest |= {
            "jobs": jobs,
            "not_selected": others,
            "skipped_views": skips,
            "skipped_count": len(skips),
            "account": {"n_enumerated": sum(counts.values()), **counts},
        }


_KEPT = ("filters", "calls", "jobs", "not_selected", "skipped_views")


def lost_result(error: str) -> dict[str, Any]:
    """Return the result of a job whose end is not recorded."""
    return dict.fromkeys(RESULT_KEYS) | {"status": "lost", "error": error}


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


def _skip_summary(manifest: dict[str, Any]) -> dict[str, Any]:
    return timed_head("skip_summary") | {
        "study": manifest["study"],
        "training_manifest_path": TRAINING_MANIFEST,
        "skipped_count": manifest["skipped_count"],
        "skipped_views": manifest["skipped_views"],
    }


def _filters(filters: JobFilters) -> dict[str, Any]:
    return {
        "dose": _listed(filters.doses),
        "view": _listed(filters.views),
        "gridsize": _listed(filters.gridsizes),
    }


def _listed(values: Iterable[Any] | None) -> list[Any] | None:
    return None if values is None else list(values)


def _cell(job: TrainingJob | SkippedView) -> dict[str, Any]:
    return {"dose": job.dose, "view": job.view, "gridsize": job.gridsize}


def _in_order(order: list[str], records: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [records[key] for key in order if key in records]
