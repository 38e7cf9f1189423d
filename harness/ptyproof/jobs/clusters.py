"""Executors in allocations of a batch system, which dask-jobqueue asks for: Slurm, PBS, LSF, Grid Engine, HTCondor.

The scheduler of Dask runs in the process that submits jobs. An allocation is one worker, which runs as many jobs at
once as its cores and its memory hold. An allocation that ends is replaced while the run goes on.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ptyproof.errors import InputError
from ptyproof.extras import CLUSTER, CLUSTER_TLS, require
from ptyproof.io.locking import lock, lock_if_free
from ptyproof.jobs.cluster_options import ClusterOptions
from ptyproof.jobs.dask_executor import DaskExecutor

if TYPE_CHECKING:
    from dask_jobqueue import JobQueueCluster

# The class of dask-jobqueue, and how its arguments name an account
CLUSTERS = {
    "slurm": ("SLURMCluster", "account"),
    "pbs": ("PBSCluster", "account"),
    "lsf": ("LSFCluster", "project"),
    "sge": ("SGECluster", "project"),
    "htcondor": ("HTCondorCluster", ""),
}
NAME = "ptyproof"
_TLS = ".ptyproof-tls"
MOST_RESERVE_S = 300  # of the walltime, in which a worker starts, and hands on its jobs at the end
_GPUS: dict[str, Callable[[ClusterOptions], str]] = {
    "slurm": lambda options: f"--gres=gpu:{options.gpus}",
    "lsf": lambda options: f'-gpu "num={options.gpus}"',
    "sge": lambda options: f"-l gpu={options.gpus}",
}


def check(kind: str, options: ClusterOptions) -> None:
    """Check that this machine can ask a batch system for allocations.

    Raises
    ------
    InputError
        If a package or the command that submits is missing, or the batch system has no such option.
    """
    require(f"the executor {kind}", CLUSTER_TLS if options.tls else CLUSTER)
    if kind == "htcondor":
        for key in ("queue", "walltime"):
            if getattr(options, key) is not None:
                raise InputError(f"htcondor has no {key}: leave {key} out of the executor's options, or use directives")
    command = _class(kind).job_cls.submit_command.split()[0]
    if shutil.which(command) is None:
        raise InputError(f"the executor {kind} submits by {command}, which is not on the PATH of this machine")


def open_cluster(kind: str, options: ClusterOptions, threads: int = 1) -> DaskExecutor:
    """Return an executor with its first allocations submitted.

    Parameters
    ----------
    kind
        One of `CLUSTERS`.
    options
        Of an allocation.
    threads
        Of each job.

    Raises
    ------
    InputError
        If the batch system refuses an allocation; with what its command said.
    """
    with ExitStack() as held:
        found = arguments(kind, options, threads)
        if options.tls:
            found["security"] = held.enter_context(_certificate(Path(options.log_directory or Path.cwd())))
        cluster = _class(kind)(**found)
        held.callback(cluster.close)
        try:
            cluster.scale(jobs=max(1, options.minimum))
            cluster.sync(_settled, cluster)
        except RuntimeError as error:
            said = str(error).partition("stderr:\n")[2].strip() or str(error)
            lines = [" ".join(line.split()) for line in said.splitlines()]
            raise InputError(f"{kind} refused an allocation: {'; '.join(filter(None, lines))}") from error
        cluster.adapt(minimum_jobs=options.minimum, maximum_jobs=options.maximum, target_duration="100ms")
        n_jobs = options.slots(threads) * options.maximum
        return DaskExecutor(cluster, n_jobs, gpus=options.gpus > 0, held=held)


def arguments(kind: str, options: ClusterOptions, threads: int = 1) -> dict[str, Any]:
    """Return the arguments of dask-jobqueue's class; what is None there is what its own configuration says."""
    slots = options.slots(threads)
    extra = [
        "--nthreads",
        str(slots),
        "--no-dashboard",
        *(["--resources", f"GPU={options.gpus}"] if options.gpus else []),
        *_lifetime(kind, options),
    ]
    scheduler = {"port": options.scheduler_port, "dashboard": False, "dashboard_address": ":0"}
    found: dict[str, Any] = {
        "cores": options.cores,
        "memory": options.memory,
        "processes": 1,
        "job_name": NAME,
        "interface": options.interface,
        "python": options.python,
        "local_directory": options.local_directory,
        "log_directory": options.log_directory,
        "job_script_prologue": list(options.prologue),
        "worker_extra_args": extra,
        "scheduler_options": scheduler,
        "silence_logs": logging.CRITICAL,
    }
    directives = list(options.directives)
    if kind == "htcondor":
        return found | {"disk": options.disk, "job_extra_directives": _htcondor(options, directives)}
    found["queue"] = options.queue
    found[CLUSTERS[kind][1]] = options.account
    found["walltime"] = options.walltime
    if kind == "lsf" and options.walltime is not None:
        found["walltime"] = options.walltime.rpartition(":")[0]
    if kind == "pbs" and options.gpus:
        found["resource_spec"] = _pbs_resources(options)
    elif options.gpus:
        directives.insert(0, _GPUS[kind](options))
    return found | {"job_extra_directives": directives}


