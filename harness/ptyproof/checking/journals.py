"""A manifest of cells is judged with what is newer: the events of its journal, and the entries that jobs have left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ptyproof.checking.model.loading import Loaded
from ptyproof.errors import ManifestError, PtyproofError
from ptyproof.io import schema
from ptyproof.records.journal import Journal
from ptyproof.records.manifest import read_manifest
from ptyproof.study.layout import RESULT_FILE

_KINDS = ("training_manifest", "reconstruction_manifest")
_PENDING = "events that only {name} has: {n}; the manifest was judged with them"
_LEFT = f"entries that only {RESULT_FILE} in the folders of jobs has: {{n}}; the manifest was judged with them"


def with_journal(loaded: Loaded, path: Path) -> Loaded:
    """Return what was read of a manifest with all that is newer; what is not a manifest with a journal stays."""
    kind = loaded.value.get("kind") if isinstance(loaded.value, dict) else None
    if kind not in _KINDS or loaded.faults:
        return loaded
    from ptyproof.records.recorded import n_left, read_recorded

    journal = Journal(path)
    try:
        if not journal.path.exists() and not _obeys_its_schema(loaded, kind, path):
            return loaded
        n_events = len(journal.standing().events) if journal.path.exists() else 0
        n_entries = n_left(path, kind, read_manifest(path, kind))
        value = read_recorded(path, kind) if n_events or n_entries else loaded.value
    except PtyproofError as error:
        return replace(loaded, faults=[("PM311", "$", str(error))])
    said = [_PENDING.format(n=n_events, name=journal.path.name)] if n_events else []
    said += [_LEFT.format(n=n_entries)] if n_entries else []
    if not said:
        return loaded
    return replace(loaded, value=value, text=None, faults=[("PM310", "$", sentence) for sentence in said])


def _obeys_its_schema(loaded: Loaded, kind: str, path: Path) -> bool:
    try:
        return "migrated" not in schema.accepted(loaded.value, kind, path)
    except ManifestError:
        return False
