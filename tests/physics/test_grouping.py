"""Position groups: members, draws and their order, against brute force and the counts that must come out."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptyproof.errors import InputError
from ptyproof.physics import grouping
from ptyproof.physics.grouping import (
    effective_neighbor_count,
    n_distinct_groups,
    nearest_others,
    position_groups,
)
from tests.helpers.messages import naming
from tests.strategies.positions import Positions, positions, scattered_positions


def brute_force_others(points: Positions, count: int) -> list[list[int]]:
    """Nearest others by (squared distance, index)."""
    rows = points[:, None, 0] - points[None, :, 0]
    cols = points[:, None, 1] - points[None, :, 1]
    squared = rows * rows + cols * cols
    everyone = range(len(points))
    return [sorted((j for j in everyone if j != i), key=lambda j: (squared[i, j], j))[:count] for i in everyone]


def scan(n: int, seed: int = 5) -> Positions:
    return np.random.default_rng(seed).uniform((0.0, 30.0), (90.0, 160.0), (n, 2))


@given(positions(min_size=2), st.integers(1, 70))
def test_nearest_others_equal_brute_force_with_ties(points: Positions, count: int) -> None:
    count = min(count, len(points) - 1)
    indices, distances = nearest_others(points, count)
    assert indices.tolist() == brute_force_others(points, count)
    steps = points[indices] - points[:, None, :]
    np.testing.assert_allclose(distances, np.hypot(steps[..., 0], steps[..., 1]), rtol=1e-15)


def test_nearest_others_of_some_positions_in_any_order() -> None:
    points = scan(40)
    wanted = np.array([7, 3, 3, 39])
    everything, _ = nearest_others(points, 5)
    np.testing.assert_array_equal(nearest_others(points, 5, wanted)[0], everything[wanted])


def test_a_rim_of_ties_is_cut_by_index() -> None:
    angle = np.arange(24) * math.pi / 12
    # Whole numbers on one circle (5, 0), (3, 4), ...: twelve exact ties around the centre.
    ring = np.array([(5, 0), (4, 3), (3, 4), (0, 5), (-3, 4), (-4, 3), (-5, 0), (-4, -3), (-3, -4), (0, -5)])
    far = np.stack([100.0 * np.cos(angle), 100.0 * np.sin(angle)], axis=1)
    points = np.concatenate([far, ring.astype(np.float64), [[0.0, 0.0]]])
    indices, _ = nearest_others(points, 4, np.array([34]))
    assert indices.tolist() == [[24, 25, 26, 27]]


def test_large_piles_are_searched_by_index() -> None:
    points = np.zeros((100_000, 2))
    points[50_000] = (3.0, 4.0)
    indices, distances = nearest_others(points, 3)
    assert indices[[0, 2, 99_999, 50_000]].tolist() == [[1, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2]]
    assert distances[50_000].tolist() == [5.0, 5.0, 5.0]


@given(positions(min_size=16), st.sampled_from([1, 2, 3, 4]), st.integers(0, 12), st.integers(1, 130))
def test_groups_hold_a_seed_and_near_others(points: Positions, gridsize: int, more: int, n_groups: int) -> None:
    members = gridsize * gridsize
    K = members + more
    groups = position_groups(points, gridsize, K, n_groups, np.random.default_rng(1))
    assert groups.shape == (n_groups, members)
    assert groups.dtype == np.int64
    near = brute_force_others(points, effective_neighbor_count(len(points), K) - 1)
    for seed, *others in groups.tolist():
        ranks = [near[seed].index(other) for other in others]
        assert ranks == sorted(set(ranks))


@given(scattered_positions(min_size=4), st.integers(1, 200))
def test_every_position_is_a_seed_equally_often(points: Positions, n_groups: int) -> None:
    groups = position_groups(points, 2, 7, n_groups, np.random.default_rng(2))
    n = len(points)
    for start in range(0, n_groups, n):
        seeds = groups[start : start + n, 0]
        assert len(set(seeds.tolist())) == len(seeds)


def test_oversampling_uses_every_subset_once_before_it_repeats() -> None:
    points = scan(30)
    subsets = math.comb(6, 3)
    groups = position_groups(points, 2, 7, 30 * (subsets + 3), np.random.default_rng(4))
    first_round = groups[: 30 * subsets]
    for seed in range(30):
        own = first_round[first_round[:, 0] == seed]
        assert len({tuple(row) for row in own.tolist()}) == subsets
    assert n_distinct_groups(groups) == n_distinct_groups(first_round)


@pytest.mark.parametrize("table_rows", [1 << 16, 0])
def test_subsets_are_drawn_alike(table_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "TABLE_ROWS", table_rows)
    points = scan(4000)
    near, _ = nearest_others(points, 6)
    groups = position_groups(points, 2, 7, 4000, np.random.default_rng(6))
    ranks = (groups[:, 1:, None] == near[groups[:, 0], None, :]).argmax(axis=2)
    counts = np.array(list(Counter(map(tuple, ranks.tolist())).values()))
    assert len(counts) == 20
    chi_squared = float(((counts - 200.0) ** 2 / 200.0).sum())
    assert chi_squared < 43.8  # 19 degrees of freedom, 0.1 %


@pytest.mark.parametrize("neighbor_count", [7, 40])
def test_groups_do_not_depend_on_block_sizes(neighbor_count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "TABLE_ROWS", 100)
    points = np.round(scan(200) / 5.0) * 5.0
    whole = position_groups(points, 2, neighbor_count, 500, np.random.default_rng(8))
    monkeypatch.setattr(grouping, "BLOCK_ENTRIES", 130)
    pieces = position_groups(points, 2, neighbor_count, 500, np.random.default_rng(8))
    np.testing.assert_array_equal(whole, pieces)


def test_groups_come_from_the_generator_alone() -> None:
    points = scan(50)
    drawn = [position_groups(points, 2, 7, 120, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()


def test_groups_move_with_the_scan() -> None:
    points = np.round(scan(60) * 8.0) / 8.0
    there = position_groups(points + np.array([512.0, -1024.0]), 2, 7, 90, np.random.default_rng(3))
    np.testing.assert_array_equal(there, position_groups(points, 2, 7, 90, np.random.default_rng(3)))


def test_gridsize_one_is_the_seed_alone() -> None:
    groups = position_groups(scan(5), 1, 7, 12, np.random.default_rng(0))
    assert groups.shape == (12, 1)
    assert sorted(groups[:10, 0].tolist()) == sorted([*range(5), *range(5)])


def test_a_scan_of_exactly_one_group() -> None:
    groups = position_groups(scan(4), 2, 7, 9, np.random.default_rng(0))
    assert n_distinct_groups(groups) == 1
    assert effective_neighbor_count(4, 7) == 4
    assert effective_neighbor_count(9, 7) == 7


def test_distinct_groups_are_counted_as_sets() -> None:
    groups = np.array([[0, 1, 2, 3], [3, 2, 1, 0], [0, 1, 2, 4], [0, 1, 2, 4]])
    assert n_distinct_groups(groups) == 2
    assert n_distinct_groups(np.zeros((0, 4), dtype=np.int64)) == 0


@given(st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=40))
def test_distinct_groups_equal_a_set_of_sorted_tuples(rows: list[list[int]]) -> None:
    assert n_distinct_groups(np.array(rows)) == len({tuple(sorted(row)) for row in rows})


@pytest.mark.parametrize(
    ("n", "gridsize", "neighbor_count", "n_groups", "message"),
    [
        (9, 2, 3, 5, naming("neighbor_count", "gridsize^2 = 4", "gridsize 2", 3)),
        (3, 2, 7, 5, naming("positions_px", "gridsize^2 = 4", "gridsize 2", 3)),
        (0, 1, 1, 5, naming("positions_px", "gridsize^2 = 1", 0)),
        (9, 0, 7, 5, naming("gridsize", 1, 0)),
        (9, 2, 7, 0, naming("n_groups", 1, 0)),
        (9, 1, 0, 5, naming("neighbor_count", 1, 0)),
    ],
)
def test_impossible_groups_are_refused(n: int, gridsize: int, neighbor_count: int, n_groups: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        position_groups(scan(n), gridsize, neighbor_count, n_groups, np.random.default_rng(0))


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(InputError, match=naming("count", "1..4", 5)):
        nearest_others(scan(5), 5)
    no_indices: Any = np.zeros((3, 2))
    with pytest.raises(InputError, match=naming("groups", "float64", "(3, 2)")):
        n_distinct_groups(no_indices)
    with pytest.raises(InputError, match=naming("positions_px", "(n, 2)", "(5, 3)")):
        position_groups(np.zeros((5, 3)), 1, 1, 1, np.random.default_rng(0))
