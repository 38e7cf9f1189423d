"""The torch forward model against numpy's, and its loss against scipy's likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson

from ptyproof.physics import forward as numpy_forward
from ptyproof.physics import fourier as numpy_fourier
from ptyproof.physics.detector import Detector as NumpyDetector
from ptyproof.training.forward import Detector, back, expected_counts, incoherent_counts, poisson_loss, spectrum
from tests.helpers.known import known
from tests.strategies.scans import complex_noise, windows


def noise(shape: tuple[int, ...], seed: int, dtype: Any = np.complex128) -> torch.Tensor:
    """Complex noise as a tensor: nothing in it is symmetric or real."""
    return torch.from_numpy(complex_noise(shape, seed).astype(dtype))


def centred_first(field: Any) -> Any:
    """What has its zero frequency in the middle, with it first."""
    height, width = field.shape[-2:]
    rows, cols = (np.arange(height) + height // 2) % height, (np.arange(width) + width // 2) % width
    return field[..., rows[:, None], cols]


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.complex64, 1e-5), (np.complex128, 1e-10)])
@pytest.mark.parametrize("window", [(12, 20), (9, 14), (16, 7)])
def test_expected_counts_are_those_of_the_numpy_model(window: tuple[int, int], dtype: Any, tolerance: float) -> None:
    probe = complex_noise(window, 1).astype(dtype)
    patches = complex_noise((3, *window), 2).astype(dtype)
    reference = centred_first(numpy_forward.expected_counts(probe, patches))
    found = expected_counts(torch.from_numpy(probe), torch.from_numpy(patches)).numpy()
    assert found.dtype == reference.dtype
    np.testing.assert_allclose(found, reference, rtol=0, atol=tolerance * reference.max())
    weak = np.abs(found / reference - 1)[reference > 1e-2 * reference.max()]
    assert weak.max() < 10 * tolerance


def test_a_tilted_wave_arrives_where_the_shift_theorem_says() -> None:
    rows, cols = np.meshgrid(np.arange(12), np.arange(20), indexing="ij")
    wave = np.exp(2j * np.pi * (3 * rows / 12 - 4 * cols / 20))
    counts = expected_counts(torch.ones((12, 20), dtype=torch.complex128), torch.from_numpy(wave)).numpy()
    expected = np.zeros((12, 20))
    expected[3, -4] = 12 * 20
    np.testing.assert_allclose(counts, expected, atol=1e-10)


@settings(max_examples=30)
@given(window=windows(2, 11), seed=st.integers(0, 2**16))
def test_the_detector_sees_all_the_energy_of_the_exit_wave(window: tuple[int, int], seed: int) -> None:
    probes, patches = noise((2, *window), seed), noise((2, *window), seed + 1)
    energy = (probes * patches).abs().square().sum(dim=(-2, -1))
    torch.testing.assert_close(expected_counts(probes, patches).sum(dim=(-2, -1)), energy, rtol=1e-12, atol=0)


@settings(max_examples=30)
@given(window=windows(1, 11), seed=st.integers(0, 2**16))
def test_the_transform_is_numpys_and_its_inverse_is_its_adjoint(window: tuple[int, int], seed: int) -> None:
    u, v = noise((2, *window), seed), noise((2, *window), seed + 1)
    np.testing.assert_allclose(spectrum(u).numpy(), centred_first(numpy_fourier.fft2c(u.numpy())), atol=1e-12)
    np.testing.assert_allclose(back(centred_first(v)).numpy(), numpy_fourier.ifft2c(v.numpy()), atol=1e-12)
    torch.testing.assert_close(back(spectrum(u)), u, rtol=0, atol=1e-12)
    left, right = torch.vdot(spectrum(u).flatten(), v.flatten()), torch.vdot(u.flatten(), back(v).flatten())
    assert abs(left - right) < 1e-12 * float(u.norm() * v.norm())


@pytest.mark.parametrize("floor", [1e-3, 0.7])
def test_the_loss_is_scipys_likelihood_below_the_saturated_model(floor: float) -> None:
    rng = np.random.default_rng(3)
    expected = rng.gamma(0.7, 5.0, (2, 6, 9))
    counts = rng.poisson(expected).astype(np.float64)
    assert (counts == 0).any()
    saturated = np.where(counts > 0, poisson.logpmf(counts, np.maximum(counts, 1e-300)), 0.0)
    reference = (saturated - poisson.logpmf(counts, expected + floor)).mean()
    found = poisson_loss(torch.from_numpy(expected), torch.from_numpy(counts), floor)
    assert float(found) == pytest.approx(reference, rel=1e-10)


def test_the_loss_is_zero_where_the_rate_is_the_count_and_larger_elsewhere() -> None:
    counts = torch.from_numpy(np.random.default_rng(4).integers(1, 50, (3, 5)).astype(np.float64))
    assert abs(float(poisson_loss(counts - 0.25, counts, 0.25))) < 1e-14
    for factor in (0.5, 0.99, 1.01, 2.0):
        assert float(poisson_loss(factor * counts - 0.25, counts, 0.25)) > 1e-6


@pytest.mark.parametrize("counts", [1.0, 1e2, 1e4, 2.0**20])
@pytest.mark.parametrize("sigmas", [-1.0, 0.01, 3.0])
def test_single_precision_keeps_the_loss_of_bright_pixels(counts: float, sigmas: float) -> None:
    rate = np.maximum(np.float32(counts + sigmas * np.sqrt(counts)), np.float32(0.25))
    found = poisson_loss(torch.full((5, 7), float(rate) - 0.125), torch.full((5, 7), counts), 0.125)
    excess = np.longdouble(torch.tensor(float(rate) - 0.125).add(0.125).item()) - counts
    exact = excess - counts * np.log1p(excess / counts)
    assert float(found) == pytest.approx(float(exact), rel=1e-3, abs=1e-7 * max(1.0, abs(float(excess))))


def test_the_gradient_is_one_less_the_ratio_of_counts_to_rate() -> None:
    rng = np.random.default_rng(5)
    rates = np.concatenate([10 ** rng.uniform(-3, 5, 60), [0.5, 1.5, 2.0, 3.0]])
    counts = np.concatenate([rng.poisson(rates[:40]), np.zeros(10), rng.poisson(1e3, 10), [1.0, 1.0, 4.0, 2.0]])
    expected = torch.from_numpy(rates - 1e-4).requires_grad_()
    (poisson_loss(expected, torch.from_numpy(counts), 1e-4) * len(rates)).backward()
    np.testing.assert_allclose(known(expected.grad).numpy(), 1 - counts / rates, rtol=1e-9, atol=1e-9)


def test_a_dark_model_costs_a_finite_loss() -> None:
    dark, counts = torch.zeros(4, 5), torch.full((4, 5), 3.0)
    value = float(poisson_loss(dark, counts, 1e-3))
    assert value == pytest.approx(1e-3 - 3 + 3 * np.log(3 / 1e-3), rel=1e-5)
    assert float(poisson_loss(dark, torch.zeros(4, 5), 1e-3)) == pytest.approx(1e-3, rel=1e-5)


def test_the_gradient_of_the_loss_is_that_of_finite_differences() -> None:
    probes, patches = noise((2, 5, 4), 5), noise((2, 5, 4), 6).requires_grad_()
    counts = torch.from_numpy(np.random.default_rng(7).poisson(4.0, (2, 5, 4)).astype(np.float64))
    assert torch.autograd.gradcheck(lambda o: poisson_loss(expected_counts(probes, o), counts, 1e-3), (patches,))


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.complex64, 1e-5), (np.complex128, 1e-12)])
@pytest.mark.parametrize("n_modes", [1, 3])
@pytest.mark.parametrize("sigma", [None, 0.4, 2.0])
@pytest.mark.parametrize("window", [(12, 20), (9, 14), (16, 7)])
def test_a_detector_expects_what_that_of_the_numpy_model_does(
    window: tuple[int, int], sigma: float | None, n_modes: int, dtype: Any, tolerance: float
) -> None:
    modes, patches = complex_noise((n_modes, *window), 1).astype(dtype), complex_noise((3, *window), 2).astype(dtype)
    rng = np.random.default_rng(5)
    factors, background = rng.uniform(0.5, 2, 3), rng.uniform(0, 3, window)
    intensity = numpy_forward.expected_counts(modes, patches)
    reference = centred_first(NumpyDetector(sigma, factors, background).expected(intensity))
    real = torch.float32 if dtype is np.complex64 else torch.float64
    detector = Detector.of(window, sigma, torch.from_numpy(centred_first(background)).to(real), real)
    found = detector.expected(
        incoherent_counts(torch.from_numpy(modes), torch.from_numpy(patches)), torch.from_numpy(factors).to(real)
    ).numpy()
    assert found.dtype == reference.dtype
    np.testing.assert_allclose(found, reference, rtol=0, atol=tolerance * reference.max())
    relative = np.abs(found / reference - 1)[reference > 1e-2 * reference.max()]
    assert relative.max() < tolerance if sigma is not None else relative.max() < 10 * tolerance


@settings(max_examples=30)
@given(window=windows(2, 11), n_modes=st.integers(1, 3), seed=st.integers(0, 2**16))
def test_the_adjoint_of_the_transform_of_modes(window: tuple[int, int], n_modes: int, seed: int) -> None:
    """<F(P_m O), X_m> = <O, sum_m conj(P_m) F^-1 X_m>, relative, with complex modes."""
    modes, fields = noise((n_modes, *window), seed), noise((n_modes, *window), seed + 1)
    patch = noise(window, seed + 2)
    left = torch.vdot(spectrum(modes * patch).flatten(), fields.flatten())
    right = torch.vdot(patch.flatten(), (modes.conj() * back(fields)).sum(dim=0).flatten())
    torch.testing.assert_close(left, right, rtol=1e-10, atol=1e-10)


def test_gradients_go_through_modes_and_detector() -> None:
    window = (9, 14)
    modes, patch = noise((2, *window), 1), noise((1, *window), 2).requires_grad_()
    detector = Detector.of(window, 0.7, torch.full(window, 0.3, dtype=torch.float64), torch.float64)
    factors = torch.tensor([1.4], dtype=torch.float64)

    def expected(patches: torch.Tensor) -> torch.Tensor:
        return detector.expected(incoherent_counts(modes, patches), factors)

    assert torch.autograd.gradcheck(expected, (patch,))
    weight = np.random.default_rng(3).normal(size=(1, *window))
    expected(patch).backward(torch.from_numpy(centred_first(weight)))
    arrays = NumpyDetector(0.7, factors.numpy())
    filtered = centred_first(arrays.adjoint(weight))
    far = np.fft.fft2(modes.numpy() * patch.detach().numpy(), norm="ortho")
    wanted = 2 * (modes.numpy().conj() * np.fft.ifft2(filtered * far, norm="ortho")).sum(axis=0)
    np.testing.assert_allclose(known(patch.grad).numpy()[0], wanted, rtol=1e-10, atol=1e-12)
