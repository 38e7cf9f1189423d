"""Train a job twice in fresh processes and compare the two bit for bit; the second may be killed and resumed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof import clock
from ptyproof.certificate.attempts import DIVERGED, FAILED, MODES, REPRODUCED, Mode
from ptyproof.certificate.divergence import Divergence, agreeing, first_divergence
from ptyproof.certificate.repeat_process import DIGESTS, RESULT, Order
from ptyproof.console import Console
from ptyproof.errors import InputError, RunError
from ptyproof.io.strict_json import read_json
from ptyproof.study.jobs import TrainingJob
from ptyproof.study.training import TrainingDesign
from ptyproof.training.device import RunOptions
from ptyproof.training.digest_record import EpochDigest, read_digests
from ptyproof.training.runner import TrainingTask

if TYPE_CHECKING:
    from ptyproof_schemas.types.certificate import Attempt, Epoch, RecordedBundle, Training

Launch = Callable[[Path, int], int]


@dataclass(frozen=True)
class Certification:
    """How jobs are certified.

    Parameters
    ----------
    options
        How both trainings are run.
    mode
        `twice`: two trainings from their beginning. `resume`: the second is killed after an epoch and resumed.
    epochs
        Epochs that are compared, from the first; None compares all.
    other_threads
        CPU threads of the second training, if other than the first's; None for the same.
    launch
        Carries out an order's file as the training of a number, 1 or 2; returns the exit status. For tests.
    """

    options: RunOptions
    mode: Mode = "twice"
    epochs: int | None = None
    other_threads: int | None = None
    launch: Launch | None = None

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InputError(f"--mode must be one of {', '.join(MODES)}, got {self.mode!r}")
        if self.epochs is not None and self.epochs < 1:
            raise InputError(f"--epochs must be a whole number >= 1, got {self.epochs}")

        if self.other_threads is not None and self.other_threads < 1:
            raise InputError(f"--other-threads must be a whole number >= 1, got {self.other_threads}")

    def compared_epochs(self, training: TrainingDesign) -> int:
        """Return how many epochs of a training are compared.

        Raises
        ------
        InputError
            If there are too few to be killed between two of them.
        """
        n = min(self.epochs or training.max_epochs, training.max_epochs)
        if self.mode == "resume" and n < 2:
            raise InputError(f"--mode resume needs at least 2 epochs, one to be killed after, but there are {n}")
        return n


@dataclass(frozen=True)
class _Training:
    """What one of the two trainings left."""

    digests: list[EpochDigest]
    result: Mapping[str, Any]
    duration_s: float
    n_processes: int


def certify_job(
    task: TrainingTask,
    job: TrainingJob,
    how: Certification,
    recorded: Mapping[str, Any] | None = None,
    console: Console | None = None,
) -> Attempt:
    """Return the attempt to train a job twice to the same bits, as the certificate has it; its files are removed.

    Parameters
    ----------
    task, job
        What is trained, and where its data lie.
    how
        In which way.
    recorded
        The job's entry in a training manifest: its bundle is compared, too, where data, recipe and environment are the
        same and all epochs are compared.
    console
        Where lines and progress go; None is silent.

    Raises
    ------
    InputError
        If the study's budget does not allow the mode.
    """
    console = console or Console.silent()
    n_epochs = how.compared_epochs(task.training)
    started = clock.stamp()
    attempt: Attempt = {
        "job": job.key,
        "dose": job.dose,
        "view": job.view,
        "gridsize": job.gridsize,
        "mode": how.mode,
        "status": FAILED,
        "error": None,
        "started": started,
        "finished": started,
        "max_epochs": task.training.max_epochs,
        "n_epochs_asked": n_epochs,
        "killed_after_epoch": n_epochs // 2 if how.mode == "resume" else None,
        "recipe_sha256": None,
        "trainings": [],
        "epochs": [],
        "divergence": None,
        "recorded_bundle": None,
    }
    if job.replicate > 1:
        attempt["replicate"] = job.replicate
    place = Path(tempfile.mkdtemp(prefix="ptyproof-certify-"))
    try:
        _attempt(attempt, task, job, how, recorded, place, console)
    except RunError as error:
        reason = str(error)
        for folder in (place, job.train_data_path.parent, job.train_data_path.parent.resolve()):
            reason = reason.replace(f"{folder}/", "")
        attempt["error"] = reason
    finally:
        shutil.rmtree(place, ignore_errors=True)
    attempt["finished"] = clock.stamp()
    return attempt


def _attempt(
    attempt: Attempt,
    task: TrainingTask,
    job: TrainingJob,
    how: Certification,
    recorded: Mapping[str, Any] | None,
    place: Path,
    console: Console,
) -> None:
    trainings = []
    for number in (1, 2):
        console.say(f"{job.key}: training {number} of 2, in a fresh process")
        options = how.options
        if number == 2 and how.other_threads is not None:
            options = replace(options, threads=how.other_threads)
        folder = place / f"training-{number}"
        folder.mkdir()
        order = Order(task, job.train_data_path.resolve(), options, folder, attempt["n_epochs_asked"])
        kill_after = attempt["killed_after_epoch"] if number == 2 else None
        trainings.append(_trained(order, number, kill_after, how.launch or launch))
    first, second = trainings
    found = first_divergence(first.digests, second.digests) or _at_the_end(first, second)
    if found is None:
        attempt["recorded_bundle"] = _recorded(first.result, recorded, attempt)
        if attempt["recorded_bundle"] is not None:
            ours, theirs = first.result["bundle_sha256"], attempt["recorded_bundle"]["sha256"]
            found = None if ours == theirs else Divergence(None, None, "recorded_bundle", ours, theirs)
    attempt["status"] = REPRODUCED if found is None else DIVERGED
    attempt["recipe_sha256"] = first.result["recipe_sha256"]
    attempt["trainings"] = [_entry(training) for training in trainings]
    attempt["epochs"] = [_epoch(digest) for digest in agreeing(first.digests, found)]
    attempt["divergence"] = None if found is None else found.as_dict()


def _trained(order: Order, number: int, kill_after: int | None, launched: Launch) -> _Training:
    """Carry out an order, killed after an epoch if so wanted and then resumed; return what it left."""
    begun = clock.seconds()
    if kill_after is not None:
        status = launched(replace(order, killed_in_epoch=kill_after + 1).write(), number)
        if status != -signal.SIGKILL:
            raise RunError(f"training {number} must be killed after epoch {kill_after}, but {_ended(order, status)}")
        n_epochs = len(read_digests(order.folder / DIGESTS))
        if n_epochs != kill_after:
            raise RunError(f"training {number} was killed after epoch {n_epochs} and not after epoch {kill_after}")
    status = launched(order.write(), number)
    result_path = order.folder / RESULT
    if status != 0 or not result_path.is_file():
        raise RunError(f"training {number} {_ended(order, status)}")
    result = read_json(result_path)
    resumed = result["resumed_from_epoch"]
    if resumed != (kill_after or 0):
        raise RunError(f"training {number} began after epoch {resumed} and not after epoch {kill_after or 0}")
    seconds = clock.seconds() - begun
    return _Training(read_digests(order.folder / DIGESTS), result, seconds, 1 + (kill_after is not None))


def launch(order: Path, number: int) -> int:
    """Carry out an order in a fresh process, which ends with this one; return its exit status."""
    words = [sys.executable, "-m", "ptyproof.certificate.repeat_process", str(order)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=order.parent) as process:
        try:
            return process.wait()
        except BaseException:
            process.kill()
            raise


def _ended(order: Order, status: int) -> str:
    """Return in words how a process ended."""
    result_path = order.folder / RESULT
    error = read_json(result_path)["error"] if result_path.is_file() else None
    if error is not None:
        return f"failed: {error}"
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with exit status {status} and said nothing"


def _at_the_end(first: _Training, second: _Training) -> Divergence | None:
    one, other = (training.result["bundle_sha256"] for training in (first, second))
    return None if one == other else Divergence(None, None, "bundle", one, other)


def _recorded(result: Mapping[str, Any], entry: Mapping[str, Any] | None, attempt: Attempt) -> RecordedBundle | None:
    """Return the recorded bundle where it must be the same as that of the two trainings."""
    if entry is None or entry["result"]["status"] != "success" or attempt["n_epochs_asked"] < attempt["max_epochs"]:
        return None
    same = entry["result"]["recipe_sha256"] == result["recipe_sha256"] and entry["environment"] == result["environment"]
    return {"sha256": entry["result"]["bundle_sha256"]} if same else None


def _entry(training: _Training) -> Training:
    return {
        "environment": training.result["environment"],
        "bundle_sha256": training.result["bundle_sha256"],
        "n_processes": training.n_processes,
        "duration_s": round(training.duration_s, 3),
    }


def _epoch(digest: EpochDigest) -> Epoch:
    return {
        "epoch": digest.epoch,
        "n_steps": len(digest.steps),
        "loss": digest.loss,
        "validation_loss": digest.validation_loss,
        "steps_sha256": digest.steps_sha256,
        "weights_sha256": digest.weights,
        "optimizer_sha256": digest.optimizer,
        "rng_sha256": digest.rng,
    }
