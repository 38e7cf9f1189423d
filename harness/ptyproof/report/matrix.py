"""The matrix of a study: the state of every cell in colours and words, and the scores of all trainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ptyproof.report.cells import MEANINGS, STATES, CellRecord, anchor_of, badge
from ptyproof.report.markup import row_of, safe, score, table
from ptyproof.report.scores import MEASURES, change


def matrix(training: Mapping[str, Any] | None, cells: Sequence[CellRecord]) -> str:
    if training is None:
        return ""
    views = training["design"]["views"]
    head = ["dose (photons per pattern)", *(f"{view['name']}, gridsize {view['gridsize']}" for view in views)]
    rows = []
    for start in range(0, len(cells), len(views)):
        row = cells[start : start + len(views)]
        content = (
            f'<a href="#{anchor_of(cell.key)}">{safe(cell.key)}</a> {badge(cell.state)}<br>'
            f"<small>{safe(cell.sentence)}</small>"
            for cell in row
        )
        states = [f' class="cell {cell.state}"' for cell in row]
        rows.append(row_of(head, [f"{row[0].dose:,g}", *content], ["", *states]))
    legend = "".join(
        f"<li>{badge(state)} {safe(MEANINGS[state])}</li>"
        for state in STATES
        if any(cell.state == state for cell in cells)
    )
    return (
        table("State of every cell of the study: doses by views", head, rows, "matrix")
        + f'<ul class="legend">{legend}</ul>'
    )


def scores_of_all(cells: Sequence[CellRecord]) -> str:
    head = ["cell", "beats its start"]
    chosen = ("poisson_loss", "complex_error")
    for measure in chosen:
        label, unit = MEASURES[measure]
        label = label.removesuffix(" of the object")
        head += [f"{label}, start ({unit})", f"{label}, network ({unit})", f"{label}, change"]
    rows = []
    for cell in cells:
        if cell.scores is None:
            continue
        row = [
            f'<a href="#{anchor_of(cell.key)}">{safe(cell.key)}</a>',
            "yes" if cell.scores["beats_start"] else "no",
        ]
        for measure in chosen:
            values = cell.scores[measure]
            row += [score(values["start"]), score(values["network"]), change(values)]
        rows.append(row_of(head, row))
    if not rows:
        return ""
    note = "Of the object of the held-out half. Loss and error: lower is better."
    return f"<p>{note}</p>" + table("Network and network-free start on the held-out half", head, rows)
