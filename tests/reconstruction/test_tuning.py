"""What is tried of an option's values, in which order, and which one is chosen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptyproof.reconstruction.tuning import Tuning, walk


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=12, unique=True), st.data())
def test_the_bottom_of_a_valley_is_found_and_no_value_is_tried_twice(values: list[float], data: st.DataObject) -> None:
    values = sorted(values)
    bottom = data.draw(st.integers(0, len(values) - 1))
    asked: list[float] = []

    def loss(value: float) -> float:
        asked.append(value)
        return abs(values.index(value) - bottom)

    found = Tuning(walk("weight", values, loss), 0.9)
    assert found.chosen.options == {"weight": values[bottom]}
    assert [trial.options["weight"] for trial in found.tried] == asked
    assert len(set(asked)) == len(asked)


def test_neighbors_of_the_best_are_tried_and_others_are_not() -> None:
    tried = walk("weight", [1.0, 2.0, 3.0, 5.0, 8.0], lambda value: (value - 3) ** 2)
    assert [trial.options["weight"] for trial in tried] == [3.0, 5.0, 2.0]
    assert [trial.loss for trial in tried] == [0, 4, 1]
    assert all(trial.seconds >= 0 for trial in tried)


@pytest.mark.parametrize(("limit", "n"), [(1, 1), (2, 2), (9, 3)])
def test_no_further_value_is_tried_when_it_is_enough(limit: int, n: int) -> None:
    asked: list[float] = []

    def loss(value: float) -> float:
        asked.append(value)
        return -value

    walk("weight", [1.0, 2.0, 3.0, 5.0, 8.0], loss, lambda: len(asked) >= limit)
    assert asked == [3.0, 5.0, 8.0][:n]


def test_of_equal_losses_the_earlier_trial_is_chosen() -> None:
    assert Tuning(walk("weight", [1.0, 2.0, 3.0], lambda _: 1.0), 0.9).chosen.options == {"weight": 2.0}
