"""A training that several cells share: it is done once, and each cell has a copy of what it left.

The cells differ in the held-out half, which no training sees: in its object, or in its dose. Each copy is scored on the
held-out half of its own cell.
"""

from __future__ import annotations

import shutil
from typing import cast

from ptyproof import clock
from ptyproof.console import Console
from ptyproof.io.atomic import atomic_path
from ptyproof.io.hashing import sha256_file
from ptyproof.jobs.attempt import Attempt
from ptyproof.records.cell_book import Record
from ptyproof.study.jobs import TrainingJob
from ptyproof.study.layout import BUNDLE, CHECKPOINT
from ptyproof.training.bundle import RECORD
from ptyproof.training.runner import METRICS
from ptyproof_schemas.types.training_manifest import Success

LOSS_CURVE = "loss_curve.png"
_FILES = (BUNDLE, RECORD, CHECKPOINT, LOSS_CURVE)


def twin_of(attempt: Attempt[TrainingJob], recipe: str) -> Record | None:
    """Return the entry of another cell whose training is that of this one and left all its files; None without one."""
    if attempt.job.shared is None or attempt.redo:
        return None
    for entry in attempt.record.entries_near():
        is_original = entry["job"] != attempt.job.key and "reused_from" not in entry["result"]
        if is_original and attempt.is_same(entry, recipe) and _is_whole(attempt, entry):
            return entry
    return None


def take_over(attempt: Attempt[TrainingJob], twin: Record, console: Console) -> Success:
    """Copy what the training of another cell left into this cell's folder; return what the manifest says of it."""
    source, folder = attempt.ledger.artifact_root / twin["artifact_dir"], attempt.job.artifact_dir
    for name in (*_FILES, METRICS):
        if (source / name).is_file():
            with atomic_path(folder / name) as temporary:
                shutil.copyfile(source / name, temporary)
        else:
            (folder / name).unlink(missing_ok=True)
    console.say(f"{attempt.started} {attempt.job.key}: the same training as {twin['job']}: its bundle stands here")
    own = {"reused_from": twin["job"], "started": attempt.started, "finished": clock.stamp()}
    return cast("Success", twin["result"] | own)


def _is_whole(attempt: Attempt[TrainingJob], entry: Record) -> bool:
    folder = attempt.ledger.artifact_root / entry["artifact_dir"]
    there = all((folder / name).is_file() for name in _FILES)
    return there and bool(sha256_file(folder / BUNDLE) == entry["result"]["bundle_sha256"])
