"""Kill real runs of a study at random moments, and see that nothing recorded is lost and the next run goes on.

    python -m tests.plugins.killing --kills 10 --study fly64-smoke

The suite kills a study that trains within a second; this command kills any, and prints what became of it.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptyproof.evidence.hub import Hub, is_incomplete
from ptyproof.evidence.manifest import read_any_manifest
from tests.processes import plain_pictures

COMMAND = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:benchmark")
STUDY = ("--pyargs", "pytest_ptyproof.real_run", "-m", "real_run", "--accelerator=cpu", "--keep-datasets")
ENVIRONMENT = plain_pictures()


@dataclass(frozen=True)
class Survived:
    """What became of a hub whose runs were killed: how many were, and its training manifest after a whole run."""

    n_killed: int
    manifest: dict[str, Any]

    @property
    def bundles(self) -> dict[str, str]:
        """The sha256 of each job's bundle."""
        return {entry["job"]: entry["result"]["bundle_sha256"] for entry in self.manifest["jobs"]}


def command(study: str, hub: Path) -> list[str]:
    """Return the command line of a study as tests."""
    return [*COMMAND, *STUDY, f"--study={study}", f"--artifact-hub={hub}"]


def run_whole(study: str, hub: Path) -> float:
    """Run a study to its end; return the seconds that it took."""
    begun = time.monotonic()
    done = subprocess.run(
        command(study, hub), cwd=hub.parent, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return time.monotonic() - begun


def check_records(hub: Path) -> None:
    """Check that every manifest in the hub, and its index, is whole and valid."""
    for path in hub.rglob("*.json"):
        if "figures" not in path.parts:  # what the report's pictures were made from, which is made again
            read_any_manifest(path)
    Hub(hub).read()


def kill_and_go_on(study: str, hub: Path, kills: int, longest_s: float, rng: random.Random) -> Survived:
    """Kill `kills` runs, then run the study to its end.

    Each run is killed at a random moment of its own part of the `longest_s` seconds after its record was begun.

    Raises
    ------
    AssertionError
        If a record is damaged, a killed run is not shown as incomplete, or the last run does not complete the study.
    """
    n_killed = 0
    for number in range(kills):
        after_s = longest_s * (number + rng.random()) / kills
        status = _killed(command(study, hub), hub, after_s, from_the_start=number == 0)
        check_records(hub)
        index = Hub(hub).read()
        if index is not None and status == -signal.SIGKILL and index["runs"][-1]["status"] == "running":
            n_killed += 1
            assert is_incomplete(index["runs"][-1])
            assert index["runs"][-1]["accepted"] is None
    run_whole(study, hub)
    check_records(hub)
    index = Hub(hub).read()
    assert index is not None
    assert sum(is_incomplete(run) for run in index["runs"]) == n_killed
    assert (index["runs"][-1]["status"], index["runs"][-1]["real_run"]) == ("ended", True)
    return Survived(n_killed, read_any_manifest(hub / "real_run" / "training_manifest.json"))


def _killed(words: list[str], hub: Path, after_s: float, from_the_start: bool) -> int:
    """Kill a run `after_s` seconds from its start, or else from the beginning of its record; return its exit status."""
    n_logs = _n_logs(hub)
    with subprocess.Popen(
        words, cwd=hub.parent, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        _wait_until(lambda: process.poll() is not None or from_the_start or _n_logs(hub) > n_logs)
        deadline = time.monotonic() + after_s
        _wait_until(lambda: process.poll() is not None or time.monotonic() >= deadline)
        process.kill()
        return process.wait()


def _n_logs(hub: Path) -> int:
    return len(list((hub / "cli").glob("*.log")))


def _wait_until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        time.sleep(0.02)


def main() -> None:
    """Kill as many runs as were asked for, beside a run that is left alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--study", default="fly64-smoke")
    parser.add_argument("--seed", type=int, default=20)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        alone = Path(folder) / "alone"
        longest_s = run_whole(args.study, alone)
        print(f"a run that is left alone takes {longest_s:.1f} s", flush=True)
        hub = Path(folder) / "hub"
        survived = kill_and_go_on(args.study, hub, args.kills, longest_s, random.Random(args.seed))
        whole = Survived(0, read_any_manifest(alone / "real_run" / "training_manifest.json"))
        same = survived.bundles == whole.bundles and survived.manifest["account"] == whole.manifest["account"]
    print(f"{args.kills} runs, {survived.n_killed} killed before their end; every record whole and valid each time")
    print(
        f"the next run completed the study; bundles and account {'equal' if same else 'DIFFER FROM'} those left alone"
    )
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
