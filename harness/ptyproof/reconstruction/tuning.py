"""Which values of a method's options were tried, how each was judged, and which were chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ptyproof import clock
from ptyproof.errors import RunError
from ptyproof.study.reconstruction import Value

Table = Mapping[str, Sequence[Value]]
ChosenBy = Literal["thinned_photons"]

_FEWEST_TO_WALK = 4  # of fewer values all are tried


@dataclass(frozen=True)
class Trial:
    """Options that were tried.

    Parameters
    ----------
    options
        Values of the tuned options.
    loss
        What judges them, in nats per pixel of the detector; None where the method failed.
    error
        Why it failed; None where it did not.
    seconds
        Time of the trial.
    """

    options: Mapping[str, Value]
    loss: float | None
    error: str | None
    seconds: float


@dataclass(frozen=True)
class Tuning:
    """What was tried, in the order of the trials.

    Parameters
    ----------
    trials
        One or more; at least one did not fail.
    shown_fraction
        Of the photons: a trial sees these, and the others judge it.
    chosen_by
        What judges.
    """

    trials: tuple[Trial, ...]
    shown_fraction: float
    chosen_by: ChosenBy = "thinned_photons"

    @property
    def chosen(self) -> Trial:
        """The trial with the smallest loss, the earlier one of equal trials."""
        return min((trial for trial in self.trials if trial.loss is not None), key=_loss)

    def as_dict(self) -> dict[str, Any]:
        """Return the record for a manifest."""
        return {
            "chosen_by": self.chosen_by,
            "shown_fraction": self.shown_fraction,
            "chosen": dict(self.chosen.options),
            "trials": [{**vars(trial), "options": dict(trial.options)} for trial in self.trials],
        }


def search(table: Table, loss_of: Callable[[dict[str, Value]], float]) -> tuple[Trial, ...]:
    """Try the values of options, one option after the other, the others at the best that is known.

    Of four or more ascending numbers, the middle one is tried first, and neighbors as long as the loss falls: a loss
    with one valley is at its bottom then. Of other values all are tried. The first trial has the middle value of each
    option.

    Parameters
    ----------
    table
        The options, and one value or more of each.
    loss_of
        Returns the loss of options; a RunError is a trial that failed.

    Returns
    -------
    The trials in their order; none is tried twice.

    Raises
    ------
    RunError
        If every trial failed.
    """
    trials: dict[tuple[Value, ...], Trial] = {}

    def loss(options: dict[str, Value]) -> float:
        key = tuple(options.values())
        if key not in trials:
            trials[key] = _tried(options, loss_of)
        return _loss(trials[key])

    best = {name: values[len(values) // 2] for name, values in table.items()}
    loss(best)
    for name, values in table.items():
        best = _walked(best, name, values, loss) if _is_walked(values) else _all_tried(best, name, values, loss)
    found = tuple(trials.values())
    if all(trial.loss is None for trial in found):
        raise RunError(f"each of the {len(found)} options that were tried failed; the first: {found[0].error}")
    return found


_Loss = Callable[[dict[str, Value]], float]


def _walked(best: dict[str, Value], name: str, values: Sequence[Value], loss: _Loss) -> dict[str, Value]:
    place = len(values) // 2
    for step in (1, -1):
        while 0 <= place + step < len(values):
            if not loss(best | {name: values[place + step]}) < loss(best | {name: values[place]}):
                break
            place += step
    return best | {name: values[place]}


def _all_tried(best: dict[str, Value], name: str, values: Sequence[Value], loss: _Loss) -> dict[str, Value]:
    return best | {name: min(values, key=lambda value: loss(best | {name: value}))}


def _is_walked(values: Sequence[Value]) -> bool:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return len(values) >= _FEWEST_TO_WALK and len(numbers) == len(values) and numbers == sorted(numbers)


def _tried(options: dict[str, Value], loss_of: _Loss) -> Trial:
    began = clock.seconds()
    try:
        return Trial(options, loss_of(options), None, clock.seconds() - began)
    except RunError as error:
        return Trial(options, None, str(error), clock.seconds() - began)


def _loss(trial: Trial) -> float:
    return float("inf") if trial.loss is None else trial.loss
