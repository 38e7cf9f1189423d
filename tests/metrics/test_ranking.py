"""Which method of a table is the best one, and the median and range of each."""

from __future__ import annotations

import pytest

from ptyproof.metrics.definitions import MetricDefinition
from ptyproof.metrics.ranking import Spread, best_method, by_method, spread

LOWER = MetricDefinition("complex NRMSE", "1", "lower")


def three(value: float) -> list[float | None]:
    return [value, 1.01 * value, 0.99 * value]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"lsqml": three(0.2), "pinn": three(0.1)}, "pinn"),
        ({"lsqml": [0.2], "pinn": [0.1]}, None),  # one replicate
        ({"lsqml": [0.2, 0.2], "pinn": [0.1, 0.1]}, None),
        ({"lsqml": three(0.101), "pinn": three(0.1)}, None),  # 1 %
        ({"lsqml": three(0.2), "start": three(0.1)}, None),  # never a control
        ({"lsqml": three(0.2), "pinn": three(0.1), "start": three(0.09)}, None),  # behind its initial estimate
        ({"lsqml": three(0.2), "pinn": three(0.1), "flat": three(0.1)}, None),  # a metric that deceives
        ({"lsqml": three(0.2), "pinn": three(0.1), "flat": [None] * 3}, "pinn"),
        ({"pinn+lsqml": three(0.2), "start+lsqml": three(0.1)}, "start+lsqml"),
        ({"pinn+lsqml": three(0.1), "start+lsqml": three(0.101)}, None),
        ({"lsqml": [0.2, 0.2, None], "pinn": three(0.1)}, None),
        ({"lsqml": three(0.2)}, None),
        ({}, None),
    ],
)
def test_the_best_method_is_ahead_of_every_other_one(values: dict[str, list[float | None]], wanted: str | None) -> None:
    assert best_method(values, LOWER) == wanted


def test_values_are_in_the_order_of_the_replicates() -> None:
    values = [("lsqml", 2, 0.2), ("pinn", 3, 0.3), ("pinn", 1, None), ("lsqml", 1, 0.1)]
    assert by_method(values) == {"lsqml": [0.1, 0.2, None], "pinn": [None, None, 0.3]}


def test_a_spread_leaves_out_what_is_missing() -> None:
    assert spread([3.0, None, 1.0, 8.0]) == Spread(3, 3.0, 1.0, 8.0)
    assert spread([None]) == Spread(0, None, None, None)
