"""Networks against their own initial estimates: what the rule of comparisons says, or what one replicate shows.

A color stands for an outcome of the rule alone. Below three replicates the rule is undecided; a network whose errors
are not below those of its start then has a mark in words, without a color.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ptyproof.metrics.definitions import MetricDefinition
from ptyproof.metrics.improvement import DECIDING
from ptyproof.metrics.paired import judge
from ptyproof.report.labels import HELD_OUT
from ptyproof.report.page.cells import CellRecord

AHEAD, BEHIND, NOT_BELOW = "ahead", "behind", "not_below"


def network_marks(cells: Sequence[CellRecord]) -> dict[str, str]:
    """Return the mark of each network that has one, a key of `cells.NETWORKS`, by the name of its cell."""
    groups: dict[tuple[object, ...], list[CellRecord]] = {}
    for cell in cells:
        groups.setdefault((cell.dose, cell.view["name"], cell.view["gridsize"]), []).append(cell)
    return {key: mark for replicates in groups.values() for key, mark in _marks(replicates)}


def _marks(replicates: Sequence[CellRecord]) -> Iterator[tuple[str, str]]:
    outcomes = [outcome for metric in DECIDING if (outcome := _outcome(replicates, metric)) is not None]
    for cell in replicates:
        if cell.scores is None:
            continue
        if "behind" in outcomes:
            yield cell.key, BEHIND
        elif outcomes and set(outcomes) == {"ahead"}:
            yield cell.key, AHEAD
        elif not cell.scores["beats_start"]:
            yield cell.key, NOT_BELOW


def _outcome(replicates: Sequence[CellRecord], metric: str) -> str | None:
    """Return what the rule says of the networks against their starts; None where a metric is not known."""
    scores = [{"network": None, "start": None} if cell.scores is None else cell.scores[metric] for cell in replicates]
    if all(found["start"] is None for found in scores):
        return None
    label, unit = HELD_OUT[metric]
    networks, starts = ([found[side] for found in scores] for side in ("network", "start"))
    return judge(networks, starts, MetricDefinition(label, unit, "lower")).outcome
