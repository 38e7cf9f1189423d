"""Jobs on the workers of a Dask scheduler: on this machine, on other ones, or in allocations of a batch system.

Dask decides where a job runs, moves what waits, and runs a job again whose worker died. A job whose workers die
`distributed.scheduler.allowed-failures` + 1 times (4, unless Dask is configured otherwise) is lost. One that gains
nothing from `stays.MOST_IN_VAIN` workers, up to the end of their lives, has failed: an allocation is too short for it.
"""

from __future__ import annotations

import logging
import os
import pickle
import threading
import time
import uuid
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof import clock
from ptyproof.console import Console
from ptyproof.errors import InputError, PtyproofError, RunError
from ptyproof.jobs import dask_worker, process
from ptyproof.jobs.executor import Needs, Work
from ptyproof.jobs.process import Died, JobProcesses
from ptyproof.jobs.stays import MOST_IN_VAIN, Stay, Stays

if TYPE_CHECKING:
    from distributed import Client
    from distributed import Future as Task
    from distributed.deploy import Cluster

CONNECT_S = 15.0  # within which a scheduler answers, or less where Dask is configured so
END_S = 20.0  # within which the processes of canceled jobs have ended
_LOOK_S = 0.1
_PASSED_ON = ("PTYPROOF_ANONYMOUS",)


@dataclass(eq=False)
class _Job:
    """A job that a scheduler has: the task, where its lines go, when its process began, and what it ended with."""

    future: Future[Any]
    console: Console
    task: Task[Any] | None = None
    began: str | None = None
    ends: list[Any] = field(default_factory=list)
    stays: Stays = field(default_factory=Stays)


