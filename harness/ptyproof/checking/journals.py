"""A manifest of cells is judged with what is newer: the events of its journal, and the entries that jobs have left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ptyproof.checking.model.loading import Loaded, load
from ptyproof.errors import ManifestError, PtyproofError
from ptyproof.io import schema
from ptyproof.records.journal import Journal
from ptyproof.records.recorded import recorded, seen_version
from ptyproof.study.layout import RESULT_FILE

_KINDS = ("training_manifest", "reconstruction_manifest")
_PENDING = "events that only {name} has: {n}; the manifest was judged with them"
_LEFT = f"entries that only {RESULT_FILE} in the folders of jobs has: {{n}}; the manifest was judged with them"


def load_recorded(path: Path) -> Loaded:
    """Read a file as `load` does, a manifest with all that is newer."""
    while True:
        before = seen_version(path)
        loaded = load(path)
        kind = loaded.value.get("kind") if isinstance(loaded.value, dict) else None
        if kind not in _KINDS or loaded.faults:
            return loaded
        journal = Journal(path).path
        if not journal.exists() and not _obeys_its_schema(loaded, kind, path):
            return loaded
        try:
            found = recorded(path, kind)
        except PtyproofError as error:
            return replace(loaded, faults=[("PM311", "$", str(error))])
        said = [_PENDING.format(n=found.n_events, name=journal.name)] if found.n_events else []
        said += [_LEFT.format(n=found.n_left)] if found.n_left else []
        if said:
            faults = [("PM310", "$", sentence) for sentence in said]
            return replace(loaded, value=found.manifest, text=None, faults=faults)
        if seen_version(path) == before:
            return loaded
        # a run has written the manifest, with what was newer than what was read


def _obeys_its_schema(loaded: Loaded, kind: str, path: Path) -> bool:
    try:
        return "migrated" not in schema.accepted(loaded.value, kind, path)
    except ManifestError:
        return False
