"""The runs in a hub's index, as documents name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ptyproof.errors import InputError
from ptyproof.hub.index import INDEX, Hub, is_incomplete


@dataclass(frozen=True)
class Run:
    """A run of pytest, or of a command of ptyproof, into a hub.

    Parameters
    ----------
    id, started
        Name in the hub, and time in UTC; together they tell runs of different hubs apart.
    command, evidence, topic, accepted, reason, exit_status
        As the index has them.
    ended
        Whether the end is recorded.
    under_way
        Whether it still runs, on this machine.
    outcomes, skips
        Number of tests by outcome; reasons of the skips, one for each skipped test.
    record
        Absolute path of its log, or of the index where it has none.
    blocked
        Absolute path of the record of the error that stopped it; None if no error did.
    """

    id: str
    started: str
    command: str
    evidence: str
    topic: str | None
    accepted: bool | None
    reason: str | None
    exit_status: int | None
    ended: bool
    under_way: bool
    record: Path
    outcomes: Mapping[str, int] = field(default_factory=dict)
    skips: tuple[str, ...] = ()
    blocked: Path | None = None

    def shows_green(self, topic: str) -> bool:
        """Return whether the run is accepted evidence that the tests of a topic pass."""
        return self.evidence == "green" and self.topic == topic and self.ended and self.accepted is True


def read_runs(hub: Path) -> list[Run]:
    """Return the runs in a hub's index, oldest first.

    Raises
    ------
    InputError
        If there is no index, or it is damaged.
    """
    index = Hub(hub).read()
    if index is None:
        raise InputError(f"--hub must be a folder with an index, but {hub / INDEX} does not exist")
    root = hub.resolve()
    return [
        Run(
            id=run["id"],
            started=run["started"],
            command=run["command"],
            evidence=run["evidence"],
            topic=run["topic"],
            accepted=run["accepted"],
            reason=run["reason"],
            exit_status=run["exit_status"],
            ended=run["status"] == "ended",
            under_way=run["status"] != "ended" and not is_incomplete(run),
            record=_record(root, run["log_path"]),
            outcomes=run["outcomes"],
            skips=tuple(skip["reason"] for skip in run["skips"]),
            blocked=_blocked(root, run.get("blocked_path")),
        )
        for run in index["runs"]
    ]


def _record(root: Path, log_path: str | None) -> Path:
    log = root / (log_path or INDEX)
    return log if log.is_file() else root / INDEX


def _blocked(root: Path, path: str | None) -> Path | None:
    return root / path if path is not None and (root / path).is_file() else None
