"""Phase E: train every job of a study for real, score it on the held-out half, and record what became of it.

The way of the data: enumeration (pure) -> for each job: patterns, probe and positions of the train half, never the
truth -> training, with torch configured for this job alone -> bundle -> held-out scores -> the training manifest.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ptyproof.console import Console
from ptyproof.errors import InputError, PtyproofError
from ptyproof.evidence.figures import loss_curve
from ptyproof.evidence.ledger import NOT_ENDED, RESULT_KEYS, Ledger
from ptyproof.evidence.manifest import file_record, read_manifest
from ptyproof.evidence.scores import describe_scores, held_out_scores
from ptyproof.evidence.verdict import verdict
from ptyproof.io.atomic import writable_folder
from ptyproof.io.hashing import sha256_file
from ptyproof.io.locking import lock
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.jobs import Enumeration, JobFilters, TrainingJob, build_training_jobs
from ptyproof.study.layout import RUN_MANIFEST
from ptyproof.study.training import TrainingDesign
from ptyproof.training.bundle import read_bundle
from ptyproof.training.data import Scan, read_scan
from ptyproof.training.device import RunOptions, compute_environment
from ptyproof.training.runner import METRICS, Trained, TrainingTask, train

LOSS_CURVE = "loss_curve.png"


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
        return error

    @property
    def bundle_path(self) -> Path | None:
        """The bundle, or None where there is none."""
        name = self.entry["result"]["bundle_path"]
        return None if name is None else self.job.artifact_dir / name


@dataclass(frozen=True, eq=False)
class TrainingPhase:
    """Phase E of a study: where its data and artifacts lie, and how it is run.

    Parameters
    ----------
    ledger
        The manifest that records it.
    options
        Accelerator, determinism, workers, logger, threads.
    max_epochs
        Instead of the study's, None keeps it.
    retrain
        Train anew what an earlier call has trained.
    """

    ledger: Ledger
    options: RunOptions
    max_epochs: int | None = None
    retrain: bool = False

    @property
    def training(self) -> TrainingDesign:
        """The study's training design with the replacements of this call."""
        design = self.ledger.design.training
        return design if self.max_epochs is None else replace(design, max_epochs=self.max_epochs)

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

    def task(self, job: TrainingJob) -> TrainingTask:
        """Return what a job trains."""
        design = self.ledger.design
        return TrainingTask(
            study=design.name,
            design_digest=design.digest(),
            key=job.key,
            dose=job.dose,
            view=job.view,
            gridsize=job.gridsize,
            neighbor_count=job.neighbor_count,
            training=self.training,
        )

    def run_job(self, job: TrainingJob, console: Console | None = None) -> TrainedJob:
        """Train a job, unless an earlier call left the same result; record how it ended, whatever it was.

        Two processes that are given the same job do not train it twice.
        """
        console = console or Console.silent()
        with lock(job.artifact_dir):
            started = _now()
            # What the entry says of an attempt, so that nothing of an earlier one stays beside a failure.
            attempt: dict[str, Any] = {
                "datasets": None,
                "training": self.training.as_dict(),
                "environment": compute_environment(self.options),
                "scores": None,
            }
            try:
                return self._run_job(job, attempt, started, console)
            except Exception as error:  # noqa: BLE001 - whatever ends a job is recorded, and the matrix goes on
                own = isinstance(error, PtyproofError)
                text = str(error) if own else f"{type(error).__name__}: {error}"
                reason = self.ledger.portable(" ".join(text.split()), job)
                console.say(f"{job.key}: FAILED: {reason}")
                result = Ledger.lost_result(reason) | {"status": "failed", "started": started, "finished": _now()}
                return TrainedJob(job, self.ledger.record(job, result=result, **attempt))

    def _run_job(self, job: TrainingJob, attempt: dict[str, Any], started: str, console: Console) -> TrainedJob:
        scan = read_scan(job.train_data_path)
        read_scan(job.test_data_path)  # a damaged held-out half is found before the training, not after it
        task = self.task(job)
        earlier = self.ledger.entry(job)
        if earlier is not None and not self.retrain and _is_reusable(earlier, job, task, scan, attempt["environment"]):
            console.say(f"{job.key}: reused, the bundle is whole and made by the same recipe on the same machine")
            return TrainedJob(job, earlier, reused=True)
        job.artifact_dir.mkdir(parents=True, exist_ok=True)
        attempt["datasets"] = {
            half: file_record(path, self.ledger.artifact_root)
            for half, path in (("train", job.train_data_path), ("test", job.test_data_path))
        }
        self.ledger.record(job, result=Ledger.lost_result(NOT_ENDED) | {"started": started}, **attempt)
        with job.log_path.open("a", encoding="utf-8", newline="\n") as log:
            log_lines = Console(log, console.bars)
            log_lines.say(f"{started} {job.key}: train on {len(scan)} positions of {job.train_data_path.name}")
            try:
                trained = train(task, scan, job.artifact_dir, self.options, log_lines)
                scores = self._finish(job, trained, log_lines)
            except BaseException as error:
                log_lines.say(
                    f"{_now()} {job.key}: ended by {type(error).__name__}: {self.ledger.portable(str(error), job)}"
                )
                raise
            log_lines.say(f"{_now()} {job.key}: success, {trained.bundle_path.name}")
        entry = self.ledger.record(job, result=_success(job, trained, task.recipe_sha256(scan), started), scores=scores)
        return TrainedJob(job, entry)

    def _finish(self, job: TrainingJob, trained: Trained, console: Console) -> dict[str, Any]:
        loss_curve(job.artifact_dir / LOSS_CURVE, trained.history, job.key)
        network = read_bundle(trained.bundle_path).network
        scores = held_out_scores(network, job.test_data_path, self.training.rate_floor, job.gridsize > 1, console)
        for line in describe_scores(scores):
            console.say(line)
        return scores


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
    compute_environment(options)
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


def _is_reusable(
    entry: dict[str, Any], job: TrainingJob, task: TrainingTask, scan: Scan, environment: dict[str, Any]
) -> bool:
    result = entry["result"]
    if result["status"] != "success" or entry["environment"] != environment:
        return False
    if result["recipe_sha256"] != task.recipe_sha256(scan):
        return False
    bundle = job.artifact_dir / result["bundle_path"]
    return bundle.is_file() and bool(sha256_file(bundle) == result["bundle_sha256"])


def _success(job: TrainingJob, trained: Trained, recipe: str, started: str) -> dict[str, Any]:
    bundle = file_record(trained.bundle_path, job.artifact_dir)
    metrics = job.artifact_dir / METRICS
    values = {
        "status": "success",
        "error": None,
        "final_loss": trained.final_loss,
        "validation_loss": trained.validation_loss,
        "epochs_completed": trained.epochs_completed,
        "bundle_epoch": trained.bundle_epoch,
        "resumed_from_epoch": trained.resumed_from_epoch,
        "checkpoint_path": trained.checkpoint_path.name,
        "bundle_path": bundle["path"],
        "bundle_sha256": bundle["sha256"],
        "bundle_size_bytes": bundle["size_bytes"],
        "metrics_path": METRICS if metrics.is_file() else None,
        "loss_curve_path": LOSS_CURVE,
        "recipe_sha256": recipe,
        "started": started,
        "finished": _now(),
    }
    return {key: values[key] for key in RESULT_KEYS}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
