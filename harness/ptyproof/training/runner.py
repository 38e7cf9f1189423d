"""Train one job: data, Lightning's trainer, checkpoint, bundle. Configuration is applied here, for this job alone."""

from __future__ import annotations

import csv
import logging
import signal
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import torch
from torch.utils.data import DataLoader

from ptyproof.console import Console, Progress
from ptyproof.errors import DataError
from ptyproof.io.atomic import atomic_path
from ptyproof.io.hashing import sha256_json
from ptyproof.io.knowledge import Tell
from ptyproof.io.schema import validate
from ptyproof.io.schema_files import load_schema
from ptyproof.physics.grouping import position_groups
from ptyproof.study.layout import CHECKPOINT
from ptyproof.study.seeds import stream
from ptyproof.study.training import TrainingDesign
from ptyproof.training.bundle import write_bundle
from ptyproof.training.checkpoint import read_checkpoint, write_state
from ptyproof.training.data import Draw, GroupedScan, GroupSampler, hold_back
from ptyproof.training.device import RunOptions, configured, resolve_accelerator
from ptyproof.training.engine import Callback, ModelCheckpoint, OneProcess, TorchCheckpointIO, pl
from ptyproof.training.loading import in_processes
from ptyproof.training.module import CHECKPOINT_KEY, PatchTraining
from ptyproof.training.scan import NormalizedScan

if TYPE_CHECKING:
    from ptyproof_schemas.types.model import Model

METRICS = "metrics.csv"
_CHECKPOINT_PARTS = {"state_dict", "loops", "callbacks", "optimizer_states", "lr_schedulers", "global_step"}


@dataclass(frozen=True)
class TrainingTask:
    """What is trained: a job's name in the study, its groups, the study's training design, and what it is told."""

    study: str
    design_digest: str
    key: str
    dose: float
    view: str
    gridsize: int
    neighbor_count: int
    training: TrainingDesign
    replicate: int = 1
    tells: tuple[Tell, ...] = ()

    def recipe_sha256(self, scan: NormalizedScan) -> str:
        """Return the digest of all that decides the result on one kind of machine."""
        table = asdict(self) | {"data": scan.arrays_sha256}
        del table["design_digest"]  # holds doses and views of other jobs, too
        del table["replicate"]  # the key names it
        del table["tells"]  # the digest of the data has what is told
        return sha256_json(table)


@dataclass(frozen=True)
class Trained:
    """What a training ended with; losses are Poisson losses of hidden photons in nats per pixel, of the last epoch.

    The bundle has the weights of `bundle_epoch`, the one with the smallest validation loss.
    """

    bundle_path: Path
    checkpoint_path: Path
    epochs_completed: int
    bundle_epoch: int
    final_loss: float
    validation_loss: float | None
    resumed_from_epoch: int
    history: list[dict[str, float]]


def train(
    task: TrainingTask,
    scan: NormalizedScan,
    folder: Path,
    options: RunOptions,
    console: Console | None = None,
    watchers: Sequence[Callback] = (),
) -> Trained:
    """Train the network of a task and leave bundle, checkpoint and metrics in `folder`.

    A checkpoint in `folder` that belongs to the same task and data is resumed from the end of its epoch; the result is
    the same as without the interruption.

    Parameters
    ----------
    task, scan
        What is trained, on what.
    folder
        An existing folder.
    options
        Accelerator, determinism, workers, logger, threads.
    console
        Where lines and progress go; None is silent.
    watchers
        Lightning callbacks that look on.

    Raises
    ------
    DataError
        If the scan has fewer positions than a group.
    ManifestError
        If the bundle's record could not hold a value of the task; nothing was trained.
    TrainingDivergedError
        If the loss becomes infinite or no number.
    """
    console = console or Console.silent()
    recipe = task.recipe_sha256(scan)
    _check_record(task, scan, recipe)
    seed = int(stream(task.training.seed, "weights", task.key).integers(2**63 - 1))
    checkpoint = folder / CHECKPOINT
    resumed = _resumable(checkpoint, recipe, console)
    if resumed is None:
        (folder / METRICS).unlink(missing_ok=True)
    with configured(options, seed), _quiet_lightning():
        training, validation, counts = _loaders(task, scan, options)
        module = PatchTraining(task.training, recipe)
        trainer = _trainer(task, folder, options, console, watchers)
        resume_from = None if resumed is None else checkpoint
        with _interruptible():
            trainer.fit(module, training, validation, ckpt_path=resume_from, weights_only=True)
        record = _record(task, scan, recipe, _end_of(module, *counts))
        module.network.load_state_dict(module.best["weights"])
        bundle = write_bundle(folder, module.network, record)
    return Trained(
        bundle_path=bundle,
        checkpoint_path=checkpoint,
        epochs_completed=record["epochs_completed"],
        bundle_epoch=record["bundle_epoch"],
        final_loss=record["final_loss"],
        validation_loss=record["validation_loss"],
        resumed_from_epoch=resumed or 0,
        history=module.history,
    )


