"""Records of kind metrics_bundle as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ptyproof_schemas.types.common import Tool
from ptyproof_schemas.types.overlap_metrics import Half


class MetricsBundle(TypedDict):
    """Phase D: the metrics of both halves of a view; holds no time, so equal data give equal bytes."""

    kind: Literal["metrics_bundle"]
    schema_version: str
    tool: Tool
    dose: float
    replicate: NotRequired[int]
    view: str
    gridsize: int
    status: Literal["accepted", "rejected"]
    train: Half
    test: Half
