"""Records of kind conformance as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, TypedDict

from ptyproof_schemas.types.common import Tool


class Provider(TypedDict):
    """Who has registered a method."""

    name: str
    version: str | None


Status = Literal["passed", "exceptions", "failed", "incomplete"]


class Account(TypedDict):
    """Checks; n_checks is the sum of the others."""

    n_checks: int
    n_passed: int
    n_exception: int
    n_failed: int
    n_stale: int
    n_skipped: int
    n_not_run: int


Outcome = Literal["passed", "exception", "failed", "stale", "skipped", "not_run"]


class Check(TypedDict):
    """A check."""

    check: str
    holds: str
    outcome: Outcome
    said: list[str]
    reason: str | None
    duration_s: float | None
    memory_before_bytes: int | None
    peak_memory_bytes: int | None


class Conformance(TypedDict):
    """Conformance of a reconstruction method: every check of the suite, with its outcome."""

    kind: Literal["conformance"]
    schema_version: str
    timestamp: str
    tool: Tool
    method: str
    provider: Provider | None
    options: dict[str, bool | float | str]
    environment: dict[str, str]
    status: Status
    account: Account
    checks: list[Check]
