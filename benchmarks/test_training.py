"""What Lightning and data loading cost over a bare torch loop of the same steps."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks.steps import batches_of, stepper
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.study.builtin import builtin_study
from ptyproof.study.layout import phase_c_file
from ptyproof.study.training import TrainingDesign
from ptyproof.training.device import RunOptions, configured
from ptyproof.training.runner import TrainingTask, train
from ptyproof.training.scan import NormalizedScan, read_scan

LIMIT = 1.15
ROUNDS = 5
PLAN = TrainingDesign(max_epochs=2, steps_per_epoch=20, validation_fraction=0.0)
OPTIONS = RunOptions(accelerator="cpu")
GRIDSIZE, NEIGHBORS = 2, 7


def bare_loop(scan: NormalizedScan) -> float:
    """Return the seconds of the steps alone: batches in memory, forward, backward, clip, optimizer, schedule."""
    batches = batches_of(scan, GRIDSIZE, NEIGHBORS, PLAN, PLAN.steps_per_epoch)
    with configured(OPTIONS, 0):
        step = stepper(PLAN)
        begun = time.perf_counter()
        for _ in range(PLAN.max_epochs):
            for batch in batches:
                step(batch)
        return time.perf_counter() - begun


def whole_training(scan: NormalizedScan, folder: Path) -> float:
    """Return the seconds of a training as a study runs it, with grouping, loading, checkpoints and bundle."""
    task = TrainingTask("benchmark", "0" * 64, "dose1000-dense-gs2", 1e3, "dense", GRIDSIZE, NEIGHBORS, PLAN)
    folder.mkdir()
    begun = time.perf_counter()
    train(task, scan, folder, OPTIONS)
    return time.perf_counter() - begun


def test_lightning_and_loading_over_a_bare_loop(benchmark: Any, tmp_path: Path) -> None:
    """Bare loop and training take turns, so that a busy machine slows both."""
    design = builtin_study("fly64")
    generate(design, load_base(design, "builtin"), tmp_path / "c", doses=(1e3,))
    scan = read_scan(phase_c_file(tmp_path / "c", 1e3, "train"))
    bare_loop(scan)
    ratios: list[float] = []

    def turn() -> None:
        bare = bare_loop(scan)
        ratios.append(whole_training(scan, tmp_path / f"job{len(ratios)}") / bare)

    benchmark.pedantic(turn, rounds=ROUNDS)
    ratio = statistics.median(ratios)
    benchmark.extra_info["training over bare loop"] = ratio
    print(f"training over bare loop: {ratio:.3f} (rounds {', '.join(f'{value:.3f}' for value in ratios)})")
    assert ratio < LIMIT
