"""Jobs on the workers of a Dask scheduler: lines, ends, what is canceled, and workers that die."""

from __future__ import annotations

import io
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ptyproof.console import Console
from ptyproof.errors import InputError, RunError
from ptyproof.jobs import dask_executor, dask_worker
from ptyproof.jobs.dask_executor import DaskExecutor
from ptyproof.jobs.executor import Needs
from ptyproof.jobs.process import Died, JobProcesses
from tests.helpers.light_jobs import (
    STARTED,
    end,
    meet,
    sleep_only_once,
    tell,
    write_pid_and_sleep,
)

distributed = pytest.importorskip(
    "distributed", reason="needs the extra cluster: pip install 'pytest-ptyproof[cluster]'"
)

NO_LIMITS = JobProcesses()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    how = {"resources": {"GPU": 1}, "env": {"CUDA_VISIBLE_DEVICES": "5,7"}, "dashboard_address": ":0"}
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, silence_logs=logging.ERROR, **how
    ) as cluster:
        yield cluster


@pytest.fixture
def executor(cluster: Any) -> Iterator[DaskExecutor]:
    executor = DaskExecutor(cluster.scheduler_address)
    yield executor
    executor.close()


def submit(executor: DaskExecutor, work: Any, limits: JobProcesses = NO_LIMITS, console: Console | None = None) -> Any:
    return executor.submit(work, limits, Needs(), console or Console.silent())


def written(place: Path) -> str:
    """Return what a job writes into a file, once it has."""
    for _ in range(1000):
        if place.is_file() and place.read_text():
            return place.read_text()
        time.sleep(0.02)
    raise AssertionError(f"{place} was not written")


def is_gone(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    return False


def goes(pid: str) -> bool:
    """Tell whether a process ends within some seconds."""
    for _ in range(500):
        if is_gone(pid):
            return True
        time.sleep(0.02)
    return False


def test_a_job_has_a_process_of_its_own_and_its_lines_come_back(executor: DaskExecutor) -> None:
    lines, bars = io.StringIO(), io.StringIO()
    seen = submit(executor, tell, console=Console(lines, bars)).result(30)
    assert lines.getvalue().splitlines() == ["eins", "zwei ü"]
    assert "bar" in bars.getvalue()
    assert seen["pid"] != os.getpid()
    assert seen["folder"] == str(Path.cwd())


def test_a_job_that_takes_a_gpu_sees_no_other_one(executor: DaskExecutor) -> None:
    futures = [executor.submit(tell, NO_LIMITS, Needs(gpu), Console.silent()) for gpu in (True, False)]
    assert [future.result(30)["gpu"] for future in futures] == ["5", "5,7"]


@pytest.mark.campaign
def test_two_workers_run_two_jobs_at_once(executor: DaskExecutor, tmp_path: Path) -> None:
    futures = [submit(executor, partial(meet, tmp_path, name, 2)) for name in ("a", "b")]
    assert [future.result(30) for future in futures] == [2, 2]
    assert executor.n_jobs == 2


def test_ends_are_those_of_the_job_s_process(executor: DaskExecutor) -> None:
    killed, exited, slow = (
        submit(executor, partial(end, way), JobProcesses(timeout_s=1.0)) for way in ("kill", "exit", "sleep")
    )
    ends = [future.result(30) for future in (killed, exited, slow)]
    assert [(end.status, end.began) for end in ends] == [("lost", STARTED), ("failed", STARTED), ("failed", STARTED)]
    with pytest.raises(InputError, match=r"^view$"):
        submit(executor, partial(end, "input")).result(30)


def test_canceled_jobs_leave_no_process_and_the_others_go_on(executor: DaskExecutor, tmp_path: Path) -> None:
    slow = [submit(executor, partial(write_pid_and_sleep, tmp_path / name)) for name in ("a", "b", "c")]
    pids = [written(tmp_path / name) for name in ("a", "b")]
    executor.cancel(slow[:1])
    assert [future.done() for future in slow] == [True, False, False]
    assert is_gone(pids[0])
    assert not is_gone(pids[1])
    executor.cancel(slow)
    for future in slow:
        with pytest.raises(CancelledError):
            future.result()
    assert is_gone(pids[1])
    assert submit(executor, tell).result(30)["pid"] != os.getpid()  # it takes others after that


def test_an_address_without_a_scheduler_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_executor, "CONNECT_S", 0.5)
    with pytest.raises(InputError, match="--scheduler"):
        DaskExecutor("tcp://127.0.0.1:9")


def worker_of(executor: DaskExecutor) -> int:
    """Return the process of the worker that runs a job."""
    busy = [worker for worker, running in executor._client.run(dask_worker.running).items() if running]
    return int(executor._client.run(os.getpid, workers=busy)[busy[0]])


@pytest.mark.campaign
def test_a_job_whose_worker_is_killed_runs_on_another(executor: DaskExecutor, tmp_path: Path) -> None:
    future = submit(executor, partial(sleep_only_once, tmp_path / "pid"))
    pid = written(tmp_path / "pid")
    os.kill(worker_of(executor), signal.SIGKILL)
    assert future.result(30) == "again"
    assert goes(pid)


@pytest.mark.campaign
def test_a_job_whose_workers_keep_dying_is_lost(
    cluster: Any, executor: DaskExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    future = submit(executor, partial(sleep_only_once, tmp_path / "pid"))
    written(tmp_path / "pid")
    os.kill(worker_of(executor), signal.SIGKILL)
    died = future.result(30)
    assert (type(died), died.status, died.began) == (Died, "lost", STARTED)


@pytest.fixture
def started() -> Iterator[Any]:
    """A function that starts one of the processes of `tests.helpers.dask_parts`; all are killed at the end."""
    processes = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        processes.append(subprocess.Popen([sys.executable, "-m", "tests.helpers.dask_parts", *words]))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.campaign
def test_a_submitting_process_that_is_killed_leaves_no_job(cluster: Any, started: Any, tmp_path: Path) -> None:
    process = started("submit", cluster.scheduler_address, str(tmp_path / "pid"))
    pid = written(tmp_path / "pid")
    process.kill()
    assert goes(pid)


@pytest.mark.campaign
def test_a_scheduler_that_is_lost_is_an_error_and_nothing_hangs(started: Any, tmp_path: Path) -> None:
    process = started("scheduler", str(tmp_path / "address"))
    executor = DaskExecutor(written(tmp_path / "address"))
    future = submit(executor, partial(write_pid_and_sleep, tmp_path / "pid"))
    pid = written(tmp_path / "pid")
    process.kill()
    with pytest.raises(RunError, match=executor._address):
        future.result(30)
    begun = time.monotonic()
    with pytest.raises(RunError):
        submit(executor, tell)
    executor.close()
    assert time.monotonic() - begun < 10
    assert goes(pid)


@pytest.mark.campaign
def test_a_job_that_gains_nothing_from_the_lives_of_workers_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_executor, "MOST_IN_VAIN", 1)
    how = {"lifetime": "8s", "lifetime_restart": True, "dashboard_address": ":0"}
    lines = io.StringIO()
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, silence_logs=logging.CRITICAL, **how) as cluster:
        executor = DaskExecutor(cluster)
        work = partial(write_pid_and_sleep, tmp_path / "pid")
        needs = Needs(goes_on_from=tmp_path / "none")
        end = executor.submit(work, NO_LIMITS, needs, Console(lines)).result(60)
        assert goes(written(tmp_path / "pid"))
        executor.close()
    assert (type(end), end.status, end.began) == (Died, "failed", STARTED)
    assert len(lines.getvalue().splitlines()) == 1
