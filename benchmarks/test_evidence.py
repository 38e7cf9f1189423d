"""What recording evidence costs a suite of a thousand trivial tests."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

LIMIT = 1.2
ROUNDS = 9
SUITE = "import pytest\n@pytest.mark.parametrize('n', range(1000))\ndef test_trivial(n):\n    pass\n"


def seconds(folder: Path, *options: str) -> float:
    """Return how long the suite takes in a process of its own."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:benchmark", *options]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - begun


def test_green_evidence_of_a_thousand_tests(benchmark: Any, tmp_path: Path) -> None:
    """Runs with and without take turns; the best of each are compared, as other work on the machine only adds time."""
    (tmp_path / "test_suite.py").write_text(SUITE)
    plain, recorded = [], []

    def turn() -> None:
        plain.append(seconds(tmp_path))
        recorded.append(seconds(tmp_path, "--artifact-hub=hub", "--evidence=green"))

    benchmark.pedantic(turn, rounds=ROUNDS, warmup_rounds=1)
    ratio = min(recorded) / min(plain)
    benchmark.extra_info["with over without"] = ratio
    print(f"with evidence over without: {ratio:.3f} ({min(recorded):.3f} s, {min(plain):.3f} s)")
    assert ratio < LIMIT
