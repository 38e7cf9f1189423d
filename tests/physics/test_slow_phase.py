"""Slow and fast parts of the phase error: known slow phases, ramps, fine phases, holes, bad input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ptyproof.errors import InputError
from ptyproof.physics.metamorphic import make_scene
from ptyproof.physics.slow_phase import rms_in, slow_phase
from tests.helpers.messages import naming

SHAPE = (200, 240)
WHOLE = np.ones(SHAPE, dtype=bool)
TRUTH = np.asarray(make_scene(SHAPE).truth)
ROWS, COLS = np.indices(SHAPE)


def wave(amplitude_rad: float, period_px: float) -> npt.NDArray[Any]:
    return np.asarray(amplitude_rad * np.cos(2 * np.pi * COLS / period_px))


def test_a_slow_phase_is_the_phase_behind_a_gaussian() -> None:
    """A wave of a small amplitude a is left with a exp(-(2 pi sigma / L)^2 / 2), and without a change of its period."""
    amplitude, period, sigma = 0.2, 80.0, 8.0
    found = slow_phase(np.exp(1j * wave(amplitude, period)), np.ones(SHAPE, dtype=complex), WHOLE, sigma)
    left = amplitude * np.exp(-((2 * np.pi * sigma / period) ** 2) / 2)
    inner = np.s_[40:-40, 40:-40]
    np.testing.assert_allclose(found[inner], wave(left, period)[inner], atol=0.01 * amplitude)
    assert rms_in(found, WHOLE) == pytest.approx(left / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("turn", [1, 1j, -2])
def test_a_global_factor_is_no_slow_phase(turn: complex) -> None:
    np.testing.assert_allclose(slow_phase(turn * TRUTH, TRUTH, WHOLE, 8.0), 0, atol=1e-9)


def test_a_ramp_is_slow() -> None:
    slope = 0.01
    found = slow_phase(TRUTH * np.exp(1j * slope * COLS), TRUTH, WHOLE, 8.0)
    assert rms_in(found, WHOLE) == pytest.approx(slope * SHAPE[1] / np.sqrt(12), rel=0.03)


def test_a_fine_phase_is_not_slow() -> None:
    fine = 0.3 * (-1.0) ** (ROWS + COLS)
    assert rms_in(slow_phase(TRUTH * np.exp(1j * fine), TRUTH, WHOLE, 8.0), WHOLE) < 1e-3


def test_pixels_outside_the_mask_have_no_part_in_it() -> None:
    mask = (ROWS - 100) ** 2 + (COLS - 120) ** 2 < 80**2
    mask[80:100, 90:150] = False
    result = TRUTH * np.exp(1j * wave(0.3, 90))
    spoiled = np.where(mask, result, np.nan)
    found = slow_phase(spoiled, TRUTH, mask, 8.0)
    np.testing.assert_array_equal(found, slow_phase(result, TRUTH, mask, 8.0))
    assert not found[~mask].any()
    assert rms_in(found, mask) > 0.1


def test_phases_beyond_pi_stay_within_a_turn() -> None:
    found = slow_phase(np.exp(1j * wave(9.0, 200)), np.ones(SHAPE, dtype=complex), WHOLE, 2.0)
    assert np.abs(found).max() <= np.pi


def test_a_result_of_zeros_has_no_slow_phase() -> None:
    assert not slow_phase(np.zeros(SHAPE, dtype=complex), TRUTH, WHOLE, 8.0).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: slow_phase(TRUTH[1:], TRUTH, WHOLE, 8.0), naming("(199, 240)", "(200, 240)")),
        (lambda: slow_phase(TRUTH, TRUTH, WHOLE, 0.0), naming("sigma_px", 0)),
        (lambda: slow_phase(TRUTH, TRUTH, ~WHOLE, 8.0), naming("mask")),
        (lambda: slow_phase(TRUTH * np.nan, TRUTH, WHOLE, 8.0), naming("48000")),
    ],
)
def test_unusable_input(change: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        change()
