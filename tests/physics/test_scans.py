"""Raster scans and the object that holds them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptyproof.errors import InputError
from ptyproof.physics.forward import object_patches
from ptyproof.physics.scans import object_shape_for, raster_scan, scan_origin_px
from tests.helpers.messages import naming
from tests.strategies.scans import windows


def scan(
    shape: tuple[int, int] = (3, 4),
    step_px: float = 5.0,
    jitter_px: float = 0.0,
    origin_px: Any = (10.0, 20.0),
    seed: int = 0,
) -> npt.NDArray[Any]:
    return raster_scan(shape, step_px, jitter_px, origin_px, np.random.default_rng(seed))


def test_a_raster_without_jitter_is_row_major() -> None:
    positions = scan()
    assert positions.dtype == np.float64
    assert positions.shape == (12, 2)
    assert positions[:5].tolist() == [[10, 20], [10, 25], [10, 30], [10, 35], [15, 20]]
    assert positions[-1].tolist() == [20, 35]


def test_jitter_is_uniform_bounded_and_sub_pixel() -> None:
    offsets = scan((60, 70), jitter_px=1.5) - scan((60, 70))
    assert np.abs(offsets).max() <= 1.5
    assert np.abs(offsets).max() > 1.49
    assert offsets.var(axis=0) == pytest.approx(1.5**2 / 3, rel=0.05)
    assert offsets.mean(axis=0) == pytest.approx(0, abs=0.05)
    assert abs(np.corrcoef(offsets.T)[0, 1]) < 0.05
    assert np.unique(offsets % 1).size > 1000


def test_the_same_generator_state_gives_the_same_scan() -> None:
    np.testing.assert_array_equal(scan(jitter_px=1.0, seed=4), scan(jitter_px=1.0, seed=4))
    assert not np.array_equal(scan(jitter_px=1.0, seed=4), scan(jitter_px=1.0, seed=5))


@given(
    window=windows(4, 20),
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    step=st.floats(0.5, 9.0),
    jitter=st.floats(0.0, 3.0),
    margin=st.integers(0, 5),
    seed=st.integers(0, 999),
)
def test_the_object_just_holds_all_windows(
    window: tuple[int, int], shape: tuple[int, int], step: float, jitter: float, margin: int, seed: int
) -> None:
    positions = scan(shape, step, jitter, scan_origin_px(window, jitter, margin), seed)
    rows, cols = object_shape_for(positions, window, margin)
    obj = np.ones((rows - margin, cols - margin), dtype=np.complex64)
    object_patches(obj, positions, window)
    starts = positions - [window[0] // 2, window[1] // 2]
    assert starts.min() >= margin
    for axis, cut in ((0, obj[:-1]), (1, obj[:, :-1])):
        assert starts[:, axis].max() + window[axis] > cut.shape[axis], "one pixel less would not hold them"


def test_a_window_before_the_object_is_refused() -> None:
    with pytest.raises(InputError, match=naming("[3.0, 9.0]", "index 1", "8 x 6", "[-1.0, 6.0]")):
        object_shape_for(np.array([[9.0, 9.0], [3.0, 9.0]]), (8, 6))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": (0, 4)}, naming("(1, 1)", "(0, 4)")),
        ({"step_px": 0.0}, naming("step_px", "0.0")),
        ({"step_px": float("inf")}, naming("step_px", "inf")),
        ({"jitter_px": -0.5}, naming("jitter_px", "-0.5")),
        ({"jitter_px": float("nan")}, naming("jitter_px", "nan")),
        ({"origin_px": (float("nan"), 0.0)}, naming("origin_px", "(nan, 0.0)")),
    ],
)
def test_bad_scans_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        scan(**changes)


def test_bad_windows_and_margins_are_refused() -> None:
    with pytest.raises(InputError, match=naming("window", "(1, 1)", "(0, 4)")):
        object_shape_for(scan(), (0, 4))
    with pytest.raises(InputError, match=naming("margin_px", "-1")):
        object_shape_for(scan(), (4, 4), margin_px=-1)
    with pytest.raises(InputError, match=r"\bpositions_px\b"):
        object_shape_for(np.zeros((0, 2)), (4, 4))
    with pytest.raises(InputError, match="jitter_px"):
        scan_origin_px((4, 4), -1.0)