def _loaders(
    task: TrainingTask, scan: NormalizedScan, options: RunOptions
) -> tuple[DataLoader[Any], DataLoader[Any] | None, tuple[int, int]]:
    plan, members = task.training, task.gridsize**2
    if len(scan) < members:
        need = f"but a group of gridsize {task.gridsize} has {members}"
        raise DataError(task.key, f"has {len(scan)} training positions, {need}")
    kept, held = hold_back(scan.positions_px, plan.validation_fraction, members)
    groups_per_step = max(1, plan.patterns_per_step // members)
    settings = {"batch_size": None, "persistent_workers": options.num_workers > 0, **in_processes(options.num_workers)}
    sampler = GroupSampler(
        scan.positions_px[kept],
        task.gridsize,
        task.neighbor_count,
        plan.steps_per_epoch,
        groups_per_step,
        plan.seed,
        ("groups", task.key),
    )
    training: DataLoader[Any] = DataLoader(
        GroupedScan(scan.subset(kept), plan.shown_fraction), sampler=sampler, **settings
    )
    validation: DataLoader[Any] | None = None
    if len(held):
        rng = stream(plan.seed, "validation groups", task.key)
        n_groups = -(-len(held) // members)  # each position about once
        groups = position_groups(scan.positions_px[held], task.gridsize, task.neighbor_count, n_groups, rng)
        batches = np.array_split(groups, -(-len(groups) // groups_per_step))
        draws = [Draw(batch, plan.seed, ("validation", task.key, f"step {step}")) for step, batch in enumerate(batches)]
        validation = DataLoader(GroupedScan(scan.subset(held), plan.shown_fraction), sampler=draws, batch_size=None)
    return training, validation, (len(kept), len(held))


def _trainer(
    task: TrainingTask, folder: Path, options: RunOptions, console: Console, watchers: Sequence[Callback]
) -> pl.Trainer:
    plan = task.training
    checkpoint = _EpochCheckpoint(
        dirpath=folder,
        filename=Path(CHECKPOINT).stem,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    metrics = folder / METRICS if options.logger == "csv" else None
    return pl.Trainer(
        accelerator=resolve_accelerator(options.accelerator),
        devices=1,
        max_epochs=plan.max_epochs,
        deterministic=options.deterministic,
        gradient_clip_val=plan.gradient_clip,
        logger=False,  # Lightning's CSVLogger empties its file when a training resumes; _Reporter writes the history
        callbacks=[*watchers, _Generators(), checkpoint, _Reporter(console, task.key, plan, metrics)],
        plugins=[_AtomicCheckpoints(), OneProcess()],
        default_root_dir=folder,
        num_sanity_val_steps=0,
        log_every_n_steps=plan.steps_per_epoch,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        inference_mode=True,
    )


class _End(NamedTuple):
    """What is known of a training when it has ended."""

    n_training_positions: int
    n_validation_positions: int
    epochs_completed: int
    steps_completed: int
    bundle_epoch: int
    final_loss: float
    validation_loss: float | None


def _end_of(module: PatchTraining, n_training: int, n_validation: int) -> _End:
    last = module.history[-1]
    return _End(
        n_training,
        n_validation,
        epochs_completed=int(last["epoch"]),
        steps_completed=int(last["step"]),
        bundle_epoch=module.best["epoch"],
        final_loss=last["train_loss"],
        validation_loss=last.get("validation_loss"),
    )


def _record(task: TrainingTask, scan: NormalizedScan, recipe: str, end: _End) -> Model:
    record: Model = {
        "kind": "model",
        "schema_version": load_schema("model")["version"],
        "study": task.study,
        "design_digest": task.design_digest,
        "job": task.key,
        "dose": task.dose,
        "view": task.view,
        "gridsize": task.gridsize,
        "neighbor_count": task.neighbor_count,
        "pattern_shape_px": list(scan.window),
        "training": task.training.as_dict(),
        "recipe_sha256": recipe,
        "training_arrays_sha256": scan.arrays_sha256,
        "object_scale": scan.object_scale,
        "n_training_positions": end.n_training_positions,
        "n_validation_positions": end.n_validation_positions,
        "epochs_completed": end.epochs_completed,
        "steps_completed": end.steps_completed,
        "bundle_epoch": end.bundle_epoch,
        "final_loss": end.final_loss,
        "validation_loss": end.validation_loss,
    }
    if task.replicate > 1:
        record["replicate"] = task.replicate
    return record


def _check_record(task: TrainingTask, scan: NormalizedScan, recipe: str) -> None:
    """Refuse what a bundle's record could not say, before the training and not after it."""
    validate(_record(task, scan, recipe, _End(len(scan), 0, 1, 1, 1, 0.0, None)), "model", "the record of the network")


def _resumable(checkpoint: Path, recipe: str, console: Console) -> int | None:
    """Return the number of epochs of the checkpoint, or None if there is no checkpoint of this training."""
    if not checkpoint.is_file():
        return None
    try:
        state = read_checkpoint(checkpoint)
        belongs, epochs = state[CHECKPOINT_KEY]["recipe_sha256"] == recipe, int(state["epoch"]) + 1
        whole = state.keys() >= _CHECKPOINT_PARTS
    except DataError as error:
        console.say(f"{checkpoint.name} cannot be resumed: it {error.reason}; training starts anew")
        return None
    except (LookupError, TypeError) as error:
        console.say(f"{checkpoint.name} cannot be resumed ({type(error).__name__}); training starts anew")
        return None
    if not whole:
        console.say(f"{checkpoint.name} cannot be resumed (parts are missing); training starts anew")
        return None
    if not belongs:
        console.say(f"{checkpoint.name} is of another training (data, study or budget differ); training starts anew")
        return None
    console.say(f"resumed after epoch {epochs}")
    return epochs


class _EpochCheckpoint(ModelCheckpoint):
    """Checkpoints of epoch ends that say nothing of the folder they were written to, and can be resumed anywhere."""

    def state_dict(self) -> dict[str, Any]:
        """Return nothing: there is one checkpoint, and its name is known."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take nothing up."""


class _Generators(Callback):
    """Torch's random generators travel in the checkpoint, so that a resumed training draws what the whole one would."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state of every generator."""
        used = torch.cuda.is_initialized()
        return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if used else []}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from it: before the loaders of the next epoch, which draw as well."""
        torch.set_rng_state(state_dict["cpu"].cpu())
        if len(state_dict["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all([state.cpu() for state in state_dict["cuda"]])


class _AtomicCheckpoints(TorchCheckpointIO):
    """Checkpoints that are whole or absent; Lightning's own are copied from the system's temporary files."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write a checkpoint."""
        write_state(Path(path), checkpoint)


class _Reporter(Callback):
    """A progress bar over the steps, a line per epoch, and the history as CSV."""

    def __init__(self, console: Console, label: str, plan: TrainingDesign, metrics: Path | None) -> None:
        self._metrics = metrics
        self._console = console
        self._label = label
        self._plan = plan
        self._progress: Progress | None = None
        self._bar: Any = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the bar."""
        left = (self._plan.max_epochs - trainer.current_epoch) * self._plan.steps_per_epoch
        self._bar = self._console.progress(f"train {self._label}", left, "step")
        self._progress = self._bar.__enter__()

    def on_train_batch_end(self, *_: Any) -> None:
        """Count a step."""
        assert self._progress is not None
        self._progress.update(1)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say the losses of the epoch."""
        losses = trainer.callback_metrics
        held = losses.get("validation_loss")
        validation = "" if held is None else f", validation {float(held):.6f}"
        self._console.say(
            f"epoch {trainer.current_epoch + 1}/{self._plan.max_epochs}: loss {float(losses['train_loss']):.6f}"
            f"{validation} nats per pixel"
        )

    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: pl.LightningModule, _: dict[str, Any]) -> None:
        """Write the history, which now has the epoch."""
        if self._metrics is not None:
            _write_history(self._metrics, cast("PatchTraining", pl_module).history)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Close the bar, however the training ended."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None


def _write_history(path: Path, history: list[dict[str, float]]) -> None:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(history[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C be a KeyboardInterrupt: Lightning makes it a SystemExit, and leaves the signal ignored."""
    mine = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT) if mine else None
    try:
        yield
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise
    finally:
        if mine:
            signal.signal(signal.SIGINT, handler)


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Keep Lightning's announcements off the screen, and its advice that does not hold here from becoming an error."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        for advice in (
            ".*You defined a `validation_step` but have no `val_dataloader`.*",  # validation_fraction = 0
            ".*does not have many workers.*",  # --num-workers decides, and 0 is what reproduces
            ".*Checkpoint directory .* exists and is not empty.*",  # resuming and repeating are meant to find it
            ".*Experiment logs directory .* exists and is not empty.*",  # a resumed job goes on with its metrics
            ".*GPU available but not used.*",  # --accelerator cpu was asked for
            ".*`srun` command is available.*",  # a training is one process: `OneProcess`
            ".*treespec, LeafSpec.*",  # Lightning 2.6 on a newer torch; for Lightning to fix
            ".*is not guaranteed to be.*mid-epoch.*",  # checkpoints are of epoch ends
        ):
            warnings.filterwarnings("ignore", message=advice)
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
