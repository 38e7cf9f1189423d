"""Which process a state file names, and whether it lives.

Only the kernel that runs a process knows it by its number. A process counts as one of here if the host's name, the boot
of the kernel and the namespace of numbers are those of this process: two containers may share host name or boot, and a
number means another process in each. Any other process is known by its heartbeat alone. Clocks of two machines may
differ, so a heartbeat is judged by whether it changes while this process looks.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ptyproof.provenance.anonymity import boot_label, host_label, is_anonymous, is_this_boot, is_this_host

if TYPE_CHECKING:
    from ptyproof_schemas.types.job_state import ClusterJob, Process

# Where batch systems tell a process its job; Grid Engine's JOB_ID may be anything's, so another name has to be there
_IDS: tuple[tuple[Literal["slurm", "pbs", "lsf", "sge"], str, str], ...] = (
    ("slurm", "SLURM_JOB_ID", "SLURM_JOB_ID"),
    ("pbs", "PBS_JOBID", "PBS_JOBID"),
    ("lsf", "LSB_JOBID", "LSB_JOBID"),
    ("sge", "JOB_ID", "SGE_TASK_ID"),
)
_HTCONDOR = "_CONDOR_JOB_AD"  # a file
_NAMESPACE = Path("/proc/self/ns/pid")
_MAX_AD_BYTES = 1 << 20


def this_process() -> Process:
    """Return this process as a state file names it."""
    process: Process = {"host": host_label(), "pid": os.getpid(), "started_ticks": start_of(os.getpid())}
    boot, namespace = boot_label(), _pid_namespace()
    cluster = None if is_anonymous() else cluster_job(os.environ)
    if boot is not None:
        process["boot_id"] = boot
    if namespace is not None:
        process["pid_namespace"] = namespace
    if cluster is not None:
        process["cluster_job"] = cluster
    return process


def is_of_here(process: Process) -> bool:
    """Tell whether the number of a process means that process here; files of version 1.0 name the host alone."""
    boot, namespace = process.get("boot_id"), process.get("pid_namespace")
    same_kernel = boot is None or is_this_boot(boot)
    return same_kernel and namespace in (None, _pid_namespace()) and is_this_host(process["host"])


def lives(process: Process) -> bool:
    """Tell whether a process of here lives; a suspended one does."""
    pid = process["pid"]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # alive, and of another user
    return start_of(pid) == process["started_ticks"]


def start_of(pid: int) -> int | None:
    """Return the start of a process in ticks since boot, because the system reuses pids.

    A dead process that its parent has not reaped has a pid, but no start.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()
    return None if state in {"Z", "X"} else int(fields[18])


def age_s() -> float:
    """Return the seconds since this process started; 0 where the system does not say."""
    ticks = start_of(os.getpid())
    if ticks is None:
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def cluster_job(environment: Mapping[str, str]) -> ClusterJob | None:
    """Return the job of a batch system that a process with this environment belongs to; None outside of one."""
    for system, name, sign in _IDS:
        if environment.get(name) and environment.get(sign):
            return {"system": system, "id": environment[name]}
    with suppress(OSError, ValueError, KeyError):
        with Path(environment[_HTCONDOR]).open(encoding="utf-8", errors="replace") as file:
            found = dict(re.findall(r"^(ClusterId|ProcId) *= *([0-9]+) *$", file.read(_MAX_AD_BYTES), re.MULTILINE))
        return {"system": "htcondor", "id": f"{found['ClusterId']}.{found['ProcId']}"}
    return None


def _pid_namespace() -> int | None:
    """Return the number of the namespace in which the numbers of processes count; None where there are none."""
    try:
        found = re.fullmatch(r"pid:\[([0-9]+)\]", str(_NAMESPACE.readlink()))
    except OSError:
        return None
    return None if found is None else int(found[1])
