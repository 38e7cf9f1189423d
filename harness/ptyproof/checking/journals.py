"""A manifest of cells whose journal is there: it is judged with what the journal has, and that is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ptyproof.checking.model.loading import Loaded
from ptyproof.errors import PtyproofError
from ptyproof.records.journal import Journal

_KINDS = ("training_manifest", "reconstruction_manifest")
_PENDING = "events that only {name} has: {n}; the manifest was judged with them"


def with_journal(loaded: Loaded, path: Path) -> Loaded:
    """Return what was read of a manifest with what its journal has; what is not a manifest with a journal stays."""
    kind = loaded.value.get("kind") if isinstance(loaded.value, dict) else None
    journal = Journal(path)
    if kind not in _KINDS or loaded.faults or not journal.path.exists():
        return loaded
    from ptyproof.records.recorded import read_recorded

    try:
        n = len(journal.standing().events)
        value = read_recorded(path, kind) if n else loaded.value
    except PtyproofError as error:
        return replace(loaded, faults=[("PM311", "$", str(error))])
    said = _PENDING.format(n=n, name=journal.path.name)
    return replace(loaded, value=value, text=None, faults=[("PM310", "$", said)]) if n else loaded
