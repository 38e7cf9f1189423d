"""The cells of a study's matrix as the manifests have them, and how a page names their states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ptyproof.metrics.improvement import verdict
from ptyproof.report.labels import objects_of
from ptyproof.report.standing import FAILED, MEANINGS, OPEN, PASSED, SKIPPED
from ptyproof.study.layout import cell_key, cell_of


@dataclass(frozen=True)
class State:
    """How a page names a state of a cell: a word, a sign beside it, and what the state means."""

    word: str
    sign: str
    meaning: str


STATES = {
    "success": State("trained", "✓", "the training ended; marks and errors say how good its network is"),
    "failed": State("failed", "✗", "the training ended with an error, which its section shows"),
    "lost": State("lost", "?", "selected, but no end is recorded: the training was killed, not started, or still runs"),
    "not_selected": State("not selected", "–", "left out by the filters of the calls"),
    "skipped": State("skipped", "»", "cannot be trained; the cell has the reason"),
    "not_recorded": State("not recorded", "·", "in the study, but no call has looked at it"),
}
# of networks against their own starts, beside the state of a cell
NETWORKS = {
    "ahead": State("ahead of its start", "▲", "by the rule, all errors are ahead of the initial estimate"),
    "behind": State("behind its start", "▼", "by the rule, an error is behind the initial estimate"),
    "not_below": State(
        "not below its start", "▽", "an error is not below that of the initial estimate; the replicates do not decide"
    ),
}
# of the tests of a hub
TESTS = {
    "tests_passed": State("PASSED", "✓", MEANINGS[PASSED]),
    "tests_skipped": State("PASSED WITH SKIPS", "»", MEANINGS[SKIPPED]),
    "tests_failed": State("FAILED", "✗", MEANINGS[FAILED]),
    "tests_open": State("NO END RECORDED", "?", MEANINGS[OPEN]),
}
# of checks, and of the verdict on a method, where these are no states of cells
CONFORMANCE = {
    "passed": State("passed", "✓", "the method does what the check asks for"),
    "exception": State("exception", "!", "the check fails for a reason that the method declares"),
    "exceptions": State("passed with exceptions", "!", "every check passed or fails for a declared reason"),
    "stale": State("stale exception", "✗", "the method declares an exception for a check that passes"),
    "not_run": State("not run", "·", "the check was not selected, or has no end"),
    "incomplete": State("incomplete", "?", "a check was skipped or not run"),
}


@dataclass(frozen=True)
class CellRecord:
    """A cell of the study's matrix: its name, its state (a key of `STATES`), and its records in the manifests.

    `objects` says what is trained on and tested on; None where both are halves of the base's object.
    """

    key: str
    dose: float
    view: Mapping[str, Any]
    state: str
    record: Mapping[str, Any]
    selection: Mapping[str, Any] | None
    replicate: int = 1
    objects: str | None = None

    @property
    def anchor(self) -> str:
        """The id of the cell's section, safe in attributes and fragments."""
        return f"cell-{quote(self.key, safe='')}"

    @property
    def scores(self) -> Mapping[str, Any] | None:
        """The held-out scores of the cell's network; None without a trained one."""
        found: Mapping[str, Any] | None = self.record.get("scores")
        return found

    @property
    def sentence(self) -> str:
        """The state of the cell in one sentence."""
        if self.scores is not None:
            return verdict(dict(self.scores))
        if self.state == "skipped":
            return str(self.record["reason"]) + ("" if self.record["selected"] else " (not selected either)")
        return str(self.record["result"]["error"]) if "result" in self.record else STATES[self.state].meaning


def cells_of(training: Mapping[str, Any] | None, overlap: Mapping[str, Any] | None) -> list[CellRecord]:
    """Return all cells of the study, by dose, by replicate, and then in the order of the views."""
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
    for dose, replicate in _exposures(training["design"]):
        for view in training["design"]["views"]:
            key = cell_key(dose, view["name"], view["gridsize"], replicate)
            state, record = states.get(key, ("not_recorded", {}))
            objects = objects_of(training["design"], view)
            cells.append(CellRecord(key, dose, view, state, record, selections.get(key), replicate, objects))
    return cells


def _exposures(design: Mapping[str, Any]) -> list[tuple[float, int]]:
    replicates = range(1, design.get("replicates", 1) + 1)
    return [(dose, replicate) for dose in design["doses_photons_per_pattern"] for replicate in replicates]
