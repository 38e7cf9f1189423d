"""What a comparison's manifest gives to the report: the values of its first table, and its pictures."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ptyproof.hub.layout import COMPARISON
from ptyproof.io.regular import lies_inside
from ptyproof.metrics.definitions import headline, specs
from ptyproof.metrics.protocol import Recipe
from ptyproof.phases.g_compare.tables import tidy_rows
from ptyproof.report.page.comparison import Compared
from ptyproof.report.page.tables import PngFigure
from ptyproof.study.layout import cell_key

_ALTS = {
    "objects": "Amplitude and phase of the truth and of every method's object, and the difference from the truth",
    "ring correlations": "Fourier ring correlation of every method's phase and amplitude with the truth",
    "measures against dose": "Metrics against the dose, one line for each method and view",
    "time against quality": "Error of each reconstruction against its time in seconds",
}


def values_of(manifest: Mapping[str, Any]) -> list[Compared]:
    """Return the values of a comparison, metric by metric in the order of its first table.

    A cell that has no result is there with the reason, in the table of the protocol that the others of its half have.
    """
    recipe = Recipe(**manifest["recipe"])
    described = specs(recipe)
    protocols = {cell["split"]: cell["protocol"] for cell in manifest["cells"] if cell["status"] == "success"}
    several = len({cell["split"] for cell in manifest["cells"]}) > 1
    by_metric: dict[str, list[Compared]] = {metric: [] for metric in headline(recipe)}
    for row in tidy_rows(manifest["cells"], recipe):
        if row["metric"] not in by_metric:
            continue
        spec = described[row["metric"]]
        half = f", {row['split']} half" if several else ""
        by_metric[row["metric"]].append(
            Compared(
                dose=row["dose"],
                view=row["view"] + half,
                gridsize=row["gridsize"],
                method=row["method"],
                metric=spec.label,
                value=row["value"],
                unit="" if spec.unit == "1" else spec.unit,
                direction=spec.direction,
                reason=row["reason"],
                protocol=row["protocol"] or protocols.get(row["split"], ""),
            )
        )
    return [value for values in by_metric.values() for value in values]


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
        cell = "all cells" if of_all else cell_key(entry["dose"], entry["view"], entry["gridsize"])
        caption = f"{entry['what']}, {cell}".capitalize() if of_all else f"{cell}: {entry['what']}"
        alt = f"{_ALTS.get(entry['what'], entry['what'])}, {cell}"
        made_from = ((name, entry["file"]["sha256"]),)
        found.append(PngFigure(alt, f"{caption}.", made_from, (hub / name).read_bytes()))
    return found
