"""A phase of jobs in a hub that the processes of one run share: the first process that asks does a job."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic

from ptyproof.console import Console
from ptyproof.errors import InputError
from ptyproof.jobs.attempt import EndedJob
from ptyproof.jobs.phase import JobPhase
from ptyproof.jobs.queue import JobQueue, Submitted
from ptyproof.records.cell_book import Record
from ptyproof.records.cell_ledger import Filters
from ptyproof.study.cells import Enumeration, JobT, Skip


@dataclass(frozen=True, eq=False)
class PhaseRun(Generic[JobT]):
    """The run of a phase.

    Parameters
    ----------
    phase
        The phase.
    enumerated
        Enumerates its cells; called once, after the phases before it.
    filters
        What the manifest says of the choice of cells.
    selected
        Names of the cells that the run is about; None is all.
    call_id
        Name that the processes of the run share; None makes one.
    log
        Opens the phase's log, in addition to a console.
    queue
        Gives jobs to an executor.
    """

    phase: JobPhase[JobT]
    enumerated: Callable[[], Enumeration[JobT]]
    filters: Filters
    selected: frozenset[str] | None
    call_id: str | None
    log: Callable[[Console], AbstractContextManager[Console]]
    queue: JobQueue
    _submitted: dict[str, Submitted] = field(default_factory=dict, init=False)

    @property
    def cells(self) -> Enumeration[JobT]:
        """The cells of the study; the first access records them in the manifest."""
        return self._opened[0]

    @cached_property
    def _opened(self) -> tuple[Enumeration[JobT], JobPhase[JobT]]:
        """The cells, and the phase that runs them for the recorded call."""
        found = self.enumerated().narrowed(self.selected)
        self.phase.ledger.artifact_root.mkdir(parents=True, exist_ok=True)
        call = self.phase.open_call(found, self.filters, allow_missing_phase_d=False, call_id=self.call_id)
        with self.log(Console.silent()) as console:
            for line in found.lines(self.phase.WORDS.verb):
                console.say(line)
        return found, self.phase.called(call)

    def cell(self, key: str) -> JobT | str:
        """Return the job of a cell, or the reason for which it is skipped.

        Raises
        ------
        InputError
            If the study has no such cell.
        """
        found = self.cells.cell(key)
        if found is None:
            raise InputError(f"{key} is no cell of study {self.phase.ledger.design.name}")
        return found.reason if isinstance(found, Skip) else found

    def ended(self, job: JobT) -> EndedJob[JobT] | None:
        """Return how a job ended in this run. The phase decides about a success of an earlier run.

        The entry names the call that made it. Times do not tell: two runs may share a second, and a clock may be set.
        """
        _, called = self._opened
        entry = called.ledger.entry(job)
        if entry is None or entry["result"]["status"] == "lost" or entry.get("call") != called.call_id:
            return None
        return EndedJob(job, entry)

    def submit(
        self, job: JobT, watched: Console, then: Callable[[EndedJob[JobT]], None] = lambda _: None
    ) -> Submitted | None:
        """Queue a job once; `then` is called with its end. None if only this process can do it."""
        _, called = self._opened
        if not called.goes_elsewhere(job):
            return None
        if job.key not in self._submitted:
            self._submitted[job.key] = self.queue.submit(called, job, self.log(watched), then=then)
        return self._submitted[job.key]

    def do(self, job: JobT, watched: Console) -> EndedJob[JobT]:
        """Do a job, or return how it ended earlier in this run."""
        ended = None if job.key in self._submitted else self.ended(job)
        if ended is not None:
            return ended
        submitted = self.submit(job, watched)
        if submitted is not None:
            return self.queue.wait_for(submitted, watched.bars)
        _, called = self._opened
        with self.log(watched) as console:
            return called.run_aloud(job, console)

    def manifest(self) -> dict[str, Any]:
        """Return the manifest as it stands, which is written to its file."""
        self.phase.ledger.fold()
        manifest: Record | None = self.phase.ledger.read()
        assert manifest is not None  # the first access to the cells wrote it
        return manifest
