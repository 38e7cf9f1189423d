"""One attempt at a job, and its entry from start to end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from ptyproof import clock
from ptyproof.console import Console
from ptyproof.jobs.ends import NOT_AGAIN
from ptyproof.jobs.process import Died
from ptyproof.records.cell_book import Record
from ptyproof.records.cell_ledger import NOT_ENDED, CellLedger
from ptyproof.records.job_record import JobRecord
from ptyproof.study.cells import JobT


@dataclass(frozen=True, eq=False)
class EndedJob(Generic[JobT]):
    """A job and its entry in the manifest; `reused` is True if an earlier call made the result."""

    job: JobT
    entry: Record
    reused: bool = False

    @property
    def status(self) -> str:
        """`success`, `failed` or `lost`."""
        return str(self.entry["result"]["status"])

    @property
    def error(self) -> str | None:
        """Why the job failed, in one sentence; None for other ends."""
        error: str | None = self.entry["result"]["error"]
        return f"{error} ({NOT_AGAIN})" if self.reused and error is not None else error

    @property
    def bundle_path(self) -> Path | None:
        """The bundle that the job trained; None without a bundle."""
        name = self.entry["result"].get("bundle_path")
        return None if name is None else self.job.state_path.with_name(name)


@dataclass(frozen=True, eq=False)
class Outcome(Generic[JobT]):
    """What came back from the process of a job.

    Parameters
    ----------
    job, value
        The job, and how it ended, or how its process died.
    console
        Where the line about its end goes.
    place
        Begins that line.
    """

    job: JobT
    value: EndedJob[JobT] | Died
    console: Console
    place: str = ""


@dataclass(frozen=True, eq=False)
class Attempt(Generic[JobT]):
    """An attempt at a job, by the process that holds the job's lock.

    Parameters
    ----------
    ledger, record
        The manifest, which another process may write, and the record of the job in this one.
    started
        The time of its start.
    facts
        What the entry says of the attempt, such as its environment. Whoever does the job fills in what it finds, and a
        failure keeps what was found until then.
    redo
        Do the job although an earlier call left the same result.
    console
        Where lines and progress go.
    """

    ledger: CellLedger[JobT, Any]
    record: JobRecord[JobT]
    started: str
    facts: Record
    redo: bool
    console: Console

    @property
    def job(self) -> JobT:
        """What is attempted."""
        return self.record.job

    def earlier(self, recipe: str) -> Record | None:
        """Return the entry of an earlier success by the same recipe on the same kind of machine, None without one."""
        entry = None if self.redo else self.record.entry()
        return entry if entry is not None and self.is_same(entry, recipe) else None

    def is_same(self, entry: Record, recipe: str) -> bool:
        """Tell whether an entry has the result that this attempt would give; its files may be missing."""
        result = entry["result"]
        same_machine = entry["environment"] == self.facts["environment"]
        return bool(result["status"] == "success" and result["recipe_sha256"] == recipe and same_machine)

    def reuse(self, entry: Record, what: str) -> EndedJob[JobT]:
        """End with the result of an earlier call; `what` is the file that was found intact."""
        self.console.say(f"{self.job.key}: reused, the {what} is whole and made by the same recipe on the same machine")
        return EndedJob(self.job, entry, reused=True)

    def begin(self) -> None:
        """Record that the job started. Its entry says `lost` until the end is recorded."""
        self._record(self.ledger.lost_result(NOT_ENDED) | {"started": self.started})

    def succeed(self, result: Mapping[str, Any], **facts: Any) -> EndedJob[JobT]:
        """Record a success; `facts` are the keys that only a success has."""
        return self._record(result, **facts)

    def fail(self, reason: str, frames: Sequence[str] = ()) -> EndedJob[JobT]:
        """Record a failure with the known facts of the attempt; `frames` (where it happened) go to the log."""
        reason = self.ledger.portable(reason, self.job)
        self.console.say(f"{self.job.key}: FAILED: {reason}")
        for frame in frames:
            self.console.say(f"    {self.ledger.portable(frame, self.job)}")
        ended = {"status": "failed", "started": self.started, "finished": clock.stamp()}
        result = self.ledger.lost_result(reason) | ended
        try:
            return self._record(result)
        except OSError:  # the folder of the job takes no file: its end reaches the coordinator alone
            return EndedJob(self.job, self.record.changed(result=result, **self.facts))

    def _record(self, result: Mapping[str, Any], **facts: Any) -> EndedJob[JobT]:
        return EndedJob(self.job, self.record.record(result=result, **(self.facts | facts)))
