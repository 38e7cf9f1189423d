"""What Phases E and F do around a job: one process at a time, its state beside it, an end that is always recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ptyproof import clock
from ptyproof.console import Console
from ptyproof.io.locking import lock
from ptyproof.jobs import state as job_state
from ptyproof.jobs.ends import NOT_AGAIN, lost_line, reason_of
from ptyproof.jobs.memory import memory_limit
from ptyproof.jobs.process import Died
from ptyproof.records.cell_ledger import CellLedger, Record


@dataclass(frozen=True)
class JobPlace:
    """A job in its phase's manifest and on disk.

    Parameters
    ----------
    ledger, key
        The manifest, and the job's name in it.
    locked
        What is locked while a process runs the job.
    state_path
        Where that process says that it does.
    portable
        Makes a text's paths those of the manifest.
    record
        Changes the job's entry and returns it.
    """

    ledger: CellLedger
    key: str
    locked: Path
    state_path: Path
    portable: Callable[[str], str]
    record: Callable[[Record], Record]

    def attempt(
        self,
        work: Callable[[str], tuple[Record, bool]],
        stands: Callable[[Record], bool],
        attempted: Record,
        memory_bytes: int | None,
        console: Console,
        began: Callable[[str], None],
    ) -> tuple[Record, bool]:
        """Do a job in this process; return its entry, and whether an earlier call had made it.

        Parameters
        ----------
        work
            Is given the time of the start, and returns what this does.
        stands
            Tells of the earlier entry whether its failure stands.
        attempted
            What the entry says of this attempt; `work` may fill it in, and a failure has it as it is then.
        memory_bytes
            What the job may allocate beside its libraries; None is no limit.
        console
            Where lines go.
        began
            Is called with the time of the start as soon as no other process runs the job.
        """
        with lock(self.locked):
            started = clock.stamp()
            try:
                self.state_path.parent.mkdir(parents=True, exist_ok=True)
                with job_state.running(self.state_path, self.key, console) as left:
                    started = clock.stamp()
                    began(started)
                    earlier = self.ledger.entry_of(self.key)
                    if earlier is not None and stands(earlier):
                        console.say(f"{self.key}: {NOT_AGAIN}: {earlier['result']['error']}")
                        return earlier, True
                    lost = lost_line(self.key, earlier, left)
                    if lost is not None:
                        console.say(lost)
                    with memory_limit(memory_bytes):
                        return work(started)
            except Exception as error:  # noqa: BLE001 - whatever ends a job is recorded, and the others go on
                reason = self.portable(reason_of(error))
                console.say(f"{self.key}: FAILED: {reason}")
                ended: Record = {"status": "failed", "started": started, "finished": clock.stamp()}
                return self.record({"result": self.ledger.lost_result(reason) | ended, **attempted}), False

    def record_death(self, died: Died, unknown: Record, console: Console) -> Record:
        """Record a job whose process died, unless it had recorded its own end; return its entry.

        `unknown` is what the entry says of an attempt that had not come to recording itself.
        """
        with lock(self.locked):
            entry = self.ledger.entry_of(self.key)
            result = {} if entry is None else entry["result"]
            if entry is not None and result["status"] != "lost" and result["started"] == died.began:
                return entry
            console.say(f"{self.key}: {died.status.upper()}: {died.reason}")
            self.state_path.unlink(missing_ok=True)
            changes: Record = {"result": died.result(self.ledger.lost_result(died.reason), clock.stamp())}
            if result.get("started") != died.began:
                changes |= unknown
            return self.record(changes)

    def state(self) -> str | None:
        """Return where the job stands, one of `job_state.STATES`; None where no call has selected it yet."""
        entry = self.ledger.entry_of(self.key)
        return None if entry is None else job_state.state_of(entry, self.state_path)
