"""Records of kind skip_summary as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, TypedDict

from ptyproof_schemas.types.common import Tool
from ptyproof_schemas.types.training_manifest import SkippedView


class SkipSummary(TypedDict):
    """The cells of a study that cannot be trained, and why."""

    kind: Literal["skip_summary"]
    schema_version: str
    timestamp: str
    tool: Tool
    study: str
    training_manifest_path: str
    skipped_count: int
    skipped_views: list[SkippedView]
