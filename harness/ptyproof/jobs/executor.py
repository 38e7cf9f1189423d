"""Where jobs run: an executor takes work with its needs, gives a future for each, and cancels what is not wanted.

An executor decides when and where a job runs, nothing else: what a job does, and how its end is recorded, is the
phase's. The process that submits is the only one that asks an executor for something.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ptyproof.console import Console
from ptyproof.jobs.process import JobProcesses

Work = Callable[[Console, Callable[[str], None]], Any]  # `jobs.process.run` says how it is called


@dataclass(frozen=True)
class Needs:
    """What a job takes of a machine.

    Parameters
    ----------
    gpu
        It takes a GPU of its own, if the machine has any, beside one thread of the CPU.
    goes_on_from
        A file that it writes again and again, from which another attempt goes on; None if each attempt begins anew.
    """

    gpu: bool = False
    goes_on_from: Path | None = None


class Executor(Protocol):
    """Runs jobs, several at once.

    A future of `submit` has what `jobs.process.run` returns or raises: the value of the work, or how its process died.
    A job that was canceled has `concurrent.futures.CancelledError`. The one who submits is called back by the future,
    in whatever thread, when it is done.
    """

    @property
    def n_jobs(self) -> int:
        """How many jobs may run at once."""

    def submit(self, work: Work, limits: JobProcesses, needs: Needs, console: Console) -> Future[Any]:
        """Take work that can be pickled, with the limits of its process; its lines and bars go to the console."""

    def cancel(self, futures: Collection[Future[Any]]) -> None:
        """End what runs and take back what waits; no process of these futures lives when this returns."""

    def close(self) -> None:
        """Give back what the executor holds; nothing that it was given runs any more."""
