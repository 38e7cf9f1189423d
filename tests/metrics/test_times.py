"""Times in parts: training, initial estimate, reconstruction, and until the loss has settled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ptyproof.metrics.protocol import Recipe
from ptyproof.metrics.times import TrainingTime, seconds_after_settling, times, training_time

NONE = np.empty(0)


def found(
    steps_s: dict[str, float], losses: Any = NONE, seconds: Any = NONE, training: TrainingTime | None = None
) -> dict[str, float | None]:
    measured = times(
        Recipe(),
        sum(steps_s.values()),
        steps_s,
        training or training_time(None),
        np.array(losses, float),
        np.array(seconds, float),
    )
    assert all((one.value is None) == (one.reason is not None) for one in measured)
    return {one.metric: one.value for one in measured}


def test_the_initial_estimate_is_counted_apart() -> None:
    values = found({"initial estimate": 2.0, "inference": 1.0, "iterations": 5.0}, training=TrainingTime(60.0))
    assert values["time_s"] == 8
    assert values["training_s"] == 60
    assert values["initial_estimate_s"] == 2
    assert values["reconstruction_s"] == 6


def test_a_method_without_these_parts_has_reasons() -> None:
    values = found({"fill": 1.0})
    assert values["reconstruction_s"] == 1
    assert [values[name] for name in ("training_s", "initial_estimate_s", "settling_s")] == [None] * 3


@pytest.mark.parametrize(
    ("losses", "after"),
    [
        ((5.0, 2.0, 1.009, 1.001, 1.0), 2.0),
        ((5.0, 1.0, 1.5, 1.005, 1.0), 1.0),  # away once more
        ((1.0, 1.0, 1.0), 2.0),
        ((-1.0, -2.0, -2.01), 1.0),  # a log-likelihood may be negative
        ((3.0,), 0.0),
    ],
)
def test_a_loss_has_settled_where_it_stays_within_one_percent(losses: tuple[float, ...], after: float) -> None:
    seconds = np.arange(1.0, len(losses) + 1)
    assert seconds_after_settling(np.array(losses), seconds) == pytest.approx(after)
    iterations = len(losses)
    values = found({"initial estimate": 10.0, "iterations": float(iterations)}, losses, seconds)
    assert values["settling_s"] == pytest.approx(10 + iterations - after)


@pytest.mark.parametrize(
    ("result", "seconds"),
    [
        (None, None),
        ({}, None),
        ({"duration_s": 12.5, "resumed_from_epoch": 0}, 12.5),
        ({"duration_s": 12.5, "resumed_from_epoch": 3}, None),
    ],
)
def test_the_time_of_a_training(result: dict[str, Any] | None, seconds: float | None) -> None:
    time = training_time(result)
    assert time.seconds == seconds
    assert (time.reason is None) == (seconds is not None)


def test_a_recipe_of_version_1_has_the_total_alone() -> None:
    total = times(Recipe(version="1"), 3.0, {"initial estimate": 1.0}, TrainingTime(1.0), NONE, NONE)
    assert [(one.metric, one.value) for one in total] == [("time_s", 3.0)]
