"""The rule that chooses the number of projections of the initial estimate."""

from __future__ import annotations

import pytest

from benchmarks.start_iterations import chosen


@pytest.mark.parametrize(
    ("losses", "number"),
    [
        ({1: 2.0, 4: 1.1, 8: 1.01, 12: 1.0005, 16: 1.0}, 12),
        ({1: 2.0, 4: 1.1, 8: 1.01, 12: 1.002, 16: 1.0}, 16),
        ({1: 2.0, 4: 1.0, 8: 1.01, 12: 1.02}, 4),  # more projections fit the noise
        ({16: 1.0, 1: 2.0, 4: 1.0004, 8: 1.01}, 4),  # whatever the order; what comes later is no better
        ({1: 2.0, 4: 1.01, 8: 1.5, 12: 1.0}, 12),
        ({1: 1.0, 4: 1.0}, 1),
    ],
)
def test_the_smallest_number_is_taken_that_no_larger_one_beats_by_more_than_a_thousandth(
    losses: dict[int, float], number: int
) -> None:
    assert chosen(losses) == number
