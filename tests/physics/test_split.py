"""The split along the rows: disjoint illumination, a full account, and nothing left out that would fit."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptyproof.errors import InputError
from ptyproof.physics.split import illuminated_rows, split_halves
from tests.helpers.messages import naming
from tests.strategies.scans import banded_probes, positions_in

SHAPE = (60, 20)


def lit_rows(position: npt.NDArray[Any], probe: npt.NDArray[Any]) -> set[int]:
    """Object rows that carry light of one position, by laying every lit window row on the object."""
    rows = set()
    for row in np.flatnonzero(np.abs(probe).sum(axis=1)):
        place = position[0] - probe.shape[0] // 2 + row
        rows |= {int(np.floor(place)), int(np.ceil(place))}
    return rows


def paint(positions: npt.NDArray[Any], probe: npt.NDArray[Any], indices: npt.NDArray[Any]) -> set[tuple[int, int]]:
    """Brute force: every object pixel that the probe lights at one of the positions, as a set."""
    lit = set()
    height, width = probe.shape
    for index in indices:
        row, col = positions[index]
        for i, j in zip(*np.nonzero(np.abs(probe) > 0), strict=True):
            y, x = row - height // 2 + i, col - width // 2 + j
            lit |= {(int(a), int(b)) for a in (np.floor(y), np.ceil(y)) for b in (np.floor(x), np.ceil(x))}
    return lit


@st.composite
def splittable(draw: Any) -> Any:
    probe = draw(banded_probes())
    return probe, draw(positions_in(SHAPE, probe.shape, min_size=2))


@given(case=splittable())
def test_halves_share_no_light_and_lose_nothing(case: Any) -> None:
    probe, positions = case
    try:
        split = split_halves(positions, probe)
    except InputError:
        line = (positions[:, 0].min() + positions[:, 0].max()) / 2
        lit = [lit_rows(position, probe) for position in positions]
        assert not any(max(rows) < line for rows in lit) or not any(min(rows) >= line for rows in lit)
        return
    assert not paint(positions, probe, split.train) & paint(positions, probe, split.test)
    together = np.concatenate([split.train, split.test, split.left_out])
    np.testing.assert_array_equal(np.sort(together), np.arange(len(positions)))
    for index in split.left_out:
        rows = lit_rows(positions[index], probe)
        assert min(rows) < split.first_test_row <= max(rows), "a position that fits is not left out"
    for half in (split.train, split.test, split.left_out):
        assert half.dtype == np.int64
        assert np.all(np.diff(half) > 0)


@given(case=splittable(), permutation=st.randoms())
def test_order_of_positions_does_not_matter(case: Any, permutation: random.Random) -> None:
    probe, positions = case
    order = list(range(len(positions)))
    permutation.shuffle(order)
    try:
        split = split_halves(positions, probe)
    except InputError:
        with pytest.raises(InputError):
            split_halves(positions[order], probe)
        return
    shuffled = split_halves(positions[order], probe)
    assert {order[index] for index in shuffled.train} == set(split.train.tolist())
    assert {order[index] for index in shuffled.test} == set(split.test.tolist())


def test_known_split() -> None:
    # The probe lights 3 rows; rows 10..50, so the line is at 30 and the first test row is 30.
    probe = np.zeros((8, 6), dtype=np.complex64)
    probe[3:6] = 1j
    rows = np.array([10.0, 28.0, 28.1, 29.0, 31.0, 30.9, 50.0])
    split = split_halves(np.stack([rows, np.full(7, 9.0)], axis=1), probe)
    assert (split.line_px, split.first_test_row, split.illuminated_rows) == (30.0, 30, (3, 5))
    assert split.train.tolist() == [0, 1]
    assert split.left_out.tolist() == [2, 3, 5]
    assert split.test.tolist() == [4, 6]


def test_line_between_pixels() -> None:
    probe = np.zeros((3, 3), dtype=np.complex64)
    probe[1] = 1.0
    split = split_halves(np.array([[1.0, 1.0], [4.0, 1.0], [2.0, 1.0], [3.0, 1.0]]), probe)
    assert (split.line_px, split.first_test_row) == (2.5, 3)
    assert (split.train.tolist(), split.test.tolist()) == ([0, 2], [1, 3])


def test_faint_rows_count_only_without_a_fraction() -> None:
    probe = np.zeros((6, 4), dtype=np.complex64)
    probe[0, 0], probe[2, 1], probe[4, 3] = 0.1, 1.0, 0.5j
    assert illuminated_rows(probe) == (0, 4)
    assert illuminated_rows(probe, 0.01001) == (2, 4)
    assert illuminated_rows(probe, 0.25) == (2, 2), "above the fraction, not at it"


def test_modes_are_added() -> None:
    probe = np.zeros((2, 5, 4), dtype=np.complex64)
    probe[0, 1, 0], probe[1, 3, 2] = 1.0, 1.0
    assert illuminated_rows(probe) == (1, 3)


GOOD = np.array([[10.0, 10.0], [50.0, 10.0]])
PROBE = np.ones((8, 8), dtype=np.complex64)


@pytest.mark.parametrize(
    ("positions", "probe", "fraction", "message"),
    [
        (GOOD[:1], PROBE, 0.0, naming(2, 1)),
        (np.repeat(GOOD[:1], 3, axis=0), PROBE, 0.0, naming(3, "[10.0, 10.0]")),
        (np.array([[0.0, np.nan], [1.0, 2.0]]), PROBE, 0.0, naming("positions_px", "[0.0, nan]", "index 0")),
        (np.zeros((3, 3)), PROBE, 0.0, naming("positions_px", "(n, 2)", "(3, 3)")),
        (GOOD, PROBE, 1.0, naming("illumination_fraction", "1.0")),
        (GOOD, PROBE, float("nan"), naming("illumination_fraction", "nan")),
        (GOOD, 0 * PROBE, 0.0, naming("probe", "0.0")),
        (GOOD, PROBE[0], 0.0, naming("probe", "(H, W)", "(8,)")),
        (
            np.array([[20.0, 4.0], [23.0, 4.0]]),
            PROBE,
            0.0,
            naming("rows 20", "23 px", "21.5 px", "0 train", 2),
        ),
        (np.array([[20.0, 4.0], [20.0, 9.0]]), PROBE, 0.0, naming("0 train", "20 px", 2)),
        (np.array([[16.0, 4.0], [23.5, 4.0]]), PROBE, 0.0, naming("0 test", "19.75 px", 1)),
    ],
)
def test_impossible_splits_are_refused(
    positions: npt.NDArray[Any], probe: npt.NDArray[Any], fraction: float, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        split_halves(positions, probe, fraction)
