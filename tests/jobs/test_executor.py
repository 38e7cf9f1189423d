"""Several jobs at once on this machine: how many, how they end, and what is left of those that are canceled."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ptyproof.console import Console
from ptyproof.errors import InputError
from ptyproof.jobs import local
from ptyproof.jobs import process as job_process
from ptyproof.jobs.executor import Needs
from ptyproof.jobs.local import LocalExecutor, n_jobs_of
from ptyproof.jobs.process import Died, JobProcesses
from ptyproof.phases.e_train.train import TrainingPhase
from tests.helpers.job_bodies import die, meet, speak, write_pid_and_sleep

NO_LIMITS = JobProcesses()


@pytest.fixture(scope="module", autouse=True)
def server() -> None:
    job_process.start_server(TrainingPhase.PRELOADED)


@pytest.fixture
def two() -> Iterator[LocalExecutor]:
    executor = LocalExecutor(2)
    yield executor
    executor.close()


def submit(executor: LocalExecutor, work: Any, limits: JobProcesses = NO_LIMITS, gpu: bool = False) -> Any:
    return executor.submit(work, limits, Needs(gpu), Console.silent())


def test_two_jobs_run_at_once_and_a_third_waits(two: LocalExecutor, tmp_path: Path) -> None:
    # each of the first two waits until it sees the other; the third begins when one of them has gone
    futures = [submit(two, partial(meet, tmp_path, name, n)) for name, n in (("a", 2), ("b", 2), ("c", 1))]
    seen = [future.result() for future in futures]
    assert seen[0] == seen[1] == 2
    assert seen[2] < 3


def test_a_job_that_ends_leaves_the_rest_alone(two: LocalExecutor, tmp_path: Path) -> None:
    slow = submit(two, partial(write_pid_and_sleep, tmp_path / "pid"))
    assert isinstance(submit(two, partial(die, "exit")).result(), Died)
    assert not slow.done()


def test_canceled_jobs_leave_no_process(two: LocalExecutor, tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("a", "b", "c")]
    futures = [submit(two, partial(write_pid_and_sleep, place)) for place in places]
    while not all(place.is_file() and place.read_text() for place in places[:2]):
        time.sleep(0.02)
    two.cancel(futures)
    for future in futures:
        with pytest.raises(CancelledError):
            future.result()
    assert not places[2].exists()
    for place in places[:2]:
        with pytest.raises(ProcessLookupError):
            os.kill(int(place.read_text()), 0)
    assert submit(two, speak).result()["pid"] != os.getpid()  # it takes others after that


def test_a_time_limit_holds_for_jobs_side_by_side(two: LocalExecutor) -> None:
    futures = [submit(two, partial(die, way), JobProcesses(timeout_s=1.0)) for way in ("sleep", "kill")]
    ends = [future.result() for future in futures]
    assert [end.status for end in ends] == ["failed", "lost"]


def test_one_job_at_a_time_holds_a_gpu_and_the_cores_go_on(tmp_path: Path) -> None:
    executor = LocalExecutor(1, gpus=("0",))
    on_gpu = [submit(executor, partial(meet, tmp_path, name, n), gpu=True) for name, n in (("a", 2), ("b", 1))]
    beside = submit(executor, partial(meet, tmp_path, "c", 2))
    assert beside.result() == on_gpu[0].result() == 2
    assert on_gpu[1].result() == 1
    executor.close()


@pytest.mark.parametrize(("cores", "free", "threads", "n"), [(8, 64, 1, 8), (8, 64, 3, 2), (8, 4, 1, 2), (1, 1, 4, 1)])
def test_auto_is_as_many_as_cores_and_memory_hold(
    monkeypatch: pytest.MonkeyPatch, cores: int, free: int, threads: int, n: int
) -> None:
    monkeypatch.setattr(local, "n_cpus", lambda: cores)
    monkeypatch.setattr(local, "available_bytes", lambda: free * 2**30)
    assert n_jobs_of("auto", threads=threads) == n


def test_a_limit_of_memory_is_room_for_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "n_cpus", lambda: 100)
    monkeypatch.setattr(local, "available_bytes", lambda: 40 * 2**30)
    assert n_jobs_of("auto", memory_bytes=8 * 2**30) == 4


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "", "1025", "99999999", "²"])
def test_what_is_no_number_of_jobs_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        n_jobs_of(text)


def test_a_number_of_jobs_is_taken_as_it_is() -> None:
    assert [n_jobs_of(text) for text in ("1", "7", "1024")] == [1, 7, 1024]
