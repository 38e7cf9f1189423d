"""Disc overlap against quadrature and known values, the three metrics against plain loops over pairs."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad

from ptyproof.errors import InputError
from ptyproof.physics import overlap
from ptyproof.physics.grouping import position_groups
from ptyproof.physics.overlap import (
    disc_overlap,
    group_centre_overlap,
    group_overlap,
    image_overlap,
    overlap_metrics,
)
from tests.helpers.messages import names, naming
from tests.strategies.positions import Positions, positions

Groups = NDArray[np.int64]
DIAMETERS = st.sampled_from([0.5, 1.0, 2.0, 5.0, 20.0, 38.4, 1e6])


def shared(a: NDArray[np.float64], b: NDArray[np.float64], diameter: float) -> float | None:
    """Overlap of two discs from the angle 2 arccos(d / D) of the lens; None unless nearer than D."""
    distance = math.sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]))
    if not distance < diameter:
        return None
    angle = 2.0 * math.acos(distance / diameter)
    return (angle - math.sin(angle)) / math.pi


def plain_centre_overlap(points: Positions, groups: Groups, diameter: float) -> float:
    centres = [points[sorted(group)].sum(axis=0) / len(group) for group in groups.tolist()]
    means = []
    for i, centre in enumerate(centres):
        values = [shared(centre, other, diameter) for j, other in enumerate(centres) if j != i]
        near = [value for value in values if value is not None]
        means.append(sum(near) / len(near) if near else 0.0)
    return sum(means) / len(means)


@st.composite
def scans_with_groups(draw: st.DrawFn) -> tuple[Positions, Groups]:
    points = draw(positions(min_size=4, max_size=30))
    gridsize = draw(st.sampled_from([1, 2]))
    n_groups = draw(st.integers(2, 60))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    return points, position_groups(points, gridsize, 7, n_groups, rng)


def jittered_raster(rows: int, cols: int, step: float = 8.0) -> Positions:
    grid = np.stack(np.meshgrid(np.arange(rows) * step, np.arange(cols) * step, indexing="ij"), axis=-1)
    return grid.reshape(-1, 2) + np.random.default_rng(0).uniform(-2.0, 2.0, (rows * cols, 2))


@pytest.mark.parametrize(
    ("distance", "value"),
    [
        (0.0, 1.0),
        (5.0, 2.0 / 3.0 - math.sqrt(3.0) / (2.0 * math.pi)),
        (10.0, 0.0),
        (11.0, 0.0),
        (math.inf, 0.0),
    ],
)
def test_disc_overlap_at_known_distances(distance: float, value: float) -> None:
    assert disc_overlap(distance, 10.0) == pytest.approx(value, abs=1e-15)


def test_disc_overlap_at_half_the_diameter() -> None:
    assert float(disc_overlap(19.2, 38.4)) == pytest.approx(0.391002218955771, abs=1e-14)


@given(st.floats(0.0, 0.999), st.floats(0.01, 1e4))
@settings(max_examples=40)
def test_disc_overlap_is_the_area_of_the_lens(t: float, diameter: float) -> None:
    half_lens, _ = quad(lambda x: math.sqrt(1.0 - x * x), t, 1.0)  # in radii: the lens is twice a cap
    value = float(disc_overlap(t * diameter, diameter))
    assert value == pytest.approx(4.0 * half_lens / math.pi, abs=1e-7)


def test_disc_overlap_falls_with_distance_and_keeps_the_shape() -> None:
    distances = np.linspace(0.0, 12.0, 60).reshape(5, 12)
    values = disc_overlap(distances, 11.0)
    assert values.shape == (5, 12)
    assert (np.diff(values.ravel()) <= 0.0).all()
    assert values.min() == 0.0


@given(scans_with_groups(), DIAMETERS)
def test_group_overlap_equals_plain_loops(case: tuple[Positions, Groups], diameter: float) -> None:
    points, groups = case
    value = group_overlap(points, groups, diameter)
    if groups.shape[1] == 1:
        assert value is None
        return
    pairs = [(a, b) for group in groups.tolist() for a, b in combinations(group, 2)]
    expected = sum(shared(points[a], points[b], diameter) or 0.0 for a, b in pairs) / len(pairs)
    assert value == pytest.approx(expected, abs=1e-12)


@given(positions(min_size=1, max_size=40), st.integers(1, 50), DIAMETERS)
def test_image_overlap_equals_plain_loops(points: Positions, neighbor_count: int, diameter: float) -> None:
    value = image_overlap(points, neighbor_count, diameter)
    if len(points) == 1:
        assert value is None
        return
    means = []
    for i, here in enumerate(points):
        others = [j for j in range(len(points)) if j != i]
        others.sort(key=lambda j: math.dist(here, points[j]))
        nearest = others[:neighbor_count]
        means.append(sum(shared(here, points[j], diameter) or 0.0 for j in nearest) / len(nearest))
    assert value == pytest.approx(sum(means) / len(means), abs=1e-12)


@given(scans_with_groups(), DIAMETERS)
def test_centre_overlap_equals_plain_loops(case: tuple[Positions, Groups], diameter: float) -> None:
    points, groups = case
    expected = plain_centre_overlap(points, groups, diameter)
    assert group_centre_overlap(points, groups, diameter) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("diameter", [3.0, 20.0, 38.4, 500.0])
def test_centre_overlap_of_a_larger_scan(diameter: float) -> None:
    points = jittered_raster(14, 23)
    groups = position_groups(points, 2, 7, 500, np.random.default_rng(1))
    expected = plain_centre_overlap(points, groups, diameter)
    assert group_centre_overlap(points, groups, diameter) == pytest.approx(expected, abs=1e-12)


def test_centre_overlap_does_not_depend_on_block_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    points = jittered_raster(20, 11)
    groups = position_groups(points, 2, 7, 400, np.random.default_rng(1))
    whole = group_centre_overlap(points, groups, 38.4)
    monkeypatch.setattr(overlap, "BLOCK_PAIRS", 50)
    assert group_centre_overlap(points, groups, 38.4) == pytest.approx(whole, rel=1e-13)


@pytest.mark.parametrize("diameter", [5e-7, 1e-6, 3e-6])
def test_centre_overlap_at_the_resolution_of_the_coordinates(diameter: float) -> None:
    rng = np.random.default_rng(4)
    corners = np.array([[0.0, 0.0], [1e9 - 1.0, 0.0], [0.0, 1e9 - 1.0], [5e8, 1e9 - 1.0]])
    points = corners[rng.integers(4, size=80)] + rng.uniform(0.0, 3e-6, (80, 2))
    groups = np.arange(80)[:, None]
    expected = plain_centre_overlap(points, groups, diameter)
    assert expected > 0.1
    assert group_centre_overlap(points, groups, diameter) == pytest.approx(expected, rel=1e-12)


def test_two_groups_of_one() -> None:
    points = np.array([[0.0, 0.0], [3.0, 4.0], [90.0, 0.0]])
    groups = np.array([[0], [1], [2]])
    expected = 2.0 / 3.0 * float(disc_overlap(5.0, 10.0))  # the third has no neighbour and counts 0
    assert group_centre_overlap(points, groups, 10.0) == pytest.approx(expected, abs=1e-15)
    assert group_centre_overlap(points, groups, 5.0) == 0.0  # 5 px apart is not nearer than 5 px


def test_groups_with_one_centre_overlap_fully() -> None:
    points = np.array([[0.0, 0.0], [1.0, 7.0], [2.0, 0.0], [0.1, 0.7]])
    groups = np.tile(np.array([[0, 1, 2, 3], [3, 1, 0, 2]]), (300_000, 1))
    assert group_centre_overlap(points, groups, 0.5) == 1.0


def test_metrics_move_with_the_scan_and_ignore_the_order_of_groups() -> None:
    points = np.round(jittered_raster(7, 12) * 4.0) / 4.0
    groups = position_groups(points, 2, 7, 120, np.random.default_rng(1))
    here = overlap_metrics(points, groups, 6, 21.3)
    there = overlap_metrics(points + np.array([4096.0, -512.0]), groups, 6, 21.3)
    mixed = overlap_metrics(points, np.random.default_rng(2).permutation(groups)[:, [2, 0, 3, 1]], 6, 21.3)
    for other in (there, mixed):
        assert other.group_overlap == pytest.approx(here.group_overlap, rel=1e-12)
        assert other.image_overlap == pytest.approx(here.image_overlap, rel=1e-12)
        assert other.group_centre_overlap == pytest.approx(here.group_centre_overlap, rel=1e-12)


def test_metrics_grow_with_the_probe() -> None:
    points = jittered_raster(6, 9)
    groups = position_groups(points, 2, 7, 54, np.random.default_rng(1))
    inside, images = (
        [getattr(overlap_metrics(points, groups, 6, d), name) for d in (10.0, 20.0, 38.4, 64.0)]
        for name in ("group_overlap", "image_overlap")
    )
    assert inside == sorted(inside)
    assert images == sorted(images)


def test_metrics_agree_with_the_single_functions() -> None:
    points = jittered_raster(6, 9)
    groups = position_groups(points, 2, 7, 80, np.random.default_rng(1))
    metrics = overlap_metrics(points, groups, 6, 20.0)
    assert metrics.group_overlap == group_overlap(points, groups, 20.0)
    assert metrics.image_overlap == image_overlap(points, 6, 20.0)
    assert metrics.group_centre_overlap == group_centre_overlap(points, groups, 20.0)
    assert (metrics.n_positions, metrics.n_groups, metrics.probe_diameter_px) == (54, 80, 20.0)
    reasons = (
        metrics.group_overlap_reason,
        metrics.image_overlap_reason,
        metrics.group_centre_overlap_reason,
    )
    assert reasons == (None, None, None)


def test_undefined_metrics_have_reasons() -> None:
    metrics = overlap_metrics(np.zeros((1, 2)), np.array([[0]]), 7, 20.0)
    assert (metrics.group_overlap, metrics.image_overlap, metrics.group_centre_overlap) == (None, None, None)
    assert metrics.group_overlap_reason
    assert metrics.image_overlap_reason
    assert metrics.group_centre_overlap_reason


def test_too_many_pairs_are_refused_before_they_are_made() -> None:
    points = np.random.default_rng(0).uniform(0.0, 1.0, (200_000, 2))
    groups = np.arange(200_000)[:, None]
    with pytest.raises(InputError, match=naming("max_pairs", 19999900000, "20 px", 2000000000)):
        group_centre_overlap(points, groups, 20.0)
    metrics = overlap_metrics(points, groups, 7, 20.0)
    assert metrics.group_centre_overlap is None
    assert names(str(metrics.group_centre_overlap_reason), "max_pairs", 19999900000)


@pytest.mark.parametrize("diameter", [0.0, -1.0, math.nan, math.inf])
def test_bad_diameters_are_refused(diameter: float) -> None:
    points, groups = np.zeros((3, 2)), np.array([[0, 1], [1, 2]])
    for call in (
        lambda: disc_overlap(1.0, diameter),
        lambda: group_overlap(points, groups, diameter),
        lambda: image_overlap(points, 2, diameter),
        lambda: group_centre_overlap(points, groups, diameter),
        lambda: overlap_metrics(points, groups, 2, diameter),
    ):
        with pytest.raises(InputError, match="diameter_px"):
            call()


def test_bad_arguments_are_refused() -> None:
    points = np.zeros((3, 2))
    with pytest.raises(InputError, match="distance_px"):
        disc_overlap([1.0, -1.0], 2.0)
    with pytest.raises(InputError, match="distance_px"):
        disc_overlap(math.nan, 2.0)
    with pytest.raises(InputError, match=naming("groups", "0..2", "0..3")):
        group_overlap(points, np.array([[0, 3]]), 1.0)
    no_indices: Any = np.zeros((2, 2))
    with pytest.raises(InputError, match=naming("groups", "float64", "(2, 2)")):
        group_centre_overlap(points, no_indices, 1.0)
    with pytest.raises(InputError, match="neighbor_count"):
        image_overlap(points, 0, 1.0)
