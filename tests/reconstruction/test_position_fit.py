"""Steps of positions by the likelihood: slopes by finite differences, information, exact scans, bounds and gauge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from ptyproof.io.told import Told
from ptyproof.physics.detector import Detector
from ptyproof.physics.forward import object_patches
from ptyproof.physics.fourier import fourier_shift
from ptyproof.physics.positions import rms_error
from ptyproof.reconstruction.likelihood import Likelihood
from ptyproof.reconstruction.method import BlindScan
from ptyproof.reconstruction.position_fit import (
    MAX_CHANGE_PX,
    MAX_STEP_PX,
    moved,
    position_slopes,
    position_step,
    probe_slopes,
    without_affine,
)

SHAPE = (44, 40)
WINDOW = (12, 15)


def smooth(shape: tuple[int, int], seed: int) -> npt.NDArray[np.complex64]:
    """An object with detail of a few pixels."""
    rng = np.random.default_rng(seed)
    rows, cols = np.indices(shape)
    waves = rng.uniform(0.3, 1.0, (6, 2)) * rng.choice([-1, 1], (6, 2))
    phases = sum(np.cos(a * rows + b * cols + rng.uniform(0, 6)) for a, b in waves)
    return np.asarray((1 + 0.1 * phases / 6) * np.exp(0.5j * phases), np.complex64)


def make_scan(n: int = 40, told: bool = False) -> tuple[BlindScan, npt.NDArray[np.complex64]]:
    """A scan with exact expected counts at sub-pixel positions, and its object."""
    rng = np.random.default_rng(4)
    positions = 9 + rng.random((n, 2)) * (np.array(SHAPE) - WINDOW - 6)
    rows, cols = np.indices(WINDOW)
    spread = np.exp(-((rows - 6) ** 2 + (cols - 7) ** 2) / 8) * np.exp(0.05j * ((rows - 6) ** 2 - (cols - 7) ** 2))
    probe = (np.sqrt(1e4) * spread / np.linalg.norm(spread)).astype(np.complex64)
    further = (0.5 * probe * np.exp(0.4j * np.arange(WINDOW[1]))).astype(np.complex64)[None]
    obj = smooth(SHAPE, 3)
    modes = np.concatenate([probe[None], further]) if told else probe[None]
    # as the model has it: patches on the pixel grid, the probe between its pixels
    whole = np.rint(positions)
    patches = object_patches(obj, whole, WINDOW)
    light = sum(
        expected_counts_of(fourier_shift(np.broadcast_to(mode, patches.shape), positions - whole) * patches)
        for mode in modes
    )
    background, factors = rng.uniform(0.1, 2, WINDOW).astype(np.float32), rng.uniform(0.6, 1.6, n)
    valid = rng.uniform(size=(n, *WINDOW)) > 0.1
    facts = Told(valid, further, background, 0.5, factors) if told else Told()
    detector = Detector(facts.psf_sigma_px, facts.intensity_factors, facts.background)
    counts = detector.expected(np.asarray(light))
    counts = np.where(valid, counts, 0) if told else counts
    return BlindScan(np.sqrt(counts).astype(np.float32), probe, positions, SHAPE, told=facts), obj


def expected_counts_of(waves: npt.NDArray[np.complexfloating]) -> npt.NDArray[np.float64]:
    far = np.fft.fftshift(np.fft.fft2(waves, norm="ortho"), axes=(-2, -1))
    return np.square(np.abs(far), dtype=np.float64)


def on_canvas(scan: BlindScan, likelihood: Likelihood, obj: npt.NDArray[np.complex64]) -> npt.NDArray[np.complex64]:
    return np.asarray(obj[likelihood.place] / np.float32(scan.unit_scale))


@pytest.mark.parametrize("window", [(12, 15), (8, 9)])
def test_the_slope_of_a_probe_is_that_of_its_shift(window: tuple[int, int]) -> None:
    probe = smooth(window, 1).astype(np.complex128)[None]
    # without its Nyquist frequencies, whose shift is a matter of taste
    spectrum = np.fft.fft2(probe)
    spectrum[:, window[0] // 2 if window[0] % 2 == 0 else slice(0, 0)] = 0
    spectrum[..., window[1] // 2 if window[1] % 2 == 0 else slice(0, 0)] = 0
    probe = np.fft.ifft2(spectrum)
    step = 1e-4
    for axis, found in enumerate(probe_slopes(probe)):
        way = np.zeros((1, 2))
        way[0, axis] = step
        wanted = (fourier_shift(probe, way) - fourier_shift(probe, -way)) / (2 * step)
        np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("told", [False, True])
def test_slopes_are_those_of_the_likelihood(told: bool) -> None:
    scan, obj = make_scan(told=told)
    wrong = replace(scan, positions_px=scan.positions_px + np.random.default_rng(1).normal(0, 0.1, (len(scan), 2)))
    likelihood = Likelihood.of(wrong, 2)
    at = on_canvas(scan, likelihood, obj)
    slopes, information = position_slopes(likelihood, at)
    step = 2e-3
    for k, axis in ((0, 0), (3, 1), (17, 0), (39, 1)):
        way = np.zeros_like(wrong.positions_px)
        way[k, axis] = step
        high, low = (
            likelihood.at(replace(wrong, positions_px=wrong.positions_px + sign * way))(at)[0] for sign in (1, -1)
        )
        assert slopes[k, axis] == pytest.approx((high - low) / (2 * step), rel=0.03, abs=0.02 * np.abs(slopes).mean())
    # at the true positions the information is the curvature
    right = Likelihood.of(scan, 2)
    _, information = position_slopes(right, at)
    step = 0.05
    for k, axis in ((2, 0), (21, 1)):
        way = np.zeros_like(scan.positions_px)
        way[k, axis] = step
        high, low = (
            position_slopes(right.at(replace(scan, positions_px=scan.positions_px + sign * way)), at)[0][k, axis]
            for sign in (1, -1)
        )
        assert information[k, axis, axis] == pytest.approx((high - low) / (2 * step), rel=0.1)


@pytest.mark.parametrize("told", [False, True])
def test_steps_find_the_positions_under_the_true_object(told: bool) -> None:
    scan, obj = make_scan(told=told)
    rng = np.random.default_rng(2)
    error = rng.normal(0, 0.2, (len(scan), 2))
    wrong = replace(scan, positions_px=scan.positions_px + error - error.mean(axis=0))
    likelihood, found, errors = Likelihood.of(wrong, 4), wrong, [rms_error(wrong.positions_px, scan.positions_px)]
    at = on_canvas(scan, likelihood, obj)
    for _ in range(6):
        found = moved(found, wrong.positions_px, position_step(likelihood, at))
        likelihood = likelihood.at(found)
        errors.append(rms_error(found.positions_px, scan.positions_px))
    assert errors[-1] < 0.02 * errors[0], errors
    np.testing.assert_allclose(found.positions_px.mean(axis=0), wrong.positions_px.mean(axis=0), atol=1e-9)


def test_true_positions_stay() -> None:
    scan, obj = make_scan()
    likelihood = Likelihood.of(scan)
    step = position_step(likelihood, on_canvas(scan, likelihood, obj))
    assert np.abs(step).max() < 1e-3


def test_steps_are_bounded_and_windows_stay_inside() -> None:
    scan, _ = make_scan()
    likelihood = Likelihood.of(scan)
    noise = np.exp(1j * np.random.default_rng(0).uniform(0, 6, likelihood.shape)).astype(np.complex64)
    assert np.abs(position_step(likelihood, noise)).max() <= MAX_STEP_PX
    given = scan.positions_px
    rng = np.random.default_rng(3)
    far = scan
    for _ in range(40):
        far = moved(far, given, rng.normal(0, 3, given.shape))
    assert np.abs(far.positions_px - given).max() <= MAX_CHANGE_PX
    corners = far.corners_px
    assert corners.min() >= 0
    assert (corners + np.array(WINDOW) <= SHAPE).all()


def test_steps_without_their_affine_part() -> None:
    rng = np.random.default_rng(7)
    positions, step = rng.uniform(0, 90, (60, 2)), rng.normal(0, 0.3, (60, 2))
    affine = positions @ np.array([[0.01, -0.02], [0.03, 0.005]]) + np.array([2.0, -1.0])
    rest = without_affine(step, positions)
    np.testing.assert_allclose(without_affine(step + affine, positions), rest, atol=1e-9)
    np.testing.assert_allclose(rest.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(rest.T @ (positions - positions.mean(axis=0)), 0, atol=1e-9)
    np.testing.assert_allclose(without_affine(rest, positions), rest, atol=1e-12)


def test_dark_patterns_stay_where_they_are() -> None:
    scan, _ = make_scan()
    likelihood = Likelihood.of(scan)
    nothing = np.zeros(likelihood.shape, np.complex64)
    np.testing.assert_array_equal(position_step(likelihood, nothing), 0)
