"""Times of a reconstruction in parts: training, initial estimate, the rest, and until the loss has settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ptyproof.metrics.against_truth import MetricValue, metric_value
from ptyproof.metrics.protocol import Recipe

INITIAL_ESTIMATES = ("initial estimate", "joint initial estimate")  # names of steps in records of reconstructions
SETTLED = 0.01  # of the final loss
_NO_NETWORK = "the method uses no trained network"
_NO_STEP = "the method records no initial estimate as a step of its own"
_NO_HISTORY = "the method has no history of its loss"


@dataclass(frozen=True)
class TrainingTime:
    """The seconds of a method's training, or the reason why they are unknown."""

    seconds: float | None
    reason: str | None = None


def training_time(result: Mapping[str, object] | None) -> TrainingTime:
    """Return the time of a training from its result in the training manifest; None is a method without a network."""
    if result is None:
        return TrainingTime(None, _NO_NETWORK)
    seconds = result.get("duration_s")
    if not isinstance(seconds, int | float):
        return TrainingTime(None, "the record of the training has no duration")
    if result.get("resumed_from_epoch"):
        return TrainingTime(None, "the training was resumed, and its record has the time of the last call alone")
    return TrainingTime(float(seconds))


def times(
    recipe: Recipe,
    total_s: float,
    steps_s: Mapping[str, float],
    training: TrainingTime,
    losses: npt.NDArray[np.float64],
    seconds: npt.NDArray[np.float64],
) -> list[MetricValue]:
    """Return the total time, and for recipes since version 2 its parts.

    Parameters
    ----------
    recipe
        Defines the metrics.
    total_s, steps_s
        Seconds of the reconstruction, and of its steps.
    training
        Seconds of the training, which the total does not have.
    losses, seconds
        (k,) float64: loss after each iteration, and the seconds since the iterations began.
    """
    found = [metric_value(recipe, "time_s", total_s)]
    if recipe.is_first:
        return found
    estimates = [steps_s[name] for name in INITIAL_ESTIMATES if name in steps_s]
    initial = sum(estimates) if estimates else None
    after = seconds_after_settling(losses, seconds)
    settled = None if after is None else max(0.0, total_s - after)
    return [
        *found,
        metric_value(recipe, "training_s", training.seconds, training.reason),
        metric_value(recipe, "initial_estimate_s", initial, _NO_STEP if initial is None else None),
        metric_value(recipe, "reconstruction_s", max(0.0, total_s - (initial or 0.0))),
        metric_value(recipe, "settling_s", settled, _NO_HISTORY if settled is None else None),
    ]


def seconds_after_settling(losses: npt.NDArray[np.float64], seconds: npt.NDArray[np.float64]) -> float | None:
    """Return how long a method went on after its loss had settled: the total less this is `settling_s`.

    Parameters
    ----------
    losses, seconds
        (k,) float64: loss after each iteration, and the seconds since the iterations began.

    Returns
    -------
    Seconds from the first iteration from which on every loss is within 1 % of the last one to the last iteration; None
    without iterations.
    """
    if len(losses) == 0 or len(losses) != len(seconds):
        return None
    away = np.flatnonzero(np.abs(losses - losses[-1]) > SETTLED * abs(losses[-1]))
    first = 0 if away.size == 0 else int(away[-1]) + 1
    return float(seconds[-1] - seconds[first])
