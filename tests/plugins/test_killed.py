"""A real run that is killed, again and again: every record stays whole, the run stays visible, the next one goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from ptyproof.evidence.hub import Hub, is_incomplete
from ptyproof.evidence.manifest import read_any_manifest
from tests.plugins.conftest import QUIET, STUDY_AS_TESTS, Run

KILLS = 5
LONGEST_S = 9.0  # of a run, start of the process included


def command(study_file: Path, hub: Path) -> list[str]:
    """Return the command line of the study as tests."""
    args = [*QUIET, *STUDY_AS_TESTS, f"--study={study_file}", "--keep-datasets", f"--artifact-hub={hub}"]
    return [sys.executable, "-m", "pytest", *args]


def check_records(hub: Path) -> None:
    """Check that every manifest in the hub, and its index, is whole and valid."""
    for path in hub.rglob("*.json"):
        if "figures" not in path.parts:  # what the report's pictures were made from, which is made again
            read_any_manifest(path)
    Hub(hub).read()


def test_kills_at_random_moments_lose_nothing(study_file: Path, whole: Run, tmp_path: Path) -> None:
    rng = random.Random(20)
    hub = tmp_path / "hub"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    n_killed = 0
    for number in range(KILLS):
        process = subprocess.Popen(
            command(study_file, hub),
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + LONGEST_S * (number + rng.random()) / KILLS
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
        check_records(hub)
        index = Hub(hub).read()
        if index is not None and process.returncode == -signal.SIGKILL and index["runs"][-1]["status"] == "running":
            n_killed += 1
            assert is_incomplete(index["runs"][-1])
            assert index["runs"][-1]["accepted"] is None
    assert n_killed > 0
    done = subprocess.run(
        command(study_file, hub), cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    check_records(hub)
    manifest = read_any_manifest(hub / "real_run" / "training_manifest.json")
    assert manifest["account"] == whole.manifest["account"]
    hashes = [{e["job"]: e["result"]["bundle_sha256"] for e in m["jobs"]} for m in (manifest, whole.manifest)]
    assert hashes[0] == hashes[1]
    index = Hub(hub).read()
    assert index is not None
    assert sum(is_incomplete(run) for run in index["runs"]) == n_killed
    assert (index["runs"][-1]["status"], index["runs"][-1]["real_run"]) == ("ended", True)
