"""Training time against the complex error of a held-out half, epoch by epoch, as a picture and a table.

    python -m benchmarks.time_to_quality --picture docs/images/time_to_quality.png

The study is `fly64-groups` at 10^4 photons per pattern on another random object than the study's own, so that nobody is
tempted to choose by what is scored there. Seconds are those of the training alone; scoring is left out.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.pictures import picture_path
from ptyproof.io.dataset import read_dataset
from ptyproof.markdown import table
from ptyproof.metrics.against_truth import compare_objects
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.figures import save
from ptyproof.reconstruction.method import illumination
from ptyproof.study.builtin import builtin_study
from ptyproof.study.layout import phase_c_file
from ptyproof.training.device import RunOptions
from ptyproof.training.engine import Callback
from ptyproof.training.prediction import predict_object
from ptyproof.training.runner import TrainingTask, train
from ptyproof.training.scan import NormalizedScan, read_scan
from tests.helpers.known import known

DOSE = 1e4
OBJECT_SEED, NOISE_SEED = 1008, 1042
WANTED = 0.15


class Watch(Callback):
    """Scores the held-out half at the start and after each epoch; keeps (seconds of training, complex NRMSE)."""

    def __init__(self, scan: NormalizedScan, truth: npt.NDArray[np.complex64]) -> None:
        self.points: list[tuple[float, float]] = []
        self._scan, self._truth = scan, truth
        self._illumination = illumination(scan.probe, scan.positions_px, truth.shape)
        self._spent, self._begun = 0.0, 0.0

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Score what the network begins with."""
        self._score(pl_module.network, start_only=True)

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Go on with the clock."""
        self._begun = time.perf_counter()

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Stop the clock, and score."""
        self._spent += time.perf_counter() - self._begun
        self._score(pl_module.network)

    def _score(self, network: Any, *, start_only: bool = False) -> None:
        network.eval()
        found = predict_object(network, self._scan, self._truth.shape, start_only=start_only)
        network.train()
        error = compare_objects(found, self._truth, self._illumination)["complex_nrmse"].value
        assert error is not None
        self.points.append((self._spent, error))


def measured(folder: Path) -> dict[str, list[tuple[float, float]]]:
    """Return the points of groups of 4 and of 16."""
    design = builtin_study("fly64-groups")
    seeds = replace(design.seeds, simulation=NOISE_SEED)
    design = replace(design, base=replace(known(design.base), seed=OBJECT_SEED), seeds=seeds)
    generate(design, load_base(design, "builtin"), folder / "c", doses=(DOSE,))
    held = phase_c_file(folder / "c", DOSE, "test")
    truth = read_dataset(held).dataset.obj
    assert truth is not None
    found = {}
    for gridsize, neighbor_count in ((2, 7), (4, 24)):
        name = f"groups of {gridsize**2}"
        key = f"dose{DOSE:.0f}-all-gs{gridsize}"
        task = TrainingTask("time", "0" * 64, key, DOSE, "all", gridsize, neighbor_count, design.training)
        watch = Watch(read_scan(held), truth)
        place = folder / name
        place.mkdir()
        options = RunOptions(accelerator="cpu")
        train(task, read_scan(phase_c_file(folder / "c", DOSE, "train")), place, options, watchers=[watch])
        found[name] = watch.points
    return found


def draw(curves: dict[str, list[tuple[float, float]]], path: Path) -> None:
    """Write the picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 4), layout="constrained")
    axes = figure.subplots()
    for (name, points), color in zip(curves.items(), ("#1f4e79", "#b85c00"), strict=True):
        axes.plot(*zip(*points, strict=True), "o-", label=name, color=color)
    axes.axhline(WANTED, color="gray", linestyle="--", linewidth=1)
    axes.annotate(f"{WANTED}", (0, WANTED), textcoords="offset points", xytext=(0, 4), color="gray")
    axes.set_xlabel("training time / s")
    axes.set_ylabel("complex NRMSE of the held-out half")
    axes.set_title(f"{DOSE:g} photons per pattern, an object of its own", fontsize=10)
    axes.set_ylim(0, 1.2 * WANTED)
    axes.grid(alpha=0.3)
    axes.legend()
    save(figure, path)


def main() -> int:
    """Train, print the table, write the picture."""
    path = picture_path(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        curves = measured(Path(folder))
    for name, points in curves.items():
        print()
        times, errors = ["training time / s"], ["complex NRMSE"]
        for spent, error in points:
            times.append(f"{spent:.0f}")
            errors.append(f"{error:.3f}")
        print(*table([f"{name}: epoch", *map(str, range(len(points)))], [times, errors]), sep="\n")
    draw(curves, path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
