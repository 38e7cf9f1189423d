"""Judgments as a table: a row for each file, by the time that the file says of itself."""

from __future__ import annotations

from collections.abc import Sequence

from ptyproof.checking.checks.generic import has_zone, moment
from ptyproof.checking.judge import Checked
from ptyproof.checking.model.findings import printable

COLUMNS = ("time", "kind", "generation", "verdict", "worst", "file")
_NOTHING = "-"
_VERDICTS = {"error": "error", "warning": "warning", "info": "remark", None: "ok"}


def verdict(checked: Checked) -> str:
    """Return the verdict on a file in one word; `unseen` where nothing is wrong and a named file was not checked."""
    named = checked.named
    if checked.worst is None and named.there < named.n:
        return "unseen"
    return _VERDICTS[checked.worst]


def rows(judged: Sequence[Checked]) -> list[tuple[str, ...]]:
    """Return the cells of each file, earliest first; files that say no time stand last, by their names."""

    def order(checked: Checked) -> tuple[bool, float, str]:
        said = moment(checked.time)
        return said is None, 0.0 if said is None else said.timestamp(), checked.file

    return [_row(checked) for checked in sorted(judged, key=order)]


def as_table(judged: Sequence[Checked]) -> str:
    """Return the table as text, its columns aligned."""
    lines = [COLUMNS, *rows(judged)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(COLUMNS))]
    text = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)
    return "".join(f"{line}\n" for line in text)


def _row(checked: Checked) -> tuple[str, ...]:
    found = checked.causes
    worst = found[0].code if found else _NOTHING
    kind, generation = checked.kind or "unknown", checked.generation or _NOTHING
    return tuple(map(printable, (_time(checked.time), kind, generation[:16], verdict(checked), worst, checked.file)))


def _time(value: str | None) -> str:
    """Return a time to the second, in UTC; one without a zone stands as it was written, without a Z."""
    said = moment(value)
    if value is None or said is None:
        return _NOTHING
    return said.strftime("%Y-%m-%dT%H:%M:%S") + ("Z" if has_zone(value) else "")
