"""Flaws that are drawn: shapes, sizes, moments, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ptyproof.errors import InputError
from ptyproof.physics.flaws import dead_pixel_mask, gap_mask, intensity_factors, position_errors
from tests.helpers.messages import naming


def rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_gaps() -> None:
    valid = gap_mask((9, 14), rows=[(3, 2)], cols=[(0, 1), (13, 1)])
    assert valid.dtype == np.bool_
    expected = np.ones((9, 14), bool)
    expected[3:5] = expected[:, 0] = expected[:, 13] = False
    np.testing.assert_array_equal(valid, expected)
    assert gap_mask((9, 14), [], []).all()


@pytest.mark.parametrize(
    ("rows", "cols"), [([(8, 2)], []), ([], [(-1, 2)]), ([(0, 0)], []), ([(0, 9)], []), ([], [(14, 1)])]
)
def test_gaps_outside_the_detector(rows: Any, cols: Any) -> None:
    with pytest.raises(InputError, match="gap"):
        gap_mask((9, 14), rows, cols)


def test_dead_pixels() -> None:
    valid = dead_pixel_mask((20, 31), 0.05, rng())
    assert (~valid).sum() == 31
    np.testing.assert_array_equal(valid, dead_pixel_mask((20, 31), 0.05, rng()))
    assert (valid != dead_pixel_mask((20, 31), 0.05, rng(4))).any()
    assert dead_pixel_mask((20, 31), 0.0, rng()).all()
    assert dead_pixel_mask((2, 2), 0.99, rng()).sum() == 1


def test_factors_have_their_mean_and_spread() -> None:
    factors = intensity_factors(40_000, 0.2, rng())
    assert factors.min() > 0
    assert factors.mean() == pytest.approx(1, abs=5 * 0.2 / 200)
    assert factors.std() == pytest.approx(0.2, rel=0.03)
    np.testing.assert_array_equal(intensity_factors(5, 0.0, rng()), np.ones(5))


def test_errors_of_positions_have_their_spread_along_each_axis_and_an_end() -> None:
    errors: Any = position_errors(40_000, 0.5, rng())
    assert errors.shape == (40_000, 2)
    np.testing.assert_allclose(errors.std(axis=0), 0.5, rtol=0.03)
    assert abs(np.corrcoef(errors.T)[0, 1]) < 0.03
    assert np.abs(errors).max() <= 2.0


@pytest.mark.parametrize("value", [-0.1, float("nan"), 1.0])
def test_sizes_that_make_no_sense(value: float) -> None:
    with pytest.raises(InputError, match=naming(f"{value}")):
        intensity_factors(5, value, rng())
    with pytest.raises(InputError, match=naming(f"{value}")):
        dead_pixel_mask((4, 4), value, rng())
    if value != 1.0:
        with pytest.raises(InputError, match=naming(f"{value}")):
            position_errors(5, value, rng())
