"""The joint network-free start: against numpy as its equations stand, symmetries, blocks, and what it achieves."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.physics.ramps import integrate_ramps
from ptyproof.training.canvas import Canvas
from ptyproof.training.forward import Detector
from ptyproof.training.projection import Patterns, misfit, project, start_estimate
from tests.helpers.position_groups import (
    changed,
    corners_on_canvas,
    doubled,
    group_of,
    noisy,
    simulated,
    smooth_object,
    soft_probe,
    windows_of,
)
from tests.strategies.scans import complex_noise, windows

DARK, MOMENTUM, FLOOR = 0.01, 0.8, 1e-6
TRIAL, LARGEST_GAIN = 0.02, 3.0


def square(field: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(np.abs(field) ** 2)


def numpy_misfit(
    amplitude: npt.NDArray[Any], probes: npt.NDArray[Any], corners: npt.NDArray[Any], obj: npt.NDArray[Any]
) -> Any:
    """The change of one group's object, by a loop over its patterns; and the waves with their own changes."""
    height, width = probes.shape[1:]
    total, illuminated = np.zeros_like(obj), np.zeros(obj.shape)
    waves = []
    for measured, probe, (row, col) in zip(amplitude, probes, corners, strict=True):
        place = np.s_[row : row + height, col : col + width]
        wave = probe * obj[place]
        change = changed_wave(wave, measured)
        total[place] += np.conj(probe) * change
        illuminated[place] += square(probe)
        waves.append((place, probe, wave, change))
    divisor = illuminated + DARK * square(probes).max()
    return total / divisor, divisor, waves


def changed_wave(wave: npt.NDArray[Any], measured: npt.NDArray[Any]) -> npt.NDArray[Any]:
    far = np.fft.fft2(wave, norm="ortho")
    return np.asarray(np.fft.ifft2(measured * far / np.sqrt(square(far) + FLOOR), norm="ortho") - wave)


def numpy_slope(wave: npt.NDArray[Any], moved: npt.NDArray[Any]) -> Any:
    """Slopes and centre, (2,) both, that a wave's change shows."""
    grid = np.stack(np.meshgrid(*(np.arange(side) for side in wave.shape), indexing="ij"))
    intensity = square(wave)
    centre = (intensity * grid).sum(axis=(1, 2)) / intensity.sum()
    arm = grid - centre[:, None, None]
    return ((np.conj(wave) * moved).imag * arm).sum(axis=(1, 2)) / (intensity * arm**2).sum(axis=(1, 2)), centre


