"""Phases from slopes: exact where the rule is, brute-force least squares elsewhere, and what leaves a phase free."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.errors import InputError
from ptyproof.physics.ramps import integrate_ramps
from tests.helpers.messages import naming

NEIGHBORS = 8


def scattered(n_groups: int, members: int, seed: int, side: float = 9.0) -> npt.NDArray[Any]:
    """Random places (B, C, 2): no two distances are alike."""
    return np.random.default_rng(seed).uniform(-side, side, (n_groups, members, 2))


def centred(phases: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(phases - phases.mean(axis=1, keepdims=True))


def brute_phases(places: npt.NDArray[Any], slopes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The phases of one group by least squares: a row for each link, that of place j to each of its nearest others."""
    n = len(places)
    rows, rises = [], []
    for j in range(n):
        distance = np.linalg.norm(places - places[j], axis=1)
        distance[j] = np.inf
        for k in np.argsort(distance)[: min(NEIGHBORS, n - 1)]:
            way = places[k] - places[j]
            root = 1 / max(float(np.linalg.norm(way)), 1.0)
            row = np.zeros(n)
            row[[j, k]] = -root, root
            rows.append(row)
            rises.append(root * way @ (slopes[j] + slopes[k]) / 2)
    return np.asarray(np.linalg.lstsq(np.array(rows), np.array(rises), rcond=1e-9)[0])


@settings(max_examples=30)
@given(members=st.integers(2, 40), seed=st.integers(0, 2**16))
def test_a_plane_comes_back(members: int, seed: int) -> None:
    places = scattered(2, members, seed)
    slopes = np.broadcast_to(np.random.default_rng(seed).normal(size=(2, 1, 2)), places.shape)
    expected = centred((places * slopes).sum(axis=2))
    np.testing.assert_allclose(integrate_ramps(places, slopes), expected, rtol=0, atol=3e-3 * np.ptp(expected))


@settings(max_examples=30)
@given(members=st.integers(2, 40), seed=st.integers(0, 2**16))
def test_a_paraboloid_comes_back(members: int, seed: int) -> None:
    places = scattered(2, members, seed)
    rng = np.random.default_rng(seed + 1)
    bent, tilt = rng.normal(size=(2, 2, 2)), rng.normal(size=(2, 1, 2))
    bent = bent + bent.transpose(0, 2, 1)
    slopes = np.einsum("bij,bcj->bci", bent, places) + tilt
    expected = centred(np.einsum("bci,bij,bcj->bc", places, bent, places) / 2 + (places * tilt).sum(axis=2))
    np.testing.assert_allclose(integrate_ramps(places, slopes), expected, rtol=0, atol=3e-3 * np.ptp(expected))


def test_a_constant_that_is_free_takes_little_from_a_wide_scan() -> None:
    places = scattered(1, 300, 3, side=60.0)
    slopes = np.broadcast_to([0.02, -0.05], places.shape)
    expected = centred((places * slopes).sum(axis=2))
    np.testing.assert_allclose(integrate_ramps(places, slopes), expected, rtol=0, atol=2e-2 * np.ptp(expected))


@settings(max_examples=30)
@given(members=st.integers(2, 25), seed=st.integers(0, 2**16))
def test_slopes_that_do_not_fit_each_other_are_fitted_best(members: int, seed: int) -> None:
    places = scattered(3, members, seed, side=4.0)
    slopes = np.random.default_rng(seed + 1).normal(size=places.shape)
    found = integrate_ramps(places, slopes)
    assert found.shape == (3, members)
    assert found.dtype == np.float64
    for group in range(3):
        expected = centred(brute_phases(places[group], slopes[group])[None])[0]
        np.testing.assert_allclose(found[group], expected, rtol=0, atol=1e-3 * (1 + np.abs(expected).max()))


