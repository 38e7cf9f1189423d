"""The queue of jobs: ends that arrive together are recorded in one step, and the manifest is kept up while it waits."""

from __future__ import annotations

import resource
import threading
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ptyproof.console import Console
from ptyproof.errors import RunError
from ptyproof.jobs import queue as job_queue
from ptyproof.jobs.attempt import EndedJob, Outcome
from ptyproof.jobs.executor import Needs, Work
from ptyproof.jobs.process import JobProcesses
from ptyproof.jobs.queue import JobQueue
from ptyproof.runs.folder import RunFolder


@dataclass
class ByHand:
    """An executor whose jobs end when the test lets them."""

    futures: list[Future[Any]] = field(default_factory=list)
    n_jobs: int = 1

    def submit(self, work: Work, limits: JobProcesses, needs: Needs, console: Console) -> Future[Any]:
        self.futures.append(Future())
        return self.futures[-1]

    def cancel(self, futures: Collection[Future[Any]]) -> None:
        for future in futures:
            future.cancel()

    def close(self) -> None:
        assert all(future.done() for future in self.futures)


@dataclass
class Recording:
    """A phase that keeps what it was asked to record."""

    steps: list[list[Any]] = field(default_factory=list)
    n_looks: int = 0
    looked: threading.Event = field(default_factory=threading.Event)
    processes: JobProcesses = field(default_factory=JobProcesses)

    def work_elsewhere(self, job: Any, place: str = "") -> Work:
        return cast("Work", None)

    def needs(self, job: Any) -> Needs:
        return Needs()

    def same_result(self, job: Any) -> str | None:
        return job[0] if job[0] in "abc" else None

    def ended(self, outcomes: Sequence[Outcome[Any]]) -> list[EndedJob[Any]]:
        self.steps.append([outcome.job for outcome in outcomes])
        if "fault" in self.steps[-1]:
            raise RunError("the manifest is damaged")
        return [cast("EndedJob[Any]", SimpleNamespace(job=outcome.job)) for outcome in outcomes]

    def fold_if_due(self) -> None:
        self.n_looks += 1
        self.looked.set()


@pytest.fixture
def by_hand() -> Iterator[tuple[JobQueue, ByHand, Recording]]:
    executor, phase = ByHand(), Recording()
    queue = JobQueue(executor)
    with closing(queue):
        yield queue, executor, phase


def submitted(queue: JobQueue, phase: Recording, *jobs: str) -> list[job_queue.Submitted]:
    return [queue.submit(phase, job, nullcontext(Console.silent())) for job in jobs]


def test_ends_that_arrive_together_are_one_step_in_the_order_of_the_queue(
    by_hand: tuple[JobQueue, ByHand, Recording],
) -> None:
    queue, executor, phase = by_hand
    asked = submitted(queue, phase, "x", "y", "z")
    for number in (2, 0):
        executor.futures[number].set_result("value")
    assert queue.wait_for(asked[0]).job == "x"
    assert phase.steps == [["x", "z"]]
    executor.futures[1].set_result("value")
    assert [queue.wait_for(one).job for one in asked] == ["x", "y", "z"]
    assert phase.steps == [["x", "z"], ["y"]]


def test_a_job_that_could_not_be_run_keeps_no_other_end_from_the_record(
    by_hand: tuple[JobQueue, ByHand, Recording],
) -> None:
    queue, executor, phase = by_hand
    bad, good = submitted(queue, phase, "x", "y")
    executor.futures[0].set_exception(RunError("no such worker"))
    executor.futures[1].set_result("value")
    assert queue.wait_for(good).job == "y"
    with pytest.raises(RunError, match="no such worker"):
        queue.wait_for(bad)
    assert phase.steps == [["y"]]


def test_ends_that_cannot_be_recorded_are_an_error_of_each(by_hand: tuple[JobQueue, ByHand, Recording]) -> None:
    queue, executor, phase = by_hand
    asked = submitted(queue, phase, "fault", "y")
    for future in executor.futures:
        future.set_result("value")
    for one in asked:
        with pytest.raises(RunError, match="damaged"):
            queue.wait_for(one)


def test_a_job_with_the_same_result_is_submitted_after_the_first_is_recorded(
    by_hand: tuple[JobQueue, ByHand, Recording],
) -> None:
    queue, executor, phase = by_hand
    asked = submitted(queue, phase, "a1", "a2", "b1")
    assert len(executor.futures) == 2
    executor.futures[0].set_result("value")
    queue.wait_for(asked[0])
    assert len(executor.futures) == 3
    for future in executor.futures[1:]:
        future.set_result("value")
    assert [queue.wait_for(one).job for one in asked] == ["a1", "a2", "b1"]


def test_the_manifest_is_kept_up_while_no_job_ends(
    by_hand: tuple[JobQueue, ByHand, Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_queue, "LOOK_S", 0.01)
    queue, executor, phase = by_hand
    (asked,) = submitted(queue, phase, "x")

    def end_after_a_look() -> None:
        phase.looked.wait(10)
        executor.futures[0].set_result("value")

    other = threading.Thread(target=end_after_a_look)
    other.start()
    queue.wait_for(asked)
    other.join()
    assert phase.n_looks >= 2


def test_a_queue_that_closes_records_what_had_ended(by_hand: tuple[JobQueue, ByHand, Recording]) -> None:
    queue, executor, phase = by_hand
    submitted(queue, phase, "x", "y")
    executor.futures[1].set_result("value")
    queue.close()
    assert phase.steps == [["y"]]
    assert executor.futures[0].cancelled()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted in /proc")
def test_any_number_of_jobs_that_wait_needs_few_open_files(
    by_hand: tuple[JobQueue, ByHand, Recording], tmp_path: Path
) -> None:
    queue, executor, phase = by_hand
    n_jobs, folder, (soft, hard) = 200, RunFolder(tmp_path / "hub"), resource.getrlimit(resource.RLIMIT_NOFILE)
    n_open = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (n_open + 20, hard))
    try:
        jobs = [
            queue.submit(phase, f"job{number}", folder.log("phase.log", Console.silent())) for number in range(n_jobs)
        ]
        for job, future in zip(jobs, executor.futures, strict=True):
            job.console.say(f"{folder.hub}/{job.job} has ended")
            future.set_result(None)
        queue.wait_for(jobs[-1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    lines = (folder.real_run / "phase.log").read_text(encoding="utf-8").splitlines()
    assert lines == [f"job{number} has ended" for number in range(n_jobs)]
