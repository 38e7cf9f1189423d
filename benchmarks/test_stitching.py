"""Stitching 10,000 patches of 64 x 64 pixels: under 20 s and 2 GB on one core.

    python -m pytest benchmarks/test_stitching.py -o addopts="--import-mode=importlib" --benchmark-only -s

It runs in a process of its own, so that the peak of its resident memory is its own, too.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

PATCHES = """
import resource, time
import numpy as np
from ptyproof.physics.metrics import scaled_error
from ptyproof.reconstruction.stitching import cut, stitch

n, window = 100, 64
rng = np.random.default_rng(0)
rows, cols = np.meshgrid(8 * np.arange(n), 8 * np.arange(n), indexing="ij")
corners = np.stack([rows.ravel(), cols.ravel()], axis=1) + rng.integers(0, 3, (n * n, 2))
shape = tuple((corners.max(axis=0) + window).tolist())
y, x = np.indices(shape) / 40
obj = ((1 + 0.1 * np.sin(x + 0.3 * y)) * np.exp(0.8j * np.cos(y - 0.2 * x))).astype(np.complex64)
line = np.exp(-(((np.arange(window) - window // 2) / 12.0) ** 2)).astype(np.float32)
weights = np.broadcast_to(np.outer(line, line), (n * n, window, window)).copy()
patches = cut(obj, corners, (window, window))
patches *= np.exp(2j * np.pi * rng.random(n * n)).astype(np.complex64)[:, None, None]
began, cpu = time.perf_counter(), time.process_time()
found = stitch(patches, weights, corners, shape)
seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
error = scaled_error(found.obj, obj, found.illumination).nrmse
print(seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, error, found.n_components)
"""


def test_ten_thousand_patches(benchmark: Any) -> None:
    def run() -> tuple[float, ...]:
        done = subprocess.run(
            [sys.executable, "-c", PATCHES],
            capture_output=True,
            text=True,
            check=True,
            env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PATH": ""},
        )
        return tuple(float(word) for word in done.stdout.split())

    seconds, cpu, gigabytes, error, n_components = benchmark.pedantic(run, rounds=1)
    print(
        f"\nstitch 10,000 patches of 64 x 64: {cpu:.1f} s of one core ({seconds:.1f} s passed), {gigabytes:.2f} GB at "
        f"most, complex NRMSE {error:.1e}"
    )
    assert n_components == 1
    assert error < 1e-4
    assert cpu < 20  # other processes may have had the core, too
    assert gigabytes < 2
