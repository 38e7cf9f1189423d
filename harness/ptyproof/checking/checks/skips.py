"""Whether skips are those of the study that was asked for, say why, and are the same wherever they are recorded."""

from __future__ import annotations

from typing import Any

from ptyproof.checking.checks.cells import parts_of
from ptyproof.checking.model.document import (
    Document,
    Findings,
    as_number,
    cell_of,
    entries,
    listed,
    number,
    replicate_of,
    text,
)
from ptyproof.checking.model.files import real_path
from ptyproof.errors import ManifestError
from ptyproof.io import strict_json

_MAX_BYTES = 1 << 24
_SHARED = ("study", "skipped_count", "skipped_views")
_SHOWN = 120
_FILTERS = ("dose", "replicate", "view", "gridsize", "split", "method")


def outside(doc: Document) -> Findings:
    """Yield skips of doses that the filters exclude: other doses are not looked at, and their skips do not count."""
    filters = doc.root.get("filters")
    if doc.is_legacy or "migrated" in doc.root:
        wanted = number(filters, "dose") if doc.is_legacy else as_number(next(iter(listed(filters, "dose")), None))
        if wanted is None:
            return
        for key in ("skipped_views", "missing_jobs"):
            for place, skip in doc.entries(key):
                dose = number(skip, "dose")
                if dose is not None and dose != wanted:
                    said = f"a skip of dose {dose:g}, but the filters select only dose {wanted:g}"
                    yield doc.finding("PM801", f"{place}.dose", said)
        return
    yield from _unreported(doc)


def _unreported(doc: Document) -> Findings:
    calls = [call for _, call in doc.entries("calls")]
    if not calls or doc.cut:
        return
    reported = {cell for call in calls for cell in listed(call, "skipped") if isinstance(cell, str)}
    # a reconstruction that was asked for can turn out to be impossible
    if doc.kind == "reconstruction_manifest":
        reported |= {cell for call in calls for cell in listed(call, "jobs") if isinstance(cell, str)}
    for place, skip in (*doc.entries("skipped_views"), *doc.entries("skipped")):
        cell = cell_of(skip)
        if cell is not None and cell not in reported:
            yield doc.finding("PM801", place, f"no call reported the skip {cell}")
    for place, call in doc.entries("calls"):
        for key in ("dose", "replicate"):
            wanted = listed(call.get("filters"), key)
            for at, cell in enumerate(listed(call, "skipped") if wanted else ()):
                if parts_of(cell).get(key, wanted[0]) not in wanted:
                    said = f"{cell} was reported as a skip, but the call's filters left its {key} out"
                    yield doc.finding("PM801", f"{place}.skipped[{at}]", said)


def selected(doc: Document) -> Findings:
    """Yield skips marked as selected that the filters of their latest call left out."""
    for place, skip in doc.entries("skipped"):
        cell = cell_of(skip)
        calls = [call for _, call in doc.entries("calls") if cell in listed(call, "skipped")]
        if not calls or doc.cut or skip.get("selected") is not True:
            continue
        for key in _FILTERS:
            wanted = listed(calls[-1].get("filters"), key)
            own = replicate_of(skip) if key == "replicate" else skip.get(key)
            if wanted and own not in wanted:
                said = f"selected is true, but the call's filters select only {key} {wanted}"
                yield doc.finding("PM801", f"{place}.selected", said)
                break


def reasons(doc: Document) -> Findings:
    """Yield skips of earlier generations whose reason is a guess: no number shows it."""
    for key in ("skipped_views", "missing_jobs"):
        for place, skip in doc.entries(key):
            reason = text(skip, "reason")
            if (
                reason is not None
                and "expected" in reason
                and not any(ch.isdigit() for ch in reason.replace("Phase", ""))
            ):
                said = f"the reason has no number that supports it: {reason[:_SHOWN]}"
                yield doc.finding("PM804", f"{place}.reason", said)
            elif reason is not None and not reason.strip():
                yield doc.finding("PM804", f"{place}.reason", "the skip has no reason")


def agree(doc: Document) -> Findings:
    """Yield where a manifest and the skip summary beside it, or the other way round, have other skips."""
    key = "training_manifest_path" if doc.kind == "skip_summary" else "skip_summary_path"
    name = text(doc.root, key)
    if name is None or doc.folder is None or doc.home is None or doc.manifest_only or doc.cut or "migrated" in doc.root:
        return
    try:
        other = real_path(doc.folder / name)
        if not other.is_relative_to(doc.home) or not other.is_file() or other.stat().st_size > _MAX_BYTES:
            return  # judged by the checks of files
        value = strict_json.read_json(other)
    except (OSError, ValueError, ManifestError):
        return  # the other file is judged when it is checked itself
    yield from differences(doc, value, name)


def differences(doc: Document, other: Any, name: str) -> Findings:
    """Yield where the skips of another file are not the same."""
    if not isinstance(other, dict):
        return
    for key in _SHARED:
        if key in doc.root and key in other and doc.root[key] != other[key]:
            mine, others = _summary(doc.root[key]), _summary(other[key])
            yield doc.finding("PM802", f"$.{key}", f"{key} is {mine}, but {name[:_SHOWN]} has {others}")


def _summary(value: Any) -> str:
    if isinstance(value, list):
        cells = [cell_of(entry) or "?" for _, entry in entries({"all": value}, "all", "$")]
        return f"[{', '.join(cells[:6])}{', ...' if len(cells) > 6 else ''}]"
    return repr(value)[:_SHOWN]
