"""Records of kind metrics_summary as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ptyproof_schemas.types.common import PairedRule, Tool
from ptyproof_schemas.types.comparison_manifest import Account, Direction, OtherStatus, ProtocolParts, Recipe
from ptyproof_schemas.types.reconstruction_manifest import Split


class ExperimentRow(TypedDict):
    """A method in a view of an experiment, beside the same method in the clean view of the same dose."""

    dose: float
    view: str
    gridsize: int
    split: Split
    experiment: str
    tells: list[Literal["mask", "modes", "background", "psf", "intensity", "saturation", "positions"]]
    clean_view: str | None
    method: str
    told: list[Literal["mask", "modes", "background", "psf", "intensity", "saturation", "positions"]]
    not_told: list[Literal["mask", "modes", "background", "psf", "intensity", "saturation", "positions"]]
    metric: Literal["complex_nrmse"]
    n: int
    value: float | None
    clean: float | None
    ratio: float | None


class Metric(TypedDict):
    """A metric."""

    metric: str
    label: str
    unit: str
    direction: Direction


class Row(TypedDict):
    """A cell."""

    dose: float
    replicate: NotRequired[int]
    view: str
    gridsize: int
    split: Split
    method: str
    converged: NotRequired[bool]
    device: NotRequired[str]
    threads: NotRequired[int]
    values: dict[str, float | None]
    nrmse_settled_s: NotRequired[float | None]


class Best(TypedDict):
    """Who is best."""

    dose: float
    view: str
    gridsize: int
    split: Split
    metric: str
    methods: list[str]


class Table(TypedDict):
    """Rows that were compared in one way."""

    protocol: str
    parts: ProtocolParts
    rows: list[Row]
    best: list[Best]


class WithoutResult(TypedDict):
    """A cell."""

    dose: float
    replicate: NotRequired[int]
    view: str
    gridsize: int
    split: Split
    method: str
    status: OtherStatus
    reason: str | None


class MetricsSummary(TypedDict):
    """The first tables of a comparison: metrics by dose, view and method, one table for each protocol."""

    kind: Literal["metrics_summary"]
    schema_version: str
    tool: Tool
    study: str
    design_digest: str
    recipe: Recipe
    rule: NotRequired[PairedRule]
    metrics: list[Metric]
    tables: list[Table]
    experiments: NotRequired[list[ExperimentRow]]
    without_result: list[WithoutResult]
    account: Account
