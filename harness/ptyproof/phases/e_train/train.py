"""Phase E: train every job of a study for real, score it on the held-out half, and record what became of it.

The way of the data: enumeration (pure) -> for each job: patterns, probe and positions of the train half, never the
truth -> training, with torch configured for this job alone -> bundle -> held-out scores -> the training manifest.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ptyproof import clock
from ptyproof.console import Console
from ptyproof.errors import InputError
from ptyproof.io.atomic import sweep, writable_folder
from ptyproof.io.regular import appended
from ptyproof.jobs import process as job_process
from ptyproof.jobs import state as job_state
from ptyproof.jobs.attempt import JobPlace
from ptyproof.jobs.ends import NOT_AGAIN, stands
from ptyproof.jobs.process import Died
from ptyproof.metrics.improvement import verdict
from ptyproof.phases.e_train.setup import TrainingSetup
from ptyproof.records.cell_ledger import Record
from ptyproof.records.manifest import read_manifest
from ptyproof.records.training_ledger import Ledger
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.jobs import Enumeration, JobFilters, TrainingJob, build_training_jobs
from ptyproof.study.layout import RUN_MANIFEST
from ptyproof.training.device import RunOptions, compute_environment, resolve_accelerator


@dataclass(frozen=True, eq=False)
class TrainedJob:
    """A job and its entry in the training manifest; `reused` tells that an earlier call had trained it."""

    job: TrainingJob
    entry: dict[str, Any]
    reused: bool = False

    @property
    def status(self) -> str:
        """`success`, `failed` or `lost`."""
        return str(self.entry["result"]["status"])

    @property
    def error(self) -> str | None:
        """Why the job failed, in one sentence; None where it did not."""
        error: str | None = self.entry["result"]["error"]
        return f"{error} ({NOT_AGAIN})" if self.reused and error is not None else error

    @property
    def bundle_path(self) -> Path | None:
        """The bundle, or None where there is none."""
        name = self.entry["result"]["bundle_path"]
        return None if name is None else self.job.artifact_dir / name


@dataclass(frozen=True, eq=False)
class TrainingPhase(TrainingSetup):
    """Phase E of a study: its jobs, and how they are run."""

    def enumerate(self, filters: JobFilters | None = None, allow_missing_phase_d: bool = False) -> Enumeration:
        """Return the jobs and skips of the study with the data that are there; see `build_training_jobs`."""
        ledger = self.ledger
        return build_training_jobs(
            ledger.design,
            ledger.phase_c_root,
            ledger.phase_d_root,
            ledger.artifact_root,
            filters,
            allow_missing_phase_d,
        )

    def run_job(self, job: TrainingJob, console: Console | None = None) -> TrainedJob:
        """Train a job, unless an earlier call left the same result; record how it ended, whatever it was.

        Two processes that are given the same job do not train it twice. A failure of an earlier call stands, unless
        the job would be trained in another way, or `retry` asks for it.
        """
        console = console or Console.silent()
        if self.processes is None:
            return TrainedJob(job, *self.run_here(job, None, console, lambda _: None))
        here = replace(self, options=self.options.pinned(), processes=None)
        work = partial(here.run_here, job, self.processes.memory_bytes)
        ended = job_process.run(work, self.processes, console)
        if isinstance(ended, Died):
            return TrainedJob(job, self._record_death(job, ended, console))
        return TrainedJob(job, *ended)

    def run_here(
        self, job: TrainingJob, memory_bytes: int | None, console: Console, began: Callable[[str], None]
    ) -> tuple[Record, bool]:
        """Do what `run_job` says in this process; return the job's entry, and whether an earlier call had made it.

        `began` is called with the time of the start as soon as no other process runs the job.
        """
        from ptyproof.phases.e_train.train_worker import train_and_score

        # What the entry says of an attempt, so that nothing of an earlier one stays beside a failure.
        attempt: Record = {
            "datasets": None,
            "training": self.training.as_dict(),
            "environment": compute_environment(self.options),
            "scores": None,
        }

        def work(started: str) -> tuple[Record, bool]:
            return train_and_score(self, job, attempt, started, console)

        def standing(earlier: Record) -> bool:
            again = self.retrain or "failed" in self.retry
            return not again and stands(earlier, attempt, self.ledger.artifact_root)

        return self._place(job).attempt(work, standing, attempt, memory_bytes, console, began)

    def state(self, job: TrainingJob) -> str | None:
        """Return where a job stands, one of `job_state.STATES`; None where no call has selected it yet."""
        return self._place(job).state()

    def _place(self, job: TrainingJob) -> JobPlace:
        ledger = self.ledger
        return JobPlace(
            ledger,
            job.key,
            job.artifact_dir,
            state_path(job),
            lambda text: ledger.portable(text, job),
            lambda changes: ledger.record(job, **changes),
        )

    def _record_death(self, job: TrainingJob, died: Died, console: Console) -> Record:
        unknown: Record = {"datasets": None, "training": self.training.as_dict(), "environment": None}
        entry = self._place(job).record_death(died, unknown | {"scores": None}, console)
        if entry["result"]["error"] == died.reason and job.log_path.is_file():
            with appended(job.log_path) as log:
                Console(log, None).say(f"{clock.stamp()} {job.key}: {died.status}: {died.reason}")
        return entry


def state_path(job: TrainingJob) -> Path:
    """Return where a process says that it runs a job."""
    return job.artifact_dir / job_state.STATE_FILE


def open_phase(
    phase_c_root: Path,
    phase_d_root: Path,
    artifact_root: Path,
    options: RunOptions,
    design: StudyDesign | None = None,
    **how: Any,
) -> TrainingPhase:
    """Return Phase E of the study that Phase C recorded, or of `design`.

    Raises
    ------
    InputError
        If Phase C left no record and no design is given, or a GPU is asked for and there is none.
    ManifestError
        If Phase C's record is damaged.
    """
    resolve_accelerator(options.accelerator)
    if how.get("processes") is not None:
        job_process.start_server(job_process.OF_TRAININGS)
    path = phase_c_root / RUN_MANIFEST
    if design is None:
        if not path.is_file():
            raise InputError(
                f"--phase-c-root {phase_c_root} has no {RUN_MANIFEST}; run `ptyproof generate`, or give --study"
            )
        design = design_from_dict(read_manifest(path, "run_manifest")["design"])
    return TrainingPhase(Ledger(design, phase_c_root, phase_d_root, artifact_root), options, **how)


def run_training(
    phase: TrainingPhase, found: Enumeration, filters: JobFilters, allow_missing_phase_d: bool, console: Console
) -> list[TrainedJob]:
    """Train the jobs of an enumeration one after the other; return them as they ended.

    Every skip and every job is a line on the console; a job that fails does not keep the others from running.

    Raises
    ------
    InputError
        If the artifact root takes no files, or belongs to another study; nothing is trained then.
    """
    ledger = phase.ledger
    ledger.read()
    writable_folder(ledger.artifact_root, "--artifact-root")
    sweep(ledger.artifact_root)
    ledger.open_call(found, filters, allow_missing_phase_d, uuid.uuid4().hex)
    ended = []
    for number, job in enumerate(found.jobs, start=1):
        console.say(f"[{number}/{len(found.jobs)}] {job.key}: training")
        done = phase.run_job(job, console)
        if done.status == "success":
            console.say(describe_job(done))
        ended.append(done)
    return ended


def describe_enumeration(found: Enumeration) -> list[str]:
    """Return a line with the numbers, and one for each skip with its reason."""
    lines = [
        f"{found.n_enumerated} cells: {len(found.jobs)} jobs to train, {len(found.skipped)} skipped, "
        f"{len(found.not_selected)} not selected"
    ]
    for skip in found.skipped:
        wanted = "" if skip.selected else " (not selected)"
        lines.append(f"skipped {skip.key}{wanted}: {skip.reason}")
    return lines


def describe_job(done: TrainedJob) -> str:
    """Return the line about a trained job: loss, bundle, hash, size, and whether it beats its start."""
    result, scores = done.entry["result"], done.entry["scores"]
    return (
        f"{done.job.key}: success, {result['epochs_completed']} epochs, weights of epoch {result['bundle_epoch']}, "
        f"final loss {result['final_loss']:.5f} nats per pixel, {verdict(scores)}; "
        f"{done.entry['artifact_dir']}/{result['bundle_path']}, sha256 {result['bundle_sha256'][:16]}..., "
        f"{result['bundle_size_bytes'] / 1e6:.2f} MB"
    )
