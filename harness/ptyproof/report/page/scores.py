"""Scores of a network beside those of its initial estimate, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ptyproof.metrics.improvement import by_how_much
from ptyproof.report.labels import HELD_OUT, LOWER
from ptyproof.report.page.cells import CellRecord
from ptyproof.report.page.tables import UNKNOWN, Content, Table, score, table

_DECIDING = ("poisson_loss", "complex_error")


def scores_table(scores: Mapping[str, Any]) -> Table:
    """Return the table of all held-out scores of a training."""
    head = ["metric", "unit", "direction", "initial estimate", "network", "change"]
    rows = [[label, unit, LOWER, *_values(scores[metric])] for metric, (label, unit) in HELD_OUT.items()]
    return table(f"Scores on the held-out half, {scores['n_patterns']} patterns", head, rows)


def scores_of_all(cells: Sequence[CellRecord], marks: Mapping[str, str]) -> Table | None:
    """Return the table with the scores of the object of every training; None where no training has scores."""
    head = ["cell", "errors below those of the initial estimate"]
    for metric in _DECIDING:
        label, unit = HELD_OUT[metric]
        label = label.removesuffix(" of the object")
        head += [f"{label}, initial estimate ({unit})", f"{label}, network ({unit})", f"{label}, change"]
    rows: list[list[str | Content]] = []
    for cell in cells:
        if cell.scores is not None:
            is_below = "yes" if cell.scores["beats_start"] else "no"
            values = [text for metric in _DECIDING for text in _values(cell.scores[metric])]
            name = Content(cell.key, href=f"#{cell.anchor}", mark=marks.get(cell.key))
            rows.append([name, is_below, *values])
    return table("Networks and their initial estimates on the held-out half", head, rows) if rows else None


def _values(values: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return a metric of the initial estimate and of the network, and the change between them."""
    change = UNKNOWN if values["start"] is None else by_how_much(values["improvement"])
    return score(values["start"]), score(values["network"]), change
