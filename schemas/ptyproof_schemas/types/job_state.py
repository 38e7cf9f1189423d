"""Records of kind job_state as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ptyproof_schemas.types.common import Tool


class ClusterJob(TypedDict):
    """The job of a batch system that it belongs to; not there outside of one, and in an anonymous run."""

    system: Literal["slurm", "pbs", "lsf", "sge", "htcondor"]
    id: str


class Process(TypedDict):
    """The process that runs the job."""

    host: str
    pid: int
    started_ticks: int | None
    boot_id: NotRequired[str]
    pid_namespace: NotRequired[int]
    cluster_job: NotRequired[ClusterJob]


class JobState(TypedDict):
    """A job that a process runs, or that it had run when it died."""

    kind: Literal["job_state"]
    schema_version: str
    tool: Tool
    job: str
    state: Literal["running"]
    process: Process
    started: str
    heartbeat: str
