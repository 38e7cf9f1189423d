"""Peak memory of 2,000 and 8,000 patterns of 256 x 256 with mask and four modes: import, simulation, initial estimate.

    python -m pytest benchmarks/test_streaming.py -s

Each stage runs in a process of its own. Its peak is that of the process, and that of the largest one that it starts.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from benchmarks.test_memory import peak_bytes
from ptyproof.cli import main
from ptyproof.markdown import table
from ptyproof.methods.network import Start
from ptyproof.methods.reconstruction_input import read_reconstruction_input
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.physics.beam import hermite_modes
from ptyproof.physics.probes import make_probe
from ptyproof.physics.scans import raster_scan
from ptyproof.reconstruction.method import Budget, run_method
from ptyproof.study.builtin import builtin_study
from ptyproof.study.experiment import BeamDesign, DetectorDesign
from ptyproof.study.training import NetworkDesign
from tests.helpers.known import known

MIB = 1 << 20
LIMIT_BYTES = 4 * 10**9
LARGEST_GROWTH = 0.1
WINDOW_PX, STEP_PX, COLS = 256, 6.0, 40
SIZES = (2_000, 8_000)
POWERS = (0.7, 0.15, 0.1, 0.05)
GAP = (60, 4)
_DIFFERENT = 64  # patterns that are drawn; the others repeat them


def write_scan(path: Path, n: int) -> None:
    """Write a CXI file of n patterns with a gap in the mask, and a probe of four modes."""
    rng, window = np.random.default_rng(0), (WINDOW_PX, WINDOW_PX)
    modes = hermite_modes(make_probe("zone_plate", window), POWERS)
    far = (np.abs(np.fft.fftshift(np.fft.fft2(modes), axes=(1, 2))) ** 2).sum(axis=0)
    drawn = rng.poisson(1e5 * far / far.sum(), (_DIFFERENT, *window)).astype(np.uint16)
    mask = np.zeros(window, np.uint32)
    mask[GAP[0] : GAP[0] + GAP[1]] = 1
    positions = raster_scan((n // COLS, COLS), STEP_PX, 1.0, (0.0, 0.0), rng) * 1e-8
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry_1")
        detector = entry.create_group("instrument_1/detector_1")
        data = detector.create_dataset("data", (n, *window), np.uint16)
        for first in range(0, n, _DIFFERENT):
            data[first : first + _DIFFERENT] = drawn[: n - first]
        detector["mask"] = mask
        detector["distance"], detector["x_pixel_size"], detector["y_pixel_size"] = 2.0, 75e-6, 75e-6
        entry["instrument_1/source_1/energy"] = 1.239841984332e-6 / (1e-8 * WINDOW_PX * 75e-6 / 2.0) * 1.602176634e-19
        entry["image_1/data"] = modes.astype(np.complex64)
        entry["sample_1/geometry_1/translation"] = np.column_stack([positions[:, ::-1], np.zeros(n)])


def imported(folder: Path, n: int) -> None:
    """Import the file."""
    options = ["--reader", "CXI", "--out", str(folder / f"{n}.npz"), "--center", "middle"]
    assert main(["import", str(folder / f"{n}.cxi"), *options]) == 0


def simulated(folder: Path, n: int) -> None:
    """Simulate both halves of a study of as many positions."""
    design = builtin_study("fly64")
    base = replace(known(design.base), scan_rows=n // COLS, scan_cols=COLS, step_px=STEP_PX)
    design = replace(design, pattern_size_px=WINDOW_PX, base=base, doses_photons_per_pattern=(1e5,))
    detector, beam = DetectorDesign(gap_rows=(GAP,)), BeamDesign(mode_powers=POWERS)
    design = replace(design, detector=detector, beam=beam)
    generate(design, load_base(design, "builtin"), folder / f"c{n}")


def started(folder: Path, n: int) -> None:
    """Estimate the object of the imported scan, with two projections."""
    method = Start(NetworkDesign(start_iterations=2))
    given = read_reconstruction_input(folder / f"{n}.npz", "all", folder).to_be_told(method.needs.uses)
    run_method(method, given.scan(True, 0.0, 64, None), Budget(), np.random.default_rng(0))


STAGES: dict[str, Callable[[Path, int], None]] = {"import": imported, "simulate": simulated, "start": started}


def measured(stage: str, folder: Path, n: int) -> int:
    """Return the peak of a stage, bytes."""
    command = [sys.executable, "-m", "benchmarks.test_streaming", stage, str(folder), str(n)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1])


def test_memory_does_not_grow_with_the_number_of_patterns(benchmark: Any, tmp_path: Path) -> None:
    for n in SIZES:
        write_scan(tmp_path / f"{n}.cxi", n)

    def peaks() -> dict[str, list[int]]:
        return {stage: [measured(stage, tmp_path, n) for n in SIZES] for stage in STAGES}

    found = benchmark.pedantic(peaks, rounds=1, iterations=1)
    rows = [[stage, *(f"{size / MIB:.0f}" for size in sizes)] for stage, sizes in found.items()]
    print(*table(["peak / MiB", *(f"{n:,} patterns" for n in SIZES)], rows), sep="\n")
    benchmark.extra_info.update(found)
    for stage, (small, large) in found.items():
        assert large < LIMIT_BYTES, stage
        assert large < (1 + LARGEST_GROWTH) * small, stage


if __name__ == "__main__":
    STAGES[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(peak_bytes() + children)
