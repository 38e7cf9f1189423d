"""Processes of their own that tests end: a scheduler with a worker, and one that submits a job and waits for it.

`python -m tests.helpers.dask_parts scheduler FILE` writes the address into a file;
`python -m tests.helpers.dask_parts submit ADDRESS FILE` submits a job that writes its pid into a file and sleeps.
"""

from __future__ import annotations

import logging
import sys
import time
from functools import partial
from pathlib import Path

from ptyproof.console import Console
from ptyproof.jobs.dask_executor import DaskExecutor
from ptyproof.jobs.executor import Needs
from ptyproof.jobs.process import JobProcesses
from tests.helpers.light_jobs import write_pid_and_sleep


def scheduler(place: str) -> None:
    """Keep a scheduler with one worker until this process is killed."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL
    ) as cluster:
        part = Path(f"{place}.part")
        part.write_text(cluster.scheduler_address)
        part.rename(place)
        time.sleep(120)


def submit(address: str, place: str) -> None:
    """Submit a job, and wait for it."""
    work = partial(write_pid_and_sleep, Path(place))
    DaskExecutor(address).submit(work, JobProcesses(), Needs(), Console.silent()).result()


if __name__ == "__main__":
    if sys.argv[1] == "scheduler":
        scheduler(sys.argv[2])
    else:
        submit(sys.argv[2], sys.argv[3])
