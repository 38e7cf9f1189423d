"""What a worker of Dask does with a job: start the job's process, pass on what it says, and end it when asked.

Dask gives each job to a worker as one task, which runs in a thread of the worker. The thread waits for the job's own
process, so a job keeps its state file, its limits and its ends. Lines, bars, the time of the begin and the end go
through Dask's log of events to the process that submitted the job.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from ptyproof import clock
from ptyproof.console import Console
from ptyproof.errors import RunError
from ptyproof.jobs import process
from ptyproof.jobs.executor import Needs
from ptyproof.jobs.gpus import FreeGpus
from ptyproof.jobs.process import JobProcesses
from ptyproof.jobs.stays import Stay
from ptyproof.provenance.anonymity import host_label

if TYPE_CHECKING:
    from distributed import Worker

BAR_S = 1.0  # between two pictures of a job's progress bar that travel
_RUNNING: set[str] = set()  # the tasks whose processes this worker has


@dataclass(frozen=True)
class Handed:
    """A job as it travels to a worker.

    Parameters
    ----------
    work
        The pickled work. A scheduler of Dask does not read it.
    limits
        Of its process.
    needs
        A job with `gpu` holds a GPU of the worker.
    topic
        Of Dask's log of events, under which the job's lines are sent; messages are (key of the task, kind, text), and
        the pickled end of the job, which spares fetching it from the worker.
    bars
        Progress bars are sent as well.
    folder
        The current folder of the process that submitted it, from which relative paths are meant.
    modules
        What the worker's server of processes imports.
    variables
        Variables of the environment of its process.
    """

    work: bytes
    limits: JobProcesses
    needs: Needs
    topic: str
    bars: bool
    folder: str
    modules: tuple[str, ...]
    variables: dict[str, str]


def do(handed: Handed) -> Any:
    """Run a job as a task of Dask; return what `jobs.process.run` returns, and raise what it raises.

    Raises
    ------
    distributed.Reschedule
        If the worker is closing: another worker does the job.
    """
    from distributed import Reschedule, get_worker

    worker = get_worker()
    key = str(worker.get_current_task())
    unwanted = _Unwanted(worker, key)
    send = partial(_send, worker, handed.topic, key)
    bars = cast("TextIO", _Bar(send)) if handed.bars else None
    console = Console(cast("TextIO", _Lines(send)), bars)
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]  # of a worker with a nanny
    process.start_server(handed.modules)
    work = partial(_in_folder, handed.folder, handed.work)
    _RUNNING.add(key)
    send("stay", pickle.dumps(Stay.at(worker, handed.needs, handed.folder)))
    try:
        with ExitStack() as held:
            gpu = held.enter_context(_gpus().one()) if handed.needs.gpu else {}
            variables = {**handed.variables, **gpu}
            end = process.run(work, handed.limits, console, unwanted, variables, partial(send, "began"))
            send("end", pickle.dumps(end))  # arrives before Dask says that the task has ended
            return end
    except CancelledError:
        if unwanted.by_closing:
            raise Reschedule from None
        return None  # nothing waits for it
    finally:
        _RUNNING.discard(key)


def running() -> list[str]:
    """Return the tasks whose processes this worker has."""
    return list(_RUNNING)


@cache
def _gpus() -> FreeGpus:
    return FreeGpus()


def _in_folder(folder: str, work: bytes, console: Console, began: Callable[[str], None]) -> Any:
    """Do pickled work in a folder."""
    if not Path(folder).is_dir():
        raise RunError(
            f"the folder {folder} does not exist on {host_label()}: jobs on other machines need a shared file system"
        )
    os.chdir(folder)
    return pickle.loads(work)(console, began)  # noqa: S301 - the worker runs what its client sends


def _send(worker: Worker, topic: str, key: str, kind: str, what: str | bytes) -> None:
    worker.log_event(topic, (key, kind, what))


@dataclass(frozen=True)
class _Unwanted:
    """Whether a task is to end: its client canceled it or has gone, or the worker closes."""

    worker: Worker
    key: str

    @property
    def by_closing(self) -> bool:
        from distributed import Status

        return self.worker.status in {Status.closing, Status.closing_gracefully, Status.closed}

    def is_set(self) -> bool:
        task = self.worker.state.tasks.get(self.key)
        return task is None or task.state != "executing" or self.by_closing


@dataclass(frozen=True)
class _Lines:
    """A stream whose texts are sent."""

    send: Callable[[str, str], None]

    def write(self, text: str) -> int:
        """Send a text."""
        self.send("line", text)
        return len(text)

    def flush(self) -> None:
        """Every text was sent at once."""


@dataclass
class _Bar:
    """A stream whose last text is sent, `BAR_S` after the one before."""

    send: Callable[[str, str], None]
    sent: float = field(default=-BAR_S)

    def write(self, text: str) -> int:
        """Send a text, unless one was sent just now."""
        now = clock.seconds()
        if text.strip() and now - self.sent >= BAR_S:
            self.sent = now
            self.send("bar", text)
        return len(text)

    def flush(self) -> None:
        """Every text was sent at once, or not at all."""
