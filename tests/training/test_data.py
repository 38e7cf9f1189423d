"""What a training is given of a scan: held-back rows, groups, and batches of shown and hidden photons."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.training.data import Draw, GroupedScan, GroupSampler, hold_back
from ptyproof.training.scan import NormalizedScan
from tests.helpers.normalized_scans import brute_shift, scan_at
from tests.strategies.positions import positions, scattered_positions


def nearest(positions_px: npt.NDArray[Any], seed: int, k: int) -> list[int]:
    """The k positions nearest to a seed, without it, by (squared distance, index)."""
    distance = np.square(positions_px - positions_px[seed]).sum(axis=1)
    others = [index for index in range(len(positions_px)) if index != seed]
    return sorted(others, key=lambda index: (distance[index], index))[:k]


@given(points=positions(1, 60), fraction=st.floats(0, 0.5), group_size=st.sampled_from([1, 4, 9]))
def test_held_back_are_the_last_rows_and_both_parts_can_make_a_group(
    points: npt.NDArray[Any], fraction: float, group_size: int
) -> None:
    kept, held = hold_back(points, fraction, group_size)
    assert kept.dtype == held.dtype == np.int64
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, held])), np.arange(len(points)))
    assert (np.diff(kept) > 0).all()
    assert (np.diff(held) > 0).all()
    wanted = max(group_size, round(fraction * len(points)))
    possible = fraction > 0 and len(points) - wanted >= group_size
    assert len(held) == (wanted if possible else 0)
    if possible:
        assert points[held, 0].min() >= points[kept, 0].max()


def test_nothing_is_held_back_where_nothing_is_asked_or_too_few_are_left() -> None:
    points = np.arange(14.0).reshape(7, 2)
    assert len(hold_back(points, 0.0, 1)[1]) == 0
    assert len(hold_back(points, 0.5, 4)[1]) == 0
    assert len(hold_back(points[:1], 0.1, 1)[1]) == 0
    assert hold_back(points, 0.1, 1)[1].tolist() == [6]
    assert hold_back(points[::-1], 0.3, 1)[1].tolist() == [0, 1]


def test_within_a_row_the_last_columns_are_held_back() -> None:
    points = np.array([[1.0, 9.0], [2.0, 3.0], [2.0, 5.0], [2.0, 1.0]])
    assert hold_back(points, 0.5, 1)[1].tolist() == [1, 2]


def sampler(
    points: npt.NDArray[Any],
    gridsize: int = 2,
    neighbor_count: int = 6,
    steps: int = 3,
    groups_per_step: int = 5,
    seed: int = 1,
    key: tuple[str, ...] = ("groups", "job"),
) -> GroupSampler:
    return GroupSampler(points, gridsize, neighbor_count, steps, groups_per_step, seed, key)


def epoch(found: GroupSampler, number: int) -> Any:
    found.set_epoch(number)
    return np.array([draw.groups for draw in found])


POINTS = np.random.default_rng(5).uniform(0, 80, (30, 2))


def test_batches_depend_on_seed_key_and_epoch_alone() -> None:
    first = sampler(POINTS)
    epochs = [epoch(first, number) for number in range(3)]
    assert epochs[0].shape == (3, 5, 4)
    assert epochs[0].dtype == np.int64
    assert len(first) == 3
    np.testing.assert_array_equal(epoch(sampler(POINTS), 2), epochs[2])  # as a resumed training draws it
    np.testing.assert_array_equal(epoch(first, 1), epochs[1])
    np.testing.assert_array_equal(np.array([draw.groups for draw in sampler(POINTS)]), epochs[0])
    others = [epoch(sampler(POINTS, seed=2), 0), epoch(sampler(POINTS, key=("groups", "other")), 0), *epochs[1:]]
    assert all((other != epochs[0]).any() for other in others)


def test_batches_do_not_touch_the_global_generators() -> None:
    before = np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002
    epoch(sampler(POINTS), 0)
    np.testing.assert_array_equal(np.random.get_state(legacy=False)["state"]["key"], before)  # noqa: NPY002


@settings(max_examples=50)
@given(points=scattered_positions(9, 40), gridsize=st.sampled_from([1, 2, 3]), more=st.integers(0, 8), data=st.data())
def test_groups_are_a_seed_and_some_of_its_nearest(
    points: npt.NDArray[Any], gridsize: int, more: int, data: st.DataObject
) -> None:
    members = gridsize**2
    found = epoch(
        sampler(points, gridsize, members + more, data.draw(st.integers(1, 4)), 3), data.draw(st.integers(0, 9))
    )
    groups = found.reshape(-1, members)
    for group in groups:
        assert len(set(group)) == members
        assert set(group[1:]) <= set(nearest(points, group[0], members + more - 1))
    seeds = groups[: len(points), 0]
    assert len(set(seeds)) == len(seeds)


def test_an_epoch_of_many_groups_uses_every_position_as_a_seed_equally_often() -> None:
    seeds = epoch(sampler(POINTS, steps=6, groups_per_step=10), 0)[..., 0].ravel()
    np.testing.assert_array_equal(np.bincount(seeds, minlength=30), np.full(30, 2))


def test_every_step_has_a_random_stream_of_its_own() -> None:
    names = []
    for found, number in ((sampler(POINTS), 0), (sampler(POINTS), 1), (sampler(POINTS, key=("groups", "other")), 0)):
        found.set_epoch(number)
        names += [(draw.seed, draw.key) for draw in found]
    assert len(set(names)) == len(names) == 9
    again = sampler(POINTS)
    again.set_epoch(1)
    assert [(draw.seed, draw.key) for draw in again] == names[3:6]
    assert {draw.seed for draw in sampler(POINTS, seed=9)} == {9}


GROUPS = np.array([[3, 1, 7, 2], [0, 11, 5, 6], [9, 8, 4, 10]])


def counted(
    n: int = 12, window: tuple[int, int] = (8, 11), seed: int = 6, photons: float = 20.0
) -> tuple[NormalizedScan, npt.NDArray[Any]]:
    """A scan of Poisson counts, and those counts (n, H, W)."""
    rng = np.random.default_rng(seed)
    scan = scan_at(rng.uniform(20, 60, (n, 2)), window)
    counts = rng.poisson(photons * rng.random((n, *window)) ** 3)
    return dataclasses.replace(scan, amplitude=np.sqrt(counts).astype(np.float32)), counts


def draw(*key: Any, seed: int = 1, groups: npt.NDArray[Any] = GROUPS) -> Any:
    return Draw(groups, seed, key or ("step 0",))


@pytest.mark.parametrize("shown_fraction", [0.3, 0.9, 1.0])
def test_a_batch_has_patterns_probes_and_corners_of_its_groups(shown_fraction: float) -> None:
    scan, counts = counted()
    batch = GroupedScan(scan, shown_fraction)[draw()]
    assert set(batch) == {"shown", "hidden", "probes", "corners_px", "dark_px"}
    assert tuple(batch["dark_px"]) == scan.dark_px
    assert all(batch[name].shape == (3, 4, 8, 11) for name in ("shown", "hidden", "probes"))
    assert batch["shown"].dtype == batch["hidden"].dtype == np.float32
    assert batch["probes"].dtype == np.complex64
    assert batch["corners_px"].dtype == np.int64
    whole = batch["hidden"] if shown_fraction == 1 else batch["shown"] + batch["hidden"]
    for b, group in enumerate(GROUPS):
        corners = batch["corners_px"][b]
        assert (corners.min(axis=0) == 0).all()
        np.testing.assert_array_equal(corners - corners[0], scan.whole_px[group] - scan.whole_px[group[0]])
        for c, k in enumerate(group):
            np.testing.assert_array_equal(whole[b, c], np.roll(counts[k], (-4, -5), (0, 1)))
            fraction = scan.positions_px[k] - np.rint(scan.positions_px[k])
            expected = brute_shift(scan.probe.astype(complex), fraction)
            np.testing.assert_allclose(batch["probes"][b, c], expected, rtol=0, atol=2e-5)


def test_the_zero_frequency_of_a_batch_comes_first() -> None:
    scan = scan_at(np.full((1, 2), 30.0), (8, 11))
    amplitude = np.zeros((1, 8, 11), dtype=np.float32)
    amplitude[0, 4, 5] = 3.0
    batch = GroupedScan(dataclasses.replace(scan, amplitude=amplitude), 1.0)[draw(groups=np.array([[0]]))]
    assert batch["shown"][0, 0, 0, 0] == batch["hidden"][0, 0, 0, 0] == 9
    assert batch["shown"].sum() == 9


@settings(max_examples=20)
@given(shown_fraction=st.floats(0.05, 0.99), seed=st.integers(0, 2**16))
def test_every_photon_is_either_shown_or_hidden(shown_fraction: float, seed: int) -> None:
    scan, counts = counted(seed=seed)
    batch = GroupedScan(scan, shown_fraction)[draw("a", seed=seed)]
    for name in ("shown", "hidden"):
        assert (batch[name] >= 0).all()
        np.testing.assert_array_equal(batch[name], np.rint(batch[name]))
    whole = np.fft.fftshift(batch["shown"] + batch["hidden"], axes=(-2, -1))
    np.testing.assert_array_equal(whole, counts[GROUPS])


@pytest.mark.parametrize("shown_fraction", [0.05, 0.5, 0.9])
def test_a_photon_is_shown_with_its_probability_whatever_the_others_do(shown_fraction: float) -> None:
    scan, counts = counted(photons=60.0)
    grouped = GroupedScan(scan, shown_fraction)
    shown = np.stack([grouped[draw(f"step {step}")]["shown"] for step in range(40)]).astype(np.float64)
    n = np.fft.ifftshift(counts[GROUPS], axes=(-2, -1)).astype(np.float64)
    spread = np.sqrt(n * shown_fraction * (1 - shown_fraction))
    assert abs((shown - shown_fraction * n).sum()) < 4 * np.sqrt(40) * np.sqrt((spread**2).sum())
    lit = n > 0
    sigmas = (shown - shown_fraction * n)[:, lit] / spread[lit]
    assert np.square(sigmas).mean() == pytest.approx(1, abs=0.05)
    left, right = sigmas[:, :-1].ravel(), sigmas[:, 1:].ravel()
    assert abs((left * right).mean()) < 4 / np.sqrt(len(left))


def test_shown_and_hidden_counts_of_poisson_counts_do_not_know_each_other() -> None:
    rng = np.random.default_rng(8)
    scan = scan_at(rng.uniform(20, 60, (64, 2)), (16, 16))
    scan = dataclasses.replace(scan, amplitude=np.sqrt(rng.poisson(5.0, (64, 16, 16))).astype(np.float32))
    batch = GroupedScan(scan, 0.7)[draw(groups=np.arange(64)[:, None])]
    assert abs(np.corrcoef(batch["shown"].ravel(), batch["hidden"].ravel())[0, 1]) < 4 / np.sqrt(64 * 256)
    assert batch["hidden"].mean() == pytest.approx(1.5, abs=0.05)


def test_a_draw_gives_the_same_division_whenever_it_is_read() -> None:
    scan, _ = counted()
    grouped = GroupedScan(scan, 0.5)
    first = grouped[draw("groups", "epoch 0", "step 0")]
    others = [grouped[draw("groups", "epoch 0", "step 1")], grouped[draw("groups", "epoch 1", "step 0")]]
    others.append(grouped[draw("groups", "epoch 0", "step 0", seed=2)])
    again = GroupedScan(scan, 0.5)[draw("groups", "epoch 0", "step 0")]
    assert all((first[name] == again[name]).all() for name in first)
    assert all((first["shown"] != other["shown"]).any() for other in others)


def test_with_all_shown_counts_are_shown_and_judged_alike() -> None:
    scan, counts = counted()
    batch = GroupedScan(scan, 1.0)[draw()]
    np.testing.assert_array_equal(batch["shown"], batch["hidden"])
    np.testing.assert_array_equal(batch["shown"], np.fft.ifftshift(counts[GROUPS], axes=(-2, -1)))


def test_reading_a_batch_does_not_touch_the_global_generators() -> None:
    before = np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002
    scan, _ = counted()
    GroupedScan(scan, 0.5)[draw()]
    np.testing.assert_array_equal(np.random.get_state(legacy=False)["state"]["key"], before)  # noqa: NPY002