class DaskExecutor:
    """Runs jobs as tasks of Dask.

    Parameters
    ----------
    scheduler
        The address of a scheduler, such as `tcp://login1:8786`, or a cluster.
    n_jobs
        Jobs that may run at once; None is the threads of the workers that there are.
    gpus
        The workers declare their GPUs as the resource `GPU`, as in `dask worker --resources GPU=2`; None asks those
        that there are. Without it, a job that takes a GPU may go to any worker.
    held
        What `close` gives back at last, such as the cluster.

    Raises
    ------
    InputError
        If no scheduler answers at the address.
    """

    def __init__(
        self,
        scheduler: str | Cluster,
        n_jobs: int | None = None,
        gpus: bool | None = None,
        held: ExitStack | None = None,
    ) -> None:
        with ExitStack() as opened:
            opened.enter_context(_quiet())
            opened.push((held or ExitStack()).pop_all())
            self._client = _connected(scheduler)
            self._held = opened.pop_all()
        # at least two: a scheduler may get workers later
        self.n_jobs = max(2, sum(self._client.nthreads().values()) if n_jobs is None else n_jobs)
        self._address = str(self._client.scheduler.address)
        self._gpus = self._declare_gpus() if gpus is None else gpus
        self._topic = f"ptyproof-{uuid.uuid4().hex}"
        self._n_submitted = 0
        self._jobs: dict[str, _Job] = {}
        self._changing = threading.Lock()
        self._client.subscribe_topic(self._topic, self._hear)

    def submit(self, work: Work, limits: JobProcesses, needs: Needs, console: Console) -> Future[Any]:
        """Give work to the scheduler.

        Raises
        ------
        RunError
            If the scheduler was lost.
        """
        if self._client.status != "running":
            raise self._lost()
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # only `cancel` ends it
        job = _Job(future, console)
        key = f"{self._topic}-{self._n_submitted}"
        self._n_submitted += 1
        self._jobs[key] = job
        handed = dask_worker.Handed(
            pickle.dumps(work),
            limits,
            needs,
            self._topic,
            console.bars is not None,
            str(Path.cwd()),
            process.preloaded(),
            {name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        )
        resources = {"GPU": 1} if needs.gpu and self._gpus else None
        job.task = self._client.submit(dask_worker.do, handed, key=key, pure=False, resources=resources)
        job.task.add_done_callback(partial(self._end, key))
        return future

    def cancel(self, futures: Collection[Future[Any]]) -> None:
        """End the processes of these futures, wherever they run, and wait for them."""
        wanted = set(futures)
        with self._changing:
            canceled = {key: job for key, job in self._jobs.items() if job.future in wanted}
            for key in canceled:
                del self._jobs[key]
        if canceled:
            self._end_processes(canceled)
        for job in canceled.values():
            job.future.set_exception(CancelledError())

    def close(self) -> None:
        """End all jobs, disconnect, and give back what is held."""
        self.cancel([job.future for job in self._jobs.values()])
        with self._held:
            self._client.close()

    def _declare_gpus(self) -> bool:
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return any(worker["resources"].get("GPU") for worker in workers)

    def _end_processes(self, jobs: Mapping[str, _Job]) -> None:
        """End the processes of jobs, and wait for them."""
        if self._client.status != "running":
            return
        self._client.cancel([job.task for job in jobs.values()])
        until = clock.seconds() + END_S
        while clock.seconds() < until:
            time.sleep(_LOOK_S)
            found = self._client.run(dask_worker.running, on_error="ignore")
            if not any(key in jobs for running in found.values() for key in running):
                return

    def _hear(self, event: tuple[float, tuple[str, str, Any]]) -> None:
        """Pass on what a job says; Dask calls this in its own thread."""
        key, kind, what = event[1]
        with self._changing:
            job = self._jobs.get(key)
            if job is None:
                return
            if kind == "began":
                job.began = what
                job.stays.begin()
                return
            if kind == "stay":
                self._arrive(key, job, pickle.loads(what))  # noqa: S301 - of our own worker
                return
            if kind == "end":
                job.ends = [pickle.loads(what)]  # noqa: S301 - of our own worker
                return
            stream = job.console.lines if kind == "line" else job.console.bars
            if stream is not None:
                stream.write(what)
                stream.flush()

    def _arrive(self, key: str, job: _Job, stay: Stay) -> None:
        """Take down that a job came to a worker; give it up if too many workers were of no use to it."""
        job.stays.add(stay)
        if job.stays.n > 1 and job.console.lines is not None:
            job.console.lines.write("its worker has closed or died; another worker goes on with this job\n")
            job.console.lines.flush()
        if job.stays.n_in_vain >= MOST_IN_VAIN:
            del self._jobs[key]
            threading.Thread(target=self._give_up, args=(key, job), daemon=True).start()

    def _give_up(self, key: str, job: _Job) -> None:
        reason = (
            f"{job.stays.n_in_vain} workers closed before it was further, though it had most of their time: an "
            "allocation (walltime) is too short for it"
        )
        try:
            self._end_processes({key: job})
        finally:
            job.future.set_result(Died("failed", reason, job.began))

    def _end(self, key: str, task: Task[Any]) -> None:
        """Settle the future of a task that has ended; Dask calls this in its own thread."""
        with self._changing:
            job = self._jobs.get(key)
        if job is None:
            return
        end = self._end_of(job, task)
        with self._changing:
            if self._jobs.pop(key, None) is None:
                return
            if job.console.bars is not None:
                job.console.bars.write("\r")
        if isinstance(end, BaseException):
            job.future.set_exception(end)
        else:
            job.future.set_result(end)

    def _end_of(self, job: _Job, task: Task[Any]) -> Any:
        """Return what a task returned, how its job died, or the error of its future."""
        from distributed.scheduler import KilledWorker

        try:
            return job.ends[0] if task.status == "finished" and job.ends else task.result()
        except KilledWorker as error:
            reason = f"its worker died, {error.allowed_failures + 1} times"
            return Died("lost", reason, job.began, is_certain=False)
        except PtyproofError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever Dask raises, the job has no end
            if task.status == "cancelled":
                return self._lost()
            return RunError(f"Dask could not run the job: {type(error).__name__}: {error}")

    def _lost(self) -> RunError:
        return RunError(f"the Dask scheduler at {self._address} was lost; the same command goes on with another one")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's log from the terminal: what it says of connections and workers is said by the ends of jobs."""
    from distributed.utils import silence_logging_cmgr

    with ExitStack() as stack:
        for name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]:
            stack.enter_context(silence_logging_cmgr(logging.CRITICAL, root=name))
        yield


def _connected(scheduler: str | Cluster) -> Client:
    import dask
    from dask.utils import parse_timedelta
    from distributed import Client

    within_s = min(CONNECT_S, parse_timedelta(dask.config.get("distributed.comm.timeouts.connect")))
    try:
        return Client(scheduler, timeout=within_s, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"--scheduler must be the address of a Dask scheduler, as in tcp://host:8786; {scheduler!r} gave no answer "
            f"within {within_s:g} s: {error}"
        ) from error
