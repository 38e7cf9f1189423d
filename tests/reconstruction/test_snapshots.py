"""Snapshots of an iterative method's object: which epochs, in which form, and how many."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import pytest

from ptyproof.reconstruction.history import History
from ptyproof.reconstruction.method import BlindScan, Budget
from ptyproof.reconstruction.snapshots import SnapshotTaker, last_fifth, wanted_epochs
from tests.helpers.known import known


def scan() -> BlindScan:
    """Four windows of 6 x 8 pixels on a grid of 20 x 30."""
    positions = np.array([[5.0, 7.0], [8.2, 7.0], [5.0, 12.4], [8.0, 12.0]])
    return BlindScan(np.full((4, 6, 8), 3, np.float32), np.full((6, 8), 0.1 + 0.2j, np.complex64), positions, (20, 30))


def objects(shape: tuple[int, int], n: int, scale: float) -> list[npt.NDArray[np.complex64]]:
    rng = np.random.default_rng(1)
    return [(scale * np.exp(1j * rng.normal(0, 1, shape))).astype(np.complex64) for _ in range(n)]


@pytest.mark.parametrize("n_epochs", [2, 3, 4, 10, 40, 100, 1000, 10**6])
def test_the_epochs_are_few_and_have_the_one_where_the_last_fifth_begins(n_epochs: int) -> None:
    epochs = wanted_epochs(n_epochs)
    assert epochs[0] == n_epochs - last_fifth(n_epochs)
    assert len(epochs) == len(set(epochs)) <= 11
    assert min(epochs) == 1
    assert max(epochs) < n_epochs


def test_a_snapshot_has_the_pixels_of_the_windows_in_half_precision() -> None:
    taker = SnapshotTaker(scan(), 10)
    made = objects((20, 30), 10, scan().unit_scale)
    history = History(Budget(10, on_object=taker), 10)
    for obj in made:
        history.add(1.0, partial(np.array, obj))
    taken = known(taker.taken())
    assert list(taken.epochs) == sorted(wanted_epochs(10))
    assert taken.corner_px == (2, 3)
    assert taken.values.shape == (len(taken.epochs), 9, 13, 2)
    for epoch, found in taken.objects(made[-1]):
        inner = np.s_[2:11, 3:16]
        np.testing.assert_allclose(found[inner], made[epoch - 1][inner], rtol=1e-3, atol=5e-4 * scan().unit_scale)
        outside = np.ones((20, 30), bool)
        outside[inner] = False
        np.testing.assert_array_equal(found[outside], made[-1][outside])


def test_objects_are_asked_for_only_where_a_snapshot_is_wanted() -> None:
    asked = []

    def obj() -> npt.NDArray[np.complex64]:
        asked.append(1)
        return np.ones((20, 30), np.complex64)

    taker = SnapshotTaker(scan(), 1000)
    for epoch in range(1, 1001):
        taker(epoch, obj)
    assert len(asked) == len(wanted_epochs(1000))


def test_with_a_limit_of_time_alone_the_epochs_grow_and_the_oldest_go() -> None:
    one = 4 * 9 * 13
    taker = SnapshotTaker(scan(), None, max_bytes=5 * one)
    for epoch in range(1, 200):
        taker(epoch, lambda: np.ones((20, 30), np.complex64))
    epochs = known(taker.taken()).epochs
    assert len(epochs) == 5
    assert any(0.6 * 199 <= epoch <= 0.8 * 199 for epoch in epochs)
    assert epochs[-1] <= 199


@pytest.mark.parametrize(("room", "n"), [(0, 0), (1, 1), (3, 3), (100, None)])
def test_all_together_are_bounded(room: int, n: int | None) -> None:
    taker = SnapshotTaker(scan(), 100, max_bytes=room * 4 * 9 * 13 + 3)
    for epoch in range(1, 101):
        taker(epoch, lambda: np.ones((20, 30), np.complex64))
    taken = taker.taken()
    assert (0 if taken is None else len(taken.epochs)) == (len(wanted_epochs(100)) if n is None else n)
    if taken is not None:
        assert 80 in taken.epochs


def test_an_object_that_is_not_finite_has_no_snapshot() -> None:
    taker = SnapshotTaker(scan(), 2)
    taker(1, lambda: np.full((20, 30), np.nan, np.complex64))
    assert taker.taken() is None


def test_methods_that_show_no_object_leave_none() -> None:
    taker = SnapshotTaker(scan(), 2)
    history = History(Budget(2, on_object=taker), 2)
    assert [history.add(1.0), history.add(1.0)] == [False, True]
    assert taker.taken() is None