def _lifetime(kind: str, options: ClusterOptions) -> list[str]:
    """Return that a worker closes before its allocation ends, and hands its jobs on; each at another moment.

    Without a walltime in the options, dask-jobqueue asks for that of its own configuration: 30 minutes.
    """
    import dask
    import dask_jobqueue  # noqa: F401 - brings its configuration

    walltime = str(options.walltime or dask.config.get(f"jobqueue.{kind}.walltime", None))
    parts = walltime.split(":")
    if kind == "lsf" and len(parts) == 2:
        parts.append("0")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return []
    walltime_s = sum(int(part) * unit for part, unit in zip(parts, (3600, 60, 1), strict=True))
    reserve_s = min(MOST_RESERVE_S, walltime_s // 10)
    return ["--lifetime", f"{walltime_s - reserve_s}s", "--lifetime-stagger", f"{reserve_s // 2}s"]


def _htcondor(options: ClusterOptions, directives: list[str]) -> dict[str, str]:
    found = {} if options.account is None else {"accounting_group": options.account}
    if options.gpus:
        found["request_gpus"] = str(options.gpus)
    for line in directives:
        name, equals, value = line.partition("=")
        if not equals:
            raise InputError(f"a directive for htcondor must be NAME = VALUE, got {line!r}")
        found[name.strip()] = value.strip()
    return found


def _pbs_resources(options: ClusterOptions) -> str:
    from dask.utils import parse_bytes
    from dask_jobqueue.pbs import pbs_format_bytes_ceil

    memory = pbs_format_bytes_ceil(parse_bytes(options.memory))
    return f"select=1:ncpus={options.cores}:mem={memory}:ngpus={options.gpus}"


@contextmanager
def _certificate(folder: Path) -> Iterator[Any]:
    """Yield the security of a run: its key and certificate, in a folder that only this user reads, until it ends.

    The folder of a run that was killed is removed by the next one.
    """
    from distributed import Security

    with ExitStack() as held:
        with lock(folder / _TLS):  # so that nobody takes a folder without a lock for one that was left
            for left in folder.glob(f"{_TLS}-*"):
                with lock_if_free(left / "run") as is_left:
                    if is_left:
                        shutil.rmtree(left, ignore_errors=True)
            name = held.enter_context(TemporaryDirectory(prefix=f"{_TLS}-", dir=folder.resolve()))
            held.enter_context(lock(Path(name, "run")))
        Path(name, ".gitignore").write_text("*\n", encoding="ascii")
        made = Security.temporary()
        certificate, key = Path(name, "certificate.pem"), Path(name, "key.pem")
        certificate.write_text(made.tls_ca_file, encoding="ascii")
        key.write_text(made.tls_worker_key, encoding="ascii")
        roles = ("scheduler", "worker", "client")
        files = {f"tls_{role}_cert": str(certificate) for role in roles} | {
            f"tls_{role}_key": str(key) for role in roles
        }
        yield Security(require_encryption=True, tls_ca_file=str(certificate), **files)


def _class(kind: str) -> Any:
    import dask_jobqueue

    return getattr(dask_jobqueue, CLUSTERS[kind][0])


async def _settled(cluster: JobQueueCluster) -> None:
    """Wait until the allocations were submitted; raise what the submission raised of one that was refused."""
    from distributed import Status

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # of the first submission, which nothing awaits
    await cluster
    allocations = list(cluster.workers.values())
    # what was refused is submitted once more
    ends = await asyncio.gather(*allocations, return_exceptions=True)
    refusals = [end for end in ends if isinstance(end, Exception)]
    for allocation, end in zip(allocations, ends, strict=True):
        if isinstance(end, Exception):
            allocation.status = Status.failed
    if refusals:
        raise refusals[0]
