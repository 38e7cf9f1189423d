"""Binomial thinning: no photon is lost, the share is right, both parts of Poisson counts are independent."""

from __future__ import annotations

import numpy as np
import pytest

from ptyproof.errors import InputError
from ptyproof.physics.thinning import thinned
from tests.helpers.messages import naming


def test_every_photon_is_in_one_of_the_two_parts() -> None:
    counts = np.random.default_rng(0).poisson(3.0, (5, 6, 7))
    amplitude = np.sqrt(counts).astype(np.float32)
    shown, hidden = thinned(amplitude, 0.9, np.random.default_rng(1))
    assert (shown.dtype, shown.shape, hidden.shape) == (np.dtype(np.float32), counts.shape, counts.shape)
    np.testing.assert_array_equal(np.rint(np.square(shown, dtype=float)) + hidden, counts)
    again, _ = thinned(amplitude, 0.9, np.random.default_rng(1))
    np.testing.assert_array_equal(shown, again)


def test_the_parts_have_their_shares_and_do_not_depend_on_one_another() -> None:
    counts = np.random.default_rng(2).poisson(8.0, (40, 40, 50))
    shown, hidden = thinned(np.sqrt(counts).astype(np.float32), 0.75, np.random.default_rng(3))
    seen = np.square(shown, dtype=float).ravel()
    # the standard error of a mean is 0.01, that of a correlation of 80,000 pairs 0.0035
    assert seen.mean() == pytest.approx(6.0, abs=0.05)
    assert hidden.mean() == pytest.approx(2.0, abs=0.03)
    assert abs(np.corrcoef(seen, hidden.ravel())[0, 1]) < 0.015


@pytest.mark.parametrize(("fraction", "all_shown"), [(0.0, False), (1.0, True)])
def test_all_or_no_photons_can_be_shown(fraction: float, all_shown: bool) -> None:
    amplitude = np.sqrt(np.arange(12.0)).astype(np.float32).reshape(1, 3, 4)
    shown, hidden = thinned(amplitude, fraction, np.random.default_rng(0))
    np.testing.assert_allclose(shown, amplitude if all_shown else 0 * amplitude)
    assert hidden.any() != all_shown


@pytest.mark.parametrize(
    ("shape", "fraction", "named"),
    [((2, 3, 4), 1.2, (0, 1, 1.2)), ((2, 3, 4), float("nan"), ("nan",)), ((3, 4), 0.5, ("(3, 4)",))],
)
def test_what_cannot_be_divided_is_refused(shape: tuple[int, ...], fraction: float, named: tuple[object, ...]) -> None:
    with pytest.raises(InputError, match=naming(*named)):
        thinned(np.ones(shape, np.float32), fraction, np.random.default_rng(0))
