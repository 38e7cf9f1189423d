"""The cells of a study: how many were trained, and what became of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ptyproof.markdown import bold, text
from ptyproof.metrics.improvement import verdict
from ptyproof.report.labels import objects_of
from ptyproof.report.manifests import counts
from ptyproof.study.layout import cell_of


def cells(training: Mapping[str, Any] | None, n_runs: int) -> Iterator[str]:
    """Yield the number of cells in each state, and a line for each cell."""
    if training is None:
        yield f"No training is recorded in this hub. Recorded runs: {n_runs}."
        return
    yield f"{counts(training)}\n"
    views = {view["name"]: view for view in training["design"]["views"]}
    for job in training["jobs"]:
        result = job["result"]
        if result["status"] == "success":
            objects = objects_of(training["design"], views.get(job["view"], {}))
            yield f"- {job['job']}: {'trained' if objects is None else objects}, {verdict(job['scores'])}"
        else:
            yield f"- {job['job']}: {bold(result['status'].upper())}: {text(result['error'])}"
    yield from (f"- {cell_of(skip)}: skipped: {text(skip['reason'])}" for skip in training["skipped_views"])
    yield from (f"- {cell_of(cell)}: not selected" for cell in training["not_selected"])
