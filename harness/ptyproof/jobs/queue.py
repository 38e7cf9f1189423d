"""The jobs of a run in an executor: what waits, what runs, and how each ended.

One process submits, waits and records; no other thread of it touches a manifest. Of jobs with the same result, the
second is submitted after the first has ended, so that it can take the result over.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TextIO

from ptyproof.console import Console
from ptyproof.jobs.attempt import EndedJob
from ptyproof.jobs.executor import Executor, Needs, Work
from ptyproof.jobs.process import JobProcesses
from ptyproof.jobs.screen import Screen

Ended = Callable[[EndedJob[Any]], None]


class Phase(Protocol):
    """What the queue asks a phase of jobs for; `jobs.phase.JobPhase` is one."""

    @property
    def processes(self) -> JobProcesses | None:
        """The limits of a job's process."""

    def work_elsewhere(self, job: Any, place: str = "") -> Work:
        """Return the work of a job for a process of its own."""

    def needs(self, job: Any) -> Needs:
        """Return what a job takes of a machine."""

    def same_result(self, job: Any) -> Hashable | None:
        """Return a name that jobs with the same result share."""

    def ended(self, job: Any, outcome: Any, console: Console, place: str = "") -> EndedJob[Any]:
        """Record how a job ended, and return it."""


@dataclass(eq=False)
class Submitted:
    """A job in the queue: how it ended, once it has."""

    phase: Phase
    job: Any
    console: Console
    place: str
    then: Ended
    held: ExitStack
    ended: EndedJob[Any] | None = None
    error: BaseException | None = None


@dataclass(eq=False)
class JobQueue:
    """Jobs of one phase or several.

    Parameters
    ----------
    executor
        Runs the jobs; this process does those that no other process can do.
    """

    executor: Executor
    _running: dict[Future[Any], Submitted] = field(default_factory=dict)
    _behind: dict[Hashable, list[Submitted]] = field(default_factory=dict)
    _screen: Screen = field(default_factory=Screen)

    def submit(
        self,
        phase: Phase,
        job: Any,
        log: AbstractContextManager[Console],
        place: str = "",
        then: Ended = lambda _: None,
    ) -> Submitted:
        """Queue a job.

        Parameters
        ----------
        phase, job
            The job, which another process can do, and its phase.
        log
            Opens the console for the job's lines.
        place
            Begins the line about its start or success.
        then
            Is called when the job has ended and is recorded.
        """
        held = ExitStack()
        console = held.enter_context(log)
        if console.bars is not None and self.executor.n_jobs > 1:
            console = replace(console, bars=self._screen.line())
        submitted = Submitted(phase, job, console, place, then, held)
        same = phase.same_result(job)
        if same is not None and same in self._behind:
            self._behind[same].append(submitted)
            return submitted
        if same is not None:
            self._behind[same] = []
        self._start(submitted)
        return submitted

    def wait_for(self, submitted: Submitted, bars: TextIO | None = None) -> EndedJob[Any]:
        """Return how a job ended, after it has; progress is shown on `bars`.

        Raises
        ------
        PtyproofError
            If the job could not be run.
        """
        with self._screen.on(bars):
            while submitted.ended is None and submitted.error is None:
                for future in self.executor.wait(self._running):
                    self._finish(future, self._running.pop(future))
        if submitted.error is not None:
            raise submitted.error
        assert submitted.ended is not None
        return submitted.ended

    def close(self) -> None:
        """End what runs, take back what waits, and give the executor back; ends that were not recorded yet are."""
        done = [future for future in self._running if future.done()]
        self.executor.cancel([future for future in self._running if not future.done()])
        for future in done:
            self._finish(future, self._running.pop(future), goes_on=False)
        waiting = [*self._running.values(), *(one for behind in self._behind.values() for one in behind)]
        for submitted in waiting:
            submitted.held.close()
        self._running.clear()
        self._behind.clear()
        self.executor.close()

    def _start(self, submitted: Submitted) -> None:
        phase, job = submitted.phase, submitted.job
        assert phase.processes is not None
        work = phase.work_elsewhere(job, submitted.place)
        future = self.executor.submit(work, phase.processes, phase.needs(job), submitted.console)
        self._running[future] = submitted

    def _finish(self, future: Future[Any], submitted: Submitted, goes_on: bool = True) -> None:
        phase, job = submitted.phase, submitted.job
        with submitted.held:
            try:
                submitted.ended = phase.ended(job, future.result(), submitted.console, submitted.place)
            except Exception as error:  # noqa: BLE001 - who waits for the job gets it
                submitted.error = error
        same = phase.same_result(job)
        behind = [] if same is None else self._behind.pop(same, [])
        if not goes_on:
            for other in behind:
                other.held.close()
            return
        if behind:
            self._behind[same] = behind[1:]
            self._start(behind[0])
        if submitted.ended is not None:
            submitted.then(submitted.ended)
