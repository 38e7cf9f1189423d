"""Times in records come from a clock that the tested session cannot freeze or move."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ptyproof import clock
from ptyproof.hub.index import Hub
from ptyproof_schemas.types.hub_index import Run
from tests.helpers.known import known
from tests.helpers.processes import plugin_alone

# what freezegun does, done by hand: what modules hold of the clock is replaced in all of them, and in the originals
BY_HAND = """
import datetime, sys, time
real = {id(part): part for part in (datetime.datetime, time.time, time.perf_counter, time.monotonic)}
class Frozen(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(YEAR, 1, 1, 12, tzinfo=tz)
frozen = dict(zip(real, (Frozen, lambda: 1577880000.0, lambda: 5.0, lambda: 5.0)))
def pytest_sessionstart(session):
    for module in list(sys.modules.values()):
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if id(value) in frozen and module is not sys.modules[__name__]:
                setattr(module, name, frozen[id(value)])
"""
FREEZEGUN = """
import freezegun
freezegun.freeze_time("YEAR-01-01").start()
"""
TIME_MACHINE = """
import time_machine
time_machine.travel("YEAR-01-01T00:00:00+00:00", tick=False).start()
"""
SLOW = "import threading\ndef test_slow():\n    threading.Event().wait(1.2)\n"
LIBRARIES = {"freezegun": FREEZEGUN, "time_machine": TIME_MACHINE}


def recorded(folder: Path, *args: str) -> tuple[Run, list[float]]:
    """Run the folder's tests as evidence; return the run's record and the durations of calls, s."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--artifact-hub=hub",
        "--evidence=green",
        *args,
    ]
    done = subprocess.run(command, cwd=folder, env=plugin_alone(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    index = Hub(folder / "hub").read()
    assert index is not None
    (run,) = index["runs"]
    lines = (folder / "hub" / known(run["reports_path"])).read_text(encoding="utf-8").splitlines()
    reports = [json.loads(line) for line in lines]
    return run, [report["duration_s"] for report in reports if report["when"] == "call"]


@pytest.mark.parametrize("args", [(), ("-p", "xdist", "-n", "1")], ids=["one process", "a worker"])
@pytest.mark.parametrize("library", ["by hand", *LIBRARIES])
@pytest.mark.parametrize("when", ["2020", "2090"])
def test_a_frozen_session_is_recorded_with_the_real_time(
    tmp_path: Path, library: str, when: str, args: tuple[str, ...]
) -> None:
    if library in LIBRARIES and importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed; .ci/run --campaign runs this test with it")
    (tmp_path / "conftest.py").write_text(LIBRARIES.get(library, BY_HAND).replace("YEAR", when))
    (tmp_path / "test_slow.py").write_text(SLOW)
    before = clock.stamp()
    run, durations = recorded(tmp_path, *args)
    assert before <= run["started"] < known(run["ended"]) <= clock.stamp()
    assert all(1.2 <= duration < 60 for duration in durations)


def test_the_clock_is_the_systems() -> None:
    assert abs(clock.utc_now() - datetime.now(UTC)) < timedelta(minutes=1)
    assert datetime.strptime(clock.stamp(), "%Y-%m-%dT%H:%M:%SZ")


def test_the_clock_runs_forward() -> None:
    seen = [clock.utc_now() for _ in range(1000)]
    assert seen == sorted(seen)
    began = clock.seconds()
    assert clock.seconds() >= began
