"""Records of kind job_result as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, TypedDict

from ptyproof_schemas.types.common import Tool


class JobResult(TypedDict):
    """The entry of a job from its own process, which the manifest does not have yet."""

    kind: Literal["job_result"]
    schema_version: str
    tool: Tool
    manifest: Literal["training_manifest.json", "reconstruction_manifest.json"]
    design_digest: str
    job: str
    entry: dict[str, object]
