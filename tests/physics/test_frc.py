"""Ring correlation and its thresholds: brute force, analytic cases, published curves, bad input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ptyproof.errors import InputError
from ptyproof.physics.align import soft_window
from ptyproof.physics.frc import (
    HALF_BIT,
    NYQUIST,
    ONE_BIT,
    RingCorrelation,
    crossing,
    last_crossing,
    ring_correlation,
)
from ptyproof.physics.metamorphic import make_scene
from tests.helpers.messages import naming
from tests.strategies.scans import complex_noise


def even(shape: tuple[int, ...]) -> npt.NDArray[Any]:
    return np.ones(shape)


def brute_force(
    a: npt.NDArray[Any], b: npt.NDArray[Any], window: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], list[int]]:
    """The definition, pixel by pixel."""
    side = min(a.shape)
    fa, fb = (np.fft.fft2(window * (x - (window * x).sum() / window.sum())) for x in (a, b))
    rings: dict[int, list[tuple[complex, complex]]] = {}
    for i, row in enumerate(np.fft.fftfreq(a.shape[0])):
        for j, col in enumerate(np.fft.fftfreq(a.shape[1])):
            rings.setdefault(round(np.hypot(row, col) * side), []).append((fa[i, j], fb[i, j]))
    curve = []
    for ring in range(1, side // 2 + 1):
        x, y = np.array(rings[ring]).T
        curve.append(np.vdot(y, x).real / np.sqrt(np.vdot(x, x).real * np.vdot(y, y).real))
    return np.array(curve), [len(rings[ring]) for ring in range(1, side // 2 + 1)]


@pytest.mark.parametrize("shape", [(24, 31), (33, 20), (16, 16)])
def test_the_curve_is_that_of_the_definition(shape: tuple[int, ...]) -> None:
    a = complex_noise(shape, 0).astype(np.complex128)
    b = a + complex_noise(shape, 1)
    window = soft_window(np.ones(shape, dtype=bool), 3.0)
    expected, counts = brute_force(a, b, window)
    found = ring_correlation(a, b, window)
    np.testing.assert_allclose(found.correlation, expected, rtol=1e-9)
    assert found.n_px.tolist() == counts
    np.testing.assert_allclose(found.frequency, np.arange(1, min(shape) // 2 + 1) / min(shape))


def test_an_image_agrees_with_itself_at_every_frequency_whatever_its_scale_and_mean() -> None:
    image = complex_noise((40, 50), 2).real.astype(np.float64)
    curve = ring_correlation(image, 3 * image + 5, even(image.shape))
    np.testing.assert_allclose(curve.correlation, 1.0, rtol=1e-9)
    assert crossing(curve, curve.threshold(0.5)) == NYQUIST


def test_independent_noise_agrees_nowhere() -> None:
    shape = (128, 128)
    curve = ring_correlation(complex_noise(shape, 0).real, complex_noise(shape, 1).real, even(shape))
    # Of n Fourier pixels half are independent, each with a real and an imaginary part: scatter 1 / sqrt(n).
    assert np.abs(curve.correlation * np.sqrt(curve.n_px)).mean() == pytest.approx(np.sqrt(2 / np.pi), abs=0.15)
    assert crossing(curve, curve.threshold(snr=ONE_BIT)) < 0.05


@pytest.mark.parametrize("cut", [0.1, 0.2, 0.35])
def test_the_resolution_is_where_the_common_part_ends(cut: float) -> None:
    shape = (192, 160)
    waves = np.fft.fft2(complex_noise(shape, 0).real)
    waves *= np.hypot(*np.meshgrid(np.fft.fftfreq(192), np.fft.fftfreq(160), indexing="ij")) < cut
    common = np.fft.ifft2(waves).real
    a, b = (common + 0.02 * complex_noise(shape, seed).real for seed in (1, 2))
    curve = ring_correlation(a, b, even(shape))
    for threshold in (curve.threshold(0.5), curve.threshold(1 / 7), curve.threshold(snr=ONE_BIT)):
        assert crossing(curve, threshold) == pytest.approx(cut, abs=1.5 / 160)


def test_the_level_of_a_known_signal_to_noise_ratio() -> None:
    # Signal with two independent noises of a signal-to-noise ratio S: FRC = S / (S + 1).
    shape = (256, 256)
    signal = complex_noise(shape, 0)
    a, b = (signal + complex_noise(shape, seed) / np.sqrt(3.0) for seed in (1, 2))
    curve = ring_correlation(a, b, even(shape))
    assert np.average(curve.correlation, weights=curve.n_px) == pytest.approx(0.75, abs=0.01)


def test_the_curves_of_information_are_those_of_van_heel_and_schatz() -> None:
    curve = RingCorrelation(np.array([0.1, 0.2]), np.zeros(2), np.array([100, 10**12]), (True, True))
    half, one = curve.threshold(snr=HALF_BIT), curve.threshold(snr=ONE_BIT)
    root = 10.0
    assert half[0] == pytest.approx((0.2071 + 1.9102 / root) / (1.2071 + 0.9102 / root), rel=1e-4)
    assert one[0] == pytest.approx((0.5 + 2.4142 / root) / (1.5 + 1.4142 / root), rel=1e-4)
    np.testing.assert_allclose([half[1], one[1]], [0.2071 / 1.2071, 1 / 3], rtol=1e-3)


def test_the_crossing_lies_between_two_rings() -> None:
    curve = RingCorrelation(np.array([0.1, 0.2, 0.3, 0.4]), np.array([1.0, 0.8, 0.4, 0.9]), np.full(4, 9), (True, True))
    assert crossing(curve, curve.threshold(0.5)) == pytest.approx(0.275)
    assert crossing(curve, curve.threshold(0.3)) == NYQUIST
    assert crossing(curve, np.full(4, 1.1)) == 0.0


def curve_of(*correlation: float) -> RingCorrelation:
    frequency = NYQUIST * np.arange(1, len(correlation) + 1) / len(correlation)
    return RingCorrelation(frequency, np.array(correlation), np.full(len(correlation), 9), (True, True))


@pytest.mark.parametrize(
    ("correlation", "first", "above", "last"),
    [
        ((1.0, 0.9, 0.8, 0.2, 0.1), 0.35, 0.35, 0.35),
        ((0.4, 0.9, 0.8, 0.2, 0.1), 0.0, 0.35, 0.35),  # wrong at the coarsest scale alone
        ((0.4, 0.9, 0.2, 0.8, 0.2), 0.0, 0.2 + 0.1 * 4 / 7, 0.45),  # back above the threshold once more
        ((1.0, 0.4, 0.9, 0.8, 0.2), 0.1 + 0.1 * 5 / 6, 0.0, 0.45),  # below at the first ring that counts
        ((0.4, 0.9, 0.9, 0.9, 0.9), 0.0, NYQUIST, NYQUIST),
        ((0.1, 0.2, 0.1, 0.0, 0.1), 0.0, 0.0, 0.0),
    ],
)
def test_first_crossing_first_above_a_frequency_and_last_crossing(
    correlation: tuple[float, ...], first: float, above: float, last: float
) -> None:
    curve = curve_of(*correlation)
    threshold = curve.threshold(0.5)
    assert crossing(curve, threshold) == pytest.approx(first)
    assert crossing(curve, threshold, lowest=0.15) == pytest.approx(above)
    assert last_crossing(curve, threshold) == pytest.approx(last)


def test_no_ring_above_the_lowest_frequency() -> None:
    curve = curve_of(1.0, 1.0)
    with pytest.raises(InputError, match=naming(0.6, 0.5)):
        crossing(curve, curve.threshold(0.5), lowest=0.6)


def test_a_soft_window_keeps_agreement_at_low_frequencies_from_leaking_to_high_ones() -> None:
    truth = np.angle(make_scene((128, 140)).truth)
    low = np.hypot(*np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(140), indexing="ij")) < 0.1
    smooth = np.fft.ifft2(np.fft.fft2(truth) * low).real[30:100, 30:110]
    rng = np.random.default_rng(0)
    this, other = (smooth + 0.02 * rng.standard_normal(smooth.shape) for _ in range(2))

    def high(window: npt.NDArray[Any]) -> float:
        curve = ring_correlation(this, other, window)
        return float(np.abs(curve.correlation[curve.frequency > 0.2]).mean())

    assert high(soft_window(np.ones(smooth.shape, dtype=bool), 8.0)) < 0.15
    assert high(even(smooth.shape)) > 0.7


@pytest.mark.parametrize("value", [0.0, 1.0, 0.3 - 2j])
def test_a_constant_image_has_no_power(value: Any) -> None:
    image = complex_noise((32, 32), 0)
    curve = ring_correlation(np.full((32, 32), value), image, soft_window(np.ones((32, 32), dtype=bool), 4.0))
    assert curve.has_power == (False, True)
    assert not curve.correlation.any()
    assert crossing(curve, curve.threshold(0.5)) == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: ring_correlation(a, a[1:], even(a.shape)), naming("window", "(16, 18)", "(15, 18)")),
        (lambda a: ring_correlation(a[:3], a[:3], even(a.shape)[:3]), naming("4 px", "(3, 18)")),
        (lambda a: ring_correlation(a * np.nan, a, even(a.shape)), naming("a", 288)),
        (lambda a: ring_correlation(a, a, 0 * even(a.shape)), naming("window")),
        (lambda a: crossing(ring_correlation(a, a, even(a.shape)), np.ones(3)), naming(8, "(3,)")),
        (lambda a: last_crossing(ring_correlation(a, a, even(a.shape)), np.ones(3)), naming(8, "(3,)")),
        (lambda a: ring_correlation(a, a, even(a.shape)).threshold(), naming("level None", "snr None")),
    ],
)
def test_unusable_input(call: Callable[..., Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(complex_noise((16, 18), 0))
