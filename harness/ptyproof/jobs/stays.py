"""The stays of a job at workers: how often one ended with the worker's life, and left the job where it was.

A worker in an allocation closes before the allocation ends, and another worker goes on with its jobs. A job that takes
longer than an allocation, and leaves nothing to go on from, would be handed on without end.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof import clock
from ptyproof.jobs.executor import Needs
from ptyproof.jobs.liveness import age_s
from ptyproof.records.journal import Version, version_of

if TYPE_CHECKING:
    from distributed import Worker

MOST_IN_VAIN = 3


@dataclass(frozen=True)
class Stay:
    """What a worker knows when a job begins to run there.

    Parameters
    ----------
    state
        Version of the file from which the job goes on; None if it begins anew.
    left_s
        Seconds until the worker closes; None if that is less than half of its life, or nobody knows.
    """

    state: Version | None
    left_s: float | None

    @classmethod
    def at(cls, worker: Worker, needs: Needs, folder: str) -> Stay:
        """Return the stay of a job that begins at a worker now; relative paths are meant from `folder`."""
        path, life_s = needs.goes_on_from, worker.lifetime
        left_s = None if not life_s else life_s - age_s()
        has_time = left_s is not None and left_s >= life_s / 2
        return cls(None if path is None else version_of(Path(folder, path)), left_s if has_time else None)


@dataclass
class Stays:
    """The stays of a job, as the process that submitted it learns of them."""

    n: int = 0
    n_in_vain: int = 0
    _last: Stay | None = None
    _since_s: float = 0.0
    _began: bool = False

    def add(self, stay: Stay) -> None:
        """Take down that the job came to a worker, after the stay before had ended."""
        now_s, last = clock.seconds(), self._last
        if last is not None and last.left_s is not None and self._began:
            lived_on = now_s - self._since_s < last.left_s  # another thing than the end of the worker's life ended it
            self.n_in_vain += not lived_on and stay.state == last.state
        self.n, self._last, self._since_s, self._began = self.n + 1, stay, now_s, False

    def begin(self) -> None:
        """Take down that the job does not wait for another process that runs it."""
        self._began = True
