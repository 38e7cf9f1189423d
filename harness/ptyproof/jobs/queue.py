"""The jobs of a run in an executor: what waits, what runs, and how each ended.

One process submits, waits and records; no other thread of it touches a manifest. Of jobs with the same result, the
second is submitted after the first has ended, so that it can take the result over.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TextIO

from ptyproof.console import Console
from ptyproof.jobs.attempt import EndedJob, Outcome
from ptyproof.jobs.executor import Executor, Needs, Work
from ptyproof.jobs.process import JobProcesses
from ptyproof.jobs.screen import Screen

Ended = Callable[[EndedJob[Any]], None]
LOOK_S = 5.0  # between looks at whether the manifest is due to be written, while no job ends


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

    def ended(self, outcomes: Sequence[Outcome[Any]]) -> list[EndedJob[Any]]:
        """Record how jobs ended, all in one step, and return their ends in the same order."""

    def fold_if_due(self) -> None:
        """Write the manifest, if the last time is long enough ago."""


@dataclass(eq=False)
class Submitted:
    """A job in the queue, by its number from 1: how it ended, once it has."""

    number: int
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
    _ended: SimpleQueue[Future[Any]] = field(default_factory=SimpleQueue)
    _phases: dict[int, Phase] = field(default_factory=dict)
    _n_submitted: int = 0

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
        self._n_submitted += 1
        self._phases[id(phase)] = phase
        submitted = Submitted(self._n_submitted, phase, job, console, place, then, held)
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
                self._finish(self._wait())
                for phase in self._phases.values():
                    phase.fold_if_due()
        if submitted.error is not None:
            raise submitted.error
        assert submitted.ended is not None
        return submitted.ended

    def close(self) -> None:
        """End what runs, take back what waits, and give the executor back; ends that were not recorded yet are."""
        self.executor.cancel(list(self._running))
        self._finish([future for future in self._running if not _is_canceled(future)], goes_on=False)
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
        future.add_done_callback(self._ended.put)

    def _wait(self) -> list[Future[Any]]:
        """Wait until a job ends, but not for long; return all that have ended since the last time."""
        ended = []
        with suppress(Empty):
            ended.append(self._ended.get(timeout=LOOK_S))
            while True:
                ended.append(self._ended.get_nowait())
        return ended

    def _finish(self, futures: Iterable[Future[Any]], goes_on: bool = True) -> None:
        """Record the ends of these futures, those of a phase in one step, and let go on what waited for them."""
        ended = sorted(((self._running.pop(future), future) for future in futures), key=lambda one: one[0].number)
        by_phase: dict[int, list[tuple[Submitted, Future[Any]]]] = {}
        for submitted, future in ended:
            by_phase.setdefault(id(submitted.phase), []).append((submitted, future))
        for of_phase in by_phase.values():
            _record(of_phase)
        for submitted, _ in ended:
            submitted.held.close()
            self._go_on(submitted, goes_on)

    def _go_on(self, submitted: Submitted, goes_on: bool) -> None:
        same = submitted.phase.same_result(submitted.job)
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


def _is_canceled(future: Future[Any]) -> bool:
    return future.cancelled() or isinstance(future.exception(), CancelledError)


def _record(ended: Sequence[tuple[Submitted, Future[Any]]]) -> None:
    """Let a phase record how these of its jobs ended; who waits for a job gets the error that kept it from that."""
    outcomes: list[tuple[Submitted, Outcome[Any]]] = []
    for submitted, future in ended:
        try:
            outcome = Outcome(submitted.job, future.result(), submitted.console, submitted.place)
            outcomes.append((submitted, outcome))
        except Exception as error:  # noqa: BLE001 - `wait_for` raises it where the job is waited for
            submitted.error = error
    if not outcomes:
        return
    try:
        found = outcomes[0][0].phase.ended([outcome for _, outcome in outcomes])
    except Exception as error:  # noqa: BLE001 - as above, for each of the jobs
        for submitted, _ in outcomes:
            submitted.error = error
        return
    for (submitted, _), end in zip(outcomes, found, strict=True):
        submitted.ended = end
