"""One line that says what a file is: kind, generation, and how many of what."""

from __future__ import annotations

from collections import Counter

from ptyproof.checking.kinds import kind_of
from ptyproof.checking.model.document import Document, listed, mapping, plural, text
from ptyproof.checking.model.findings import printable

_LISTS = (
    ("jobs", "job"),
    ("skipped_views", "skip"),
    ("skipped_jobs", "skip"),
    ("skipped", "skip"),
    ("cells", "cell"),
    ("tables", "table"),
    ("methods", "method"),
    ("attempts", "attempt"),
    ("missing_jobs", "missing job"),
    ("not_selected", "cell not selected"),
    ("datasets", "dose"),
    ("views", "view"),
    ("rejected_views", "rejected view"),
    ("runs", "run"),
    ("files", "file"),
    ("validations", "check"),
    ("checks", "check"),
)


def headline(doc: Document) -> str:
    """Return what a file is."""
    if doc.own is not None:
        return f"{printable(doc.own.called[:80])}, a user-defined kind"
    generation = f"generation {doc.generation}" if doc.is_legacy else f"version {doc.generation}"
    parts = [f"{kind_of(doc.kind).title}, {generation}"]
    study = text(doc.root, "study")
    if study is not None and not doc.is_legacy:
        parts.append(f"study {printable(study[:64])}")
    if doc.root.get("dry_run") is True:
        parts.append("dry run")
    if doc.kind != "study_design":
        parts += [_counted(doc, key, noun) for key, noun in _LISTS if isinstance(doc.root.get(key), list)]
    if doc.cut:
        parts.append("cut off")
    return ": ".join([parts[0], ", ".join(parts[1:])]) if len(parts) > 1 else parts[0]


def _counted(doc: Document, key: str, noun: str) -> str:
    entries = listed(doc.root, key)
    noun = "cells not selected" if key == "not_selected" and len(entries) != 1 else noun
    said = f"{len(entries)} {noun}" if key == "not_selected" else plural(len(entries), noun)
    if key not in ("jobs", "attempts"):
        return said
    statuses = Counter(text(mapping(job, "result") or job, "status") for _, job in doc.entries(key))
    known = [f"{n} {status}" for status, n in sorted(statuses.items(), key=str) if isinstance(status, str)]
    return f"{said} ({printable(', '.join(known)[:80])})" if known else said
