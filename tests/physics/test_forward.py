"""Object patches, expected counts and photon draws, against formulas and brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from ptyproof.errors import InputError
from ptyproof.physics.forward import (
    MAX_COUNTS_PER_PIXEL,
    MAX_EXPECTED_COUNTS,
    expected_counts,
    expected_peak_and_mean,
    iterate_patches,
    object_patches,
    simulate_counts,
)
from ptyproof.physics.fourier import fft2c
from tests.helpers.messages import naming
from tests.strategies.scans import complex_noise, positions_in, windows


def smooth(row: npt.NDArray[Any], col: npt.NDArray[Any], highest: float) -> Any:
    """A sum of waves (up to `highest` cycles/px) and Gaussians, at any real coordinates; modulus about 1."""
    rng = np.random.default_rng(7)
    value = np.full(np.broadcast(row, col).shape, 0.6 + 0.2j)
    for _ in range(5):
        q, angle, phase = highest * rng.uniform(0.3, 1.0), *rng.uniform(0, 2 * np.pi, 2)
        wave = 2 * np.pi * q * (np.sin(angle) * row + np.cos(angle) * col) + phase
        value = value + 0.08 * np.exp(1j * wave)
    for _ in range(5):
        centre, sigma = rng.uniform(20, 70, 2), rng.uniform(2.5, 8.0)
        r2 = (row - centre[0]) ** 2 + (col - centre[1]) ** 2
        value = value + (0.2 - 0.3j) * np.exp(-r2 / (2 * sigma**2))
    return value


def smooth_window(position: npt.NDArray[Any], window: tuple[int, int], highest: float) -> npt.NDArray[Any]:
    rows = position[0] - window[0] // 2 + np.arange(window[0])[:, None]
    cols = position[1] - window[1] // 2 + np.arange(window[1])[None, :]
    return np.asarray(smooth(rows, cols, highest))


@pytest.mark.parametrize("window", [(32, 48), (31, 20), (64, 64)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.complex64, 1e-4), (np.complex128, 1e-4)])
def test_patches_of_a_known_function(window: tuple[int, int], dtype: Any, tolerance: float) -> None:
    obj = smooth(np.arange(101)[:, None], np.arange(97)[None, :], 0.2).astype(dtype)
    fractions = np.array([[0.5, 0.5], [0.5, 0.0], [0.0, -0.5], [0.25, 0.75], [-0.3, 0.9], [0.49, 0.51], [0, 0]])
    positions = np.array([50.0, 47.0]) + fractions
    patches = object_patches(obj, positions, window)
    assert patches.dtype == dtype
    assert patches.shape == (7, *window)
    for patch, position in zip(patches, positions, strict=True):
        np.testing.assert_allclose(patch, smooth_window(position, window, 0.2), atol=tolerance)


def test_the_middle_of_a_patch_holds_fine_structure() -> None:
    # Near Nyquist only the margin's neighbourhood suffers from the taper: the lit middle stays true.
    obj = smooth(np.arange(100)[:, None], np.arange(100)[None, :], 0.4)
    position = np.array([50.5, 49.25])
    patch = object_patches(obj, position[None], (40, 48))[0]
    error = np.abs(patch - smooth_window(position, (40, 48), 0.4))
    assert error[8:-8, 8:-8].max() < 5e-4
    assert error.max() < 1e-2


@given(data=st.data(), window=windows(2, 9))
def test_whole_positions_give_the_exact_crop(data: st.DataObject, window: tuple[int, int]) -> None:
    obj = complex_noise((14, 11), 8)
    positions = np.rint(data.draw(positions_in((14, 11), window)))
    patches = object_patches(obj, positions, window, margin_px=3)
    for patch, (row, col) in zip(patches, positions.astype(int), strict=True):
        top, left = row - window[0] // 2, col - window[1] // 2
        np.testing.assert_array_equal(patch, obj[top : top + window[0], left : left + window[1]])


@given(data=st.data(), window=windows(4, 9))
def test_every_position_is_treated_by_itself(data: st.DataObject, window: tuple[int, int]) -> None:
    obj = complex_noise((20, 17), 9)
    positions = data.draw(positions_in((20, 17), window, min_size=2))
    together = object_patches(obj, positions, window)
    for index in {0, len(positions) - 1}:
        alone = object_patches(obj, positions[index : index + 1], window)[0]
        np.testing.assert_allclose(together[index], alone, atol=1e-5)


def test_a_wider_margin_changes_little_and_a_missing_one_is_filled() -> None:
    # Windows flush with the object's edges have no margin of their own: what is there must stay close.
    obj = smooth(np.arange(60)[:, None], np.arange(50)[None, :], 0.1)
    position = np.array([[16.5, 12.5], [43.5, 37.5]])
    patches = object_patches(obj, position, (32, 24))
    for patch, place in zip(patches, position, strict=True):
        truth = smooth_window(place, (32, 24), 0.1)
        assert np.abs(patch - truth)[6:-6, 6:-6].max() < 5e-3
    inwards = position + np.array([[5, 5], [-5, -5]])
    wide, narrow = (object_patches(obj, inwards, (32, 24), margin_px=margin) for margin in (16, 8))
    assert np.abs(wide - narrow)[:, 4:-4, 4:-4].max() < 1e-3


def test_first_and_last_window_fit_and_no_further() -> None:
    obj = complex_noise((12, 10), 10)
    low, high = np.array([[3.0, 2.0]]), np.array([[9.0, 7.0]])
    np.testing.assert_array_equal(object_patches(obj, low, (6, 5))[0], obj[:6, :5])
    np.testing.assert_array_equal(object_patches(obj, high, (6, 5))[0], obj[6:, 5:])
    step = np.array([[0.01, 0.0]])
    for position in (low - step, low - step[:, ::-1], high + step, high + step[:, ::-1]):
        with pytest.raises(InputError, match=naming("(12, 10)", "1 of 1", position[0].tolist(), "(6, 5)")):
            object_patches(obj, position, (6, 5))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"obj": np.ones((12, 10))}, naming("obj", "(12, 10)", "float64")),
        ({"obj": np.ones((2, 12, 10), dtype=np.complex64)}, naming("obj", "(2, 12, 10)")),
        ({"positions_px": np.array([[6.0, np.inf]])}, naming("positions_px", "[6.0, inf]", "index 0")),
        ({"positions_px": np.array([6.0, 6.0])}, naming("positions_px", "(n, 2)", "(2,)")),
        ({"window": (13, 4)}, naming("window", "(12, 10)", "(13, 4)")),
        ({"window": (0, 4)}, naming("window", "(12, 10)", "(0, 4)")),
        ({"margin_px": 0}, naming("margin_px", 1, 0)),
    ],
)
def test_bad_patches_are_refused(changes: dict[str, Any], message: str) -> None:
    usable: dict[str, Any] = {
        "obj": complex_noise((12, 10), 11),
        "positions_px": np.array([[6.0, 5.0]]),
        "window": (4, 4),
    }
    with pytest.raises(InputError, match=message):
        object_patches(**(usable | changes))


def test_no_positions_give_no_patches() -> None:
    obj = complex_noise((12, 10), 12)
    assert object_patches(obj, np.zeros((0, 2)), (4, 5)).shape == (0, 4, 5)
    assert list(iterate_patches(obj, np.zeros((0, 2)), (4, 5))) == []


def brute_force_counts(modes: npt.NDArray[Any], patch: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """|sum_ij P O exp(-2 pi i ...)|^2 written out, in double precision, for each mode."""
    height, width = patch.shape
    total = np.zeros((height, width))
    i, j = np.arange(height)[:, None], np.arange(width)[None, :]
    for mode in modes:
        wave = mode.astype(np.complex128) * patch
        for k in range(height):
            for q in range(width):
                phase = (k - height // 2) * i / height + (q - width // 2) * j / width
                total[k, q] += abs(np.sum(wave * np.exp(-2j * np.pi * phase))) ** 2 / (height * width)
    return total


@pytest.mark.parametrize("window", [(6, 8), (7, 5), (12, 9)])
@pytest.mark.parametrize("n_modes", [None, 1, 3])
def test_expected_counts_agree_with_brute_force(window: tuple[int, int], n_modes: int) -> None:
    probe = complex_noise(window if n_modes is None else (n_modes, *window), 13)
    patches = complex_noise((3, *window), 14)
    counts = expected_counts(probe, patches)
    assert counts.dtype == np.float32
    for got, patch in zip(counts, patches, strict=True):
        wanted = brute_force_counts(probe.reshape(-1, *window), patch)
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5 * wanted.max())


@given(window=windows(), seed=st.integers(0, 999), n_modes=st.integers(1, 3))
def test_energy_is_conserved(window: tuple[int, int], seed: int, n_modes: int) -> None:
    probe = complex_noise((n_modes, *window), seed)
    patches = complex_noise((4, *window), seed + 1)
    power = np.sum(np.abs(probe[:, None] * patches) ** 2, axis=(0, 2, 3))
    np.testing.assert_allclose(expected_counts(probe, patches).sum(axis=(1, 2)), power, rtol=1e-4)


def test_expected_counts_use_the_projects_transform() -> None:
    probe, patches = complex_noise((9, 12), 15), complex_noise((2, 9, 12), 16)
    np.testing.assert_allclose(expected_counts(probe, patches), np.abs(fft2c(probe * patches)) ** 2, rtol=1e-3)


@pytest.mark.parametrize(
    ("probe", "patches", "at_fault"),
    [
        ((4, 4), (2, 4, 5), naming("patches", "(n, 4, 4)", "(2, 4, 5)")),
        ((4, 4), (4, 4), naming("patches", "(n, 4, 4)", "(4, 4)")),
        ((4,), (2, 4, 4), naming("probe", "(H, W)", "(4,)")),
    ],
)
def test_shapes_that_do_not_fit_are_refused(probe: npt.NDArray[Any], patches: npt.NDArray[Any], at_fault: str) -> None:
    with pytest.raises(InputError, match=at_fault):
        expected_counts(np.ones(probe, dtype=np.complex64), np.ones(patches, dtype=np.complex64))


OBJECT = complex_noise((30, 27), 17)
PROBE = 3 * complex_noise((9, 6), 18)


@settings(max_examples=25)
@given(data=st.data(), block=st.integers(1, 40), seed=st.integers(0, 999))
def test_counts_do_not_depend_on_the_block(data: st.DataObject, block: int, seed: int) -> None:
    positions = data.draw(positions_in(OBJECT.shape, PROBE.shape))
    whole = np.concatenate(list(simulate_counts(OBJECT, PROBE, positions, np.random.default_rng(seed))))
    blocks = list(simulate_counts(OBJECT, PROBE, positions, np.random.default_rng(seed), block=block))
    assert max(len(part) for part in blocks) <= block
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
    assert np.issubdtype(whole.dtype, np.integer)


def test_counts_are_poisson_around_the_expected_counts() -> None:
    positions = np.tile([[14.3, 12.6]], (4000, 1))
    counts = np.concatenate(list(simulate_counts(OBJECT, PROBE, positions, np.random.default_rng(19))))
    rates = expected_counts(PROBE, object_patches(OBJECT, positions[:1], PROBE.shape))[0].astype(np.float64)
    pixels, draws = rates.size, len(counts)
    # Mean: sum over pixels of the squared standard score is chi-square with `pixels` degrees of freedom.
    scores = (counts.mean(axis=0) - rates) ** 2 / (rates / draws)
    assert chi2.ppf(0.001, pixels) < scores.sum() < chi2.ppf(0.999, pixels)
    # Variance: the variance of the sample variance of a Poisson variable is 2 r^2/(n-1) + r/n.
    spread = (counts.var(axis=0, ddof=1) - rates) ** 2 / (2 * rates**2 / (draws - 1) + rates / draws)
    assert chi2.ppf(0.001, pixels) < spread.sum() < chi2.ppf(0.999, pixels)


def test_the_probe_and_the_positions_reach_the_counts() -> None:
    positions = np.array([[10.0, 10.0], [15.5, 12.25]])
    counts = next(iter(simulate_counts(OBJECT, 100 * PROBE, positions, np.random.default_rng(20))))
    rates = expected_counts(100 * PROBE, object_patches(OBJECT, positions, PROBE.shape))
    assert np.abs(counts - rates).max() < 6 * np.sqrt(rates.max())
    assert np.corrcoef(counts[0].ravel(), rates[0].ravel())[0, 1] > 0.999


def test_largest_counts_come_back_from_float32_amplitudes() -> None:
    rng = np.random.default_rng(21)
    counts = np.concatenate([rng.integers(0, MAX_COUNTS_PER_PIXEL, 200_000), MAX_COUNTS_PER_PIXEL - np.arange(5000)])
    amplitude = np.sqrt(counts).astype(np.float32)
    np.testing.assert_array_equal(np.rint(amplitude.astype(np.float64) ** 2), counts)
    beyond = np.arange(4 * MAX_COUNTS_PER_PIXEL, 4 * MAX_COUNTS_PER_PIXEL + 5000)
    lost = np.rint(np.sqrt(beyond).astype(np.float32).astype(np.float64) ** 2) != beyond
    assert lost.any(), "the limit is there for a reason"


def test_doses_beyond_float32_are_refused_before_they_are_drawn() -> None:
    rng = np.random.default_rng(22)
    flat = np.ones((8, 8), dtype=np.complex64)
    # A flat exit wave of 8 x 8 puts all its power, 64 |P|^2, into one pixel.
    strong = flat * np.float32(np.sqrt(MAX_EXPECTED_COUNTS / 64 * 1.01))
    positions = np.array([[4.0, 4.0]])
    before = rng.bit_generator.state
    with pytest.raises(InputError, match=r"4\.2197e\+06.* 4\.17\d*e\+06"):
        next(simulate_counts(flat, strong, positions, rng))
    assert rng.bit_generator.state == before
    weaker = strong * np.float32(0.99)
    assert next(simulate_counts(flat, weaker, positions, rng)).max() < MAX_COUNTS_PER_PIXEL


def test_expected_counts_that_are_no_numbers_are_refused() -> None:
    broken = PROBE.copy()
    broken[4, 2] = np.nan
    with pytest.raises(InputError, match=r"\bnan\b.* 4\.17\d*e\+06"):
        next(simulate_counts(OBJECT, broken, np.array([[14.0, 12.0]]), np.random.default_rng(23)))


def test_objects_that_are_not_finite_are_refused() -> None:
    broken = OBJECT.copy()
    broken[0, 0], broken[3, 4] = np.nan, np.inf
    with pytest.raises(InputError, match=naming("obj", 2)):
        object_patches(broken, np.array([[14.0, 12.0]]), (9, 6))


def test_a_constant_object_stays_constant() -> None:
    flat = np.full((20, 22), 0.8 - 0.3j, dtype=np.complex64)
    patches = object_patches(flat, np.array([[9.37, 10.5], [9.0, 10.0]]), (8, 6))
    np.testing.assert_allclose(patches, 0.8 - 0.3j, atol=1e-6)


@pytest.mark.parametrize(
    ("positions", "block", "message"),
    [
        (np.array([[1.0, 12.0]]), None, naming("(30, 27)", "[1.0, 12.0]", "(9, 6)")),
        (np.array([[14.0, 12.0]]), 0, naming("block", 1, 0)),
    ],
)
def test_bad_simulations_are_refused_at_the_call(positions: npt.NDArray[Any], block: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate_counts(OBJECT, PROBE, positions, np.random.default_rng(24), block=block)


def test_expected_peak_and_mean_is_the_largest_and_the_mean_of_all_expected_counts() -> None:
    rng = np.random.default_rng(3)
    obj = rng.normal(size=(40, 50)) + 1j * rng.normal(size=(40, 50))
    probe = rng.normal(size=(12, 16)) + 1j * rng.normal(size=(12, 16))
    positions = rng.uniform((10, 12), (25, 30), size=(9, 2))
    every = expected_counts(probe, object_patches(obj, positions, (12, 16)))
    peak, mean = expected_peak_and_mean(obj, probe, positions)
    assert peak == pytest.approx(every.max(), rel=1e-12)
    np.testing.assert_allclose(mean, every.mean(axis=0), rtol=1e-12)
