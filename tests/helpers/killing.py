"""Kill real runs of a study at random moments, and see that nothing recorded is lost and the next run goes on.

    python -m tests.helpers.killing --kills 10 --study fly64-smoke

The suite kills a study that trains within a second; this command kills any, and prints what became of it. Each hub is
killed a few times, in data generation, overlap, training, reconstruction and between; every fourth kill waits until a
manifest is being written. Then a run completes it, and the hub has to be that of a run that was left alone.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ptyproof.hub.index import DATASETS, Hub, is_incomplete
from ptyproof.io.atomic import TEMPORARY
from ptyproof.records.manifest import read_any_manifest
from tests.helpers import forked
from tests.helpers.equal_hubs import differences, leftovers
from tests.helpers.processes import of_session, plain_pictures

COMMAND = ("-m", "pytest", "-p", "no:cacheprovider", "-p", "no:benchmark")
STUDY = (
    *("--pyargs", "pytest_ptyproof.real_run", "-m", "real_run"),
    *("--ptyproof-accelerator=cpu", "--ptyproof-keep-datasets"),
)
ENVIRONMENT = plain_pictures()


@dataclass(frozen=True)
class Survived:
    """What became of a hub whose runs were killed: how many were, and its training manifest after a whole run.

    `during` is the step that each killed run had come to.
    """

    n_killed: int
    manifest: dict[str, Any]
    during: tuple[str, ...] = ()

    @property
    def bundles(self) -> dict[str, str]:
        """The sha256 of each job's bundle."""
        return {entry["job"]: entry["result"]["bundle_sha256"] for entry in self.manifest["jobs"]}


class Start(Protocol):
    """How the processes of runs are started."""

    def run(self, words: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run Python with these words to its end."""

    def begin(self, words: list[str], cwd: Path) -> AbstractContextManager[Any]:
        """Start Python with these words, at the head of a session of its own."""


class Fresh:
    """Fresh interpreters, as on a command line."""

    def run(self, words: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run Python with these words to its end."""
        command = [sys.executable, *words]
        return subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False)

    def begin(self, words: list[str], cwd: Path) -> AbstractContextManager[Any]:
        """Start Python with these words, at the head of a session of its own."""
        nowhere = subprocess.DEVNULL
        command = [sys.executable, *words]
        return subprocess.Popen(
            command, cwd=cwd, env=ENVIRONMENT, stdout=nowhere, stderr=nowhere, start_new_session=True
        )


