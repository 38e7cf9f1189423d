"""A phase whose cells are jobs: enumerate, run each in a process, record its end, print a line.

`enumerate` makes a cell a job or a skip, or does not select it. A queue gives the job to a process. `run_here` locks
the job in that process, writes its state file, and calls the phase's `work` with an `Attempt`. The ledger has the end
of each job, also if its process dies. `line` describes a success. A phase defines its jobs; the rest is common.
"""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Generic, Self

from ptyproof import clock
from ptyproof.console import Console
from ptyproof.io.atomic import sweep, writable_folder
from ptyproof.io.locking import lock
from ptyproof.io.regular import appended
from ptyproof.jobs import process as job_process
from ptyproof.jobs import state as job_state
from ptyproof.jobs.attempt import Attempt, EndedJob, Outcome
from ptyproof.jobs.ends import NOT_AGAIN, frames_of, lost_line, reason_of, stands
from ptyproof.jobs.executor import Executor, Needs, Work
from ptyproof.jobs.local import LocalExecutor
from ptyproof.jobs.memory import memory_limit
from ptyproof.jobs.process import Died, JobProcesses
from ptyproof.jobs.queue import JobQueue
from ptyproof.records.cell_book import Record
from ptyproof.records.cell_ledger import CellLedger, Filters
from ptyproof.records.job_record import JobRecord
from ptyproof.study.cells import Enumeration, JobT
from ptyproof.study.design import StudyDesign
from ptyproof.training.device import RunOptions


@dataclass(frozen=True)
class Words:
    """The verb of a phase: `train`, `trained`.

    Each job is announced with a word, `training`, or all of them have a progress bar of this name.
    """

    verb: str
    done: str
    announced: str | None = None
    bar: str | None = None


