"""Spacing of scan positions against brute force, known lattices, and the properties of a selection."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ptyproof.errors import InputError
from ptyproof.physics.spacing import (
    SpacingStatistics,
    geometric_acceptance_bound,
    nearest_distances_px,
    select_by_spacing,
    select_direct,
    select_greedy,
    spacing_statistics,
)
from tests.helpers.messages import naming
from tests.strategies.positions import Positions, positions

SPACINGS = st.sampled_from([0.0, 1e-9, 1e-6, 0.5, 1.0, math.sqrt(2.0), 2.0, 5.0, 1e6]) | st.floats(1e-3, 300.0)


def squared_distances(points: Positions) -> NDArray[np.float64]:
    rows = points[:, None, 0] - points[None, :, 0]
    cols = points[:, None, 1] - points[None, :, 1]
    return rows * rows + cols * cols


def plain_greedy(points: Positions, spacing: float) -> NDArray[np.bool_]:
    squared = squared_distances(points)
    accepted: list[int] = []
    for index in sorted(range(len(points)), key=lambda i: (points[i, 0], points[i, 1], i)):
        if all(squared[index, other] >= spacing * spacing for other in accepted):
            accepted.append(index)
    mask = np.zeros(len(points), dtype=np.bool_)
    mask[accepted] = True
    return mask


def raster(rows: int, cols: int, step: float) -> Positions:
    grid = np.meshgrid(np.arange(rows) * step, np.arange(cols) * step, indexing="ij")
    return np.stack(grid, axis=-1).reshape(-1, 2)


@given(positions(min_size=2))
def test_nearest_distances_equal_brute_force(points: Positions) -> None:
    squared = squared_distances(points)
    np.fill_diagonal(squared, np.inf)
    np.testing.assert_array_equal(nearest_distances_px(points), np.sqrt(squared.min(axis=1)))


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_positions_have_no_distance(n: int) -> None:
    points = np.full((n, 2), 3.0)
    assert spacing_statistics(points) == SpacingStatistics(n, None, None, None, None)
    assert nearest_distances_px(points).tolist() == [math.inf] * n


def test_statistics_of_a_known_scan() -> None:
    points = np.array([[0.0, 0.0], [0.0, 3.0], [4.0, 3.0], [40.0, 3.0]])
    assert spacing_statistics(points) == SpacingStatistics(4, 3.0, 3.5, 11.5, 36.0)


def test_a_pile_of_equal_positions_is_no_slower_than_others() -> None:
    points = np.zeros((200_000, 2))
    points[-1] = (7.0, 24.0)
    distances = nearest_distances_px(points)
    assert distances[-1] == 25.0
    assert not distances[:-1].any()
    assert select_greedy(points, 1.0).nonzero()[0].tolist() == [0, 199_999]


@given(positions(), SPACINGS)
def test_direct_selection_equals_brute_force(points: Positions, spacing: float) -> None:
    squared = squared_distances(points)
    np.fill_diagonal(squared, np.inf)
    np.testing.assert_array_equal(select_direct(points, spacing), squared.min(axis=1) >= spacing * spacing)


@given(positions(), SPACINGS)
def test_greedy_selection_equals_the_plain_walk(points: Positions, spacing: float) -> None:
    np.testing.assert_array_equal(select_greedy(points, spacing), plain_greedy(points, spacing))


@given(positions(min_size=2))
def test_greedy_selection_at_distances_that_occur(points: Positions) -> None:
    spacing = math.sqrt(float(squared_distances(points)[0, -1]))
    np.testing.assert_array_equal(select_greedy(points, spacing), plain_greedy(points, spacing))


@pytest.mark.parametrize("spacing", [0.7, 5.0, 19.2, 1e4])
def test_greedy_selection_of_many_positions(spacing: float) -> None:
    points = np.random.default_rng(3).uniform((0.0, -50.0), (300.0, 40.0), (1500, 2))
    np.testing.assert_array_equal(select_greedy(points, spacing), plain_greedy(points, spacing))


@given(positions(), SPACINGS)
def test_greedy_selection_is_separated_and_maximal(points: Positions, spacing: float) -> None:
    mask = select_greedy(points, spacing)
    near = squared_distances(points) < spacing * spacing
    assert not near[np.ix_(mask, mask)][~np.eye(mask.sum(), dtype=np.bool_)].any()
    assert near[np.ix_(~mask, mask)].any(axis=1).all()


@given(positions(), SPACINGS)
def test_greedy_selection_contains_the_direct_one(points: Positions, spacing: float) -> None:
    assert (select_greedy(points, spacing) >= select_direct(points, spacing)).all()


@given(positions(), SPACINGS, st.randoms(use_true_random=False))
def test_selections_follow_the_positions(points: Positions, spacing: float, shuffler: Random) -> None:
    order = np.array(shuffler.sample(range(len(points)), len(points)))
    for select in (select_direct, select_greedy):
        chosen = points[select(points, spacing)]
        moved = points[order][select(points[order], spacing)]
        np.testing.assert_array_equal(np.unique(chosen, axis=0), np.unique(moved, axis=0))


def test_greedy_selection_of_equal_positions_keeps_the_first() -> None:
    points = np.array([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    assert select_greedy(points, 0.5).tolist() == [True, True, False, False]
    assert select_greedy(points, 0.0).all()


def test_a_raster_thinned_to_twice_its_step_keeps_one_in_four() -> None:
    kept = raster(10, 14, 8.0)[select_greedy(raster(10, 14, 8.0), 16.0)]
    np.testing.assert_array_equal(kept, raster(5, 7, 16.0))


def test_bound_of_a_known_box() -> None:
    points = raster(11, 21, 1.0)  # 10 px x 20 px, 231 positions
    assert geometric_acceptance_bound(points, 8.0) == pytest.approx(200.0 / (math.pi * 16.0) / 231)
    assert geometric_acceptance_bound(points, 1.0) == 0.10
    assert geometric_acceptance_bound(points, 1.0, cap=0.5) == 0.5
    assert geometric_acceptance_bound(points, 0.0) == 0.10
    assert geometric_acceptance_bound(points[:21], 8.0) == 0.0


def test_selection_is_direct_where_that_is_enough() -> None:
    selection = select_by_spacing(raster(5, 9, 8.0), 8.0)
    assert (selection.method, selection.accepted, selection.greedy_acceptance_rate) == ("direct", True, None)
    assert selection.n_accepted == selection.n_positions == 45
    assert selection.acceptance_rate == selection.direct_acceptance_rate == 1.0
    assert selection.statistics_before == selection.statistics_after


def test_selection_is_greedy_where_the_direct_one_is_too_small() -> None:
    selection = select_by_spacing(raster(10, 14, 8.0), 16.0)
    assert (selection.method, selection.accepted) == ("greedy", True)
    assert (selection.direct_acceptance_rate, selection.greedy_acceptance_rate) == (0.0, 0.25)
    assert (selection.acceptance_rate, selection.n_accepted) == (0.25, int(selection.mask.sum()))
    assert (selection.min_spacing_px, selection.statistics_after.min_px) == (8.0, 16.0)


def test_selection_is_rejected_with_its_numbers() -> None:
    points = raster(10, 14, 8.0)
    selection = select_by_spacing(points, 102.4)
    assert (selection.method, selection.accepted) == ("greedy", False)
    assert (selection.spacing_px, selection.min_acceptance) == (102.4, 0.10)
    assert selection.acceptance_rate == selection.greedy_acceptance_rate == selection.n_accepted / 140
    assert selection.geometric_acceptance_bound == geometric_acceptance_bound(points, 102.4)


@given(positions(), SPACINGS, st.sampled_from([0.01, 0.10, 0.5, 1.0]))
def test_selection_keeps_its_promises(points: Positions, spacing: float, share: float) -> None:
    selection = select_by_spacing(points, spacing, share)
    assert selection.accepted == (selection.n_accepted / len(points) >= share)
    assert selection.spacing_px == spacing
    assert selection.n_accepted == selection.statistics_after.n_positions == selection.mask.sum()
    assert (selection.greedy_acceptance_rate is None) == (selection.direct_acceptance_rate >= share)
    after = selection.statistics_after.min_px
    assert after is None or after >= spacing * (1.0 - 1e-15)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((3, 3)), naming("positions_px", "(n, 2)", "(3, 3)")),
        (np.zeros(4), naming("positions_px", "(n, 2)", "(4,)")),
        (np.zeros((2, 2), dtype=np.complex128), "complex128"),
        (np.array([[0.0, 0.0], [np.nan, 1.0]]), "index 1"),
        (np.array([[0.0, 2e9]]), "index 0"),
    ],
)
def test_bad_positions_are_refused(points: Positions, message: str) -> None:
    for call in (nearest_distances_px, lambda p: select_greedy(p, 1.0), lambda p: select_by_spacing(p, 1.0)):
        with pytest.raises(InputError, match=message):
            call(points)


@pytest.mark.parametrize("spacing", [-1.0, math.nan, math.inf])
def test_bad_spacings_are_refused(spacing: float) -> None:
    points = raster(2, 3, 1.0)
    for call in (select_direct, select_greedy, select_by_spacing, geometric_acceptance_bound):
        with pytest.raises(InputError, match="spacing_px"):
            call(points, spacing)


def test_bad_shares_and_empty_scans_are_refused() -> None:
    points = raster(2, 3, 1.0)
    with pytest.raises(InputError, match="min_acceptance"):
        select_by_spacing(points, 1.0, 0.0)
    with pytest.raises(InputError, match="cap"):
        geometric_acceptance_bound(points, 1.0, cap=1.5)
    with pytest.raises(InputError, match=r"\bpositions_px\b"):
        select_by_spacing(np.zeros((0, 2)), 1.0)
