"""The detector: energy, adjoint, and an independent blur; what is recorded of counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from ptyproof.errors import InputError
from ptyproof.physics.detector import Detector, blur_matrix, blurred
from ptyproof.physics.forward import MAX_EXPECTED_COUNTS, expected_counts, expected_peak_and_mean, simulate_counts
from tests.helpers.messages import naming
from tests.strategies.scans import complex_noise

WINDOWS = [(12, 20), (9, 14), (16, 7), (1, 5)]
RNG = np.random.default_rng(11)


@pytest.mark.parametrize("sigma", [0.3, 0.5, 1.0, 2.7, 9.0])
@pytest.mark.parametrize("window", WINDOWS)
def test_the_blur_is_a_gaussian_filter_that_reflects(window: tuple[int, int], sigma: float) -> None:
    intensity = RNG.uniform(0, 5, (3, *window))
    how: Any = {"sigma": (0, sigma, sigma), "mode": "reflect", "radius": (0, *[max(1, int(np.ceil(6 * sigma)))] * 2)}
    expected = gaussian_filter(intensity, **how)
    np.testing.assert_allclose(blurred(intensity, sigma), expected, rtol=1e-12)


@settings(max_examples=40)
@given(
    window=st.tuples(st.integers(1, 17), st.integers(1, 17)),
    sigma=st.floats(0.05, 64),
    seed=st.integers(0, 2**16),
)
def test_the_blur_conserves_energy_and_light(window: tuple[int, int], sigma: float, seed: int) -> None:
    intensity = np.random.default_rng(seed).uniform(0, 5, (2, *window))
    found = blurred(intensity, sigma)
    np.testing.assert_allclose(found.sum(axis=(1, 2)), intensity.sum(axis=(1, 2)), rtol=1e-12)
    assert found.min() >= 0
    np.testing.assert_allclose(blurred(np.full(window, 3.5), sigma), 3.5, rtol=1e-12)  # flat light stays flat


@pytest.mark.parametrize("window", WINDOWS)
def test_the_adjoint_of_the_linear_part(window: tuple[int, int]) -> None:
    """<f (G * I), c> = <I, G* (f c)>, relative, with factors that differ and arrays of any sign."""
    detector = Detector(psf_sigma_px=0.8, factors=RNG.uniform(0.5, 2, 4), background=np.ones(window))
    first, second = RNG.normal(size=(2, 4, *window))
    zero = detector.expected(np.zeros_like(first))
    left = np.vdot(detector.expected(first) - zero, second)
    right = np.vdot(first, detector.adjoint(second))
    assert left == pytest.approx(right, rel=1e-12)
    assert np.abs(detector.adjoint(second) - second).max() > 0.1


@pytest.mark.parametrize("window", WINDOWS[:3])
def test_the_adjoint_gives_the_gradient_with_a_complex_probe(window: tuple[int, int]) -> None:
    """d/dO* of sum c E is sum_m conj(P_m) F^-1((G* f c) F(P_m O)), against finite differences along a direction."""
    shapes = ((3, *window), (1, *window), (1, *window))
    modes, patch, way = (complex_noise(shape, seed).astype(np.complex128) for seed, shape in enumerate(shapes))
    detector = Detector(psf_sigma_px=0.7, factors=np.array([1.3]), background=np.full(window, 0.2))
    weight = RNG.normal(size=(1, *window))

    def value(step: float) -> float:
        return float((weight * detector.expected(expected_counts(modes, patch + step * way))).sum())

    back = np.fft.ifftshift(detector.adjoint(weight), axes=(1, 2))
    spectrum = np.fft.fft2(modes * patch[0], norm="ortho")
    gradient = (modes.conj() * np.fft.ifft2(back * spectrum, norm="ortho")).sum(axis=0)
    step = 1e-4
    slope = (value(step) - value(-step)) / (2 * step)
    assert 2 * np.vdot(gradient, way[0]).real == pytest.approx(slope, rel=1e-7)


def test_a_pixel_far_from_the_edges_spreads_as_a_gaussian() -> None:
    point = np.zeros((41, 41))
    point[20, 20] = 1
    found = blurred(point, 1.5)
    rows, cols = np.meshgrid(np.arange(41) - 20, np.arange(41) - 20, indexing="ij")
    assert (found * rows**2).sum() == pytest.approx(1.5**2, rel=1e-3)
    assert (found * rows * cols).sum() == pytest.approx(0, abs=1e-12)
    assert found[20, 22] == pytest.approx(found[20, 20] * np.exp(-0.5 * (2 / 1.5) ** 2), rel=1e-12)


def test_light_at_an_edge_is_reflected() -> None:
    line = np.zeros((1, 9))
    line[0, 0] = 1
    found = blurred(line, 1.0)[0]
    kernel = np.exp(-0.5 * np.arange(-6, 7) ** 2)
    kernel /= kernel.sum()
    assert found[0] == pytest.approx(kernel[6] + kernel[5], rel=1e-12)
    assert found[1] == pytest.approx(kernel[7] + kernel[4], rel=1e-12)


@pytest.mark.parametrize("sigma", [0.0, -1.0, 65.0, float("nan"), float("inf")])
def test_blurs_that_no_detector_has(sigma: float) -> None:
    with pytest.raises(InputError, match=naming("(0, 64]", f"{sigma}")):
        blur_matrix(8, sigma)


def test_what_is_expected_keeps_the_precision_of_the_intensity() -> None:
    intensity = RNG.uniform(0, 5, (2, 6, 8)).astype(np.float32)
    detector = Detector(0.5, RNG.uniform(0.9, 1.1, 2), np.ones((6, 8), np.float32))
    assert detector.expected(intensity).dtype == np.float32
    reference = detector.expected(intensity.astype(np.float64))
    np.testing.assert_allclose(detector.expected(intensity), reference, rtol=1e-5)


def test_rows_choose_what_belongs_to_them() -> None:
    per_pattern = Detector(
        factors=np.array([1.0, 2.0, 3.0]),
        background=np.arange(3.0)[:, None, None] * np.ones((3, 2, 2)),
        valid=np.arange(12).reshape(3, 2, 2) % 3 > 0,
        saturation_counts=4.0,
    )
    intensity = np.ones((1, 2, 2))
    np.testing.assert_array_equal(per_pattern.expected(intensity, slice(2, 3)), np.full((1, 2, 2), 5.0))
    np.testing.assert_array_equal(per_pattern.expected(intensity, np.array([1])), np.full((1, 2, 2), 3.0))
    found = per_pattern.recorded(np.full((1, 2, 2), 9), slice(1, 2))
    np.testing.assert_array_equal(found, np.where(per_pattern.valid[1:2], 4, 0))  # type: ignore[index]


def scene() -> tuple[Any, Any, Any]:
    obj = np.exp(1j * RNG.uniform(-1, 1, (30, 40)))
    probe = 3 * np.outer(np.hanning(12), np.hanning(20)) * np.exp(1j * np.linspace(0, 2, 20))
    positions = RNG.uniform(0, 1, (7, 2)) * [17, 19] + [6, 10]
    return obj, probe, positions


def test_a_perfect_detector_draws_what_was_drawn_without_one() -> None:
    obj, probe, positions = scene()
    plain, perfect = (
        np.concatenate(list(simulate_counts(obj, probe, positions, np.random.default_rng(1), detector=detector)))
        for detector in (None, Detector())
    )
    np.testing.assert_array_equal(plain, perfect)


@pytest.mark.parametrize("block", [1, 3, 100])
def test_counts_are_poisson_about_what_the_detector_expects(block: int) -> None:
    obj, probe, positions = scene()
    window = (12, 20)
    valid = RNG.uniform(size=window) > 0.2
    detector = Detector(0.6, RNG.uniform(0.5, 1.5, 7), np.full(window, 2.0), 30.0, valid)
    blocks = simulate_counts(obj, 20 * probe, positions, np.random.default_rng(1), block, detector)
    counts = np.concatenate(list(blocks))
    free = Detector(0.6, detector.factors, detector.background)
    unlimited = np.concatenate(list(simulate_counts(obj, 20 * probe, positions, np.random.default_rng(1), 4, free)))
    np.testing.assert_array_equal(counts, np.where(valid, np.minimum(unlimited, 30), 0))
    peak, mean = expected_peak_and_mean(obj, 20 * probe, positions, free)
    assert abs(unlimited.mean(axis=0) - mean).max() < 6 * np.sqrt(peak / 7)
    assert unlimited.sum() == pytest.approx(7 * mean.sum(), rel=5 / np.sqrt(unlimited.sum()))


def test_a_background_that_makes_counts_too_large_is_refused() -> None:
    obj, probe, positions = scene()
    detector = Detector(background=np.full((12, 20), 2 * MAX_EXPECTED_COUNTS))
    with pytest.raises(InputError, match=naming("photons in one pixel")):
        next(simulate_counts(obj, probe, positions, np.random.default_rng(1), detector=detector))
