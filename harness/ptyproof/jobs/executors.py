"""The kinds of executors: ours by name, and those that other packages register.

Another package registers an executor by an entry point of the group `ptyproof.executors`. It names a function that
takes the table of the options file (empty without a file) and returns a `jobs.executor.Executor`:

    [project.entry-points."ptyproof.executors"]
    mine = "my_package.cluster:open_executor"
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from ptyproof.errors import DataError, InputError, PtyproofError
from ptyproof.extras import DASK, require, sentence_about
from ptyproof.io.toml import read_toml
from ptyproof.jobs.cluster_options import MAX_FILE_BYTES, cluster_options
from ptyproof.jobs.clusters import CLUSTERS, check, open_cluster
from ptyproof.jobs.dask_executor import DaskExecutor
from ptyproof.jobs.executor import Executor
from ptyproof.jobs.local import LocalExecutor, n_jobs_of

ENTRY_POINTS = "ptyproof.executors"
LOCAL = "local"
KINDS = (LOCAL, "dask", *CLUSTERS)

Opener = Callable[[], Executor]


@dataclass(frozen=True)
class ExecutorChoice:
    """The executor that a run asks for.

    Parameters
    ----------
    kind
        One of `KINDS`, or the name of an entry point.
    options
        Its options file.
    scheduler
        The address of a Dask scheduler.
    jobs
        How many jobs the local executor runs at once; None is as many as this machine holds.
    """

    kind: str = LOCAL
    options: Path | None = None
    scheduler: str | None = None
    jobs: str | None = None


def opener(choice: ExecutorChoice, memory_bytes: int | None = None, threads: int = 1) -> Opener:
    """Check a choice; return a function that opens the executor, which may connect and submit.

    Parameters
    ----------
    choice
        What is asked for.
    memory_bytes
        What a job may allocate beside its libraries; None if it has no limit.
    threads
        Of each job.

    Raises
    ------
    InputError
        If the executor is unknown or cannot be had here, or an option is not its own or has an impossible value.
    """
    kind, path = choice.kind, choice.options
    if choice.scheduler is not None and kind != "dask":
        raise InputError(f"--scheduler is for --executor dask, not {kind}")
    if kind == LOCAL:
        if path is not None:
            raise InputError("--executor-options is for executors other than local, which has --jobs alone")
        return partial(LocalExecutor, n_jobs_of(choice.jobs or "auto", memory_bytes, threads))
    if choice.jobs is not None:
        raise InputError(f"--jobs is for --executor local, not {kind}")
    table = {} if path is None else read_toml(path, MAX_FILE_BYTES)
    if kind == "dask":
        require("the executor dask", DASK)
        return partial(DaskExecutor, _scheduler(choice, table))
    if kind in CLUSTERS:
        if path is None:
            raise InputError(f"--executor {kind} needs --executor-options FILE, which says how large an allocation is")
        options = cluster_options(path, table)
        check(kind, options)
        return partial(open_cluster, kind, options, threads)
    return partial(_opened, _registered(kind), table)


def _scheduler(choice: ExecutorChoice, table: dict[str, Any]) -> str:
    """Return the address of the scheduler: of the command line, or of the file, which has nothing else."""
    for key in table:
        if key != "scheduler":
            raise DataError(choice.options or "", "is no key of the executor dask; the key is scheduler", key)
    address = choice.scheduler or table.get("scheduler")
    if not isinstance(address, str):
        raise InputError("--executor dask needs the address of a scheduler: --scheduler tcp://HOST:8786")
    return address


def _registered(kind: str) -> EntryPoint:
    points = entry_points(group=ENTRY_POINTS)
    found = next((point for point in points if point.name == kind), None)
    if found is None:
        known = ", ".join((*KINDS, *sorted(point.name for point in points)))
        raise InputError(f"--executor must be one of {known}, got {kind!r}")
    return found


def _opened(point: EntryPoint, table: dict[str, Any]) -> Executor:
    try:
        found = point.load()(table)
    except PtyproofError:
        raise
    except Exception as error:  # it is another package's code, and whatever ends it must be said
        said = sentence_about(error) or f"{type(error).__name__}: {error}"
        raise InputError(f"the executor {point.name} ({point.value}) cannot be opened: {said}") from error
    if not all(hasattr(found, name) for name in ("n_jobs", "submit", "cancel", "close")):
        raise InputError(
            f"the executor {point.name} ({point.value}) must have n_jobs, submit, cancel and close, got "
            f"{type(found).__name__}"
        )
    executor: Executor = found
    return executor
