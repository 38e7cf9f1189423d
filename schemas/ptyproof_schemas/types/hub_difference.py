"""Records of kind hub_difference as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, TypedDict

from ptyproof_schemas.types.common import PairedRule, Tool
from ptyproof_schemas.types.comparison_manifest import Direction
from ptyproof_schemas.types.comparison_table import Judged
from ptyproof_schemas.types.reconstruction_manifest import Split


class Side(TypedDict):
    """A hub or a manifest."""

    what: Literal["hub", "training_manifest", "reconstruction_manifest", "comparison_manifest"]
    name: str
    sha256: str
    study: str
    design_digest: str


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


class Digest(TypedDict):
    """What a cell has, or was made from."""

    record: Record
    cell: str
    what: Literal["bundle", "arrays", "dataset", "train_dataset", "test_dataset"]
    old: str
    new: str


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
    environment: list[Environment]
    design: list[Design]
    remarks: list[str]
