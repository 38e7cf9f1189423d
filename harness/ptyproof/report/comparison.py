"""The comparison of methods: for each metric a table of doses and views by methods, the best value of a row marked.

The page shows it first. Its rows are those of a tidy table, one for each dose, view, method and metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ptyproof.report.markup import (
    PngFigure,
    details,
    figure,
    row_of,
    safe,
    score,
    sentence_case,
    short_digest,
    table,
)

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
        What was measured, as a reader is to see it.
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


def comparison(rows: Sequence[Compared], pictures: Sequence[PngFigure] = ()) -> str:
    """Return the section's content, empty without rows: the first metric open, the others and the pictures folded.

    Doses, views, methods and metrics stand in the order in which the rows first name them.
    """
    groups: dict[tuple[str, str], list[Compared]] = {}
    for row in rows:
        groups.setdefault((row.metric, row.protocol), []).append(row)
    protocols = dict.fromkeys(row.protocol for row in rows)
    parts = []
    for number, ((metric, protocol), found) in enumerate(groups.items()):
        caption = _caption(metric, found[0])
        content = _metric_table(caption, found)
        if len(protocols) > 1:
            content += f"<p>Protocol {short_digest(protocol)}: not to be compared with values of another protocol.</p>"
        parts.append(content if number == 0 else details(caption, content))
    if pictures:
        shown = "".join(figure(picture) for picture in pictures)
        parts.append(details("Pictures of the comparison", f'<div class="figures">{shown}</div>'))
    return "".join(parts)


def _caption(metric: str, row: Compared) -> str:
    facts = [row.unit or "no unit", *([f"{row.direction} is better"] if row.direction else [])]
    return sentence_case(f"{metric} ({'; '.join(facts)})").removesuffix(".")


def _metric_table(caption: str, rows: Sequence[Compared]) -> str:
    """Return the table of one metric: a row for each cell, a column for each method."""
    methods = list(dict.fromkeys(row.method for row in rows))
    cells: dict[tuple[float, str, int], dict[str, Compared]] = {}
    for row in rows:
        cells.setdefault((row.dose, row.view, row.gridsize), {})[row.method] = row
    head = ["dose and view", *methods]
    lines = []
    for (dose, view, gridsize), found in cells.items():
        name = f"{dose:,g} photons, {safe(view)}, gridsize {gridsize}"
        reasons = {row.reason if row.value is None else None for row in found.values()}
        reason = reasons.pop() if len(reasons) == 1 and len(found) > 1 else None
        if reason is not None:  # of every method, so it is said once
            attributes = ["", f' colspan="{len(methods)}"']
            lines.append(row_of([head[0], "every method"], [name, f"– <small>{safe(reason)}</small>"], attributes))
            continue
        best = _best(list(found.values()))
        lines.append(row_of(head, [name, *(_value(found.get(method), best) for method in methods)]))
    return table(caption, head, lines, "comparison")


def _best(rows: Sequence[Compared]) -> float | None:
    """Return the best value of a cell; None where there is nothing to choose from."""
    values = [row.value for row in rows if row.value is not None]
    if len(values) < 2 or rows[0].direction is None:
        return None
    return min(values) if rows[0].direction == "lower" else max(values)


def _value(row: Compared | None, best: float | None) -> str:
    if row is None:
        return "–"
    if row.value is None:
        return f"–<br><small>{safe(row.reason or 'not defined')}</small>"
    return f"<strong>{score(row.value)}</strong> best" if row.value == best else score(row.value)
