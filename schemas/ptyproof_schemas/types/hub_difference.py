"""Records of kind hub_difference as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ptyproof_schemas.types.common import PairedRule, Tool
from ptyproof_schemas.types.comparison_manifest import Direction
from ptyproof_schemas.types.comparison_table import Judged
from ptyproof_schemas.types.reconstruction_manifest import Split


class Run(TypedDict):
    """A run, as the index of its hub has it."""

    id: str
    command: str
    started: str
    ended: str | None
    commit: str | None
    uncommitted_sha256: str | None
    code_sha256: str
    tests_sha256: str
    environment: dict[str, str]


class Side(TypedDict):
    """A hub or a manifest."""

    what: Literal["hub", "training_manifest", "reconstruction_manifest", "comparison_manifest"]
    name: str
    sha256: str
    study: str
    design_digest: str
    runs: NotRequired[list[Run]]
    signed: NotRequired[list[str]]
    jobs_at_once: NotRequired[int | None]
    tool: NotRequired[str]
    schemas: NotRequired[dict[str, str]]


Record = Literal["training", "reconstruction", "comparison"]


Status = Literal["success", "failed", "lost", "skipped", "not_selected"]


class State(TypedDict):
    """A cell."""

    record: Record
    cell: str
    old: Status | None
    new: Status | None
    reason: str | None
    is_worse: bool


class Score(TypedDict):
    """A metric of a method at a dose and view."""

    record: Record
    dose: float
    view: str
    gridsize: int
    split: Split | None
    method: str | None
    metric: str
    label: str
    unit: str
    direction: Direction
    protocol: Literal["same", "other"]
    data: Literal["same", "other"]
    replicates: list[int]
    old: list[float | None]
    new: list[float | None]
    judged: Judged | None
    is_worse: bool


Hashed = Literal["bundle", "arrays", "dataset", "train_dataset", "test_dataset"]


class Digest(TypedDict):
    """What a cell has, or was made from."""

    record: Record
    cell: str
    what: Hashed
    old: str
    new: str


Part = Literal["manifests", "cells", "metrics", "hashes", "design", "revision", "environment", "times", "runs", "files"]


class HashCount(TypedDict):
    """A kind."""

    record: Record
    what: Hashed
    n_same: int
    n_other: int


class Files(TypedDict):
    """The files that hub.json lists, by path and sha256; null for manifests. Absent before 1.1."""

    n_same: int
    changed: list[str]
    only_old: list[str]
    only_new: list[str]


class Environment(TypedDict):
    """A part of the environment."""

    record: Record | None
    key: str
    old: list[str]
    new: list[str]


class Design(TypedDict):
    """A key."""

    key: str
    old: str | None
    new: str | None


class Source(TypedDict):
    """Code or tests."""

    what: Literal["code", "tests"]
    state: Literal["same", "other", "unknown"]
    reason: str | None


class HubDifference(TypedDict):
    """What differs between two hubs or two manifests, and what got worse."""

    kind: Literal["hub_difference"]
    schema_version: str
    tool: Tool
    old: Side
    new: Side
    tolerance: float
    rule: PairedRule
    is_worse: bool
    states: list[State]
    n_states_same: int
    metrics: list[Score]
    digests: list[Digest]
    n_digests_same: int
    differs: NotRequired[list[Part]]
    hashes: NotRequired[list[HashCount]]
    files: NotRequired[Files | None]
    environment: list[Environment]
    design: list[Design]
    sources: NotRequired[list[Source]]
    same_host: NotRequired[bool | None]
    remarks: list[str]
