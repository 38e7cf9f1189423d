"""The matrix of a study: the state of every cell, doses by views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ptyproof.report.page.cells import CellRecord
from ptyproof.report.page.tables import Content, Table, table


def matrix(training: Mapping[str, Any], cells: Sequence[CellRecord], marks: Mapping[str, str]) -> Table:
    """Return the matrix of a study; each cell links to its section, and `marks` has those of its networks."""
    views = training["design"]["views"]
    head = ["dose (photons per pattern)", *(f"{view['name']}, gridsize {view['gridsize']}" for view in views)]
    rows: list[list[str | Content]] = [
        [_exposure(cells[start]), *(_content(cell, marks.get(cell.key)) for cell in cells[start : start + len(views)])]
        for start in range(0, len(cells), len(views))
    ]
    return table("State of every cell of the study: doses by views", head, rows, "matrix")


def _exposure(cell: CellRecord) -> str:
    return f"{cell.dose:,g}" + (f", replicate {cell.replicate}" if cell.replicate > 1 else "")


def _content(cell: CellRecord, mark: str | None) -> Content:
    return Content(cell.key, href=f"#{cell.anchor}", state=cell.state, mark=mark, note=cell.sentence)
