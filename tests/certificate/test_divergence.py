"""The comparison of two trainings names the first thing that is not alike, whatever it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptyproof.certificate.divergence import OF_A_STEP, OF_AN_EPOCH, Divergence, OfAStep, agreeing, first_divergence
from ptyproof.training.digest_record import EpochDigest, StepDigest
from tests.helpers.messages import names

EPOCHS, STEPS = 3, 4


def digest(epoch: int) -> EpochDigest:
    steps = tuple(StepDigest(f"batch {epoch}.{n}", epoch + n / 8, f"weights {epoch}.{n}") for n in range(1, STEPS + 1))
    end = {name: f"{name} {epoch}" for name in ("weights", "optimizer", "rng")}
    return EpochDigest(epoch=epoch, steps=steps, loss=1 / epoch, validation_loss=2 / epoch, **end)


WHOLE = [digest(epoch) for epoch in range(1, EPOCHS + 1)]


def changed(epoch: int, step: int | None, **values: Any) -> list[EpochDigest]:
    """Return the digests with another value in a place."""
    found = list(WHOLE)
    if step is None:
        found[epoch - 1] = replace(found[epoch - 1], **values)
    else:
        steps = list(found[epoch - 1].steps)
        steps[step - 1] = replace(steps[step - 1], **values)
        found[epoch - 1] = replace(found[epoch - 1], steps=tuple(steps))
    return found


def test_the_same_digests_do_not_part() -> None:
    assert first_divergence(WHOLE, [digest(epoch) for epoch in range(1, EPOCHS + 1)]) is None
    assert agreeing(WHOLE, None) == WHOLE


@given(st.integers(1, EPOCHS), st.integers(1, STEPS), st.sampled_from(OF_A_STEP))
def test_a_step_is_named(epoch: int, step: int, quantity: OfAStep) -> None:
    other = changed(epoch, step, **{quantity: -1.5})
    expected = getattr(WHOLE[epoch - 1].steps[step - 1], quantity)
    found = first_divergence(WHOLE, other)
    assert found == Divergence(epoch, step, quantity, expected, -1.5)
    assert agreeing(WHOLE, found) == WHOLE[: epoch - 1]
    assert first_divergence(other, WHOLE) == Divergence(epoch, step, quantity, -1.5, expected)


@given(st.integers(1, EPOCHS), st.sampled_from(OF_AN_EPOCH))
def test_an_epoch_is_named(epoch: int, quantity: str) -> None:
    found = first_divergence(WHOLE, changed(epoch, None, **{quantity: -1.5}))
    assert found is not None
    assert (found.epoch, found.step, found.quantity, found.second) == (epoch, None, quantity, -1.5)


@given(st.lists(st.tuples(st.integers(1, EPOCHS), st.integers(1, STEPS), st.sampled_from(OF_A_STEP)), min_size=1))
def test_the_first_of_many_is_named(places: list[tuple[int, int, OfAStep]]) -> None:
    other = WHOLE
    for epoch, step, quantity in places:
        steps = list(other[epoch - 1].steps)
        worse: dict[str, Any] = {quantity: -1.5}
        steps[step - 1] = replace(steps[step - 1], **worse)
        other = [*other[: epoch - 1], replace(other[epoch - 1], steps=tuple(steps)), *other[epoch:]]
    found = first_divergence(WHOLE, other)
    assert found is not None
    first = min(places, key=lambda place: (place[0], place[1], OF_A_STEP.index(place[2])))
    assert (found.epoch, found.step, found.quantity) == first


def test_a_validation_that_is_missing_is_named() -> None:
    found = first_divergence(WHOLE, changed(1, None, validation_loss=None))
    assert found == Divergence(1, None, "validation_loss", 2.0, None)


def test_epochs_and_steps_that_are_missing_are_named() -> None:
    found = first_divergence(WHOLE, WHOLE[:-1])
    assert found == Divergence(None, None, "n_epochs", 3, 2)
    assert agreeing(WHOLE, found) == WHOLE
    assert first_divergence(WHOLE[:1], []) == Divergence(None, None, "n_epochs", 1, 0)
    assert first_divergence(WHOLE, WHOLE[1:]) == Divergence(1, None, "epoch", 1, 2)
    fewer = changed(2, None, steps=WHOLE[1].steps[:-1])
    assert first_divergence(WHOLE, fewer) == Divergence(2, None, "n_steps", STEPS, STEPS - 1)


@pytest.mark.parametrize(
    ("divergence", "named"),
    [
        (Divergence(2, 3, "weights", "a" * 64, "b" * 64), ("epoch 2", "step 3", "weights", "a" * 16, "b" * 16)),
        (Divergence(2, None, "loss", 0.1, 0.2), ("epoch 2", "loss", 0.1, 0.2)),
        (Divergence(1, None, "validation_loss", 0.1, None), ("epoch 1", "validation_loss", 0.1, None)),
        (Divergence(None, None, "bundle", "a" * 64, "b" * 64), ("bundle", "a" * 16, "b" * 16)),
    ],
)
def test_it_is_said_in_words(divergence: Divergence, named: tuple[object, ...]) -> None:
    assert names(str(divergence), *named)
    assert ("step" in str(divergence)) == (divergence.step is not None)
