"""The window has the direct beam at index (H // 2, W // 2), and keeps every count that is in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptyproof.beamlines.detector_window import DetectorWindow, window_around
from ptyproof.errors import InputError
from ptyproof.physics.names import ORIENTATIONS
from ptyproof.physics.orientation import oriented


@given(
    st.tuples(st.integers(8, 40), st.integers(8, 40)),
    st.integers(1, 4),
    st.sampled_from(ORIENTATIONS),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_the_direct_beam_is_in_the_middle(
    detector: tuple[int, int], binning: int, orientation: str, place: tuple[float, float]
) -> None:
    center = tuple(round(part * (length - 1)) for part, length in zip(place, detector, strict=True))
    spot = np.zeros(detector, np.uint16)
    spot[center] = 7
    raw = oriented(spot, {"rotate-90": "rotate-270", "rotate-270": "rotate-90"}.get(orientation, orientation))
    try:
        window = window_around(detector, orientation, (center[0], center[1]), None, binning)
    except InputError:
        return
    sums = window.sums(raw[None])[0]
    assert sums.shape == window.shape
    assert sums[window.shape[0] // 2, window.shape[1] // 2] == 7


def test_binning_keeps_the_counts_and_excludes_what_is_partly_excluded() -> None:
    counts = np.arange(64, dtype=np.uint8).reshape(8, 8)
    valid = np.ones((8, 8), bool)
    valid[2, 2] = False
    window = DetectorWindow("as-is", (0, 0), (8, 8), 2)
    assert window.sums(counts).sum() == counts.sum(dtype=int)
    assert window.sums(np.full((8, 8), 255, np.uint8)).max() == 1020
    np.testing.assert_array_equal(np.argwhere(~window.all_true(valid)), [[1, 1]])


def test_a_detector_whose_middle_has_the_beam_is_taken_whole() -> None:
    assert window_around((100, 80), "as-is", (50, 40), None, 1).size == (100, 80)
    assert window_around((99, 99), "as-is", (49, 49), None, 1).size == (99, 99)


@pytest.mark.parametrize(
    ("center", "crop", "binning"), [((50, 50), (200, 200), 1), ((120, 50), None, 1), ((50, 50), (31, 32), 2)]
)
def test_a_window_that_is_not_on_the_detector_is_refused(
    center: tuple[float, float], crop: tuple[int, int] | None, binning: int
) -> None:
    with pytest.raises(InputError):
        window_around((100, 100), "as-is", center, crop, binning)
