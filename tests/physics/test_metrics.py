"""Errors against the truth and the Poisson deviance: analytic values, brute force, invariances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import poisson

from ptyproof.errors import InputError
from ptyproof.physics.metrics import patch_error, poisson_deviance, r_factor, scaled_error
from tests.helpers.messages import naming
from tests.strategies.scans import complex_noise

factors = st.builds(lambda modulus, angle: modulus * np.exp(1j * angle), st.floats(1e-3, 1e3), st.floats(0, 2 * np.pi))


def scene(seed: int = 0, shape: tuple[int, ...] = (9, 14)) -> Any:
    """A result, a truth that resembles it, and weights."""
    truth = complex_noise(shape, seed)
    result = truth + 0.4 * complex_noise(shape, seed + 1)
    return result, truth, np.random.default_rng(seed).uniform(0, 3, shape)


def test_analytic_values() -> None:
    truth = np.array([1.0, 1j, 0.0, 7.0])
    result = np.array([1.0, 0.0, 1.0, 9.0])
    weight = np.array([1.0, 1.0, 2.0, 0.0])
    # <R,R> = 1 + 2, <R,T> = 1, <T,T> = 2: the residual is 2 - 1/3.
    error = scaled_error(result, truth, weight)
    assert error.nrmse == pytest.approx(np.sqrt((2 - 1 / 3) / 2), rel=1e-14)
    assert error.scale == pytest.approx(1 / 3, rel=1e-14)


def test_the_scale_is_the_one_that_brings_the_result_to_the_truth() -> None:
    _, truth, weight = scene()
    error = scaled_error(truth / (2 - 1j), truth, weight)
    assert error.nrmse < 1e-7
    assert error.scale == pytest.approx(2 - 1j, rel=1e-6)


def test_the_scale_is_the_best_one() -> None:
    result, truth, weight = scene()
    error = scaled_error(result, truth, weight)

    def squared(c: npt.NDArray[Any]) -> Any:
        return (weight * abs((c[0] + 1j * c[1]) * result - truth) ** 2).sum() / (weight * abs(truth) ** 2).sum()

    found = minimize(squared, x0=[1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14})
    assert error.nrmse == pytest.approx(np.sqrt(found.fun), rel=1e-8)
    assert error.scale == pytest.approx(complex(*found.x), rel=1e-5)


@given(factors, factors, st.integers(0, 100))
def test_scale_and_phase_of_result_and_truth_do_not_matter(a: npt.NDArray[Any], b: npt.NDArray[Any], seed: int) -> None:
    result, truth, weight = scene(seed)
    expected = scaled_error(result, truth, weight)
    error = scaled_error(a * result, b * truth, 5 * weight)
    assert error.nrmse == pytest.approx(expected.nrmse, rel=1e-9)
    assert error.scale == pytest.approx(expected.scale * b / a, rel=1e-9)


def test_precision_does_not_depend_on_the_dtype() -> None:
    result, truth, weight = scene(shape=(200, 300))
    single = scaled_error(result.astype(np.complex64), truth.astype(np.complex64), weight.astype(np.float32))
    assert single.nrmse == pytest.approx(scaled_error(result, truth, weight).nrmse, rel=1e-6)
    assert scaled_error(truth, truth, weight.astype(np.float32)).nrmse < 1e-15


def test_a_zero_result_has_error_one() -> None:
    _, truth, weight = scene()
    weight[:3] = 0
    result = np.zeros_like(truth)
    result[:3] = 1
    error = scaled_error(result, truth, weight)
    assert (error.nrmse, error.scale) == (1.0, 0j)


def test_a_constant_result_scores_badly() -> None:
    _, truth, weight = scene(shape=(50, 60))
    assert scaled_error(np.ones_like(truth), truth, weight).nrmse > 0.95
    stack = complex_noise((8, 16, 20), 3)
    assert patch_error(np.ones_like(stack), stack, np.ones(stack.shape)) > 0.9


def test_more_noise_is_never_better_on_average() -> None:
    truth = np.exp(1j * complex_noise((4, 30, 40), 0).real)
    weight = np.ones(truth.shape)
    levels = [0.0, 0.1, 0.3, 1.0, 3.0]
    noise = [complex_noise(truth.shape, seed) for seed in range(10, 15)]
    metrics: tuple[Callable[[npt.NDArray[Any]], float], ...] = (
        lambda r: scaled_error(r, truth, weight).nrmse,
        lambda r: patch_error(r, truth, weight),
    )
    for metric in metrics:
        means = [np.mean([metric(truth + level * one) for one in noise]) for level in levels]
        assert means == sorted(means)
        assert means[0] < 1e-7
        # Noise of variance 2 level^2 on |T| = 1: residual 2 level^2 / (1 + 2 level^2) of the energy.
        expected = [np.sqrt(2 * s**2 / (1 + 2 * s**2)) for s in levels]
        np.testing.assert_allclose(means, expected, atol=0.01)


def test_each_patch_has_a_factor_of_its_own() -> None:
    truth = complex_noise((5, 6, 9), 0)
    weights = np.random.default_rng(0).uniform(0, 1, truth.shape)
    own = np.exp(1j * np.arange(5)) * np.arange(1, 6)
    scaled = truth * own[:, None, None]
    assert patch_error(scaled, truth, weights) < 1e-7
    assert scaled_error(scaled, truth, weights).nrmse > 0.5


def test_the_patch_error_sums_the_energies_of_the_patches() -> None:
    result, truth, weights = scene(shape=(4, 7, 5))
    result, truth = result.astype(np.complex128), truth.astype(np.complex128)
    result[2] = 0
    single = [scaled_error(*one) for one in zip(result, truth, weights, strict=True)]
    energy = (weights * abs(truth) ** 2).sum(axis=(1, 2))
    expected = np.sqrt(sum(e.nrmse**2 * t for e, t in zip(single, energy, strict=True)) / energy.sum())
    assert patch_error(result, truth, weights) == pytest.approx(expected, rel=1e-12)
    inner = (weights * result.conj() * truth).sum(axis=(1, 2))
    power = (weights * abs(result) ** 2).sum(axis=(1, 2))
    residual = energy - np.divide(abs(inner) ** 2, power, out=np.zeros(4), where=power > 0)
    assert patch_error(result, truth, weights) == pytest.approx(np.sqrt(residual.sum() / energy.sum()), rel=1e-6)


@given(st.lists(factors, min_size=3, max_size=3), st.integers(0, 100))
def test_patch_factors_do_not_matter(own: Any, seed: int) -> None:
    result, truth, weights = scene(seed, (3, 5, 8))
    turned = result * np.array(own)[:, None, None]
    assert patch_error(turned, truth, weights) == pytest.approx(patch_error(result, truth, weights), rel=1e-9)
    assert patch_error(result, truth, weights) <= scaled_error(result, truth, weights).nrmse * (1 + 1e-12)


def test_one_zero_patch_and_one_without_weight() -> None:
    truth = np.ones((3, 4, 5), dtype=np.complex64)
    result = truth.copy()
    result[0] = 0
    weights = np.ones(truth.shape)
    weights[1] = 0
    assert patch_error(result, truth, weights) == pytest.approx(np.sqrt(0.5))


@pytest.mark.parametrize("metric", [scaled_error, patch_error])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r, t, w: (r[:, :-1], t, w), naming("result", "truth", "(2, 2, 4)", "(2, 3, 4)")),
        (lambda r, t, w: (r, t, w[0]), naming("weight", "(2, 3, 4)", "(3, 4)")),
        (lambda r, t, w: (r, t, -w), naming("weight", 24)),
        (lambda r, t, w: (r, t, w * np.nan), naming("weight", 24)),
        (lambda r, t, w: (r, t, 0 * w), naming("weight", "(2, 3, 4)")),
        (lambda r, t, w: (r, t, w + 0j), naming("weight", "complex128")),
        (lambda r, t, w: (r, 0 * t, w), r"\btruth\b"),
        (lambda r, t, w: (r * np.inf, t, w), naming("result", 24)),
        (lambda r, t, w: (r, t * np.nan, w), naming("truth", 24)),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered in multiply:RuntimeWarning")
def test_unusable_input(metric: Callable[..., Any], change: Any, message: str) -> None:
    result, truth, weight = scene(shape=(2, 3, 4))
    with pytest.raises(InputError, match=message):
        metric(*change(result, truth, weight))


def test_patches_must_be_a_stack() -> None:
    with pytest.raises(InputError, match=r"\(n, H, W\)"):
        patch_error(*scene(shape=(4, 5)))


def test_the_deviance_is_the_log_likelihood_above_its_smallest_value() -> None:
    rng = np.random.default_rng(0)
    expected = rng.uniform(0.01, 40, (3, 6, 11)).astype(np.float32)
    counts = rng.poisson(expected)
    saturated = np.where(counts > 0, poisson.logpmf(counts, np.maximum(counts, 1)), 0.0)
    for floor in (0.0, 0.7):
        rates = expected.astype(np.float64) + floor
        reference = (saturated - poisson.logpmf(counts, rates)).mean()
        assert poisson_deviance(expected, counts, floor) == pytest.approx(reference, rel=1e-10)


def test_analytic_deviances() -> None:
    counts = np.array([0, 3])
    assert poisson_deviance(np.array([0.0, 3.0]), counts, 0.0) == 0.0
    assert poisson_deviance(np.array([2.0, 3.0]), counts, 0.0) == 1.0
    assert poisson_deviance(np.array([0.0, 0.0]), counts, 1.0) == pytest.approx((1 + 1 - 3 + 3 * np.log(3)) / 2)
    assert poisson_deviance(np.array([0.0, 0.0]), counts, 0.0) == np.inf


def test_the_deviance_is_computed_in_double_precision() -> None:
    expected = np.full((200, 300), 2e6, dtype=np.float32)
    counts = np.full(expected.shape, 2_000_001)
    # (n - I)^2 / 2 I, up to a relative 1e-6: far below what float32 could tell from zero.
    assert poisson_deviance(expected, counts, 0.0) == pytest.approx(2.5e-7, rel=1e-2)


def test_the_deviance_of_the_true_model_is_one_half_and_others_are_worse() -> None:
    rng = np.random.default_rng(1)
    expected = rng.uniform(50, 200, (64, 96))
    counts = rng.poisson(expected)
    best = poisson_deviance(expected, counts, 0.0)
    assert best == pytest.approx(0.5, abs=0.02)
    assert best < poisson_deviance(1.05 * expected, counts, 0.0) < poisson_deviance(1.2 * expected, counts, 0.0)
    assert poisson_deviance(np.full(expected.shape, counts.mean()), counts, 0.0) > 5


@pytest.mark.parametrize(
    ("expected", "counts", "floor", "message"),
    [
        ([1.0, 2.0], [1.0], 0.0, naming("expected", "counts", "(2,)", "(1,)")),
        ([], [], 0.0, naming("expected", "counts", "(0,)")),
        ([-1.0], [1.0], 0.0, naming("expected", 1)),
        ([1.0], [-1.0], 0.0, naming("counts", 1)),
        ([1.0], [1.0], -0.1, naming("floor", 1)),
        ([np.nan], [1.0], 0.0, naming("expected", 1)),
        ([1.0], [np.inf], 0.0, naming("counts", 1)),
        ([1.0], [1.0], np.inf, naming("floor", 1)),
        ([1j], [1.0], 0.0, naming("expected", "complex128")),
    ],
)
def test_unusable_counts(expected: Any, counts: npt.NDArray[Any], floor: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        poisson_deviance(np.array(expected), np.array(counts), floor)


def test_analytic_r_factors() -> None:
    counts = np.array([[4, 9], [0, 25]])
    assert r_factor(counts.astype(np.float32), counts) == 0.0
    # Amplitudes 2, 3, 0, 5 against 1, 3, 2, 4: off by 1 + 0 + 2 + 1 of 10.
    assert r_factor(np.array([[1.0, 9.0], [4.0, 16.0]]), counts) == pytest.approx(0.4)
    assert r_factor(np.zeros((2, 2)), counts) == 1.0


def test_the_r_factor_of_poisson_noise() -> None:
    # sqrt(n) scatters by 1/2 around sqrt(I): R = E|N(0, 1/4)| / sqrt(I).
    expected = np.full((300, 400), 400.0)
    counts = np.random.default_rng(0).poisson(expected)
    assert r_factor(expected, counts) == pytest.approx(0.5 * np.sqrt(2 / np.pi) / 20, rel=0.01)


@pytest.mark.parametrize(
    ("expected", "counts", "message"),
    [
        ([1.0], [1.0, 2.0], naming("expected", "counts", "(1,)", "(2,)")),
        ([-1.0], [1.0], naming("expected", 1)),
        ([1.0], [np.nan], naming("counts", 1)),
        ([1.0], [0.0], r"\bcounts\b"),
    ],
)
def test_unusable_counts_of_an_r_factor(expected: Any, counts: npt.NDArray[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        r_factor(np.array(expected), np.array(counts))


def test_the_error_has_the_same_bits_on_any_number_of_threads() -> None:
    threads = pytest.importorskip("threadpoolctl")
    result, truth, weight = scene(shape=(400, 500))
    found = []
    for n in (1, 2):
        with threads.threadpool_limits(n):
            found.append(scaled_error(result, truth, weight))
    assert found[0] == found[1]
