"""A training in this process: data, Lightning, bundle, held-out scores, and its end in the manifest.

What a training needs is imported here, so that whoever only asks for trainings need not import it.
"""

from __future__ import annotations

from typing import Any

from ptyproof import clock
from ptyproof.console import Console
from ptyproof.io.file_record import file_record
from ptyproof.io.hashing import sha256_file
from ptyproof.io.regular import appended
from ptyproof.phases.e_train.held_out import describe_scores, held_out_scores
from ptyproof.phases.e_train.plots import loss_curve
from ptyproof.phases.e_train.setup import TrainingSetup
from ptyproof.records.cell_ledger import Record
from ptyproof.records.training_ledger import NOT_ENDED, RESULT_KEYS, Ledger
from ptyproof.study.jobs import TrainingJob
from ptyproof.training.bundle import read_bundle
from ptyproof.training.runner import METRICS, Trained, TrainingTask, train
from ptyproof.training.scan import Scan, read_scan

LOSS_CURVE = "loss_curve.png"


def train_and_score(
    phase: TrainingSetup, job: TrainingJob, attempt: Record, started: str, console: Console
) -> tuple[Record, bool]:
    """Train a job and record its success; return its entry, and whether an earlier call had left the same result.

    `attempt` is what the entry says of this attempt, and is filled in.
    """
    ledger = phase.ledger
    scan = read_scan(job.train_data_path)
    read_scan(job.test_data_path)  # a damaged held-out half is found before the training, not after it
    task = task_of(phase, job)
    earlier = ledger.entry(job)
    if earlier is not None and not phase.retrain and _is_reusable(earlier, job, task, scan, attempt["environment"]):
        console.say(f"{job.key}: reused, the bundle is whole and made by the same recipe on the same machine")
        return earlier, True
    attempt["datasets"] = {
        half: file_record(path, ledger.artifact_root)
        for half, path in (("train", job.train_data_path), ("test", job.test_data_path))
    }
    ledger.record(job, result=Ledger.lost_result(NOT_ENDED) | {"started": started}, **attempt)
    with appended(job.log_path) as log:
        log_lines = Console(log, console.bars)
        log_lines.say(f"{started} {job.key}: train on {len(scan)} positions of {job.train_data_path.name}")
        try:
            trained = train(task, scan, job.artifact_dir, phase.options, log_lines)
            scores = _finish(phase, job, trained, log_lines)
        except BaseException as error:
            log_lines.say(
                f"{clock.stamp()} {job.key}: ended by {type(error).__name__}: {ledger.portable(str(error), job)}"
            )
            raise
        log_lines.say(f"{clock.stamp()} {job.key}: success, {trained.bundle_path.name}")
    success = _success(job, trained, task.recipe_sha256(scan), started)
    return ledger.record(job, result=success, scores=scores), False


def task_of(phase: TrainingSetup, job: TrainingJob) -> TrainingTask:
    """Return what a job trains."""
    design = phase.ledger.design
    return TrainingTask(
        study=design.name,
        design_digest=design.digest(),
        key=job.key,
        dose=job.dose,
        view=job.view,
        gridsize=job.gridsize,
        neighbor_count=job.neighbor_count,
        training=phase.training,
    )


def _finish(phase: TrainingSetup, job: TrainingJob, trained: Trained, console: Console) -> dict[str, Any]:
    loss_curve(job.artifact_dir / LOSS_CURVE, trained.history, job.key)
    network = read_bundle(trained.bundle_path).network
    scores = held_out_scores(network, job.test_data_path, phase.training.rate_floor, job.gridsize > 1, console)
    for line in describe_scores(scores):
        console.say(line)
    return scores


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
        "finished": clock.stamp(),
    }
    return {key: values[key] for key in RESULT_KEYS}
