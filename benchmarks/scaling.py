"""How times grow: training steps, stitching and metrics, and the enumeration of a matrix; as a picture and tables.

    python -m benchmarks.scaling --picture docs/images/scaling.png

Everything runs in one process, one thread, one after the other; a point is the median of its rounds.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.pictures import picture_path
from benchmarks.steps import batches_of, stepper
from ptyproof.markdown import table
from ptyproof.metrics.against_truth import compare_objects
from ptyproof.phases.figures import save
from ptyproof.physics.dose import scale_probe_to_dose
from ptyproof.physics.forward import simulate_counts
from ptyproof.physics.objects import make_object
from ptyproof.physics.probes import make_probe
from ptyproof.physics.scans import object_shape_for, raster_scan, scan_origin_px
from ptyproof.reconstruction.stitching import cut, stitch
from ptyproof.study.builtin import builtin_study
from ptyproof.study.jobs import build_training_jobs
from ptyproof.study.layout import HALVES, phase_c_file, phase_d_file
from ptyproof.study.training import TrainingDesign
from ptyproof.study.views import Spacing, View
from ptyproof.training.scan import NormalizedScan, normalized_scan

ROUNDS = 5
PLAN = TrainingDesign()
WINDOWS_PX = (32, 64, 128, 256)
GRIDSIZES = (1, 2, 3, 4, 6)
BATCHES = (8, 16, 32, 64)
POSITIONS = (100, 400, 1600, 6400)
MATRICES = (9, 100, 1_000, 10_000)


@dataclass(frozen=True)
class Curve:
    """Seconds against something: names for the axes, and the points."""

    title: str
    abscissa: str
    points: Mapping[int, float]

    @property
    def exponent(self) -> float:
        """Slope of the straight line through the logarithms."""
        return float(np.polyfit(np.log(list(self.points)), np.log(list(self.points.values())), 1)[0])


def simulated(window_px: int, side: int = 12) -> NormalizedScan:
    """Return a scan of side x side patterns with 10^4 photons each, an eighth of the window apart."""
    rng = np.random.default_rng(0)
    window = (window_px, window_px)
    positions = raster_scan((side, side), window_px / 8, 1.0, scan_origin_px(window, 1.0), rng)
    obj = make_object("grains", object_shape_for(positions, window), rng)
    probe = scale_probe_to_dose(make_probe("zone_plate", window), obj, positions, 1e4)
    counts = np.concatenate(list(simulate_counts(obj, probe, positions, rng)))
    return normalized_scan(np.sqrt(counts, dtype=np.float32), probe, positions, "0" * 64)


def seconds(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the median of the seconds that an action takes, after a first time that is not counted."""
    action()
    took = []
    for _ in range(rounds):
        begun = time.perf_counter()
        action()
        took.append(time.perf_counter() - begun)
    return statistics.median(took)


def step_seconds(scan: NormalizedScan, gridsize: int, patterns: int) -> float:
    """Return the seconds of a training step on a batch that is in memory."""
    plan = replace(PLAN, patterns_per_step=patterns)
    (batch,) = batches_of(scan, gridsize, max(7, 3 * gridsize**2 // 2), plan, 1)
    step = stepper(plan)
    return seconds(lambda: step(batch))


def stitching_and_measuring(n: int) -> tuple[float, float]:
    """Return the seconds of stitching n patches of 64 x 64 pixels, and of every metric of their object."""
    side, window, rng = round(n**0.5), 64, np.random.default_rng(0)
    corners = np.stack(np.meshgrid(*[np.arange(side) * 8] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    corners += rng.integers(0, 3, corners.shape)
    obj = make_object("grains", tuple((corners.max(axis=0) + window).tolist()), rng)
    line = np.exp(-(((np.arange(window) - window // 2) / 12.0) ** 2)).astype(np.float32)
    weights = np.broadcast_to(np.outer(line, line), (len(corners), window, window)).copy()
    patches = cut(obj, corners, (window, window))
    patches *= np.exp(2j * np.pi * rng.random(len(corners))).astype(np.complex64)[:, None, None]
    found = stitch(patches, weights, corners, obj.shape)
    rounds = 1 if n > 2000 else 3
    return (
        seconds(lambda: stitch(patches, weights, corners, obj.shape), rounds),
        seconds(lambda: compare_objects(found.obj, obj, found.illumination), rounds),
    )


def enumerating(n: int, root: Path) -> float:
    """Return the seconds of enumerating a matrix of n trainings whose files are all there."""
    n_doses = 3 if n == 9 else round(n**0.5)
    views = tuple(View(f"view{k}", 2, Spacing(0.5)) for k in range(n // n_doses))
    doses = tuple(float(dose) for dose in range(1, n_doses + 1))
    design = replace(builtin_study("fly64"), views=views, doses_photons_per_pattern=doses)
    for dose in doses:
        for half in HALVES:
            for view in views:
                for path in (
                    phase_c_file(root / "c", dose, half),
                    phase_d_file(root / "d", dose, view.name, half),
                ):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.touch()
    return seconds(lambda: build_training_jobs(design, root / "c", root / "d", root / "e"))


def measured() -> list[Curve]:
    """Return all curves."""
    small = simulated(64)
    of_positions = {n: stitching_and_measuring(n) for n in POSITIONS}
    with tempfile.TemporaryDirectory() as folder:
        matrices = {n: enumerating(n, Path(folder) / str(n)) for n in MATRICES}
    return [
        Curve(
            "training step, 2 groups of 16",
            "N, pixels along a side of a pattern",
            {n: step_seconds(simulated(n), 4, 32) for n in WINDOWS_PX},
        ),
        Curve(
            "training step, 36 patterns or less",
            "patterns in a group",
            {gridsize**2: step_seconds(small, gridsize, 36) for gridsize in GRIDSIZES},
        ),
        Curve(
            "training step, groups of 4",
            "patterns in a step",
            {batch: step_seconds(small, 2, batch) for batch in BATCHES},
        ),
        Curve("stitching", "patches of 64 x 64 px", {n: of_positions[n][0] for n in POSITIONS}),
        Curve("all metrics of an object", "patches of 64 x 64 px", {n: of_positions[n][1] for n in POSITIONS}),
        Curve("enumeration (dry run)", "trainings in the matrix", matrices),
    ]


def draw(curves: list[Curve], path: Path) -> None:
    """Write the picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.5), layout="constrained")
    for axes, curve in zip(figure.subplots(2, 3).flat, curves, strict=True):
        axes.loglog(list(curve.points), list(curve.points.values()), "o-", color="#1f4e79")
        axes.set_title(f"{curve.title}: grows as x^{curve.exponent:.2f}", fontsize=10)
        axes.set_xlabel(curve.abscissa)
        axes.set_ylabel("time / s")
        axes.set_xticks(list(curve.points), [f"{value:g}" for value in curve.points])
        ends = [min(curve.points.values()), max(curve.points.values())]
        axes.set_yticks(ends, [f"{value:.2g}" for value in ends])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    save(figure, path)


def main() -> int:
    """Measure, print the tables, write the picture."""
    path = picture_path(__doc__)
    torch.set_num_threads(1)
    curves = measured()
    for curve in curves:
        print()
        head = [f"{curve.title}: {curve.abscissa}", *(f"{value:g}" for value in curve.points)]
        print(*table(head, [["time / s", *(f"{value:.3g}" for value in curve.points.values())]]), sep="\n")
    draw(curves, path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
