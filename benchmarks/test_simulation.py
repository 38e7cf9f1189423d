"""What simulation costs: time beside the bare transform and draw of the same arrays, and peak memory."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.fft

from ptyproof.physics.dose import scale_probe_to_dose
from ptyproof.physics.forward import object_patches, simulate_counts
from ptyproof.physics.objects import make_object
from ptyproof.physics.probes import make_probe
from ptyproof.physics.scans import object_shape_for, raster_scan, scan_origin_px

WINDOW = (64, 64)
N_PATTERNS = 5000
ROUNDS = 5
MAX_RATIO = 2.5
MAX_PEAK_BYTES = 3 * 10**9

GENERATE = """
import re
import sys

import numpy as np
from ptyproof.physics.dose import scale_probe_to_dose
from ptyproof.physics.forward import simulate_counts
from ptyproof.physics.objects import make_object
from ptyproof.physics.probes import make_probe
from ptyproof.physics.scans import object_shape_for, raster_scan, scan_origin_px

window, shape = (128, 128), (100, 200)
rng = np.random.default_rng(42)
positions = raster_scan(shape, 6.0, 1.0, scan_origin_px(window, 1.0), rng)
obj = make_object("grains", object_shape_for(positions, window), rng)
probe = scale_probe_to_dose(make_probe("zone_plate", window), obj, positions, 1e4)
with open(sys.argv[1], "wb") as out:
    header = {"descr": "<f4", "fortran_order": False, "shape": (len(positions), *window)}
    np.lib.format.write_array_header_1_0(out, header)
    for counts in simulate_counts(obj, probe, positions, rng):
        np.sqrt(counts, dtype=np.float32).tofile(out)
status = open("/proc/self/status").read()  # ru_maxrss would count the parent's peak before the exec too
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) * 1024)
"""


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


@pytest.mark.parametrize("photons", [1e3, 1e4, 1e5])
def test_simulation_costs_little_beside_its_bare_steps(benchmark: Any, photons: float) -> None:
    rng = np.random.default_rng(42)
    positions = raster_scan((50, 100), 4.0, 1.0, scan_origin_px(WINDOW, 1.0), rng)
    assert len(positions) == N_PATTERNS
    obj = make_object("grains", object_shape_for(positions, WINDOW), rng)
    probe = scale_probe_to_dose(make_probe("zone_plate", WINDOW), obj, positions, photons)
    waves = probe * object_patches(obj, positions, WINDOW)
    assert waves.dtype == np.complex64

    def simulate() -> None:
        draws = np.random.default_rng(1)
        for _ in simulate_counts(obj, probe, positions, draws):
            pass

    def bare() -> None:
        # Blocks as large as those of the simulation, so that both meet the caches alike.
        draws = np.random.default_rng(1)
        for start in range(0, N_PATTERNS, 1024):
            spectrum = scipy.fft.fft2(waves[start : start + 1024], axes=(1, 2), norm="ortho")
            draws.poisson(np.square(spectrum.real) + np.square(spectrum.imag))

    timed: dict[str, list[float]] = {"simulation": [], "bare": []}

    def one_round() -> None:
        # One after the other in each round: what else the machine does then slows both.
        timed["bare"].append(seconds(bare))
        timed["simulation"].append(seconds(simulate))

    benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=1)
    ratio = min(timed["simulation"]) / min(timed["bare"])
    benchmark.extra_info.update(ratio=ratio, **{f"{name}_s": min(values) for name, values in timed.items()})
    rate = N_PATTERNS / min(timed["simulation"])
    print(f"\n{photons:g} photons: simulation / bare = {ratio:.2f}, {rate:.0f} patterns/s")
    assert ratio <= MAX_RATIO


def test_peak_memory_of_a_large_dataset(benchmark: Any, tmp_path: Path) -> None:
    target: Path = tmp_path / "amplitudes.npy"

    def generate() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", GENERATE, str(target)]
        return subprocess.run(command, check=True, capture_output=True, text=True)

    peak = int(benchmark.pedantic(generate, rounds=1).stdout)
    written = np.load(target, mmap_mode="r", allow_pickle=False)
    assert (written.shape, written.dtype) == ((20_000, 128, 128), np.float32)
    assert np.square(written[-1].astype(np.float64)).sum() == pytest.approx(1e4, rel=0.5)
    del written
    target.unlink()
    benchmark.extra_info["peak_bytes"] = peak
    print(f"\npeak resident memory: {peak / 1e9:.2f} GB")
    assert peak < MAX_PEAK_BYTES
