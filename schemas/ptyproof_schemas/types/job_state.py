"""Records of kind job_state as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, TypedDict

from ptyproof_schemas.types.common import Tool


class Process(TypedDict):
    """The process that runs the job."""

    host: str
    pid: int
    started_ticks: int | None


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
