"""A network trained on the patterns that one reconstruction of a measurement is made of, and on no others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof import clock
from ptyproof.assessment.own_training import OwnNetwork, OwnTraining
from ptyproof.console import Console
from ptyproof.errors import RunError
from ptyproof.io.file_record import file_record
from ptyproof.io.knowledge import KNOWLEDGE
from ptyproof.methods.reconstruction_input import ReconstructionInput
from ptyproof.study.layout import cell_key
from ptyproof.training.device import RunOptions
from ptyproof.training.runner import TrainingTask, train
from ptyproof.training.scan import normalized_scan

if TYPE_CHECKING:
    from ptyproof_schemas.types.assessment import Network


def train_own(
    plan: OwnTraining, given: ReconstructionInput, part: str, out: Path, options: RunOptions, console: Console
) -> OwnNetwork:
    """Train a network on the patterns of `given` alone, in `out`/training/`part`.

    A training that was interrupted there goes on from its last epoch.

    Raises
    ------
    RunError
        If the photon counts are not known.
    DataError
        If there are fewer patterns than a group has.
    TrainingDivergedError
        If the loss becomes infinite or no number.
    """
    if not given.counts_known:
        raise RunError("training a network needs photon counts, but this dataset has no intensity_scale")
    told = given.to_be_told(KNOWLEDGE)
    digest, known = told.record["scan_sha256"], given.known
    scan = normalized_scan(given.amplitude, given.probe, given.positions_px, digest, told=known)
    folder = out / "training" / part
    folder.mkdir(parents=True, exist_ok=True)
    photons = float((abs(scan.probe) ** 2).sum(dtype=float))
    began = clock.seconds()
    trained = train(_task(plan, photons), scan, folder, options, console)
    seconds = clock.seconds() - began
    record: Network = {
        "bundle": file_record(trained.bundle_path, out),
        "epochs_completed": trained.epochs_completed,
        "bundle_epoch": trained.bundle_epoch,
        "validation_loss": trained.validation_loss,
        "seconds": seconds,
    }
    return OwnNetwork(trained.bundle_path, record)


def _task(plan: OwnTraining, photons: float) -> TrainingTask:
    """Return what is trained on patterns with so many photons each, on average; its dose is in whole photons."""
    dose = float(round(photons)) if photons >= 1 else photons
    key = cell_key(dose, plan.view.name, plan.view.gridsize)
    return TrainingTask(key=key, dose=dose, training=plan.design.training, **plan.as_dict())
