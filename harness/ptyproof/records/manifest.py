"""What all manifests share: the head, records of files, and validation before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ptyproof import clock
from ptyproof._version import __version__
from ptyproof.errors import ManifestError
from ptyproof.io import schema, schema_files, strict_json

TOOL = {"name": "ptyproof", "version": __version__}
TOOL_LABEL = f"{TOOL['name']} {TOOL['version']}"


def head(kind: str, major: int = 1) -> dict[str, Any]:
    """Return the head of a record: kind, schema version and tool; equal data give equal bytes."""
    return {"kind": kind, "schema_version": schema_files.load_schema(kind, major)["version"], "tool": dict(TOOL)}


def timed_head(kind: str, major: int = 1) -> dict[str, Any]:
    """Return the head of a manifest that is written now: `head` and the time in UTC."""
    return head(kind, major) | {"timestamp": clock.stamp()}


def write_manifest(path: Path, manifest: dict[str, Any]) -> None:
    """Validate a manifest against the schema of its kind, then write it atomically."""
    schema.validate(manifest, manifest["kind"], path)
    strict_json.write_json(path, manifest)


def read_manifest(path: Path, kind: str) -> dict[str, Any]:
    """Read a manifest and return it if it obeys the schema of `kind`.

    Raises
    ------
    ManifestError
        If the file is missing, no strict JSON, of another kind, or migrated from an earlier generation: such a one is
        a record of another tool, which nothing of this one can go on with.
    """
    manifest: dict[str, Any] = schema.accepted(strict_json.read_json(path), kind, path)
    if "migrated" in manifest:
        raise ManifestError(path, migrated_sentence(manifest), "$.migrated")
    return manifest


def migrated_sentence(manifest: dict[str, Any]) -> str:
    """Return what is to be said of a migrated manifest where evidence is wanted."""
    generation = manifest["migrated"]["generation"]
    return f"was migrated from generation {generation}: it is a record of an earlier tool, and no evidence of this one"


def read_any_manifest(path: Path) -> dict[str, Any]:
    """Read a manifest of any kind and return it if it obeys the schema of the kind that it says it is.

    Raises
    ------
    ManifestError
        If the file is missing, no strict JSON, of an unknown kind, or breaks its schema.
    """
    manifest = strict_json.read_json(path)
    known = schema_files.current_kinds()
    kind = manifest.get("kind") if isinstance(manifest, dict) else None
    if not isinstance(kind, str) or kind not in known:
        raise ManifestError(
            path, f"is of no known kind, got {str(kind)[:80]!r}; the kinds are {', '.join(known)}", "kind"
        )
    return read_manifest(path, kind)


def same_but_time(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Tell whether two manifests differ in nothing but their timestamps."""
    return {**old, "timestamp": None} == {**new, "timestamp": None}