def numpy_gains(probe: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What a projection leaves of a known slope, in parts of what it shows, along rows and columns."""
    grid = np.meshgrid(*(np.arange(side) for side in probe.shape), indexing="ij")
    shares = []
    for axis in (0, 1):
        tilted = np.abs(np.fft.fft2(probe * np.exp(1j * TRIAL * grid[axis]), norm="ortho"))
        shares.append(numpy_slope(probe, changed_wave(probe, tilted))[0][axis] / TRIAL)
    return np.clip(1 / np.maximum(shares, FLOOR) - 1, 0, LARGEST_GAIN)


def numpy_project(
    amplitude: npt.NDArray[Any], probes: npt.NDArray[Any], corners: npt.NDArray[Any], obj: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """One projection of one group, the slow phase mended."""
    change, divisor, waves = numpy_misfit(amplitude, probes, corners, obj)
    grid = np.stack(np.meshgrid(*(np.arange(side) for side in probes.shape[1:]), indexing="ij"))
    gains = numpy_gains(probes.mean(axis=0))
    slopes, centres = [], []
    for _, _, wave, moved in waves:
        slope, centre = numpy_slope(wave, moved)
        slopes.append(gains * slope)
        centres.append(centre)
    found = integrate_ramps((corners + np.array(centres))[None], np.array(slopes)[None])[0]
    turn = np.zeros(obj.shape)
    for (place, probe, _, _), phase, slope, centre in zip(waves, found, slopes, centres, strict=True):
        plane = phase + np.tensordot(slope, grid - centre[:, None, None], 1)
        turn[place] += square(probe) * plane
    return np.asarray((obj + change) * np.exp(1j * turn / divisor))


def numpy_start(
    amplitude: npt.NDArray[Any],
    probes: npt.NDArray[Any],
    corners: npt.NDArray[Any],
    shape: tuple[int, ...],
    iterations: int,
) -> npt.NDArray[Any]:
    obj = last = np.ones(shape, dtype=complex)
    for _ in range(iterations):
        ahead = obj + MOMENTUM * (obj - last)
        last, obj = obj, numpy_project(amplitude, probes, corners, ahead)
    return obj


def arrays(patterns: Patterns) -> Any:
    """Amplitude, probes and corners of each group."""
    return zip(patterns.amplitude.numpy(), patterns.probes.numpy(), patterns.canvas.corners_px.numpy(), strict=True)


def objects(patterns: Patterns, seed: int) -> torch.Tensor:
    shape = (patterns.amplitude.shape[0], *patterns.canvas.shape)
    return torch.from_numpy(1 + 0.3 * complex_noise(shape, seed).astype(np.complex128))


cases = given(window=windows(3, 9), members=st.integers(1, 12), seed=st.integers(0, 2**16))


@settings(max_examples=15)
@cases
def test_a_projection_is_what_its_equations_say(window: tuple[int, int], members: int, seed: int) -> None:
    patterns = doubled(noisy(2, members, window, seed))
    obj = objects(patterns, seed)
    moved, changes = project(patterns, obj).numpy(), misfit(patterns, obj).numpy()
    for group, (amplitude, probes, corners) in enumerate(arrays(patterns)):
        expected, _, _ = numpy_misfit(amplitude, probes, corners, obj[group].numpy())
        np.testing.assert_allclose(changes[group], expected, rtol=0, atol=1e-9)
        expected = numpy_project(amplitude, probes, corners, obj[group].numpy())
        np.testing.assert_allclose(moved[group], expected, rtol=0, atol=1e-6)


@settings(max_examples=10)
@given(window=windows(4, 8), members=st.integers(1, 9), iterations=st.integers(1, 5), seed=st.integers(0, 2**16))
def test_the_start_is_projections_with_a_part_of_the_last_way(
    window: tuple[int, int], members: int, iterations: int, seed: int
) -> None:
    patterns = doubled(noisy(2, members, window, seed, photons=4000.0))
    found = start_estimate(patterns, iterations).numpy()
    for group, (amplitude, probes, corners) in enumerate(arrays(patterns)):
        expected = numpy_start(amplitude, probes, corners, patterns.canvas.shape, iterations)
        np.testing.assert_allclose(found[group], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("curvature", [0.0, 0.08, 0.2])
@pytest.mark.parametrize("slope", [(0.05, 0.0), (0.0, -0.04), (0.03, 0.06)])
def test_a_measured_slope_is_taken_up_in_its_own_direction_by_probes_in_and_out_of_focus(
    slope: Any, curvature: float
) -> None:
    rows, cols = np.meshgrid(np.arange(20), np.arange(16), indexing="ij")
    truth = np.exp(1j * (slope[0] * rows + slope[1] * cols))[None]
    patterns = simulated(np.array([[[0, 0], [2, 0], [4, 0], [1, 4]]]), soft_probe((14, 12), 1e6, curvature), truth)
    middle = start_estimate(patterns, 15)[0, 5:12, 3:10]
    down = (middle[1:] * middle[:-1].conj()).mean().angle().item()
    across = (middle[:, 1:] * middle[:, :-1].conj()).mean().angle().item()
    assert (down, across) == pytest.approx(slope, abs=0.02)


def test_the_light_and_the_peak_are_sums_and_maxima_over_probes() -> None:
    patterns = doubled(noisy(3, 5, seed=2))
    for group, (_, probes, corners) in enumerate(arrays(patterns)):
        expected = np.zeros(patterns.canvas.shape)
        for probe, (row, col) in zip(probes, corners, strict=True):
            expected[row : row + 8, col : col + 12] += square(probe)
        np.testing.assert_allclose(patterns.illumination[group], expected, rtol=1e-12)
        assert patterns.peak[group].item() == pytest.approx(square(probes).max(), rel=1e-12)
    assert patterns.peak.shape == (3, 1, 1)


@pytest.mark.parametrize("block", [1, 2, 3, 6, 7, 100])
def test_blocks_change_nothing_but_rounding(block: int) -> None:
    whole = doubled(noisy(2, 7, seed=3))
    parted = changed(whole, block=block)
    obj = objects(whole, 4)
    torch.testing.assert_close(parted.illumination, whole.illumination, rtol=1e-12, atol=0)
    assert torch.equal(parted.peak, whole.peak)
    torch.testing.assert_close(misfit(parted, obj), misfit(whole, obj), rtol=0, atol=1e-11)
    torch.testing.assert_close(project(parted, obj), project(whole, obj), rtol=0, atol=1e-9)


@pytest.mark.parametrize("block", [1, 3, 7, 8])
def test_every_pattern_that_was_worked_on_is_told(block: int) -> None:
    told: list[int] = []
    patterns = changed(noisy(2, 7, seed=5), block=block, on_block=told.append)
    assert sum(part.amplitude.shape[1] for part in patterns.parts()) == sum(told) == 7
    assert max(told) <= block


def test_the_start_of_an_empty_object_stays_empty() -> None:
    corners = corners_on_canvas(2, 5, 6)
    patterns = simulated(corners, soft_probe((9, 12), 1e8), np.ones((2, 18, 20), dtype=complex))
    found = start_estimate(patterns, 9)
    torch.testing.assert_close(found, torch.ones_like(found), rtol=0, atol=1e-7)


def relative_error(found: npt.NDArray[Any], truth: npt.NDArray[Any], illuminated: npt.NDArray[Any]) -> float:
    """The weighted distance of an object from the truth, its global phase and scale taken out."""
    factor = np.vdot(found * illuminated, truth) / np.vdot(found * illuminated, found)
    return float(np.sqrt((illuminated * square(factor * found - truth)).sum() / (illuminated * square(truth)).sum()))


def a_scan(side: int = 5, step: int = 3, window: tuple[int, int] = (14, 12)) -> tuple[Patterns, npt.NDArray[Any]]:
    """Noise-free patterns of a smooth object, scanned on a jittered grid, and the truth."""
    grid = np.stack(np.meshgrid(*(step * np.arange(side),) * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    corners = grid + np.random.default_rng(7).integers(0, 2, grid.shape)
    shape = tuple((corners.max(axis=0) + np.array(window)).tolist())
    truth = smooth_object(shape)
    return simulated(corners[None], soft_probe(window, 1e6), truth[None]), truth


def test_the_start_comes_closer_to_a_smooth_object_with_every_few_rounds() -> None:
    patterns, truth = a_scan()
    illuminated = patterns.illumination[0].numpy()
    errors = [relative_error(start_estimate(patterns, n)[0].numpy(), truth, illuminated) for n in (0, 2, 6, 15, 40)]
    assert (np.diff(errors) < 0).all(), errors
    assert errors[3] < 0.25 * errors[0], errors
    assert errors[4] < 0.12 * errors[0], errors


def test_the_slopes_bring_what_projections_alone_do_not() -> None:
    patterns, truth = a_scan()
    obj = torch.ones(1, *truth.shape, dtype=torch.complex128)
    for _ in range(6):
        obj = obj + misfit(patterns, obj)
    illuminated = patterns.illumination[0].numpy()
    alone = relative_error(obj[0].numpy(), truth, illuminated)
    assert relative_error(start_estimate(patterns, 6)[0].numpy(), truth, illuminated) < 0.8 * alone


@settings(max_examples=15)
@given(seed=st.integers(0, 2**16), angle=st.floats(0, 6.28), scale=st.floats(0.3, 10))
def test_the_start_does_not_depend_on_the_probes_phase_nor_on_the_unit(seed: int, angle: float, scale: float) -> None:
    patterns = doubled(noisy(2, 4, (6, 9), seed, photons=1e4))
    start = start_estimate(patterns, 3)
    turned = changed(patterns, probes=patterns.probes * np.exp(1j * angle))
    scaled = changed(patterns, amplitude=patterns.amplitude * scale, probes=patterns.probes * scale)
    torch.testing.assert_close(start_estimate(turned, 3), start, rtol=0, atol=1e-4)
    torch.testing.assert_close(start_estimate(scaled, 3), start, rtol=0, atol=1e-3)


def test_the_start_follows_its_windows_on_the_canvas() -> None:
    patterns = doubled(noisy(2, 5, seed=8))
    height, width = patterns.canvas.shape
    moved = Canvas(patterns.canvas.corners_px + torch.tensor([3, 2]), patterns.canvas.window, (height + 4, width + 6))
    start = start_estimate(patterns, 4)
    found = start_estimate(changed(patterns, canvas=moved), 4)
    torch.testing.assert_close(found[:, 3 : 3 + height, 2 : 2 + width], start, rtol=0, atol=1e-7)
    outside = torch.ones_like(found, dtype=torch.bool)
    outside[:, 3 : 3 + height, 2 : 2 + width] = False
    assert (found[outside] == 1).all()


def test_groups_do_not_see_each_other() -> None:
    patterns = doubled(noisy(3, 5, seed=9))
    together = start_estimate(patterns, 4)
    for group in range(3):
        alone = start_estimate(group_of(patterns, group), 4)
        torch.testing.assert_close(together[group : group + 1], alone, rtol=0, atol=1e-7)


def test_nothing_changes_where_no_light_falls() -> None:
    patterns = doubled(noisy(2, 3, seed=10))
    probes = patterns.probes.clone()
    probes[..., :3] = 0
    patterns = changed(patterns, probes=probes)
    dark = patterns.illumination == 0
    assert dark.any()
    assert (misfit(patterns, objects(patterns, 11))[dark] == 0).all()
    assert (start_estimate(patterns, 4)[dark] == 1).all()


def test_patterns_without_a_photon_give_numbers() -> None:
    patterns = noisy(2, 4, seed=12)
    amplitude = patterns.amplitude.clone()
    amplitude[1] = 0
    found = start_estimate(changed(patterns, amplitude=amplitude), 8)
    assert found.dtype == torch.complex64
    assert torch.isfinite(torch.view_as_real(found)).all()
    assert found[1].abs().max() < 2


def test_no_gradient_runs_through_the_start() -> None:
    patterns = noisy(1, 3, seed=13)
    probes = patterns.probes.clone().requires_grad_()
    assert not start_estimate(changed(patterns, probes=probes), 2).requires_grad


def test_the_misfit_has_the_gradient_of_finite_differences() -> None:
    patterns = doubled(noisy(1, 2, (4, 3), seed=14))
    obj = objects(patterns, 15).requires_grad_()
    assert torch.autograd.gradcheck(lambda o: misfit(patterns, o), (obj,), atol=1e-4)


def test_an_excluded_pixel_leaves_the_model_as_it_is() -> None:
    """Marks in excluded pixels change nothing, in one block or in several, with a mask for all and for each pattern."""
    patterns = doubled(noisy(members=6))
    valid = torch.from_numpy(np.random.default_rng(3).uniform(size=patterns.amplitude.shape) > 0.2)
    masked = changed(patterns, valid=valid)
    obj = torch.from_numpy(complex_noise(tuple(patterns.illumination.shape), 9).astype(np.complex128))
    marked = changed(masked, amplitude=torch.where(valid, patterns.amplitude, 99.0))
    torch.testing.assert_close(misfit(marked, obj), misfit(masked, obj), rtol=0, atol=0)
    assert (misfit(masked, obj) - misfit(patterns, obj)).abs().max() > 1e-3
    torch.testing.assert_close(project(changed(masked, block=2), obj), project(masked, obj))
    everywhere = changed(patterns, valid=torch.ones(1, 1, *patterns.amplitude.shape[2:], dtype=torch.bool))
    torch.testing.assert_close(project(everywhere, obj), project(patterns, obj), rtol=0, atol=0)
    # what a projection asks for is what it asks of data that the model has made where nothing was measured
    far = np.fft.fft2((patterns.probes * patterns.canvas.cut(obj)).numpy(), norm="ortho")
    filled = torch.where(valid, patterns.amplitude, torch.from_numpy(np.sqrt(square(far) + FLOOR)))
    torch.testing.assert_close(misfit(changed(patterns, amplitude=filled), obj), misfit(masked, obj))


def test_a_background_is_not_taken_for_light() -> None:
    """With exact data, the true object is a fixed point when the background is known, and not when it is not."""
    corners, probe = corners_on_canvas(1, 5, 0), soft_probe((8, 12))
    obj = smooth_object((int(corners[..., 0].max()) + 8, int(corners[..., 1].max()) + 12))[None]
    clean = simulated(corners, 20 * probe, obj)
    background = torch.from_numpy(np.random.default_rng(1).uniform(0.5, 2, (1, 1, 8, 12)))
    amplitude = (clean.amplitude.square() + background).sqrt()
    truth = torch.from_numpy(obj)
    known = changed(clean, amplitude=amplitude, background=background)
    assert misfit(known, truth).abs().max() < 1e-5
    assert misfit(changed(clean, amplitude=amplitude), truth).abs().max() > 1e-3
    torch.testing.assert_close(misfit(changed(known, block=2), truth), misfit(known, truth))


def test_modes_that_are_one_mode_divided_are_that_mode() -> None:
    whole = doubled(noisy(2, 7, seed=8, photons=4000.0))
    parts = changed(whole, probes=0.6 * whole.probes, further=(0.8j * whole.probes,), block=3)
    torch.testing.assert_close(parts.illumination, whole.illumination, rtol=1e-12, atol=0)
    torch.testing.assert_close(parts.peak, whole.peak, rtol=1e-12, atol=0)
    torch.testing.assert_close(parts.slope_gains, whole.slope_gains, rtol=0, atol=1e-7)
    torch.testing.assert_close(start_estimate(parts, 4), start_estimate(whole, 4), rtol=0, atol=1e-6)


def flawed_scan() -> tuple[Patterns, npt.NDArray[Any]]:
    """Noise-free patterns of two modes on a detector with a blur, a background, a gap and a limit; and the object."""
    plain, truth = a_scan(side=6)
    window = plain.canvas.window
    tilt = np.exp(0.5j * np.arange(window[1]))
    modes = [plain.probes.numpy(), 0.5 * plain.probes.numpy() * tilt]
    (corners,) = plain.canvas.corners_px.numpy()
    patches = windows_of(truth[None], corners[None], window)
    light = sum(square(np.fft.fft2(mode * patches, norm="ortho")) for mode in modes)
    blur = Detector.of(window, 0.5, None, torch.float64)
    background = torch.full((1, 1, *window), 3.0, dtype=torch.float64)
    rates = blur.expected(torch.from_numpy(light)) + background
    limit = float(torch.quantile(rates, 0.995))
    valid = torch.ones(1, 1, *window, dtype=torch.bool)
    valid[..., 3] = False
    known: dict[str, Any] = {
        "amplitude": (rates.clamp_max(limit) * valid).sqrt(),
        "valid": valid,
        "background": background,
        "further": (torch.from_numpy(modes[1]),),
        "saturated": rates >= limit,
        "blur": blur,
    }
    return changed(plain, **known), truth


def test_the_truth_of_a_flawed_scan_asks_for_no_change() -> None:
    patterns, truth = flawed_scan()
    asked = misfit(patterns, torch.from_numpy(truth)[None])
    assert asked.abs().max() < 1e-6
    for name in ("valid", "background", "saturated", "blur"):
        less = changed(patterns, **{name: None})
        assert misfit(less, torch.from_numpy(truth)[None]).abs().max() > 1e-4, name
    assert misfit(changed(patterns, further=()), torch.from_numpy(truth)[None]).abs().max() > 1e-2


def test_the_start_of_a_flawed_scan_comes_closer_to_its_object() -> None:
    patterns, truth = flawed_scan()
    illuminated = patterns.illumination[0].numpy()
    errors = [relative_error(start_estimate(patterns, n)[0].numpy(), truth, illuminated) for n in (0, 6, 20, 40)]
    assert (np.diff(errors) < 0).all(), errors
    assert errors[2] < 0.25 * errors[0], errors
