"""What a comparison's manifest gives to the report: the values of its first table, and its pictures."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ptyproof.hub.layout import COMPARISON
from ptyproof.metrics.definitions import headline, metric_definitions
from ptyproof.metrics.limits import Course, course_of
from ptyproof.metrics.protocol import Recipe
from ptyproof.metrics.ranking import is_ranked
from ptyproof.phases.g_compare.tables import TidyRow, tidy_rows
from ptyproof.report.page.embedded import recorded_png
from ptyproof.report.page.tables import PngFigure
from ptyproof.study.layout import cell_of

Cell = tuple[float, str, int, str]  # dose, view as the page names it, gridsize, method
_ALL_METRICS = "measures against dose"
_ALTS = {
    "objects": "Amplitude and phase of the truth and of every method's object, and the difference from the truth",
    "ring correlations": "Fourier ring correlation of every method's phase and amplitude with the truth",
    "convergence": "Error, slow part of the phase error, and loss of each iterative method against its epochs",
    "error against dose": "Error of each method against the dose, with the range of replicates, a panel for each view; "
    "hollow points had not converged",
    _ALL_METRICS: "Metrics against the dose with the range of replicates, a line for each method and view",
    "time against quality": "Error of each reconstruction against its time in seconds; hollow points had not converged",
}


def values_of(manifest: Mapping[str, Any]) -> list[TidyRow]:
    """Return the tidy rows of a comparison that the page shows, metric by metric, with the labels of the metrics.

    A cell that has no result is there with the reason, in the table of the protocol that the others of its view or half
    have.
    """
    recipe, cells = Recipe(**manifest["recipe"]), manifest["cells"]
    labels = {metric: metric_definitions(recipe)[metric].label for metric in headline(recipe)}
    protocols: dict[tuple[str | None, str], str] = {}
    for cell in cells:
        if cell["status"] == "success":
            protocols.setdefault((cell["view"], cell["split"]), cell["protocol"])
            protocols[None, cell["split"]] = cell["protocol"]
    several = len({cell["split"] for cell in cells}) > 1
    rows = [
        replace(
            row,
            view=_view(vars(row), several),
            metric=labels[row.metric],
            direction=row.direction if is_ranked(row.metric) else None,
            protocol=row.protocol or protocols.get((row.view, row.split)) or protocols.get((None, row.split)),
        )
        for row in tidy_rows(cells, recipe)
        if row.metric in labels
    ]
    return sorted(rows, key=lambda row: list(labels.values()).index(row.metric))


def courses_in(manifest: Mapping[str, Any]) -> dict[Cell, list[Course]]:
    """Return how the epochs of each replicate of a method went, by the place that `values_of` names."""
    cells = manifest["cells"]
    several = len({cell["split"] for cell in cells}) > 1
    found: dict[Cell, list[Course]] = {}
    for cell in cells:
        if "convergence" in cell:
            place = cell["dose"], _view(cell, several), cell["gridsize"], cell["method"]
            found.setdefault(place, []).append(course_of(cell))
    return found


def _view(cell: Mapping[str, Any], several: bool) -> str:
    """Return the name of a view, with the half where a comparison has several."""
    return f"{cell['view']}, {cell['split']} half" if several else str(cell["view"])


@dataclass(frozen=True)
class Figures:
    """The pictures of a comparison: errors and times of all cells, all metrics, and those of one cell each."""

    errors: Sequence[PngFigure] = ()
    metrics: Sequence[PngFigure] = ()
    of_cells: Sequence[PngFigure] = ()


def figures_of(manifest: Mapping[str, Any], hub: Path) -> Figures:
    """Return the pictures of a comparison that are there as they were recorded; sheets are not among them."""
    folder = posixpath.dirname(COMPARISON)
    found: dict[str, list[PngFigure]] = {"errors": [], "metrics": [], "of_cells": []}
    for entry in manifest["figures"]:
        png = None if "sheet" in entry else recorded_png(entry["file"], hub / folder, hub)
        if png is None:
            continue
        of_all = entry["dose"] is None
        cell = "all cells" if of_all else cell_of(entry)
        caption = f"{entry['what']}, {cell}".capitalize() if of_all else f"{cell}: {entry['what']}"
        alt = f"{_ALTS.get(entry['what'], entry['what'])}, {cell}"
        made_from = ((posixpath.join(folder, entry["file"]["path"]), entry["file"]["sha256"]),)
        place = "of_cells" if not of_all else "metrics" if entry["what"] == _ALL_METRICS else "errors"
        found[place].append(PngFigure(alt, f"{caption}.", made_from, png))
    return Figures(**found)
