"""Whether times run forward: a job's end after its start, the file after what it records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from ptyproof.checking.checks.generic import has_zone, moment
from ptyproof.checking.model.document import Document, Findings, entries, mapping, text

# A stamp in a folder's name: 2025-11-04T170500Z
_STAMP = re.compile(r"(20\d\d)-(\d\d)-(\d\d)T(\d\d)(\d\d)(\d\d)Z")
_OF_A_FILE = ("timestamp", "generated_utc", "generated", "created", "written", "started", "date")
_ZONES = timedelta(hours=14)


def of(doc: Document) -> str | None:
    """Return when a file was written, as it says itself."""
    return next((text(doc.root, key) for key in _OF_A_FILE if moment(doc.root.get(key)) is not None), None)


def order(doc: Document) -> Findings:
    """Yield ends before starts, calls out of order, and a file that is older than what it records."""
    for place, result in _results(doc):
        yield from _forward(doc, result, place, "started", "finished")
    for place, attempt in doc.entries("attempts"):
        yield from _forward(doc, attempt, place, "started", "finished")
    for place, run in doc.entries("runs"):
        yield from _forward(doc, run, place, "started", "ended")
    if doc.kind == "job_state":
        yield from _forward(doc, doc.root, "$", "started", "heartbeat")
    yield from _rising(doc, "calls", "timestamp")
    yield from _rising(doc, "runs", "started")
    written = moment(doc.root.get("timestamp"))
    if written is None:
        return
    for place, key, value in _recorded(doc):
        said = moment(value)
        if said is not None and said - written > timedelta(seconds=1):
            sentence = f"{key} is {value}, later than the file's own time, {doc.root['timestamp']}"
            yield doc.finding("PM502", f"{place}.{key}", sentence)


def stamps(doc: Document) -> Findings:
    """Yield folders whose name is a time later than the file's: they were named by hand, or the file is another's."""
    value = text(doc.root, "timestamp")
    written = moment(value)
    if written is None or value is None:
        return
    earliest = timedelta(0) if has_zone(value) else _ZONES
    for key in ("artifact_root", "phase_c_root", "phase_d_root"):
        for found in _STAMP.finditer(text(doc.root, key) or ""):
            try:
                named = datetime(*map(int, found.groups()), tzinfo=UTC)  # type: ignore[arg-type, misc]
            except ValueError:
                continue
            if named - written > earliest:
                said = f"{key} names the time {found[0]}, later than the file's own, {value}"
                yield doc.finding(
                    "PM504", f"$.{key}", f"{said}: the folder was named by hand, or the file belongs to another run"
                )
                break


def _results(doc: Document) -> Iterator[tuple[str, dict[str, object]]]:
    for place, job in doc.entries("jobs"):
        yield f"{place}.result", mapping(job, "result")
        yield from entries(job, "earlier_results", place)


def _recorded(doc: Document) -> Iterator[tuple[str, str, Any]]:
    for place, result in _results(doc):
        for key in ("started", "finished"):
            yield place, key, result.get(key)
    for place, attempt in doc.entries("attempts"):
        for key in ("started", "finished"):
            yield place, key, attempt.get(key)
    for place, call in doc.entries("calls"):
        yield place, "timestamp", call.get("timestamp")
    for place, run in doc.entries("runs"):
        for key in ("started", "ended"):
            yield place, key, run.get(key)


def _forward(doc: Document, record: dict[str, object], place: str, first: str, last: str) -> Findings:
    start, end = moment(record.get(first)), moment(record.get(last))
    if start is not None and end is not None and end < start:
        said = f"{last} is {record[last]}, before {first}, {record[first]}"
        yield doc.finding("PM502", f"{place}.{last}", said)


def _rising(doc: Document, key: str, of: str) -> Findings:
    before: datetime | None = None
    for place, entry in doc.entries(key):
        said = moment(entry.get(of))
        if said is not None and before is not None and said < before:
            yield doc.finding("PM502", f"{place}.{of}", f"{of} is {entry[of]}, before that of the previous entry")
        before = said or before
