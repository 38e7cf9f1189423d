"""The cells of a study's matrix as the manifests have them, and how a page names their states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ptyproof.metrics.improvement import verdict
from ptyproof.study.layout import cell_key, cell_of

STATES = {
    "success": ("trained", "✓"),
    "failed": ("failed", "✗"),
    "lost": ("lost", "?"),
    "not_selected": ("not selected", "–"),
    "skipped": ("skipped", "»"),
    "not_recorded": ("not recorded", "·"),
}
MEANINGS = {
    "success": "trained to its end; how well, the sentence says",
    "failed": "ended by an error, which its section shows",
    "lost": "selected, but no end was recorded: killed, not started, or under way",
    "not_selected": "left out by the filters of the calls",
    "skipped": "cannot be trained; the reason stands in the cell",
    "not_recorded": "of the study, but no call looked at it",
}


@dataclass(frozen=True)
class CellRecord:
    """A cell of the study's matrix: its name and state, and what the manifests say of it."""

    key: str
    dose: float
    view: Mapping[str, Any]
    state: str
    record: Mapping[str, Any]
    selection: Mapping[str, Any] | None

    @property
    def scores(self) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self.record.get("scores")
        return found

    @property
    def sentence(self) -> str:
        """What is to be known of the cell in one sentence."""
        if self.scores is not None:
            return verdict(dict(self.scores))
        if self.state == "skipped":
            return str(self.record["reason"]) + ("" if self.record["selected"] else " (not selected either)")
        return str(self.record["result"]["error"]) if "result" in self.record else MEANINGS[self.state]


def cells_of(training: Mapping[str, Any] | None, overlap: Mapping[str, Any] | None) -> list[CellRecord]:
    """Return all cells of the study, by dose and then in the order of the views."""
    if training is None:
        return []
    states: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for job in training["jobs"]:
        states[job["job"]] = (job["result"]["status"], job)
    states.update({cell_of(skip): ("skipped", skip) for skip in training["skipped_views"]})
    states.update({cell_of(cell): ("not_selected", cell) for cell in training["not_selected"]})
    listed = [] if overlap is None else [*overlap["views"], *overlap["rejected_views"]]
    selections = {cell_of(cell): cell for cell in listed}
    cells = []
    for dose in training["design"]["doses_photons_per_pattern"]:
        for view in training["design"]["views"]:
            key = cell_key(dose, view["name"], view["gridsize"])
            state, record = states.get(key, ("not_recorded", {}))
            cells.append(CellRecord(key, dose, view, state, record, selections.get(key)))
    return cells


def anchor_of(key: str) -> str:
    """Return a cell's id, which is safe in attributes and fragments: the letters of a cell's name are."""
    return f"cell-{quote(key, safe='')}"


def badge(state: str) -> str:
    word, sign = STATES[state]
    return f'<span class="state {state}"><span aria-hidden="true">{sign}</span> {word}</span>'
