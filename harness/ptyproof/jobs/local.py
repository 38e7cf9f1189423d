"""Several jobs at once on this machine, each in a process of its own.

Each job computes with one thread, so a result does not depend on how many run beside it, nor on the cores of the
machine.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cached_property
from pathlib import Path
from typing import Any

from ptyproof.console import Console
from ptyproof.errors import InputError
from ptyproof.jobs import process
from ptyproof.jobs.executor import Needs, Work
from ptyproof.jobs.gpus import FreeGpus
from ptyproof.jobs.process import JobProcesses
from ptyproof.provenance.environment import n_cpus

ROOM_BYTES = 1536 * 2**20  # of memory for a job: libraries, and the arrays of the built-in studies
_MAX_JOBS = 1024


class LocalExecutor:
    """Runs up to `n_jobs` jobs at once, and beside them a job that needs a GPU on each GPU.

    A thread waits for each process, and passes its lines on.

    Parameters
    ----------
    n_jobs
        Jobs at once that need no GPU.
    gpus
        The GPUs, as CUDA_VISIBLE_DEVICES names them; a job on a GPU sees no other one. None asks the system when the
        first job needs one.
    """

    def __init__(self, n_jobs: int, gpus: Sequence[str] | None = None) -> None:
        self.n_jobs = n_jobs
        self._named = gpus
        self._stops: dict[Future[Any], threading.Event] = {}

    @cached_property
    def _gpus(self) -> FreeGpus:
        return FreeGpus(self._named)

    @cached_property
    def _on_cores(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.n_jobs, thread_name_prefix="ptyproof job")

    @cached_property
    def _on_gpus(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max(1, self._gpus.n_gpus), thread_name_prefix="ptyproof job on a GPU")

    def submit(self, work: Work, limits: JobProcesses, needs: Needs, console: Console) -> Future[Any]:
        """Queue work; it begins when a slot is free."""
        stop = threading.Event()
        if needs.gpu:
            future = self._on_gpus.submit(self._run_on_gpu, work, limits, console, stop)
        else:
            future = self._on_cores.submit(process.run, work, limits, console, stop)
        self._stops[future] = stop
        future.add_done_callback(lambda ended: self._stops.pop(ended, None))
        return future

    def _run_on_gpu(self, work: Work, limits: JobProcesses, console: Console, stop: threading.Event) -> Any:
        with self._gpus.one() as variables:  # there are no more threads than GPUs
            return process.run(work, limits, console, stop, variables)

    def cancel(self, futures: Collection[Future[Any]]) -> None:
        """End the processes of these futures, and wait for them."""
        for future in futures:
            stop = self._stops.get(future)
            if not future.cancel() and stop is not None:
                stop.set()
        wait(futures)

    def close(self) -> None:
        """End all processes and the threads that wait for them."""
        self.cancel(list(self._stops))
        for name in ("_on_cores", "_on_gpus"):
            if name in self.__dict__:  # a pool that was used
                self.__dict__[name].shutdown()


def n_jobs_of(text: str, memory_bytes: int | None = None, threads: int = 1) -> int:
    """Return how many jobs run at once: a number, or `auto`, as many as there are cores and as fit into the memory.

    Parameters
    ----------
    text
        `auto`, or a whole number from 1 to 1024.
    memory_bytes
        What a job may allocate beside its libraries; None if it has no limit.
    threads
        Of each job.

    Raises
    ------
    InputError
        If the text is neither.
    """
    if text == "auto":
        fitting = available_bytes() // (ROOM_BYTES if memory_bytes is None else ROOM_BYTES // 2 + memory_bytes)
        return max(1, min(n_cpus() // threads, fitting, _MAX_JOBS))
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:6]) <= _MAX_JOBS:
        raise InputError(f"--jobs must be auto or a whole number from 1 to {_MAX_JOBS}, got {text!r}")
    return int(text)


def available_bytes() -> int:
    """Return how much memory is free on this machine; where the system does not say, enough for every job."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return _MAX_JOBS * ROOM_BYTES
    kib = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    return _MAX_JOBS * ROOM_BYTES if kib is None else int(kib) * 1024
