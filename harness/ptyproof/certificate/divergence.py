"""Where two trainings that should be one part: the first epoch, step and quantity that is not alike, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ptyproof.training.digest_record import EpochDigest

if TYPE_CHECKING:
    from ptyproof_schemas.types.certificate import Divergence as DivergenceRecord

OfAStep = Literal["batch", "loss", "weights"]
OfAnEpoch = Literal["loss", "validation_loss", "weights", "optimizer", "rng"]
OfTheEnd = Literal["n_epochs", "bundle", "recorded_bundle"]
Quantity = Literal["epoch", "n_steps"] | OfAStep | OfAnEpoch | OfTheEnd

OF_A_STEP: tuple[OfAStep, ...] = ("batch", "loss", "weights")
OF_AN_EPOCH: tuple[OfAnEpoch, ...] = ("loss", "validation_loss", "weights", "optimizer", "rng")
OF_THE_END: tuple[OfTheEnd, ...] = ("n_epochs", "bundle", "recorded_bundle")
QUANTITIES = tuple(dict.fromkeys(("epoch", *OF_A_STEP, "n_steps", *OF_AN_EPOCH, *OF_THE_END)))

Value = str | float | None


@dataclass(frozen=True)
class Divergence:
    """The first thing that two trainings do not have alike.

    `epoch` and `step` count from 1; a step is None for what an epoch has at its end, both are None for what a
    training has at its end. `first` and `second` are what the trainings have: a sha256, or a loss.
    """

    epoch: int | None
    step: int | None
    quantity: Quantity
    first: Value
    second: Value

    def __str__(self) -> str:
        """Return the place and both values in words."""
        places = [f"{name} {number}" for name, number in (("epoch", self.epoch), ("step", self.step)) if number]
        where = f"in {', '.join(places)}: " if places else "at the end: "
        return f"{where}{self.quantity} is {_shown(self.first)} in one and {_shown(self.second)} in the other"

    def as_dict(self) -> DivergenceRecord:
        """Return the record for a certificate."""
        return {
            "epoch": self.epoch,
            "step": self.step,
            "quantity": self.quantity,
            "first": self.first,
            "second": self.second,
        }


def first_divergence(first: Sequence[EpochDigest], second: Sequence[EpochDigest]) -> Divergence | None:
    """Return where two trainings part, or None where all that both have is alike and both have as much.

    Within a step, what comes first is looked at first: the batch, then its loss, then the weights that it led to.
    """
    for one, other in zip(first, second, strict=False):
        for step, quantity, left, right in _pairs(one, other):
            if left != right:
                return Divergence(one.epoch, step, quantity, left, right)
    if len(first) != len(second):
        return Divergence(None, None, "n_epochs", len(first), len(second))
    return None


def agreeing(first: Sequence[EpochDigest], found: Divergence | None) -> list[EpochDigest]:
    """Return the epochs before a divergence."""
    if found is None or found.epoch is None:
        return list(first)
    return [digest for digest in first if digest.epoch < found.epoch]


def _pairs(one: EpochDigest, other: EpochDigest) -> Iterator[tuple[int | None, Quantity, Value, Value]]:
    yield None, "epoch", one.epoch, other.epoch
    for number, (step, its) in enumerate(zip(one.steps, other.steps, strict=False), start=1):
        yield from ((number, name, getattr(step, name), getattr(its, name)) for name in OF_A_STEP)
    yield None, "n_steps", len(one.steps), len(other.steps)
    yield from ((None, name, getattr(one, name), getattr(other, name)) for name in OF_AN_EPOCH)


def _shown(value: Value) -> str:
    return f"{value[:16]}..." if isinstance(value, str) else repr(value)
