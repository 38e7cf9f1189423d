"""A tiny real training of the smoke study that tests start, stop and compare."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file

from ptyproof.console import Console
from ptyproof.study.layout import BUNDLE, CHECKPOINT
from ptyproof.study.training import NetworkDesign, TrainingDesign
from ptyproof.training.bundle import RECORD
from ptyproof.training.data import hold_back
from ptyproof.training.device import RunOptions
from ptyproof.training.runner import METRICS, TrainingTask
from ptyproof.training.scan import NormalizedScan
from ptyproof_schemas.types.study_design import Training

ROOT = Path(__file__).parents[2]
GONE = "ENODISK"  # what a stopped reading says
CPU = RunOptions(accelerator="cpu", threads=1)
EPOCHS, STEPS = 2, 3
SIZES = NetworkDesign(n_stages=2, channels=6, n_blocks=1, shrink=4, start_iterations=2)
BUDGET: dict[str, Any] = {
    "patterns_per_step": 32,
    "learning_rate": 1e-3,
    "weight_decay": 1e-4,
    "gradient_clip": 1.0,
    "validation_fraction": 0.1,
    "shown_fraction": 0.9,
    "restraint": 0.03,
    "rate_floor": 1e-3,
    "seed": 321,
    "network": SIZES,
}
FILES = sorted([BUNDLE, RECORD, CHECKPOINT, METRICS])


def task(gridsize: int = 2, neighbor_count: int = 7, **training: Any) -> TrainingTask:
    """A tiny training of the smoke study's data."""
    plan = TrainingDesign(**{"max_epochs": EPOCHS, "steps_per_epoch": STEPS, **BUDGET, **training})
    key = f"dose1000-dense-gs{gridsize}"
    return TrainingTask("fly64-smoke", "0" * 64, key, 1000.0, "dense", gridsize, neighbor_count, plan)


_RATE: float = BUDGET["learning_rate"]


class _Steep(TrainingDesign):
    """A training with a learning rate that no design allows; its record has one that a design does allow."""

    def as_dict(self) -> Training:
        return {**super().as_dict(), "learning_rate": _RATE}


def with_rate(made: TrainingTask, learning_rate: float) -> TrainingTask:
    """A task with a learning rate that no design allows."""
    object.__setattr__(made.training, "__class__", _Steep)
    object.__setattr__(made.training, "learning_rate", learning_rate)
    return made


def file_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def same_result(folder: Path, other: Path) -> bool:
    """Whether two trainings left the same bundle and the same metrics, byte for byte."""
    return all((folder / name).read_bytes() == (other / name).read_bytes() for name in (BUNDLE, METRICS))


def same_checkpoint(folder: Path, other: Path) -> bool:
    """Whether two trainings left the same checkpoint, byte for byte; loading processes draw other random numbers."""
    return (folder / CHECKPOINT).read_bytes() == (other / CHECKPOINT).read_bytes()


def told(stream: TextIO) -> Console:
    return Console(stream, None)


class Stopped(NormalizedScan):
    """A scan that cannot be read any more after some batches of a training."""

    left = 0
    by: type[BaseException] | None = OSError

    def probes(self, index: npt.NDArray[np.int64]) -> npt.NDArray[np.complex64]:
        Stopped.left -= 1
        if Stopped.left < 0:
            if Stopped.by is None:
                os._exit(7)  # as if the power went
            raise Stopped.by(GONE)
        return super().probes(index)


def stopping(scan: NormalizedScan, batches: int, by: type[BaseException] | None) -> Stopped:
    Stopped.left, Stopped.by = batches, by
    return Stopped(scan.amplitude, scan.probe, scan.object_scale, scan.positions_px, scan.arrays_sha256)


def batches_until_epoch_2(scan: NormalizedScan, made: TrainingTask) -> int:
    """Batches that are read before one of the second epoch's middle is."""
    _, held = hold_back(scan.positions_px, made.training.validation_fraction, made.gridsize**2)
    validation = math.ceil(len(held) / max(1, made.training.patterns_per_step // made.gridsize**2))
    return STEPS + validation + 1


def same_weights(folder: Path, other: Path) -> bool:
    left, right = load_file(folder / BUNDLE), load_file(other / BUNDLE)
    return all(torch.equal(value, right[name]) for name, value in left.items())
