"""The rows of a table over replicates: values, medians and ranges of each method, and what the rule says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ptyproof.metrics.definitions import MetricDefinition
from ptyproof.metrics.paired import judge
from ptyproof.metrics.ranking import CONTROLS, best_method, spread
from ptyproof.tables.choice import Choice

if TYPE_CHECKING:
    from ptyproof_schemas.types.comparison_manifest import Compared
    from ptyproof_schemas.types.comparison_table import Judged, Row, Score, Spread


@dataclass(frozen=True)
class Result:
    """A cell with a result, and of which replicate (from 0)."""

    replicate: int
    cell: Compared


@dataclass(frozen=True)
class Group:
    """All methods of one place and protocol."""

    results: Sequence[Result]
    n_replicates: int
    choice: Choice
    described: Mapping[str, MetricDefinition]

    def rows(self) -> list[Row]:
        """Return a row for each method that is shown, in the order of the cells.

        The best method is ahead of the methods that are not shown, too.
        """
        cells = {result.cell["method"]: result.cell for result in self.results}
        of_metrics = [self._scores(metric, list(cells)) for metric in self.choice.metrics]
        return [
            self._row(method, [scores[method] for scores in of_metrics])
            for method, cell in cells.items()
            if self.choice.takes(cell)
        ]

    def _scores(self, metric: str, methods: Sequence[str]) -> dict[str, Score]:
        """Return the score of each method in a metric."""
        values = {method: self._values(method, metric) for method in methods}
        definition = self.described[metric]
        best = best_method(values, definition)
        others = None if self.choice.against is None else values.get(self.choice.against)
        found: dict[str, Score] = {}
        for method, own in values.items():
            is_compared = others is not None and method != self.choice.against
            judged = _judged(own, others, definition) if is_compared and others is not None else None
            found[method] = {"metric": metric, **_spread(own), "is_best": method == best, "against": judged}
        return found

    def _row(self, method: str, scores: list[Score]) -> Row:
        cell = next(result.cell for result in self.results if result.cell["method"] == method)
        return {
            "dose": cell["dose"],
            "view": cell["view"],
            "gridsize": cell["gridsize"],
            "split": cell["split"],
            "method": method,
            "is_control": method in CONTROLS,
            "protocol": cell["protocol"],
            "scores": scores,
            "training_s": _spread(self._values(method, "training_s")),
            "start_s": _spread(self._values(method, "initial_estimate_s")),
            "reconstruction_s": _spread(self._values(method, "reconstruction_s")),
        }

    def _values(self, method: str, metric: str) -> list[float | None]:
        """Return the value of a metric of a method in each replicate; None where the replicate has no result."""
        found: list[float | None] = [None] * self.n_replicates
        for result in self.results:
            if result.cell["method"] == method:
                found[result.replicate] = _value(result.cell, metric)
        return found


def _value(cell: Compared, metric: str) -> float | None:
    return next((found["value"] for found in cell["measures"] if found["metric"] == metric), None)


def _spread(values: list[float | None]) -> Spread:
    found = spread(values)
    return {"values": values, "median": found.median, "low": found.low, "high": found.high}


def _judged(values: list[float | None], others: list[float | None], definition: MetricDefinition) -> Judged:
    found = judge(values, others, definition)
    return {
        "outcome": found.outcome,
        "reasons": list(found.reasons),
        "n": found.n,
        "relative": found.relative,
        "interval": None if found.interval is None else list(found.interval),
    }
