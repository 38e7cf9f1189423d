"""Time, peak memory and growth of everything that is computed from scan positions.

    python -m pytest benchmarks/test_positions.py -o addopts="--import-mode=importlib" --benchmark-only -s

Each measurement runs in a process of its own, so that the peak of its resident memory is its own too:
it includes the interpreter, numpy, scipy and the scan. Positions are a jittered raster of 8 px step in
random order, unless a case names another scan.
"""

from __future__ import annotations

import functools
import json
import math
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ptyproof.physics.grouping import n_distinct_groups, position_groups
from ptyproof.physics.overlap import group_centre_overlap, group_overlap, image_overlap
from ptyproof.physics.spacing import (
    geometric_acceptance_bound,
    nearest_distances_px,
    select_by_spacing,
    select_direct,
    select_greedy,
    spacing_statistics,
)
from tests.helpers.known import known

Positions = NDArray[np.float64]
Groups = NDArray[np.int64]

SIZES = (10_000, 100_000, 1_000_000)
LIMIT_S = 15.0
LIMIT_GIB = 2.0
LIMIT_EXPONENT = 1.35


def raster(n: int) -> Positions:
    """The first n positions of a square raster of 8 px step, row by row."""
    side = math.isqrt(n - 1) + 1
    index = np.arange(n)
    return np.stack([index // side * 8.0, index % side * 8.0], axis=1)


def jittered(n: int) -> Positions:
    rng = np.random.default_rng(0)
    return rng.permutation(raster(n) + rng.uniform(-2.0, 2.0, (n, 2)))


def clustered(n: int) -> Positions:
    """100 clusters of 1 px width, 1,000 px apart."""
    rng = np.random.default_rng(0)
    return rng.permutation(raster(100)[np.arange(n) % 100] * 125.0 + rng.normal(0.0, 1.0, (n, 2)))


def piled(n: int) -> Positions:
    """100 positions, each n / 100 times."""
    return np.random.default_rng(0).permutation(raster(100)[np.arange(n) % 100])


def quads(points: Positions, n_groups: int | None = None) -> Groups:
    return position_groups(points, 2, 7, n_groups or len(points), np.random.default_rng(1))


# Each case: the scan, and what is timed on it with groups of four at hand where it asks for them.
ALONE: dict[str, tuple[Callable[[int], Positions], Callable[[Positions], object]]] = {
    "nearest_distances": (jittered, nearest_distances_px),
    "nearest_distances, piles": (piled, nearest_distances_px),
    "spacing_statistics": (jittered, spacing_statistics),
    "geometric_acceptance_bound": (jittered, lambda p: geometric_acceptance_bound(p, 38.4)),
    "select_direct 8 px": (jittered, lambda p: select_direct(p, 8.0)),
    "select_greedy 1e-6 px": (jittered, lambda p: select_greedy(p, 1e-6)),
    "select_greedy 8 px": (jittered, lambda p: select_greedy(p, 8.0)),
    "select_greedy 38.4 px": (jittered, lambda p: select_greedy(p, 38.4)),
    "select_greedy 1e6 px": (jittered, lambda p: select_greedy(p, 1e6)),
    "select_greedy 0.01 px, clusters": (clustered, lambda p: select_greedy(p, 0.01)),
    "select_greedy 2 px, clusters": (clustered, lambda p: select_greedy(p, 2.0)),
    "select_greedy 8 px, piles": (piled, lambda p: select_greedy(p, 8.0)),
    "select_by_spacing 38.4 px": (jittered, lambda p: select_by_spacing(p, 38.4)),
    "position_groups": (jittered, quads),
    "position_groups, exact raster": (raster, quads),
    "position_groups, piles": (piled, quads),
    "position_groups, 10 per seed": (jittered, lambda p: quads(p[: len(p) // 10], len(p))),
    "image_overlap": (jittered, lambda p: image_overlap(p, 7, 38.4)),
}
GROUPED: dict[str, Callable[[Positions, Groups], object]] = {
    "n_distinct_groups": lambda p, groups: n_distinct_groups(groups),
    "group_overlap": lambda p, groups: group_overlap(p, groups, 38.4),
    "group_centre_overlap 20 px": lambda p, groups: group_centre_overlap(p, groups, 20.0),
    "group_centre_overlap 38.4 px": lambda p, groups: group_centre_overlap(p, groups, 38.4),
}


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("case", [*ALONE, *GROUPED])
def test_positions_scale(benchmark: Any, case: str, n: int) -> None:
    seconds, peak_gib = benchmark.pedantic(measure, args=(case, n), rounds=1, iterations=1)
    benchmark.extra_info.update(seconds=seconds, peak_gib=peak_gib)
    line = f"{case:34s} {n:9,d} {seconds:8.3f} s {peak_gib:6.2f} GiB"
    assert seconds < LIMIT_S, line
    assert peak_gib < LIMIT_GIB, line
    if n == SIZES[-1]:
        before, _ = measure(case, SIZES[-2])
        exponent = math.log(seconds / before) / math.log(n / SIZES[-2])
        benchmark.extra_info["exponent"] = exponent
        line += f"   n^{exponent:.2f}"
        # Below a second the step from cached to uncached arrays decides, not the algorithm.
        assert exponent < LIMIT_EXPONENT or seconds < 1.0, line
    print(f"\n{line}", end="")


@functools.cache
def measure(case: str, n: int) -> tuple[float, float]:
    """Seconds of the call alone, and the peak resident memory of its process in GiB."""
    command = [sys.executable, str(Path(__file__)), case, str(n)]
    seconds, peak_gib = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return seconds, peak_gib


def main(case: str, n: int) -> None:
    """Time one case in this process and print [seconds, peak GiB]."""
    if case in ALONE:
        scan, function = ALONE[case]
        points = scan(n)
        call = functools.partial(function, points)
    else:
        points = jittered(n)
        call = functools.partial(GROUPED[case], points, quads(points))
    start = time.perf_counter()
    call()
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, peak_gib()]))


def peak_gib() -> float:
    """Peak resident memory of this process in GiB; ru_maxrss would count the parent's before the exec too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(known(re.search(r"VmHWM:\s+(\d+) kB", status))[1]) / 2**20


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
