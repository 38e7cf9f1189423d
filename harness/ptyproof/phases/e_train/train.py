"""Phase E: train every job of a study for real, score it on the held-out half, and record what became of it.

The way of the data: enumeration (pure) -> for each job: patterns, probe and positions of the train half, never the
truth -> training, with torch configured for this job alone -> bundle -> held-out scores -> the training manifest.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import ClassVar

from ptyproof.jobs.attempt import Attempt, EndedJob
from ptyproof.jobs.executor import Needs
from ptyproof.jobs.phase import JobPhase, Words
from ptyproof.metrics.improvement import verdict
from ptyproof.records.cell_book import Record
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.study.cells import Enumeration
from ptyproof.study.jobs import JobFilters, TrainingJob, build_training_jobs
from ptyproof.study.layout import CHECKPOINT
from ptyproof.study.training import TrainingDesign
from ptyproof.training.device import compute_environment, resolve_accelerator


@dataclass(frozen=True, eq=False)
class TrainingPhase(JobPhase[TrainingJob]):
    """Phase E of a study; `max_epochs` replaces the study's, None keeps it."""

    ledger: TrainingLedger
    max_epochs: int | None = None

    LEDGER: ClassVar[type[TrainingLedger]] = TrainingLedger
    WORDS: ClassVar[Words] = Words("train", "trained", announced="training")
    PRELOADED: ClassVar[tuple[str, ...]] = ("ptyproof.phases.e_train.train_worker",)

    @property
    def training(self) -> TrainingDesign:
        """The study's training design with the replacements of this call."""
        design = self.ledger.design.training
        return design if self.max_epochs is None else replace(design, max_epochs=self.max_epochs)

    def check(self) -> None:
        """Raise InputError if a GPU is requested but not found on this machine, which runs the jobs."""
        if self.options.here:
            resolve_accelerator(self.options.accelerator)

    def enumerate(
        self, filters: JobFilters | None = None, allow_missing_phase_d: bool = False
    ) -> Enumeration[TrainingJob]:
        """Return the jobs and skips of the study with the data that are there; see `build_training_jobs`."""
        return build_training_jobs(self.ledger.design, *self.ledger.roots, filters, allow_missing_phase_d)

    def facts(self, job: TrainingJob) -> Record:
        """Return what an entry says of a training that has found nothing yet."""
        return {"datasets": None, "training": self.training.as_dict(), "environment": None, "scores": None}

    def needs(self, job: TrainingJob) -> Needs:
        """Return that a training takes a GPU, where trainings run on one, and goes on from its checkpoint."""
        wanted = self.options.accelerator
        gpu = (resolve_accelerator(wanted) == "gpu") if self.options.here else wanted != "cpu"
        return Needs(gpu, goes_on_from=job.artifact_dir / CHECKPOINT)

    def same_result(self, job: TrainingJob) -> Hashable | None:
        """Return the cell that names a training which several cells share."""
        return job.shared

    def environment(self) -> Record:
        """Return what the bits of a bundle depend on in this process."""
        return dict(compute_environment(self.options))

    def work(self, attempt: Attempt[TrainingJob]) -> EndedJob[TrainingJob]:
        """Train a job and score it."""
        from ptyproof.phases.e_train.train_worker import train_and_score

        return train_and_score(attempt, self.training, self.options)

    def line(self, done: EndedJob[TrainingJob]) -> str:
        """Return the line about a trained job: loss, bundle, hash, size, and its errors beside its initial estimate."""
        result = done.entry["result"]
        return (
            f"{done.job.key}: success, {result['epochs_completed']} epochs, weights of epoch {result['bundle_epoch']}, "
            f"final loss {result['final_loss']:.5f} nats per pixel, {verdict(done.entry['scores'])}; "
            f"{done.entry['artifact_dir']}/{result['bundle_path']}, sha256 {result['bundle_sha256'][:16]}..., "
            f"{result['bundle_size_bytes'] / 1e6:.2f} MB"
        )
