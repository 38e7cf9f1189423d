"""Networks that are trained on the patterns that one reconstruction of a measurement is made of, and on no others."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptyproof.console import Console
from ptyproof.errors import InputError, RunError
from ptyproof.evidence.blind import BlindDataset
from ptyproof.evidence.manifest import file_record
from ptyproof.study.design import StudyDesign
from ptyproof.study.jobs import cell_key
from ptyproof.study.toml_form import load_study
from ptyproof.study.views import View
from ptyproof.training.data import normalised_scan
from ptyproof.training.device import RunOptions
from ptyproof.training.runner import TrainingTask, train


@dataclass(frozen=True)
class OwnTraining:
    """How a network is trained: with the budget of a study, on groups as one of its views has them."""

    design: StudyDesign
    view: View

    @classmethod
    def named(cls, text: str) -> OwnTraining:
        """Return the training that STUDY/VIEW means; STUDY is a name or a TOML file.

        Raises
        ------
        InputError
            If the study has no such view, or the view leaves positions out.
        """
        study, _, name = text.rpartition("/")
        if not study:
            raise InputError(f"--train must be STUDY/VIEW, such as fly64-groups/groups16, got {text!r}")
        design = load_study(study)
        views = {view.name: view for view in design.views if view.reads_phase_c}
        if name not in views:
            known = ", ".join(views) or "none"
            raise InputError(
                f"--train must name a view of {design.name} that takes all positions ({known}), got {name!r}"
            )
        return cls(design, views[name])

    def as_dict(self) -> dict[str, Any]:
        """Return the record for a manifest."""
        return {
            "study": self.design.name,
            "design_digest": self.design.digest(),
            "view": self.view.name,
            "gridsize": self.view.gridsize,
            "neighbor_count": self.design.neighbors_of(self.view),
        }

    def task(self, photons: float) -> TrainingTask:
        """Return what is trained on patterns with so many photons each, on average; its dose is in whole photons."""
        dose = float(round(photons)) if photons >= 1 else photons
        key = cell_key(dose, self.view.name, self.view.gridsize)
        return TrainingTask(key=key, dose=dose, training=self.design.training, **self.as_dict())


@dataclass(frozen=True)
class OwnNetwork:
    """A network that was trained for one part: its bundle, and its entry in a manifest."""

    bundle_path: Path
    record: dict[str, Any]


def train_own(
    plan: OwnTraining, blind: BlindDataset, part: str, out: Path, options: RunOptions, console: Console
) -> OwnNetwork:
    """Train a network on the patterns of `blind` alone, in `out`/training/`part`.

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
    if not blind.counts_known:
        raise RunError("a network is trained on photon counts, and this dataset has no intensity_scale")
    scan = normalised_scan(blind.amplitude, blind.probe, blind.positions_px, blind.record["scan_sha256"])
    folder = out / "training" / part
    folder.mkdir(parents=True, exist_ok=True)
    photons = float((abs(scan.probe) ** 2).sum(dtype=float))
    began = time.perf_counter()
    trained = train(plan.task(photons), scan, folder, options, console)
    seconds = time.perf_counter() - began
    record = {
        "bundle": file_record(trained.bundle_path, out),
        "epochs_completed": trained.epochs_completed,
        "bundle_epoch": trained.bundle_epoch,
        "validation_loss": trained.validation_loss,
        "seconds": seconds,
    }
    return OwnNetwork(trained.bundle_path, record)
