"""What importing costs: `import ptyproof`, and the plugin inside an unrelated pytest run."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.helpers.known import known

IMPORT_LIMIT_S = 0.3
PLUGIN_LIMIT_S = 0.05
ROUNDS = 15


def seconds(command: list[str], folder: Path) -> float:
    # bytecode is kept, as everywhere but where somebody forbids it: pytest would rewrite a plugin's modules each time
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def test_import_ptyproof(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """`import ptyproof` over a bare interpreter, median."""
    command = [sys.executable, "-c", "import ptyproof"]
    benchmark.pedantic(seconds, (command, tmp_path), rounds=ROUNDS, warmup_rounds=2)
    bare = statistics.median(seconds([sys.executable, "-c", "pass"], tmp_path) for _ in range(ROUNDS))
    added = known(benchmark.stats).stats.median - bare
    benchmark.extra_info["import_s"] = round(added, 4)
    assert added < IMPORT_LIMIT_S


@pytest.mark.parametrize("plugin", ["pytest_ptyproof.plugin"])
def test_plugin_in_an_unrelated_collection(benchmark: BenchmarkFixture, plugin: str, tmp_path: Path) -> None:
    """`pytest --collect-only` with the plugin against the same without, runs alternating, medians."""
    (tmp_path / "test_other.py").write_text("def test_it(): pass\n")
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    without = []

    def pair() -> None:
        without.append(seconds([*command, "-p", f"no:{plugin}"], tmp_path))

    benchmark.pedantic(seconds, (command, tmp_path), setup=pair, rounds=ROUNDS, warmup_rounds=1)
    added = known(benchmark.stats).stats.median - statistics.median(without)
    benchmark.extra_info["added_s"] = round(added, 4)
    assert added < PLUGIN_LIMIT_S
