"""A training in this process: data, Lightning, bundle, held-out scores, and its end in the manifest.

What a training needs is imported here, so that a process that only requests trainings need not import it.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from ptyproof import clock
from ptyproof.console import Console
from ptyproof.io.atomic import atomic_path
from ptyproof.io.file_record import file_record
from ptyproof.io.hashing import sha256_file
from ptyproof.io.knowledge import Tell
from ptyproof.io.locking import lock
from ptyproof.io.regular import appended
from ptyproof.jobs.attempt import Attempt, EndedJob
from ptyproof.phases.e_train.held_out import describe_scores, held_out_scores
from ptyproof.phases.e_train.plots import draw_training
from ptyproof.phases.e_train.shared import LOSS_CURVE, take_over, twin_of
from ptyproof.records.cell_book import Record
from ptyproof.study.design import StudyDesign
from ptyproof.study.jobs import TrainingJob
from ptyproof.study.layout import BUNDLE
from ptyproof.study.training import TrainingDesign
from ptyproof.training.bundle import read_bundle
from ptyproof.training.device import RunOptions
from ptyproof.training.runner import METRICS, Trained, TrainingTask, train
from ptyproof.training.scan import NormalizedScan, read_scan
from ptyproof_schemas.types.training_manifest import Success


def train_and_score(
    attempt: Attempt[TrainingJob], training: TrainingDesign, options: RunOptions
) -> EndedJob[TrainingJob]:
    """Train a job and record its success, unless an earlier call left the same result."""
    job, ledger = attempt.job, attempt.ledger
    scan = read_scan(job.train_data_path, ledger.design.tells_in(job.trained.view))
    read_scan(job.test_data_path)  # a damaged held-out half is found before the training, not after it
    task = task_of(ledger.design, training, job)
    recipe = task.recipe_sha256(scan)
    with nullcontext() if job.shared is None else lock(ledger.artifact_root / f"{recipe}.recipe"):
        earlier = attempt.earlier(recipe)
        if earlier is not None and _is_whole(earlier, job):
            return attempt.reuse(earlier, "bundle")
        attempt.facts["datasets"] = {
            half: file_record(path, ledger.artifact_root)
            for half, path in (("train", job.train_data_path), ("test", job.test_data_path))
        }
        if scan.told or scan.not_told:
            attempt.facts["told"], attempt.facts["not_told"] = list(scan.told), list(scan.not_told)
        attempt.begin()
        with appended(job.log_path) as log:
            lines = Console(log, attempt.console.bars)
            twin = twin_of(attempt, recipe)
            try:
                if twin is not None:
                    result = take_over(attempt, twin, lines)
                else:
                    result = _trained(attempt, task, scan, recipe, options, lines)
                scores = _scored(job, training, ledger.design.tells_in(job.view), lines)
            except BaseException as error:
                said = ledger.portable(str(error), job)
                lines.say(f"{clock.stamp()} {job.key}: ended by {type(error).__name__}: {said}")
                raise
            lines.say(f"{clock.stamp()} {job.key}: success, {result['bundle_path']}")
        return attempt.succeed(result, scores=scores)


def task_of(design: StudyDesign, training: TrainingDesign, job: TrainingJob) -> TrainingTask:
    """Return what a job trains."""
    return TrainingTask(
        study=design.name,
        design_digest=design.digest(),
        key=job.trained.key,
        dose=job.trained.dose,
        view=job.trained.view,
        gridsize=job.gridsize,
        neighbor_count=job.neighbor_count,
        training=training,
        replicate=job.replicate,
        tells=design.tells_in(job.trained.view),
    )


def _trained(
    attempt: Attempt[TrainingJob],
    task: TrainingTask,
    scan: NormalizedScan,
    recipe: str,
    options: RunOptions,
    console: Console,
) -> Success:
    """Train, and return what the manifest says of it."""
    job = attempt.job
    console.say(f"{attempt.started} {job.key}: train on {len(scan)} positions of {job.train_data_path.name}")
    began = clock.seconds()
    trained = train(task, scan, job.artifact_dir, options, console)
    duration_s = clock.seconds() - began
    with atomic_path(job.artifact_dir / LOSS_CURVE) as temporary:
        temporary.write_bytes(draw_training(trained.history, trained.bundle_epoch).png)
    return _success(attempt, trained, recipe, duration_s)


def _scored(job: TrainingJob, training: TrainingDesign, tells: tuple[Tell, ...], console: Console) -> dict[str, Any]:
    network = read_bundle(job.artifact_dir / BUNDLE).network
    grouped = job.gridsize > 1
    scores = held_out_scores(network, job.test_data_path, training.rate_floor, grouped, console, tells)
    for line in describe_scores(scores):
        console.say(line)
    return scores


def _is_whole(entry: Record, job: TrainingJob) -> bool:
    bundle = job.artifact_dir / entry["result"]["bundle_path"]
    return bundle.is_file() and bool(sha256_file(bundle) == entry["result"]["bundle_sha256"])


def _success(attempt: Attempt[TrainingJob], trained: Trained, recipe: str, duration_s: float) -> Success:
    folder = attempt.job.artifact_dir
    bundle = file_record(trained.bundle_path, folder)
    return {
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
        "metrics_path": METRICS if (folder / METRICS).is_file() else None,
        "loss_curve_path": LOSS_CURVE,
        "recipe_sha256": recipe,
        "started": attempt.started,
        "finished": clock.stamp(),
        "duration_s": duration_s,
    }
