"""Where a job stands: pending, running, success, failed or lost, and no living process is taken for a dead one."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ptyproof.console import Console
from ptyproof.jobs import state as job_state
from ptyproof.jobs.state import STATES, is_alive, read_state, running, state_of
from ptyproof.records.manifest import read_manifest
from ptyproof.study.layout import STATE_FILE
from tests.helpers.messages import names
from tests.helpers.schema_rules import example

QUIET = Console.silent()
OTHER_HOST = "a host that is not this one"

_RUNNER = """
import sys, time
from pathlib import Path
from ptyproof.console import Console
from ptyproof.jobs.state import running
from tests.helpers.messages import names
with running(Path(sys.argv[1]), "job", Console.silent()):
    print("running", flush=True)
    time.sleep(60)
"""


def entry(status: str, started: str | None = "2026-01-01T00:00:00Z") -> dict[str, Any]:
    return {"result": {"status": status, "started": started}}


@contextmanager
def process(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield a process that runs a job."""
    with subprocess.Popen([sys.executable, "-c", _RUNNER, str(path)], stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == "running\n"
        try:
            yield runner
        finally:
            runner.kill()


def changed(path: Path, **changes: Any) -> Any:
    """Change a state file, its `process` where that has such a key."""
    state = json.loads(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        (state["process"] if key in state["process"] else state)[key] = value
    path.write_text(json.dumps(state), encoding="utf-8")
    return state


def stamp(seconds_ago: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_job_is_pending_then_running_then_what_the_manifest_says(tmp_path: Path) -> None:
    path = tmp_path / STATE_FILE
    seen = [state_of(entry("lost", started=None), path)]
    with running(path, "job", QUIET) as left:
        assert left is None
        state = read_manifest(path, "job_state")
        assert (state["job"], state["process"]["pid"]) == ("job", os.getpid())
        seen.append(state_of(entry("lost"), path))
    assert not path.exists()
    seen += [state_of(entry("success"), path), state_of(entry("failed"), path), state_of(entry("lost"), path)]
    assert tuple(seen) == STATES


def test_a_job_whose_process_was_killed_is_lost_and_one_whose_process_lives_is_not(tmp_path: Path) -> None:
    path = tmp_path / STATE_FILE
    with process(path) as runner:
        assert state_of(entry("lost"), path) == "running"
        runner.kill()
        runner.wait()
        assert state_of(entry("lost"), path) == "lost"
    with running(path, "job", QUIET) as left:
        assert left is not None
        assert left["process"]["pid"] == runner.pid
        assert read_manifest(path, "job_state")["process"]["pid"] == os.getpid()


def test_a_living_process_is_waited_for(tmp_path: Path) -> None:
    path, said = tmp_path / STATE_FILE, io.StringIO()
    with process(path) as runner:
        killer = threading.Timer(1.2, runner.kill)
        begun = time.monotonic()
        killer.start()
        # nobody asks how it ended, so its number is there for as long as this test
        with running(path, "job", Console(said, None)):
            assert time.monotonic() - begun >= 1
    assert names(said.getvalue(), "job: ", f"process {runner.pid}")
    assert len(said.getvalue().splitlines()) == 1


def test_a_number_that_was_given_to_another_process_is_no_sign_of_life(tmp_path: Path) -> None:
    path = tmp_path / STATE_FILE
    with running(path, "job", QUIET):
        state = read_state(path)
        assert state is not None
        assert is_alive(state)
        assert not is_alive({**state, "process": {**state["process"], "started_ticks": 1}})


def test_a_process_of_another_host_lives_as_long_as_its_heart_beats(tmp_path: Path) -> None:
    path = tmp_path / STATE_FILE
    with running(path, "job", QUIET):
        # its number is nobody's here
        assert is_alive(changed(path, host=OTHER_HOST, pid=2**30, heartbeat=stamp(20)))
        assert not is_alive(changed(path, heartbeat=stamp(job_state.SILENCE_S + 5)))


def test_a_process_of_this_host_lives_without_a_heartbeat_as_when_it_is_suspended(tmp_path: Path) -> None:
    path = tmp_path / STATE_FILE
    with running(path, "job", QUIET):
        assert is_alive(changed(path, heartbeat=stamp(10 * job_state.SILENCE_S)))


def test_the_heart_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_state, "HEARTBEAT_S", 0.05)
    path = tmp_path / STATE_FILE
    with running(path, "job", QUIET):
        changed(path, heartbeat=stamp(1000))
        deadline = time.monotonic() + 10
        while (read_state(path) or {"heartbeat": ""})["heartbeat"] < stamp(100):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_stops_no_job_by_its_heart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Path] = []

    def full(path: Path, *_: Any) -> None:
        tried.append(path)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(job_state, "HEARTBEAT_S", 0.01)
    path = tmp_path / STATE_FILE
    with running(path, "job", QUIET):
        monkeypatch.setattr(job_state, "write_manifest", full)
        deadline = time.monotonic() + 10
        while len(tried) < 3:  # the heart goes on after a beat that could not be written
            assert time.monotonic() < deadline
            time.sleep(0.01)
        state = read_state(path)
        assert state is not None
        assert is_alive(state)
    assert set(tried) == {path}
    assert list(tmp_path.iterdir()) == []


def test_a_job_that_ends_by_an_error_or_an_interrupt_leaves_no_state(tmp_path: Path) -> None:
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), running(tmp_path / STATE_FILE, "job", QUIET):
            raise error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps(example("skip_summary", "no-skips.json"))])
def test_a_damaged_state_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / STATE_FILE
    path.write_text(text, encoding="utf-8")
    assert read_state(path) is None
    with running(path, "job", QUIET):
        assert is_alive(read_state(path))
