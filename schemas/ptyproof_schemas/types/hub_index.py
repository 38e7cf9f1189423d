"""Records of kind hub_index as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ptyproof_schemas.types.common import Tool


class Process(TypedDict):
    """The process of the run."""

    host_sha256: str
    pid: int


class Tree(TypedDict):
    """The files that the digests are of; absent before 1.2."""

    kind: Literal["repository", "project", "folder"]
    root: str
    n_files: int
    limits: list[str]
    digests: dict[str, str]


class Revision(TypedDict):
    """State of the tree that was tested; before 1.2, of the Python files below pytest's root."""

    commit: str | None
    uncommitted_sha256: str | None
    code_sha256: str
    tests_sha256: str
    git_error: NotRequired[str | None]
    tree: NotRequired[Tree]


class Skip(TypedDict):
    """A skipped test."""

    test: str
    reason: str
    cell: NotRequired[str]


class Uncollected(TypedDict):
    """A module whose tests are not known."""

    module: str
    reason: str


class Deselected(TypedDict):
    """Tests that the same option, file or module left out."""

    by: str
    by_command: bool
    count: int


class Rerun(TypedDict):
    """A test that ran again."""

    test: str
    count: int


class Option(TypedDict):
    """The options of a source."""

    source: str
    options: list[str]


class HeldResult(TypedDict):
    """A result that got worse or better."""

    result: str
    outcome: Literal["worse", "better"]
    reason: str


class Held(TypedDict):
    """The results of a run against its baseline: a result is a training, or a method in a cell."""

    n_worse: int
    n_better: int
    n_level: int
    changes: list[HeldResult]


class Baseline(TypedDict):
    """An earlier hub; a test whose cell is worse than there fails."""

    name: str
    index_sha256: str
    tolerance: float
    outcome: NotRequired[Held]


class Red(TypedDict):
    """How a green run stands to its red one."""

    run: str
    same_tests: bool
    code_changed: bool | None
    tests_changed: bool | None
    changed: NotRequired[dict[str, int]]


class Collect(TypedDict):
    """How a run stands to what was collected before it."""

    run: str
    n_not_run: int
    n_not_collected: int


class Run(TypedDict):
    """A run of pytest, or of a command of ptyproof, into the hub."""

    id: str
    evidence: Literal["red", "green", "collect", "none"]
    topic: str | None
    real_run: bool
    status: Literal["running", "ended"]
    accepted: bool | None
    reason: str | None
    command: str
    started: str
    ended: str | None
    exit_status: int | None
    process: Process
    revision: Revision
    environment: dict[str, str]
    outcomes: dict[str, int]
    n_collected: int | None
    skips: list[Skip]
    uncollected: NotRequired[list[Uncollected]]
    deselected: NotRequired[list[Deselected]]
    reruns: NotRequired[list[Rerun]]
    options: NotRequired[list[Option]]
    accepted_errors: NotRequired[list[str]]
    log_path: str | None
    reports_path: str | None
    files_path: NotRequired[str | None]
    blocked_path: NotRequired[str | None]
    baseline: NotRequired[Baseline]
    merged_from: NotRequired[str]
    red: Red | None
    collect: Collect | None


class File(TypedDict):
    """A file of the hub, as it was when the last step was recorded."""

    path: str
    sha256: str
    size_bytes: int


class HubIndex(TypedDict):
    """The index of an artifact hub: every run into it, and every file in it."""

    kind: Literal["hub_index"]
    schema_version: str
    timestamp: str
    tool: Tool
    index_sha256: str
    runs: list[Run]
    files: list[File]
