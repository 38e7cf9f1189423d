"""Peak memory of 10,000 patterns of 128 x 128: grouped, looked at by a network as a whole, and scored."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.e_train.held_out import held_out_scores
from ptyproof.physics.grouping import position_groups
from ptyproof.study.builtin import builtin_study
from ptyproof.study.layout import phase_c_file
from ptyproof.study.training import NetworkDesign
from ptyproof.training.data import GroupedScan, GroupSampler
from ptyproof.training.network import GroupNetwork
from ptyproof.training.scan import NormalizedScan
from tests.helpers.known import known

LIMIT_BYTES = 6 * 10**9
ROWS, COLS = 200, 115  # a little more than 10,000 positions in each half
WINDOW_PX = 128


def simulated_half(folder: Path) -> Path:
    """Return the file of the held-out half of a big scan."""
    design = builtin_study("fly64")
    base = replace(known(design.base), scan_rows=ROWS, scan_cols=COLS, step_px=6.0)
    design = replace(design, pattern_size_px=WINDOW_PX, base=base, doses_photons_per_pattern=(1e4,))
    generate(design, load_base(design, "builtin"), folder / "c")
    return phase_c_file(folder / "c", 1e4, "test")


def peak_bytes() -> int:
    """Return the largest resident memory of this process so far."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) * 1024


def score(path: str, gridsize: str) -> None:
    """Score an untrained network, which costs what a trained one does; print patterns and bytes.

    It has one stage and one projection: further ones take time, and let go of what the ones before them held.
    """
    network = GroupNetwork(NetworkDesign(n_stages=1, start_iterations=1)).eval()
    scores = held_out_scores(network, Path(path), 1e-3, gridsize != "1")
    print(scores["n_patterns"], peak_bytes())


def group() -> None:
    """Draw groups of 20,000 positions and read batches; print what that adds to the patterns, in bytes."""
    side = 141
    grid = np.stack(np.meshgrid(np.arange(side) * 8.0, np.arange(side + 1) * 8.0), axis=-1).reshape(-1, 2)[:20_000]
    amplitude = np.ones((len(grid), 64, 64), dtype=np.float32)
    scan = NormalizedScan(amplitude, np.ones((64, 64), np.complex64), 1.0, grid + 100, "0" * 64)
    before = peak_bytes()
    position_groups(scan.positions_px, 4, 24, len(grid), np.random.default_rng(0))
    patterns = GroupedScan(scan, 0.9)
    for draw in GroupSampler(scan.positions_px, 4, 24, 40, 2, 0, ("memory",)):
        patterns[draw]
    print(len(grid), peak_bytes() - before)


def measured(*arguments: str) -> tuple[int, int]:
    """Return what this file prints in a process of its own: a number of patterns, and bytes."""
    command = [sys.executable, __file__, *arguments]
    n, size = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return int(n), int(size)


@pytest.mark.parametrize("gridsize", [1, 4])
def test_a_big_scan_is_scored_within_the_limit(benchmark: Any, tmp_path_factory: Any, gridsize: int) -> None:
    folder = Path(tmp_path_factory.getbasetemp()) / "big"
    path = phase_c_file(folder / "c", 1e4, "test") if folder.exists() else simulated_half(folder)
    n, size = benchmark.pedantic(measured, args=("score", str(path), str(gridsize)), rounds=1, iterations=1)
    benchmark.extra_info.update(patterns=n, peak_gb=size / 1e9)
    print(
        f"gridsize {gridsize}: {n:,} patterns of {WINDOW_PX} x {WINDOW_PX} px scored with a peak of {size / 1e9:.2f} GB"
    )
    assert n >= 10_000
    assert size < LIMIT_BYTES


def test_grouping_copies_no_patterns(benchmark: Any) -> None:
    n, size = benchmark.pedantic(measured, args=("group",), rounds=1, iterations=1)
    benchmark.extra_info.update(positions=n, added_gb=size / 1e9)
    print(f"groups and batches of {n:,} positions add {size / 1e6:.0f} MB to 328 MB of patterns")
    assert size < n * 64 * 64 * 4 / 2


if __name__ == "__main__":
    ways: dict[str, Callable[..., None]] = {"score": score, "group": group}
    ways[sys.argv[1]](*sys.argv[2:])
