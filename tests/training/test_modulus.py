"""The factor of a far field by what was recorded: against formulas in numpy, fixed points, a rising likelihood."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.physics.detector import Detector as NumpyDetector
from ptyproof.training.forward import Detector
from ptyproof.training.modulus import FLOOR, Recorded

WINDOW = (9, 12)
SIGMA_PX = 0.7


def image(seed: int, low: float = 0.5, high: float = 30.0) -> npt.NDArray[np.float64]:
    """Two patterns of a group, (1, 2, H, W)."""
    return np.random.default_rng(seed).uniform(low, high, (1, 2, *WINDOW))


def blur() -> Detector:
    return Detector.of(WINDOW, SIGMA_PX, None, torch.float64)


def blurred(light: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    detector = NumpyDetector(SIGMA_PX, zero_first=True)
    return np.asarray(detector.expected(light.reshape(-1, *WINDOW))).reshape(light.shape)


def masked(seed: int) -> npt.NDArray[np.bool_]:
    return np.random.default_rng(seed).random((1, 1, *WINDOW)) > 0.2


def excess(counts: npt.NDArray[Any], light: npt.NDArray[Any], **known: Any) -> npt.NDArray[np.float64]:
    """The factor less 1, of arrays."""
    tensors: dict[str, Any] = {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for name, value in known.items()
    }
    recorded = Recorded(torch.from_numpy(np.sqrt(counts)), **tensors)
    return np.asarray(recorded.excess(torch.from_numpy(light)))


@pytest.mark.parametrize("blurs", [False, True])
def test_what_the_model_expects_changes_nothing(blurs: bool) -> None:
    light, background = image(0), image(1, 0.1, 2.0)
    expected = (blurred(light) if blurs else light) + background
    counts = np.where(masked(2), expected, 77.0)
    found = excess(counts, light, valid=masked(2), background=background, blur=blur() if blurs else None)
    np.testing.assert_allclose(found, 0, atol=1e-6)


def test_a_sharp_detector_gives_each_pixel_its_own_modulus() -> None:
    counts, light, background, valid = image(3), image(4), image(5, 0.1, 2), masked(6)
    found = excess(counts, light, valid=valid, background=background)
    wanted = np.sqrt(counts / (light + background + FLOOR)) - 1
    np.testing.assert_allclose(found, np.where(valid, wanted, 0), rtol=1e-9, atol=1e-12)


def test_a_blurring_detector_judges_light_by_where_it_falls() -> None:
    counts, light, background, valid = image(3), image(4), image(5, 0.1, 2), masked(6)
    found = excess(counts, light, valid=valid, background=background, blur=blur())
    ratio = counts / (blurred(light) + background + FLOOR)
    seen = blurred(np.broadcast_to(valid, light.shape).astype(float))
    np.testing.assert_allclose(found, np.sqrt(blurred(ratio * valid) / seen) - 1, rtol=1e-9)
    marked = np.where(valid, counts, 1e4)
    np.testing.assert_array_equal(excess(marked, light, valid=valid, background=background, blur=blur()), found)


@pytest.mark.parametrize("blurs", [False, True])
def test_a_saturated_pixel_is_a_lower_bound(blurs: bool) -> None:
    light = image(4)
    saturated = np.ones(light.shape, bool)
    how: dict[str, Any] = {"saturated": saturated, "blur": blur() if blurs else None}
    np.testing.assert_allclose(excess(0.5 * (blurred(light) if blurs else light), light, **how), 0, atol=1e-12)
    brighter = 2 * (blurred(light) if blurs else light)
    np.testing.assert_allclose(excess(brighter, light, **how), np.sqrt(2) - 1, rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.booleans(), st.booleans())
def test_the_likelihood_of_the_light_never_falls(seed: int, blurs: bool, masks: bool, lit: bool) -> None:
    """Steps of expectation maximization, with photons of a true light."""
    rng = np.random.default_rng(seed)
    background = rng.uniform(0.1, 3.0, (1, 1, *WINDOW)) if lit else np.zeros((1, 1, *WINDOW))
    valid = masked(seed) if masks else np.ones((1, 1, *WINDOW), bool)
    truth, light = image(seed, 0.2, 9.0), image(seed + 1, 0.2, 9.0)

    def rates(of: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.asarray((blurred(of) if blurs else of) + background + FLOOR)

    counts = rng.poisson(rates(truth)).astype(float)
    losses = []
    for _ in range(6):
        expected = rates(light)
        losses.append(float(np.sum((expected - counts * np.log(expected)) * valid)))
        found = excess(counts, light, valid=valid, background=background, blur=blur() if blurs else None)
        light = light * (1 + found) ** 2
    assert all(later <= earlier + 1e-4 for earlier, later in pairwise(losses))
    assert losses[-1] < losses[0]
