"""The comparison of methods: for each metric a table of doses and views by methods, the best value of a row marked.

The page shows it first. Its rows are those of the tidy table, with the names that the page gives to metrics and views.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ptyproof.phases.g_compare.tables import TidyRow
from ptyproof.report.page.tables import UNKNOWN, Content, Table, score, table


def comparison(rows: Sequence[TidyRow]) -> list[tuple[Table, str | None]]:
    """Return a table for each metric and protocol, with the protocol where the rows have several.

    Doses, views, methods and metrics stand in the order in which the rows first name them.
    """
    groups: dict[tuple[str, str | None], list[TidyRow]] = {}
    for row in rows:
        groups.setdefault((row.metric, row.protocol), []).append(row)
    several = len({row.protocol for row in rows}) > 1
    return [(_table(found), protocol if several else None) for (_, protocol), found in groups.items()]


def _table(rows: Sequence[TidyRow]) -> Table:
    """Return the table of one metric: a row for each cell, a column for each method."""
    methods = list(dict.fromkeys(row.method for row in rows))
    cells: dict[tuple[float, str, int], dict[str, TidyRow]] = {}
    for row in rows:
        cells.setdefault((row.dose, row.view, row.gridsize), {})[row.method] = row
    lines: list[list[str | Content]] = [
        [f"{dose:,g} photons, {view}, gridsize {gridsize}", *_values(methods, found)]
        for (dose, view, gridsize), found in cells.items()
    ]
    first = rows[0]
    facts = [
        "no unit" if first.unit == "1" else first.unit,
        *([f"{first.direction} is better"] * bool(first.direction)),
    ]
    caption = f"{first.metric[:1].upper()}{first.metric[1:]} ({'; '.join(facts)})"
    return table(caption, ["dose and view", *methods], lines, "comparison")


def _values(methods: Sequence[str], found: Mapping[str, TidyRow]) -> list[Content]:
    """Return the cells of a row; a reason that all methods share stands in one cell."""
    reasons = {row.reason if row.value is None else None for row in found.values()}
    reason = reasons.pop() if len(reasons) == 1 and len(found) > 1 else None
    if reason is not None:
        return [Content(UNKNOWN, note=reason, columns=len(methods))]
    best = _best(list(found.values()))
    return [_value(found.get(method), best) for method in methods]


def _best(rows: Sequence[TidyRow]) -> float | None:
    """Return the best value of a cell; None where there is nothing to choose from."""
    values = [row.value for row in rows if row.value is not None]
    if len(values) < 2 or rows[0].direction is None:
        return None
    return min(values) if rows[0].direction == "lower" else max(values)


def _value(row: TidyRow | None, best: float | None) -> Content:
    if row is None:
        return Content(UNKNOWN)
    if row.value is None:
        return Content(UNKNOWN, note=row.reason or "not defined")
    return Content(score(row.value), is_best=row.value == best)
