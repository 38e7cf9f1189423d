"""What a table says of several methods: the median and range of each, and which one is ahead of all others."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ptyproof.metrics.paired import RULE, PairedRule, judge

if TYPE_CHECKING:
    from ptyproof.metrics.definitions import MetricDefinition

# What a method must beat to have done anything: an object without structure, and the initial estimate.
# `start+lsqml` is the control of `pinn+lsqml`, but it also reconstructs, so it is a method that can be best.
FLAT = "flat"
CONTROLS = (FLAT, "start")
OWN_CONTROLS = {"pinn": "start", "pinn+lsqml": "start+lsqml", "foundation": "start"}  # without the network
# Metrics without a best method: seconds depend on the machine, and those of a reconstruction leave out the training of
# a network; a ring of chance decides the last crossing; a flat amplitude with its own scale is as good as a noisy one.
_UNRANKED = ("_s", "_last_nyquist", "_own_scale")


def is_ranked(metric: str) -> bool:
    """Tell whether a metric may show that a method is ahead of another."""
    return not metric.endswith(_UNRANKED)


@dataclass(frozen=True)
class Spread:
    """Median and range of the values that a method has, and their number; all None without a value."""

    n: int
    median: float | None
    low: float | None
    high: float | None


def spread(values: Sequence[float | None]) -> Spread:
    """Return the median and the range over replicates; None stands for a replicate without a value."""
    known = [value for value in values if value is not None]
    if not known:
        return Spread(0, None, None, None)
    return Spread(len(known), statistics.median(known), min(known), max(known))


def by_method(values: Iterable[tuple[str, int, float | None]]) -> dict[str, list[float | None]]:
    """Return the values of each method in the order of the replicates that one method or more has.

    Parameters
    ----------
    values
        Method, number of the replicate, and value, in the order of the methods.
    """
    found: dict[str, dict[int, float | None]] = {}
    for method, replicate, value in values:
        found.setdefault(method, {})[replicate] = value
    replicates = sorted({replicate for of_method in found.values() for replicate in of_method})
    return {method: [of_method.get(replicate) for replicate in replicates] for method, of_method in found.items()}


def best_method(
    values: Mapping[str, Sequence[float | None]],
    definition: MetricDefinition,
    rule: PairedRule = RULE,
) -> str | None:
    """Return the method that is ahead of every other one that has a value, controls included; None without such.

    A control is never the best. If a control is level with the leading method, the metric does not show that the method
    does anything, and no method is best.

    Parameters
    ----------
    values
        Values of each method, in the same order of replicates; None where a method has no value.
    definition
        Of the metric.
    rule
        When a method is ahead of another.

    Raises
    ------
    InputError
        If the methods have different numbers of replicates, or a value is not finite.
    """
    known = {name: found for name, found in values.items() if any(value is not None for value in found)}
    if len(known) < 2:
        return None
    for name, found in known.items():
        others = (other for rival, other in known.items() if rival != name)
        if name not in CONTROLS and all(judge(found, other, definition, rule).outcome == "ahead" for other in others):
            return name
    return None


def how_marked(n_replicates: int, mark: str = "Bold", rule: PairedRule = RULE) -> str:
    """Return the sentence about the best method of a table with so many replicates, or why it has none."""
    if n_replicates == 1:
        return "One replicate does not show which method is ahead, so no method is marked as the best."
    spread_of = f"Values are the median of {n_replicates} replicates and their range."
    if n_replicates < rule.least_replicates:
        return f"{spread_of} So few do not show which method is ahead, so no method is marked as the best."
    return (
        f"{spread_of} {mark}: ahead of every other method and control. All replicates agree, and the median difference "
        f"is above {rule.least_relative:.0%}, or its {rule.level:.0%} bootstrap interval excludes zero (from "
        f"{rule.bootstrap_from} replicates on). Time has no best method."
    )
