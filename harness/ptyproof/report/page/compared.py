"""What a comparison's manifest gives to the report: the values of its first table, and its pictures."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ptyproof.hub.layout import COMPARISON
from ptyproof.io.regular import lies_inside
from ptyproof.metrics.definitions import headline, metric_definitions
from ptyproof.metrics.protocol import Recipe
from ptyproof.metrics.ranking import is_ranked
from ptyproof.phases.g_compare.tables import TidyRow, tidy_rows
from ptyproof.report.page.tables import PngFigure
from ptyproof.study.layout import cell_of

_ALTS = {
    "objects": "Amplitude and phase of the truth and of every method's object, and the difference from the truth",
    "ring correlations": "Fourier ring correlation of every method's phase and amplitude with the truth",
    "convergence": "Error, slow part of the phase error, and loss of each iterative method against its epochs",
    "measures against dose": "Metrics against the dose, one line for each method and view",
    "time against quality": "Error of each reconstruction against its time in seconds",
}


def values_of(manifest: Mapping[str, Any]) -> list[TidyRow]:
    """Return the tidy rows of a comparison that the page shows, metric by metric, with the labels of the metrics.

    A cell that has no result is there with the reason, in the table of the protocol that the others of its half have.
    """
    recipe, cells = Recipe(**manifest["recipe"]), manifest["cells"]
    labels = {metric: metric_definitions(recipe)[metric].label for metric in headline(recipe)}
    protocols = {cell["split"]: cell["protocol"] for cell in cells if cell["status"] == "success"}
    several = len({cell["split"] for cell in cells}) > 1
    rows = [
        replace(
            row,
            view=f"{row.view}, {row.split} half" if several else row.view,
            metric=labels[row.metric],
            direction=row.direction if is_ranked(row.metric) else None,
            protocol=row.protocol or protocols.get(row.split),
        )
        for row in tidy_rows(cells, recipe)
        if row.metric in labels
    ]
    return sorted(rows, key=lambda row: list(labels.values()).index(row.metric))


def figures_of(manifest: Mapping[str, Any], hub: Path) -> list[PngFigure]:
    """Return the pictures of a comparison that are there, those of all cells first."""
    folder = posixpath.dirname(COMPARISON)
    entries = sorted(manifest["figures"], key=lambda entry: entry["dose"] is not None)
    found = []
    for entry in entries:
        name = posixpath.join(folder, entry["file"]["path"])
        if not lies_inside(hub / name, hub):
            continue
        of_all = entry["dose"] is None
        cell = "all cells" if of_all else cell_of(entry)
        caption = f"{entry['what']}, {cell}".capitalize() if of_all else f"{cell}: {entry['what']}"
        alt = f"{_ALTS.get(entry['what'], entry['what'])}, {cell}"
        made_from = ((name, entry["file"]["sha256"]),)
        found.append(PngFigure(alt, f"{caption}.", made_from, (hub / name).read_bytes()))
    return found
