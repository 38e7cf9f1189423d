"""The manifests in a hub: strict JSON of a known kind and version that obeys its schema."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ptyproof._version import __version__
from ptyproof.errors import ManifestError
from ptyproof.evidence.hub import DATASETS, INDEX
from ptyproof.evidence.hub_layout import KINDS, REAL_RUN
from ptyproof.evidence.manifest import migrated_sentence
from ptyproof.evidence.verify.files import HubFiles
from ptyproof.evidence.verify.problem import WHOLE, Problem
from ptyproof.io import schema, strict_json


def read_manifests(files: HubFiles) -> tuple[dict[str, dict[str, Any]], list[Problem]]:
    """Return the sound manifests by name, and what is wrong with the others."""
    found, problems = {}, []
    for name, path in files.paths.items():
        if not name.endswith(".json") or name == INDEX:
            continue
        ours = name in KINDS or name.startswith((f"{REAL_RUN}/", f"{DATASETS}/"))
        if not ours and not _says_its_kind(path):
            continue  # somebody's own file
        manifest, damaged = read_checked(path, name, KINDS.get(name))
        problems += damaged
        if manifest is not None:
            found[name] = manifest
    return found, problems


def read_checked(path: Path, name: str, kind: str | None) -> tuple[dict[str, Any] | None, list[Problem]]:
    """Return a manifest of a kind (None: the one that it says) and every violation of its schema."""
    try:
        value = strict_json.read_json(path)
    except ManifestError as error:
        line = re.search(r"\bline \d+", error.reason)
        return None, [Problem(name, error.member or (line[0] if line else WHOLE), error.reason)]
    said = value.get("kind") if isinstance(value, dict) else None
    known = set(schema.current_kinds())
    if (
        not isinstance(value, dict)
        or not isinstance(said, str)
        or said not in known
        or (kind is not None and said != kind)
    ):
        expected = kind or f"one of {', '.join(sorted(known))}"
        return None, [Problem(name, "$.kind", f"expected {expected}, got {repr(said)[:80]}")]
    version = re.match(r"(\d{1,9})\.", str(value.get("schema_version")))
    if version and int(version[1]) > max(major for other, major in schema.kinds() if other == said):
        sentence = f"{value['schema_version']} is newer than ptyproof {__version__} can read; verify with a newer one"
        return None, [Problem(name, "$.schema_version", sentence)]
    errors = schema.schema_errors(value, said)
    if not errors:
        if "migrated" in value:
            return None, [Problem(name, "$.migrated", migrated_sentence(value))]
        return value, []
    from ptyproof.io.schema_verdict import describe

    violations = [describe(error).partition(": ") for error in errors]
    return None, [Problem(name, place, sentence) for place, _, sentence in violations]


def _says_its_kind(path: Path) -> bool:
    try:
        value = strict_json.read_json(path)
    except ManifestError:
        return False
    return isinstance(value, dict) and "kind" in value