class Forks:
    """Forks of a process that has imported what takes seconds."""

    def run(self, words: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run Python with these words to its end."""
        return forked.run(words, cwd, ENVIRONMENT)

    def begin(self, words: list[str], cwd: Path) -> AbstractContextManager[Any]:
        """Start Python with these words, at the head of a session of its own."""
        return forked.begun(words, cwd, ENVIRONMENT)


def command(study: str, hub: Path) -> list[str]:
    """Return the words after `python` of a study as tests."""
    return [*COMMAND, *STUDY, f"--ptyproof-study={study}", f"--artifact-hub={hub}"]


def run_whole(study: str, hub: Path, start: Start) -> float:
    """Run a study to its end; return the seconds that it took."""
    begun = time.monotonic()
    done = start.run(command(study, hub), hub.parent)
    assert done.returncode == 0, done.stdout
    return time.monotonic() - begun


def check_records(hub: Path) -> None:
    """Check that every manifest in the hub, and its index, is whole and valid."""
    for path in hub.rglob("*.json"):
        if "figures" not in path.parts:  # what the report's pictures were made from, which is made again
            read_any_manifest(path)
    Hub(hub).read()


def kill_and_go_on(study: str, hub: Path, kills: int, longest_s: float, rng: random.Random, start: Start) -> Survived:
    """Kill `kills` runs, then run the study to its end.

    Each run is killed at a random moment after its record was begun; as the next one goes on from there, all of them
    come through most of the `longest_s` seconds of a whole run. The first is killed while it starts.

    Raises
    ------
    AssertionError
        If a record is damaged, a killed run is not shown as incomplete, or the last run does not complete the study.
    """
    n_killed = 0
    during = []
    for number in range(kills):
        after_s = 2 * longest_s * rng.random() / kills
        together = rng.random() < 0.5
        how = {"from_the_start": number == 0, "together": together, "in_a_manifest": number % 4 == 3}
        status = _killed(start, command(study, hub), hub, after_s, **how)
        during.append(step(hub))
        check_records(hub)
        index = Hub(hub).read()
        if index is not None and status == -signal.SIGKILL and index["runs"][-1]["status"] == "running":
            n_killed += 1
            assert is_incomplete(index["runs"][-1])
            assert index["runs"][-1]["accepted"] is None
    run_whole(study, hub, start)
    check_records(hub)
    index = Hub(hub).read()
    assert index is not None
    assert sum(is_incomplete(run) for run in index["runs"]) == n_killed
    assert (index["runs"][-1]["status"], index["runs"][-1]["real_run"]) == ("ended", True)
    assert leftovers(hub) == []
    return Survived(n_killed, read_any_manifest(hub / "real_run" / "training_manifest.json"), tuple(during))


def step(hub: Path) -> str:
    """Return the step that the run of a hub had come to: a manifest half written, or the log that was written last."""
    if _manifests_being_written(hub):
        return "manifest"
    logs = list((hub / "real_run").glob("*.log")) + list((hub / "real_run").glob("dose_*/*/*/train.log"))
    last = max(logs, key=lambda path: path.stat().st_mtime_ns, default=None)
    return "start" if last is None else last.stem


def _killed(
    start: Start,
    words: list[str],
    hub: Path,
    after_s: float,
    *,
    from_the_start: bool,
    together: bool,
    in_a_manifest: bool,
) -> int:
    """Kill a run `after_s` seconds from its start, or else from the beginning of its record; return its exit status.

    With `in_a_manifest`, the kill waits for the next manifest whose temporary file is there.
    Either the run's own process is killed, or those of its jobs at the same moment: they are one session.
    """
    n_logs = _n_logs(hub)
    with start.begin(words, hub.parent) as process:
        _wait_until(lambda: process.poll() is not None or from_the_start or _n_logs(hub) > n_logs)
        deadline = time.monotonic() + after_s
        _wait_until(lambda: process.poll() is not None or time.monotonic() >= deadline)
        if in_a_manifest:
            _wait_until(lambda: process.poll() is not None or _manifests_being_written(hub), every_s=0)
        if together:
            for pid in of_session(process.pid):
                os.kill(pid, signal.SIGKILL)
        process.kill()
        return int(process.wait())


def _n_logs(hub: Path) -> int:
    return len(list((hub / "cli").glob("*.log")))


def _manifests_being_written(hub: Path) -> bool:
    folders = [hub / "real_run", *(hub / DATASETS).glob("phase_*")]
    return any(name for folder in folders for name in folder.glob(f".*manifest*{TEMPORARY}"))


def _wait_until(is_so: Callable[[], bool], every_s: float = 0.02) -> None:
    while not is_so():
        time.sleep(every_s)


def main() -> None:
    """Kill as many runs as were asked for, and hold each hub against that of a run that is left alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--per-hub", type=int, default=10, help="kills of one hub, before a run completes it")
    parser.add_argument("--study", default="fly64-smoke")
    parser.add_argument("--seed", type=int, default=20)
    args = parser.parse_args()
    rng, left, n_killed, n_same, during = random.Random(args.seed), args.kills, 0, 0, Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        alone = Path(folder) / "alone"
        longest_s = run_whole(args.study, alone, Fresh())
        print(f"a run that is left alone takes {longest_s:.1f} s", flush=True)
        while left:
            hub, kills = Path(folder) / f"hub{left}", min(left, args.per_hub)
            survived = kill_and_go_on(args.study, hub, kills, longest_s, rng, Fresh())
            found = differences(hub, alone)
            left -= kills
            n_killed += survived.n_killed
            n_same += 0 if found else kills
            during.update(survived.during)
            print(
                f"{kills} kills, then a whole run: {'the same as alone' if not found else '; '.join(found)}", flush=True
            )
            shutil.rmtree(hub)
    print(f"killed while the last log was of: {', '.join(f'{name} {n}' for name, n in during.most_common())}")
    print(f"{args.kills} runs, {n_killed} killed after their record was begun; every record was whole and valid")
    print(
        f"{n_same} of {args.kills} resumed to the hashes and manifests of a run that was left alone, and no leftovers"
    )
    sys.exit(0 if n_same == args.kills else 1)


if __name__ == "__main__":
    main()