@dataclass(frozen=True, eq=False)
class JobPhase(ABC, Generic[JobT]):
    """A phase of a study: where its data and artifacts lie, and how its jobs are run.

    Parameters
    ----------
    ledger
        The manifest that records it.
    options
        Accelerator, determinism, workers, logger, threads.
    processes
        Let each job have a process of its own, within these limits; None runs jobs in this one.
    retry
        `failed` runs again what failed in an earlier call. What was lost is always run again.
    redo
        Do again what an earlier call has done.
    call_id
        The call that the jobs are run for, which their entries name; None before one is opened.
    """

    ledger: CellLedger[JobT, Any]
    options: RunOptions
    processes: JobProcesses | None = None
    retry: frozenset[str] = frozenset()
    redo: bool = False
    call_id: str | None = None

    LEDGER: ClassVar[type[CellLedger[Any, Any]]]
    WORDS: ClassVar[Words]
    PRELOADED: ClassVar[tuple[str, ...]]  # modules that the server of processes imports for its jobs

    @classmethod
    def opened(
        cls,
        phase_c_root: Path,
        phase_d_root: Path,
        artifact_root: Path,
        options: RunOptions,
        design: StudyDesign | None = None,
        **how: Any,
    ) -> Self:
        """Return the phase of the study that Phase C recorded, or of `design`; `how` are further fields.

        Raises
        ------
        InputError
            If Phase C left no record and no design is given, or as `check` says.
        ManifestError
            If Phase C's record is damaged.
        """
        phase = cls(cls.LEDGER.opened(phase_c_root, phase_d_root, artifact_root, design), options, **how)
        if phase.processes is not None:
            job_process.start_server(cls.PRELOADED)
        phase.check()
        return phase

    @abstractmethod
    def check(self) -> None:
        """Raise InputError if no job of the phase can be run as it is asked for."""

    @abstractmethod
    def enumerate(self, filters: Any = None, allow_missing_phase_d: bool = False) -> Enumeration[JobT]:
        """Return the jobs and skips of the study with the data that are there."""

    @abstractmethod
    def facts(self, job: JobT) -> Record:
        """Return the keys that an entry has at the start of an attempt; they replace those of an earlier attempt.

        Its `environment` is None.
        """

    @abstractmethod
    def environment(self) -> Record:
        """Return what the bits of a result depend on in this process: versions, processor, threads."""

    @abstractmethod
    def work(self, attempt: Attempt[JobT]) -> EndedJob[JobT]:
        """Do a job in this process, or reuse the same result of an earlier call; return its end."""

    @abstractmethod
    def line(self, done: EndedJob[JobT]) -> str:
        """Return the line about a success."""

    def call(self) -> Record:
        """Return the keys of a call in the manifest beside its cells and filters."""
        return {}

    def elsewhere(self, job: JobT) -> JobPhase[JobT] | None:
        """Return the phase for another process that does a job; None if only this process can do the job."""
        return replace(self, options=self.options.pinned(), processes=None)

    def needs(self, job: JobT) -> Needs:
        """Return what a job takes of a machine."""
        return Needs()

    def same_result(self, job: JobT) -> Hashable | None:
        """Return a name that jobs with the same result share; None if no other job can have this one's."""
        return None

    def open_call(
        self, found: Enumeration[JobT], filters: Filters, allow_missing_phase_d: bool, call_id: str | None = None
    ) -> Record:
        """Record what a call asks for; return the call's record. Processes of one call share its id."""
        call_id = call_id or uuid.uuid4().hex
        return self.ledger.open_call(found, filters, allow_missing_phase_d, call_id, **self.call())

    def called(self, call: Record) -> Self:
        """Return the phase that runs jobs for a call, given the call's record."""
        return replace(self, call_id=call["id"])

    def run(
        self,
        found: Enumeration[JobT],
        filters: Filters,
        allow_missing_phase_d: bool,
        console: Console,
        executor: Executor | None = None,
    ) -> list[EndedJob[JobT]]:
        """Run the jobs of an enumeration in an executor (None: one after the other); return how they ended, in order.

        Every job is a line on the console; a job that fails does not keep the others from running.

        Raises
        ------
        InputError
            If the artifact root takes no files, or belongs to another study; no job is run then.
        """
        self.ledger.read()
        writable_folder(self.ledger.artifact_root, "--artifact-root")
        sweep(self.ledger.artifact_root)
        called = self.called(self.open_call(found, filters, allow_missing_phase_d))
        n, bars = len(found.jobs), Console.silent() if self.WORDS.bar is None else console
        queue = JobQueue(executor or LocalExecutor(1))
        try:
            with closing(queue), bars.progress(self.WORDS.bar or "", n, "job") as progress:

                def count(_: object) -> None:
                    progress.update(1)

                asked = [
                    (place, job, queue.submit(called, job, nullcontext(console), place, count))
                    if called.goes_elsewhere(job)
                    else (place, job, None)
                    for place, job in ((f"[{number}/{n}] ", job) for number, job in enumerate(found.jobs, start=1))
                ]
                ended = []
                for place, job, submitted in asked:
                    if submitted is None:
                        ended.append(called.run_aloud(job, console, place))
                        count(job)
                    else:
                        ended.append(queue.wait_for(submitted, console.bars))
        finally:
            self.ledger.fold()
        return ended

    def goes_elsewhere(self, job: JobT) -> bool:
        """Tell whether a process of its own does a job."""
        return self.processes is not None and self.elsewhere(job) is not None

    def run_aloud(self, job: JobT, console: Console, place: str = "") -> EndedJob[JobT]:
        """Do a job in this process; print a line that begins with `place` about its start or success."""
        done = self._begin(self.ledger.handed(job), None, place, console, lambda _: None)
        return self.ended([Outcome(job, done, console, place)])[0]

    def work_elsewhere(self, job: JobT, place: str = "") -> Work:
        """Return the work of a job for a process of its own, in which its first line begins with `place`."""
        phase = self.elsewhere(job)
        assert phase is not None
        assert self.processes is not None
        return partial(phase._begin, self.ledger.handed(job), self.processes.memory_bytes, place)

    def ended(self, outcomes: Sequence[Outcome[JobT]]) -> list[EndedJob[JobT]]:
        """Record how jobs ended, after their processes did, and return it; a success is a line."""
        returned = {one.job.key: one.value for one in outcomes if not isinstance(one.value, Died)}
        entries = self.ledger.take_in([(done.job.cell, done.entry) for done in returned.values()])
        ended = [replace(done, entry=entry) for done, entry in zip(returned.values(), entries, strict=True)]
        known = {done.job.key: done for done in ended}
        for one in outcomes:
            if isinstance(one.value, Died):
                known[one.job.key] = EndedJob(one.job, self._record_death(one.job, one.value, one.console))
            done = known[one.job.key]
            if done.status == "success":
                one.console.say(f"{'' if self.WORDS.announced else one.place}{self.line(done)}")
        self.fold_if_due()
        return [known[one.job.key] for one in outcomes]

    def fold_if_due(self) -> None:
        """Write the manifest, if the last time is long enough ago."""
        self.ledger.fold_if_due()

    def _begin(
        self,
        record: JobRecord[JobT],
        memory_bytes: int | None,
        place: str,
        console: Console,
        began: Callable[[str], None],
    ) -> EndedJob[JobT]:
        if self.WORDS.announced is not None:
            console.say(f"{place}{record.job.key}: {self.WORDS.announced}")
        return self.run_here(record, memory_bytes, console, began)

    def run_here(
        self, record: JobRecord[JobT], memory_bytes: int | None, console: Console, began: Callable[[str], None]
    ) -> EndedJob[JobT]:
        """Do a job in this process, unless an earlier call left the same result; record how it ended, whatever it was.

        Two processes that are given the same job do it once. A failure of an earlier call stands, unless the job would
        be done in another way, or `retry` asks for it.

        Parameters
        ----------
        record
            The record of the job.
        memory_bytes
            What it may allocate beside its libraries; None is no limit.
        console
            Where lines and progress go.
        began
            Is called with the time of the start as soon as no other process runs the job.
        """
        job = record.job
        facts = self._facts_of_call(job) | {"environment": self.environment()}
        with lock(job.output) as waited:
            was_another = waited or job.state_path.exists()  # at the job since it was handed over, here or elsewhere
            record = record.anew() if was_another else record
            attempt = Attempt(self.ledger, record, clock.stamp(), facts, self.redo, console)
            try:
                job.state_path.parent.mkdir(parents=True, exist_ok=True)
                with job_state.running(job.state_path, job.key, console) as left:
                    attempt = replace(attempt, started=clock.stamp())
                    began(attempt.started)
                    earlier = attempt.record.entry()
                    if earlier is not None and self._stands(earlier, attempt):
                        console.say(f"{job.key}: {NOT_AGAIN}: {earlier['result']['error']}")
                        return EndedJob(job, earlier, reused=True)
                    lost = lost_line(job.key, earlier, left)
                    if lost is not None:
                        console.say(lost)
                    with memory_limit(memory_bytes):
                        return self.work(attempt)
            except Exception as error:  # noqa: BLE001 - every end is recorded, and other jobs go on
                return attempt.fail(reason_of(error), frames_of(error))

    def state(self, job: JobT) -> str | None:
        """Return where a job stands, one of `job_state.STATES`; None where no call has selected it yet."""
        # before the entry is read, as the job may end meanwhile
        was_running = job_state.is_alive(job_state.read_state(job.state_path))
        entry = self.ledger.entry(job)
        state = None if entry is None else job_state.state_of(entry, job.state_path)
        return "running" if was_running and state in ("pending", "lost") else state

    def _facts_of_call(self, job: JobT) -> Record:
        return self.facts(job) | ({} if self.call_id is None else {"call": self.call_id})

    def _stands(self, earlier: Record, attempt: Attempt[JobT]) -> bool:
        again = self.redo or "failed" in self.retry
        way = {key: value for key, value in {**attempt.job.plan, **attempt.facts}.items() if key != "call"}
        return not again and stands(earlier, way, self.ledger.artifact_root)

    def _record_death(self, job: JobT, died: Died, console: Console) -> Record:
        """Record a job whose process died, unless it had recorded its own end; return its entry."""
        entry = self.ledger.entry(job)
        result = {} if entry is None else entry["result"]
        own = entry is not None and result["started"] == died.began and entry.get("call") == self.call_id
        if entry is not None and own and result["status"] != "lost":
            return self.ledger.take_in([(job.cell, entry)])[0]
        console.say(f"{job.key}: {died.status.upper()}: {died.reason}")
        job_state.remove_dead(job.state_path, died.is_certain)
        ended = died.result(self.ledger.lost_result(died.reason), clock.stamp())
        facts = {} if own else self._facts_of_call(job)  # the attempt has recorded its own
        entry = self.ledger.record(job, result=ended, **facts)
        if job.log_path is not None and job.log_path.is_file():
            with appended(job.log_path) as log:
                Console(log, None).say(f"{clock.stamp()} {job.key}: {died.status}: {died.reason}")
        return entry