@settings(max_examples=20)
@given(members=st.integers(1, 30), seed=st.integers(0, 2**16))
def test_the_mean_of_a_group_is_zero_and_where_it_lies_does_not_matter(members: int, seed: int) -> None:
    places, slopes = scattered(2, members, seed), scattered(2, members, seed + 1, side=1.0)
    found = integrate_ramps(places, slopes)
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(integrate_ramps(places + np.array([300.0, -40.0]), slopes), found, rtol=0, atol=1e-6)


def test_groups_do_not_see_each_other() -> None:
    places, slopes = scattered(4, 12, 5), scattered(4, 12, 6, side=1.0)
    together = integrate_ramps(places, slopes)
    for group in range(4):
        alone = integrate_ramps(places[group : group + 1], slopes[group : group + 1])
        np.testing.assert_allclose(together[group], alone[0], rtol=0, atol=1e-9)


def test_a_place_counts_the_same_wherever_it_stands_in_its_group() -> None:
    places, slopes = scattered(1, 20, 7), scattered(1, 20, 8, side=1.0)
    order = np.random.default_rng(9).permutation(20)
    moved = integrate_ramps(places[:, order], slopes[:, order])
    np.testing.assert_allclose(moved, integrate_ramps(places, slopes)[:, order], rtol=0, atol=1e-9)


@pytest.mark.parametrize("n_groups", [0, 1, 3])
def test_a_place_alone_has_no_phase(n_groups: int) -> None:
    slopes = np.ones((n_groups, 1, 2))
    np.testing.assert_array_equal(integrate_ramps(np.zeros((n_groups, 1, 2)), slopes), np.zeros((n_groups, 1)))


def test_no_group_gives_no_phases() -> None:
    assert integrate_ramps(np.zeros((0, 5, 2)), np.zeros((0, 5, 2))).shape == (0, 5)


def test_places_that_coincide_have_one_phase() -> None:
    places = scattered(1, 9, 10)
    places[0, 4] = places[0, 2]
    slopes = np.broadcast_to([0.3, -0.2], places.shape)
    found = integrate_ramps(places, slopes)
    assert found[0, 4] == pytest.approx(found[0, 2], abs=1e-4)
    np.testing.assert_allclose(found, centred((places * slopes).sum(axis=2)), rtol=0, atol=1e-2)


@pytest.mark.parametrize("members", [2, 9, 30])
def test_places_that_all_coincide_have_phase_zero(members: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = integrate_ramps(np.full((2, members, 2), 3.5), np.full((2, members, 2), 0.7))
    np.testing.assert_allclose(found, 0, atol=1e-12)


def test_scans_on_a_line_and_on_a_grid_are_solved() -> None:
    line = np.stack([np.zeros(12), np.arange(12.0)], axis=1)
    grid = np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0), indexing="ij"), axis=-1).reshape(-1, 2)
    for places in (line, grid):
        slopes = np.broadcast_to([0.1, 0.4], (1, *places.shape))
        expected = centred((places * slopes).sum(axis=2))
        np.testing.assert_allclose(integrate_ramps(places[None], slopes), expected, rtol=0, atol=1e-4)


def test_single_precision_is_taken_and_double_comes_back() -> None:
    places, slopes = scattered(2, 10, 11), scattered(2, 10, 12, side=1.0)
    found = integrate_ramps(places.astype(np.float32), slopes.astype(np.float32))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, integrate_ramps(places, slopes), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("places", "slopes"),
    [((3, 2), (3, 2)), ((1, 3, 3), (1, 3, 3)), ((1, 3, 2), (1, 4, 2)), ((1, 3, 2), (3, 2)), ((2, 3, 2), (1, 3, 2))],
)
def test_other_shapes_are_refused(places: npt.NDArray[Any], slopes: npt.NDArray[Any]) -> None:
    with pytest.raises(InputError, match=naming("(B, C, 2)", places, slopes)):
        integrate_ramps(np.zeros(places), np.zeros(slopes))
