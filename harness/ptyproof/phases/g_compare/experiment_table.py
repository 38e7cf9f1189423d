"""The table of a study's experiments: a row for each flaw, and for each method a column told and a column untold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from ptyproof.markdown import UNKNOWN

if TYPE_CHECKING:
    from ptyproof_schemas.types.metrics_summary import ExperimentRow

CAPTION = (
    "Each experiment beside the clean view: complex NRMSE, and in parentheses its ratio to that of the same method and "
    "dose in the clean view."
)
UNUSED, NOTHING = "†", "‡"
NOTES = {
    UNUSED: "The data know more of the flaw than the method was told.",
    NOTHING: "The data know nothing of the flaw that a method can be told.",
}

_Line = Mapping[str, "ExperimentRow"]  # a view, by method


@dataclass(frozen=True)
class ExperimentTable:
    """What is printed: heads, rows of text, and the notes on marks that occur in them."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]


def experiment_table(rows: Sequence[ExperimentRow]) -> ExperimentTable:
    """Return the table of rows that `ptyproof.metrics.experiments` has found."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    places = dict.fromkeys((row["dose"], row["gridsize"], row["split"]) for row in rows)
    lines: list[list[str]] = []
    for place in places:
        here = [row for row in rows if (row["dose"], row["gridsize"], row["split"]) == place]
        where = [f"{place[0]:g}", str(place[1]), place[2]]
        clean = {row["method"]: _number(row["clean"]) for row in here}
        lines.append([*where, "clean", *(clean.get(method, UNKNOWN) for method in methods for _ in range(2))])
        for name in dict.fromkeys(row["experiment"] for row in here):
            for told, untold in _pairs([row for row in here if row["experiment"] == name]):
                shown = [_shown(line.get(method)) for method in methods for line in (told, untold)]
                lines.append([*where, name, *shown])
    heads = ["dose", "gridsize", "half", "flaw", *(f"{m} {how}" for m in methods for how in ("told", "untold"))]
    varying = [column for column in range(3) if len({line[column] for line in lines}) > 1]
    kept = [*varying, *range(3, len(heads))]
    text = "".join(cell for line in lines for cell in line)
    return ExperimentTable(
        [heads[column] for column in kept],
        [[line[column] for column in kept] for line in lines],
        [f"{mark} {note}" for mark, note in NOTES.items() if mark in text],
    )


def _pairs(rows: Sequence[ExperimentRow]) -> Iterator[tuple[_Line, _Line]]:
    """Yield each view of an experiment in which methods are told something, beside one in which they are not."""
    views: dict[str, dict[str, ExperimentRow]] = {}
    for row in rows:
        views.setdefault(row["view"], {})[row["method"]] = row
    told = [line for line in views.values() if _tells(line)]
    untold = [line for line in views.values() if not _tells(line)]
    nothing: _Line = {}
    if len(untold) == 1:
        untold *= max(1, len(told))
    yield from zip_longest(told, untold, fillvalue=nothing)


def _tells(line: _Line) -> bool:
    return any(row["tells"] for row in line.values())


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.4g}"


def _shown(row: ExperimentRow | None) -> str:
    """Return `0.0762 (1.02)`, with a mark where the method was not told what the study tells."""
    if row is None or row["value"] is None:
        return UNKNOWN
    ratio = "" if row["ratio"] is None else f" ({row['ratio']:.2f})"
    mark = ""
    if row["tells"] and row["not_told"]:
        mark = f" {UNUSED}"
    elif row["tells"] and not row["told"]:
        mark = f" {NOTHING}"
    return f"{_number(row['value'])}{ratio}{mark}"
