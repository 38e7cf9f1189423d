"""What all manifests share: the head, and validation before writing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, overload

from ptyproof import clock
from ptyproof._version import __version__
from ptyproof.errors import ManifestError
from ptyproof.io import schema, schema_files, strict_json

if TYPE_CHECKING:
    from ptyproof_schemas.types.assessment import Assessment
    from ptyproof_schemas.types.certificate import Certificate
    from ptyproof_schemas.types.common import Tool
    from ptyproof_schemas.types.comparison_manifest import ComparisonManifest
    from ptyproof_schemas.types.conformance import Conformance
    from ptyproof_schemas.types.figures import Figures
    from ptyproof_schemas.types.hub_index import HubIndex
    from ptyproof_schemas.types.job_result import JobResult
    from ptyproof_schemas.types.job_state import JobState
    from ptyproof_schemas.types.metrics_summary import MetricsSummary
    from ptyproof_schemas.types.overlap_manifest import OverlapManifest
    from ptyproof_schemas.types.reconstruction_manifest import ReconstructionManifest
    from ptyproof_schemas.types.run_manifest import RunManifest
    from ptyproof_schemas.types.skip_summary import SkipSummary
    from ptyproof_schemas.types.training_manifest import TrainingManifest

TOOL: Tool = {"name": "ptyproof", "version": __version__}
TOOL_LABEL = f"{TOOL['name']} {TOOL['version']}"


class Head(TypedDict):
    """The first keys of a record."""

    kind: Any  # the record's own type has the text
    schema_version: str
    tool: Tool


class TimedHead(Head):
    """The first keys of a manifest."""

    timestamp: str


def head(kind: str, major: int = 1) -> Head:
    """Return the head of a record: kind, schema version and tool; equal data give equal bytes."""
    return {"kind": kind, "schema_version": schema_files.load_schema(kind, major)["version"], "tool": TOOL.copy()}


def timed_head(kind: str, major: int = 1) -> TimedHead:
    """Return the head of a manifest that is written now: `head` and the time in UTC."""
    return {**head(kind, major), "timestamp": clock.stamp()}


def write_manifest(path: Path, manifest: Mapping[str, object], is_new: bool = False) -> None:
    """Validate a manifest against the schema of its kind, then write it atomically; `is_new` as in `atomic_path`.

    Raises
    ------
    ManifestError
        If the manifest does not obey the schema; nothing is written then.
    """
    schema.validate(manifest, str(manifest["kind"]), path)
    strict_json.write_json(path, manifest, is_new)


@overload
def read_manifest(path: Path, kind: Literal["assessment"]) -> Assessment: ...
@overload
def read_manifest(path: Path, kind: Literal["certificate"]) -> Certificate: ...
@overload
def read_manifest(path: Path, kind: Literal["comparison_manifest"]) -> ComparisonManifest: ...
@overload
def read_manifest(path: Path, kind: Literal["conformance"]) -> Conformance: ...
@overload
def read_manifest(path: Path, kind: Literal["figures"]) -> Figures: ...
@overload
def read_manifest(path: Path, kind: Literal["hub_index"]) -> HubIndex: ...
@overload
def read_manifest(path: Path, kind: Literal["job_result"]) -> JobResult: ...
@overload
def read_manifest(path: Path, kind: Literal["job_state"]) -> JobState: ...
@overload
def read_manifest(path: Path, kind: Literal["metrics_summary"]) -> MetricsSummary: ...
@overload
def read_manifest(path: Path, kind: Literal["overlap_manifest"]) -> OverlapManifest: ...
@overload
def read_manifest(path: Path, kind: Literal["reconstruction_manifest"]) -> ReconstructionManifest: ...
@overload
def read_manifest(path: Path, kind: Literal["run_manifest"]) -> RunManifest: ...
@overload
def read_manifest(path: Path, kind: Literal["skip_summary"]) -> SkipSummary: ...
@overload
def read_manifest(path: Path, kind: Literal["training_manifest"]) -> TrainingManifest: ...
@overload
def read_manifest(path: Path, kind: str) -> Mapping[str, Any]: ...
def read_manifest(path: Path, kind: str) -> Any:
    """Read a manifest and return it if it obeys the schema of `kind`.

    Raises
    ------
    ManifestError
        If the file is missing, no strict JSON, of another kind, or migrated from an earlier generation: such a one is
        a record of another tool, which nothing of this one can go on with.
    """
    return parsed_manifest(strict_json.read_content(path), kind, path)


def parsed_manifest(raw: bytes, kind: str, path: Path) -> Any:
    """Return the manifest that was read from a path; see `read_manifest`.

    Raises
    ------
    ManifestError
        As `read_manifest` does.
    """
    manifest = schema.accepted(strict_json.parse_bytes(raw, path), kind, path)
    if "migrated" in manifest:
        raise ManifestError(path, migrated_sentence(manifest), "$.migrated")
    return manifest


def refuse_newer(path: Path, record: Mapping[str, Any]) -> None:
    """Refuse to write over or to merge a record that may hold more than this version knows; reading one is fine.

    Raises
    ------
    ManifestError
        If its minor version is newer.
    """
    ours, theirs = schema_files.load_schema(record["kind"])["version"], record["schema_version"]
    if _minor(theirs) > _minor(ours):
        said = f"is {theirs}, of a newer ptyproof; this version writes {ours} and would lose newer keys"
        raise ManifestError(path, said, "schema_version")


def migrated_sentence(manifest: Mapping[str, Any]) -> str:
    """Return the error for a migrated manifest where evidence is needed."""
    generation = manifest["migrated"]["generation"]
    return f"was migrated from generation {generation}: it is a record of an earlier tool, not evidence of this one"


def read_any_manifest(path: Path) -> dict[str, Any]:
    """Read a manifest of any kind and return it if it obeys the schema of the kind that it names.

    Raises
    ------
    ManifestError
        If the file is missing, no strict JSON, of an unknown kind, or breaks its schema.
    """
    manifest = strict_json.read_json(path)
    known = schema_files.current_kinds()
    kind = manifest.get("kind") if isinstance(manifest, dict) else None
    if not isinstance(kind, str) or kind not in known:
        raise ManifestError(path, f"has the unknown kind {str(kind)[:80]!r}; the kinds are {', '.join(known)}", "kind")
    return dict(read_manifest(path, kind))


def same_but_time(old: Mapping[str, object], new: Mapping[str, object]) -> bool:
    """Tell whether two manifests differ only in their timestamps."""
    return {**old, "timestamp": None} == {**new, "timestamp": None}


def _minor(version: str) -> int:
    return int(version.split(".")[1])
