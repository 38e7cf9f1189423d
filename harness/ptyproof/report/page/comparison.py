"""The comparison of methods: for each metric a table of doses and views by methods, the best value of a row marked.

The page shows it first. Its rows are those of a tidy table, one for each dose, view, method and metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ptyproof.report.page.tables import UNKNOWN, Content, PngFigure, Table, score, table

Direction = Literal["lower", "higher"]


@dataclass(frozen=True)
class Compared:
    """A value of a comparison, or the reason for which there is none.

    Parameters
    ----------
    dose, view, gridsize
        The cell: photons per pattern, name of the view, gridsize.
    method
        Name of the method.
    metric
        Name of the metric on the page.
    value
        None where it is not defined.
    unit
        Empty for a number without one.
    direction
        Which way is better; None for neither.
    reason
        Why there is no value.
    protocol
        sha256 of how the value was found; values of different protocols never stand in one table.
    """

    dose: float
    view: str
    gridsize: int
    method: str
    metric: str
    value: float | None
    unit: str = ""
    direction: Direction | None = None
    reason: str | None = None
    protocol: str = ""


@dataclass(frozen=True)
class MetricTable:
    """The table of one metric; `protocol` is None where all values of the comparison have the same one."""

    table: Table
    protocol: str | None


@dataclass(frozen=True)
class Comparison:
    """What the section of a comparison shows: the first table is open, the others and the pictures are folded."""

    tables: Sequence[MetricTable]
    pictures: Sequence[PngFigure]


def comparison(rows: Sequence[Compared], pictures: Sequence[PngFigure] = ()) -> Comparison | None:
    """Return the section's content; None without rows and pictures.

    Doses, views, methods and metrics stand in the order in which the rows first name them.
    """
    groups: dict[tuple[str, str], list[Compared]] = {}
    for row in rows:
        groups.setdefault((row.metric, row.protocol), []).append(row)
    several = len({row.protocol for row in rows}) > 1
    tables = [MetricTable(_table(found), protocol if several else None) for (_, protocol), found in groups.items()]
    return Comparison(tables, pictures) if tables or pictures else None


def _table(rows: Sequence[Compared]) -> Table:
    """Return the table of one metric: a row for each cell, a column for each method."""
    methods = list(dict.fromkeys(row.method for row in rows))
    cells: dict[tuple[float, str, int], dict[str, Compared]] = {}
    for row in rows:
        cells.setdefault((row.dose, row.view, row.gridsize), {})[row.method] = row
    lines: list[list[str | Content]] = [
        [f"{dose:,g} photons, {view}, gridsize {gridsize}", *_values(methods, found)]
        for (dose, view, gridsize), found in cells.items()
    ]
    direction = f"; {rows[0].direction} is better" if rows[0].direction else ""
    caption = f"{rows[0].metric[:1].upper()}{rows[0].metric[1:]} ({rows[0].unit or 'no unit'}{direction})"
    return table(caption, ["dose and view", *methods], lines, "comparison")


def _values(methods: Sequence[str], found: Mapping[str, Compared]) -> list[Content]:
    """Return the cells of a row; a reason that all methods share stands in one cell."""
    reasons = {row.reason if row.value is None else None for row in found.values()}
    reason = reasons.pop() if len(reasons) == 1 and len(found) > 1 else None
    if reason is not None:
        return [Content(UNKNOWN, note=reason, columns=len(methods))]
    best = _best(list(found.values()))
    return [_value(found.get(method), best) for method in methods]


def _best(rows: Sequence[Compared]) -> float | None:
    """Return the best value of a cell; None where there is nothing to choose from."""
    values = [row.value for row in rows if row.value is not None]
    if len(values) < 2 or rows[0].direction is None:
        return None
    return min(values) if rows[0].direction == "lower" else max(values)


def _value(row: Compared | None, best: float | None) -> Content:
    if row is None:
        return Content(UNKNOWN)
    if row.value is None:
        return Content(UNKNOWN, note=row.reason or "not defined")
    return Content(score(row.value), is_best=row.value == best)
