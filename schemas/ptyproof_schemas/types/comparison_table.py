"""Records of kind comparison_table as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ptyproof_schemas.types.common import PairedRule, Tool
from ptyproof_schemas.types.comparison_manifest import Direction, OtherStatus, ProtocolParts
from ptyproof_schemas.types.metrics_summary import ExperimentRow
from ptyproof_schemas.types.reconstruction_manifest import Split


class Hub(TypedDict):
    """A hub."""

    name: str
    index_sha256: str
    comparison_sha256: str


class Replicate(TypedDict):
    """A replicate."""

    hub: int
    number: int


class Column(TypedDict):
    """A metric."""

    metric: str
    label: str
    unit: str
    direction: Direction


class Protocol(TypedDict):
    """A protocol."""

    sha256: str
    parts: ProtocolParts


class Judged(TypedDict):
    """What the rule says of a method against another."""

    outcome: Literal["ahead", "level", "behind", "undecided"]
    reasons: list[str]
    n: int
    relative: float | None
    interval: list[float] | None


class Score(TypedDict):
    """A metric of a method: its values, and how the method compares."""

    metric: str
    values: list[float | None]
    median: float | None
    low: float | None
    high: float | None
    is_best: bool
    against: Judged | None


class Spread(TypedDict):
    """Values, their median and range."""

    values: list[float | None]
    median: float | None
    low: float | None
    high: float | None


class Row(TypedDict):
    """A method."""

    dose: float
    view: str
    gridsize: int
    split: Split
    method: str
    is_control: bool
    protocol: str
    scores: list[Score]
    training_s: Spread
    start_s: Spread
    reconstruction_s: Spread


class WithoutResult(TypedDict):
    """A cell of a replicate."""

    replicate: int
    dose: float
    view: str
    gridsize: int
    split: Split
    method: str
    status: OtherStatus
    reason: str | None


class ComparisonTable(TypedDict):
    """Methods of a study over replicates in one hub or several: medians, ranges, and which method is ahead of which."""

    kind: Literal["comparison_table"]
    schema_version: str
    tool: Tool
    study: str
    hubs: list[Hub]
    replicates: list[Replicate]
    rule: PairedRule
    against: str | None
    metrics: list[Column]
    protocols: list[Protocol]
    rows: list[Row]
    experiments: NotRequired[list[ExperimentRow]]
    without_result: list[WithoutResult]
    environments: list[str]
    remarks: list[str]
