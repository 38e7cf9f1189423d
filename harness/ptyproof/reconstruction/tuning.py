"""Which values of a method's options were tried, how each was judged, and which one was chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ptyproof import clock

Value = float | int | str | bool
ChosenBy = Literal["thinned_photons"]


@dataclass(frozen=True)
class Tried:
    """Options that were tried, their loss (nats per pixel of the detector), and the seconds that it took."""

    options: Mapping[str, Value]
    loss: float
    seconds: float


@dataclass(frozen=True)
class Tuning:
    """What was tried, in the order of the trials; the smallest loss wins, the earlier trial of equal ones.

    Parameters
    ----------
    tried
        One or more.
    shown_fraction
        Of the photons: a trial sees these, and the others judge it.
    chosen_by
        What judged.
    """

    tried: tuple[Tried, ...]
    shown_fraction: float
    chosen_by: ChosenBy = "thinned_photons"

    @property
    def chosen(self) -> Tried:
        """The trial with the smallest loss."""
        return min(self.tried, key=lambda trial: trial.loss)


def walk(
    option: str,
    values: Sequence[float],
    loss_of: Callable[[float], float],
    enough: Callable[[], bool] = lambda: False,
) -> tuple[Tried, ...]:
    """Try ascending values from the middle one towards smaller losses, until both neighbors of the best are worse.

    Of a loss with one valley, this finds the value at its bottom without trying all.

    Parameters
    ----------
    option
        Name of the option whose values they are.
    values
        One or more, ascending.
    loss_of
        Returns the loss of a value.
    enough
        Asked before each further trial: True ends the walk.

    Returns
    -------
    The trials in their order.
    """
    found: dict[int, Tried] = {}

    def loss(index: int) -> float:
        if index not in found:
            began = clock.seconds()
            value = loss_of(values[index])
            found[index] = Tried({option: values[index]}, value, clock.seconds() - began)
        return found[index].loss

    best = len(values) // 2
    loss(best)
    for step in (1, -1):
        while 0 <= best + step < len(values) and not enough() and loss(best + step) < loss(best):
            best += step
    return tuple(found.values())
