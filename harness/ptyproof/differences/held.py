"""How all results of a run stand to its baseline: worse, better or level, for the record of the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ptyproof.differences.cells import cells_of, states
from ptyproof.differences.scores import scores
from ptyproof.metrics.ranking import spread
from ptyproof.study.layout import cell_key

if TYPE_CHECKING:
    from ptyproof.differences.baseline import Baseline
    from ptyproof.differences.sides import Record
    from ptyproof_schemas.types.hub_difference import Score
    from ptyproof_schemas.types.hub_index import Held, HeldResult

Manifests = Mapping["Record", Mapping[str, Any]]
_MOST = 100
_WITH_CELLS: tuple[Record, ...] = ("training", "reconstruction")
_WITH_METRICS: tuple[Record, ...] = ("training", "comparison")


def held_against(baseline: Baseline, manifests: Manifests) -> Held:
    """Return how the results in the manifests of a run stand to those of its baseline.

    A result is a training, or a method in a cell; its replicates are one result. It is worse if it lost its success, or
    if a metric is worse by the rule of differences; it is better if it is not worse and a metric is better by more than
    the tolerance.
    """
    worse = list(_lost(baseline, manifests))
    better: list[HeldResult] = []
    n_level = 0
    for name, found in _results(baseline, manifests).items():
        down = [score for score in found if score["is_worse"]]
        up = [score for score in found if _is_better(score, baseline.tolerance)]
        if down:
            worse.append({"result": name, "outcome": "worse", "reason": _reason(down)})
        elif up:
            better.append({"result": name, "outcome": "better", "reason": _reason(up)})
        else:
            n_level += 1
    changes = [*worse, *better][:_MOST]
    return {"n_worse": len(worse), "n_better": len(better), "n_level": n_level, "changes": changes}


def _lost(baseline: Baseline, manifests: Manifests) -> Iterator[HeldResult]:
    """Yield the cells that were a success and have no result any more."""
    for record in _WITH_CELLS:
        if record not in manifests or record not in baseline.side.manifests:
            continue
        old, new = (cells_of(record, found[record]) for found in (baseline.side.manifests, manifests))
        for state in states(record, old, new):
            if state["is_worse"]:
                why = f": {state['reason']}" if state["reason"] else ""
                yield {
                    "result": state["cell"],
                    "outcome": "worse",
                    "reason": f"{state['old']}, now {state['new']}{why}",
                }


def _results(baseline: Baseline, manifests: Manifests) -> dict[str, list[Score]]:
    """Return the judged metrics of each result that both have."""
    found: dict[str, list[Score]] = {}
    for record in _WITH_METRICS:
        if record in manifests and record in baseline.side.manifests:
            for score in scores(record, baseline.side.manifests[record], manifests[record], baseline.tolerance):
                if score["judged"] is not None:
                    found.setdefault(_name(score), []).append(score)
    return found


def _name(score: Score) -> str:
    cell = cell_key(score["dose"], score["view"], score["gridsize"])
    return "-".join(part for part in (cell, score["split"], score["method"] or "training") if part)


def _is_better(score: Score, tolerance: float) -> bool:
    judged = score["judged"]
    is_open = judged is not None and judged["outcome"] in ("ahead", "undecided")
    return is_open and _relative(score) > tolerance


def _reason(found: Sequence[Score]) -> str:
    """Return the metric that changed most, with both values, and how many others there are."""
    most = max(found, key=lambda score: abs(_relative(score)))
    more = f", and {len(found) - 1} metrics more" if len(found) > 1 else ""
    old, new = spread(most["old"]).median, spread(most["new"]).median
    return f"{most['label']} {old:.4g}, now {new:.4g} ({100 * _relative(most):+.1f} %){more}"


def _relative(score: Score) -> float:
    judged = score["judged"]
    return 0.0 if judged is None or judged["relative"] is None else judged["relative"]
