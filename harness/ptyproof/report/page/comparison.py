"""The comparison of methods: for each metric a table of doses and views by methods, the best method marked.

The page shows it first. Its rows are those of the tidy table, with the names that the page gives to metrics and views.
Replicates of one cell share a row, with their median and range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ptyproof.metrics.definitions import Direction, MetricDefinition
from ptyproof.metrics.limits import Course, behind_controls, remark_on_courses, remarks_in
from ptyproof.metrics.ranking import best_method, by_method, spread
from ptyproof.phases.g_compare.experiment_table import CAPTION, experiment_table
from ptyproof.phases.g_compare.tables import TidyRow
from ptyproof.report.page.compared import Cell
from ptyproof.report.page.tables import UNKNOWN, Content, Table, score, table

Rows = Mapping[str, Sequence[TidyRow]]  # the replicates of each method
Courses = Mapping[Cell, list[Course]]


def comparison(rows: Sequence[TidyRow], courses: Courses) -> list[tuple[Table, str | None]]:
    """Return a table for each metric and protocol, with the protocol where the rows have several.

    Doses, views, methods and metrics stand in the order in which the rows first name them. `courses` tells of each
    method in a cell how the epochs of its replicates went.
    """
    groups: dict[tuple[str, str | None], list[TidyRow]] = {}
    for row in rows:
        groups.setdefault((row.metric, row.protocol), []).append(row)
    several = len({row.protocol for row in rows}) > 1
    return [(_table(found, courses), protocol if several else None) for (_, protocol), found in groups.items()]


def experiments(metrics: Mapping[str, Any] | None) -> Table | None:
    """Return the table of a study's experiments from its `metrics_summary`; None without any."""
    rows = None if metrics is None else metrics.get("experiments")
    if not rows:
        return None
    shown = experiment_table(rows)
    return table(" ".join([CAPTION, *shown.notes]), shown.heads, shown.rows, "comparison")


def _table(rows: Sequence[TidyRow], courses: Courses) -> Table:
    """Return the table of one metric: a row for each cell, a column for each method."""
    methods = list(dict.fromkeys(row.method for row in rows))
    cells: dict[tuple[float, str, int], dict[str, list[TidyRow]]] = {}
    for row in rows:
        cells.setdefault((row.dose, row.view, row.gridsize), {}).setdefault(row.method, []).append(row)
    lines: list[list[str | Content]] = [
        [f"{dose:,g} photons, {view}, gridsize {gridsize}", *_values(methods, found, courses)]
        for (dose, view, gridsize), found in cells.items()
    ]
    first = rows[0]
    facts = [
        "no unit" if first.unit == "1" else first.unit,
        f"{first.direction} is better" if first.direction else "ranks no method",
    ]
    n = len({row.replicate for row in rows})
    if n > 1:
        facts.append(f"median and range of {n} replicates")
    caption = f"{first.metric[:1].upper()}{first.metric[1:]} ({'; '.join(facts)})"
    return table(caption, ["dose and view", *methods], lines, "comparison")


def _values(methods: Sequence[str], found: Rows, courses: Courses) -> list[Content]:
    """Return the cells of a row; a reason that all methods share stands in one cell."""
    reasons = {row.reason if row.value is None else None for rows in found.values() for row in rows}
    reason = reasons.pop() if len(reasons) == 1 and len(found) > 1 else None
    if reason is not None:
        return [Content(UNKNOWN, note=reason, columns=len(methods))]
    best = _best([row for rows in found.values() for row in rows])
    return [
        replace(_value(found.get(method, ()), method == best), remark=_remark(method, found, courses))
        for method in methods
    ]


def _remark(method: str, found: Rows, courses: Courses) -> str | None:
    """Return what limits the values of a method: not converged, worse with its epochs, or no better than a control."""
    rows = found.get(method, ())
    if not any(row.value is not None for row in rows):
        return None
    course = remark_on_courses(courses.get((rows[0].dose, rows[0].view, rows[0].gridsize, method), []))
    definition = _definition(rows)
    if definition is None:
        return course
    values = by_method((row.method, row.replicate, row.value) for of_method in found.values() for row in of_method)
    return remarks_in([course, *behind_controls(method, values, definition)])


def _best(rows: Sequence[TidyRow]) -> str | None:
    """Return the method that is ahead of all others; None if there is no such method, or nothing is better."""
    definition = _definition(rows)
    if definition is None:
        return None
    return best_method(by_method((row.method, row.replicate, row.value) for row in rows), definition)


def _definition(rows: Sequence[TidyRow]) -> MetricDefinition | None:
    """Return what the metric of rows is; None where nothing is better."""
    direction = _direction(rows[0].direction)
    return None if direction is None else MetricDefinition(rows[0].metric, rows[0].unit, direction)


def _direction(text: str | None) -> Direction | None:
    return "lower" if text == "lower" else "higher" if text == "higher" else None


def _value(rows: Sequence[TidyRow], is_best: bool) -> Content:
    if not rows:
        return Content(UNKNOWN)
    found = spread([row.value for row in rows])
    if found.median is None:
        return Content(UNKNOWN, note=rows[0].reason or "not defined")
    if len(rows) == 1:
        return Content(score(found.median), is_best=is_best)
    missing = "" if found.n == len(rows) else f", {found.n} of {len(rows)}"
    note = f"{score(found.low)} to {score(found.high)}{missing}"
    return Content(score(found.median), is_best=is_best, note=note)
