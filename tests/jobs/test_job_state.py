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
from ptyproof.jobs.liveness import cluster_job, is_of_here, this_process
from ptyproof.jobs.state import STATES, is_alive, read_state, running, state_of
from ptyproof.provenance.anonymity import ANONYMOUS
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


def left_behind(path: Path, **changes: Any) -> None:
    """Put a state file in place, with changes, as a process of elsewhere does."""
    state = example("job_state", "running.json")
    for key, value in changes.items():
        (state["process"] if key in state["process"] else state)[key] = value
    aside = path.with_name("aside")
    aside.write_text(json.dumps(state), encoding="utf-8")
    aside.replace(path)


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


@pytest.mark.parametrize("key", ["boot_id", "pid_namespace", "host"])
def test_a_number_counts_on_one_host_one_boot_and_one_namespace_alone(tmp_path: Path, key: str) -> None:
    path = tmp_path / STATE_FILE
    with running(path, "job", QUIET):
        state = read_state(path)
        assert state is not None
        assert state["process"].get(key, "") != ""
        old: Any = {name: value for name, value in state["process"].items() if name not in ("boot_id", "pid_namespace")}
        assert is_of_here(old)
        other: Any = {**state["process"], key: 7 if key == "pid_namespace" else "another"}
        assert not is_of_here(other)
        far: Any = {**other, "pid": 2**30}
        assert is_alive({**state, "process": far})
        assert not is_alive({**state, "process": other, "heartbeat": stamp(job_state.SILENCE_S + 5)})


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="namespaces need Linux and root")
def test_a_process_in_another_namespace_of_numbers_lives_by_its_heart(tmp_path: Path) -> None:
    path = tmp_path / STATE_FILE
    words = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, "-c", _RUNNER, str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        if runner.stdout.readline() != "running\n":
            pytest.skip("this system makes no namespaces")
        state = read_state(path)
        assert state is not None
        assert state["process"]["pid"] < 10  # which is another process here
        assert is_alive(state)
        runner.kill()


def test_a_process_of_elsewhere_is_waited_for_whatever_its_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_state, "SILENCE_S", 1.5)
    path, beats = tmp_path / STATE_FILE, 4
    left_behind(path, host=OTHER_HOST, heartbeat="1990-01-01T00:00:00Z")

    def beat() -> None:
        for second in range(1, beats):
            time.sleep(0.5)
            left_behind(path, host=OTHER_HOST, heartbeat=f"1990-01-01T00:00:0{second}Z")

    heart = threading.Thread(target=beat)
    begun = time.monotonic()
    heart.start()
    with running(path, "job", QUIET) as left:
        assert time.monotonic() - begun > 0.5 * (beats - 1) + 1
        assert left is not None
        assert left["heartbeat"] == f"1990-01-01T00:00:0{beats - 1}Z"
        assert read_manifest(path, "job_state")["process"]["pid"] == os.getpid()
    heart.join()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("beats", [0, 2])
def test_an_old_file_of_elsewhere_is_waited_for_as_long_as_its_heart_beats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beats: int
) -> None:
    monkeypatch.setattr(job_state, "OLD_SILENCE_S", 0.6)
    monkeypatch.setattr(job_state, "SILENCE_S", 1.0)
    monkeypatch.setattr(job_state, "POLL_S", 0.05)
    path = tmp_path / STATE_FILE
    an_hour_ago = time.time() - 3600

    def beat(number: int) -> None:  # as on a file system on which the writer dates what it writes
        left_behind(path, host=OTHER_HOST, heartbeat=f"2990-01-01T00:00:0{number}Z")
        os.utime(path, (an_hour_ago, an_hour_ago))

    beat(0)
    hearts = [threading.Timer(0.3 * number, beat, (number,)) for number in range(1, beats + 1)]
    begun = time.monotonic()
    for heart in hearts:
        heart.start()
    with running(path, "job", QUIET) as left:
        took_s = time.monotonic() - begun
    for heart in hearts:
        heart.join()
    assert left is not None
    assert left["heartbeat"].endswith(f"{beats}Z")
    assert took_s >= (0.6 if beats == 0 else 0.3 * beats + 1.0)


@pytest.mark.parametrize(
    ("changes", "is_certain", "stays"),
    [
        ({}, True, True),
        ({"started_ticks": 1}, False, False),
        ({"host": OTHER_HOST}, True, False),
        ({"host": OTHER_HOST}, False, True),
    ],
    ids=["lives", "is dead", "was seen to end elsewhere", "may live elsewhere"],
)
def test_the_state_of_a_process_that_may_live_stays(
    tmp_path: Path, changes: dict[str, Any], is_certain: bool, stays: bool
) -> None:
    path = tmp_path / STATE_FILE
    with running(path, "job", QUIET):
        if changes:
            changed(path, **changes)
        job_state.remove_dead(path, is_certain)
        assert path.exists() is stays
    path.unlink(missing_ok=True)
    assert list(tmp_path.iterdir()) == []
    job_state.remove_dead(path, is_certain)


def test_of_machines_that_come_at_once_one_runs_the_job_and_the_others_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_state, "is_of_here", lambda _: False)  # each of these threads is a machine of its own
    monkeypatch.setattr(job_state, "OLD_SILENCE_S", 0.3)
    monkeypatch.setattr(job_state, "POLL_S", 0.05)
    path, inside, most = tmp_path / STATE_FILE, [0], [0]
    left_behind(path, host=OTHER_HOST)
    long_ago = time.time() - job_state.OLD_S - 5
    os.utime(path, (long_ago, long_ago))
    here = threading.Barrier(4)

    def run() -> None:
        here.wait()
        with running(path, "job", QUIET):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.1)
            inside[0] -= 1

    machines = [threading.Thread(target=run) for _ in range(4)]
    for machine in machines:
        machine.start()
    for machine in machines:
        machine.join()
    assert most == [1]
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_was_taken_for_dead_leaves_the_file_of_the_next_one_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_state, "HEARTBEAT_S", 0.02)
    path = tmp_path / STATE_FILE
    with running(path, "job", QUIET):
        left_behind(path, host=OTHER_HOST)
        time.sleep(0.2)
    state = read_state(path)
    assert state is not None
    assert state["process"]["host"] == OTHER_HOST


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, None),
        ({"SLURM_JOB_ID": "17"}, {"system": "slurm", "id": "17"}),
        ({"PBS_JOBID": "17.pbs"}, {"system": "pbs", "id": "17.pbs"}),
        ({"LSB_JOBID": "17"}, {"system": "lsf", "id": "17"}),
        ({"JOB_ID": "17"}, None),
        ({"JOB_ID": "17", "SGE_TASK_ID": "undefined"}, {"system": "sge", "id": "17"}),
        ({"_CONDOR_JOB_AD": "ad"}, {"system": "htcondor", "id": "17.2"}),
        ({"_CONDOR_JOB_AD": "no file"}, None),
    ],
    ids=str,
)
def test_the_job_of_a_batch_system_is_known_by_its_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], found: dict[str, str] | None
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ad").write_text('ProcId = 2\nOwner = "x"\nClusterId = 17\n', encoding="utf-8")
    assert cluster_job(environment) == found


def test_an_anonymous_state_names_neither_boot_nor_cluster_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    named = this_process()
    assert named["cluster_job"] == {"system": "slurm", "id": "17"}
    monkeypatch.setenv(ANONYMOUS, "1")
    marked = this_process()
    assert "cluster_job" not in marked
    assert named["boot_id"] != marked["boot_id"]
    assert is_of_here(named)
    assert is_of_here(marked)


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
