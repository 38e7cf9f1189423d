"""The metrics of an aligned result: known errors, undefined ones, phases that wrap, empty results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from ptyproof.metrics.against_truth import aligned_by, metric_value, phase_images, score
from ptyproof.metrics.definitions import headline, metric_definitions, needs_truth, of_comparison
from ptyproof.metrics.protocol import Recipe
from ptyproof.physics.align import Aligned, Crop, align, illumination_crop
from ptyproof.physics.metamorphic import make_scene
from ptyproof.physics.metrics import scaled_error
from tests.helpers.messages import names

RECIPE = Recipe()
SCENE = make_scene((100, 110))
CROP = Crop((8, 92), (8, 102), np.ones((84, 94), dtype=bool))


def as_it_is(result: npt.NDArray[Any], truth: npt.NDArray[Any], mask: npt.NDArray[np.bool_] | None = None) -> Aligned:
    """Result and truth that count as aligned."""
    whole = np.ones(truth.shape, dtype=bool) if mask is None else mask
    return Aligned(result.astype(complex), truth.astype(complex), whole, (0.0, 0.0), (0.0, 0.0), 1 + 0j, 1.0, 1.0, 0.0)


def values(aligned: Aligned) -> Any:
    return {found.metric: found for found in score(aligned, RECIPE).metrics}


def test_every_measure_is_there_in_order() -> None:
    found = score(align(SCENE.result(0.1), SCENE.truth, CROP), RECIPE).metrics
    assert [one.metric for one in found] == [metric for metric in metric_definitions(RECIPE) if needs_truth(metric)]
    assert all((one.value is None) == (one.reason is not None) for one in found)
    assert set(headline(RECIPE)) <= set(of_comparison(RECIPE))


def test_known_errors() -> None:
    truth = SCENE.truth[20:80, 20:90]
    found = values(as_it_is(truth * 1.1 * np.exp(0.2j), truth))
    assert found["phase_mae"].value == pytest.approx(0.2)
    assert found["phase_mse"].value == pytest.approx(0.04)
    assert found["amplitude_mae"].value == pytest.approx(0.1 * np.abs(truth).mean())
    assert found["complex_nrmse"].value < 1e-7  # it has a factor of its own
    data_range = np.ptp(phase_images(as_it_is(truth, truth))[1])
    assert found["phase_psnr"].value == pytest.approx(10 * np.log10(data_range**2 / 0.04))
    assert found["phase_psnr"].data_range == pytest.approx(data_range)


def test_a_slow_phase_and_fine_detail_are_told_apart() -> None:
    """A wave of a rad and period L leaves a exp(-(2 pi 8 px / L)^2 / 2) / sqrt(2) rad; noise leaves next to none."""
    truth = np.ones((200, 240), dtype=complex)
    slow, period = 0.2, 80.0
    wave = slow * np.cos(2 * np.pi * np.arange(240) / period) * np.ones((200, 1))
    fine = 0.1 * (-1.0) ** np.add.outer(np.arange(200), np.arange(240))
    kept = np.exp(-((2 * np.pi * 8 / period) ** 2) / 2)
    found = values(as_it_is(np.exp(1j * (wave + fine)), truth))
    assert found["phase_slow_rms"].value == pytest.approx(slow * kept / np.sqrt(2), rel=0.05)
    rest = np.hypot(0.1, slow * (1 - kept) / np.sqrt(2))
    assert found["complex_nrmse_fast"].value == pytest.approx(rest, rel=0.05)
    assert found["complex_nrmse"].value == pytest.approx(np.hypot(0.1, slow / np.sqrt(2)), rel=0.05)


def test_the_amplitudes_own_scale_has_no_part_of_phase_errors() -> None:
    """A phase error of rms s makes the complex factor smaller by about s^2 / 2, and the amplitudes with it."""
    rng = np.random.default_rng(0)
    truth = SCENE.truth
    sigma = 0.5
    result = truth * np.exp(1j * sigma * rng.standard_normal(truth.shape))
    found = values(as_it_is(scaled_error(result, truth, np.ones(truth.shape)).scale * result, truth))
    mean = np.abs(truth).mean()
    assert found["amplitude_mae"].value == pytest.approx((1 - np.exp(-(sigma**2) / 2)) * mean, rel=0.05)
    assert found["amplitude_mae_own_scale"].value < 1e-9


def test_the_error_as_it_came_keeps_factor_and_ramp() -> None:
    ramp = np.exp(2j * np.pi * np.arange(SCENE.truth.shape[1]) / 110)
    found = values(align(1.2j * SCENE.truth * ramp, SCENE.truth, CROP))
    assert found["complex_nrmse"].value < 1e-3 < 0.5 < found["complex_nrmse_unaligned"].value


def test_a_recipe_may_remove_the_phase_alone() -> None:
    recipe = replace(RECIPE, align="phase")
    scored = score(aligned_by(recipe, 1.2j * SCENE.truth, SCENE.truth, CROP), recipe)
    found = {one.metric: one.value for one in scored.metrics if one.value is not None}
    for metric in ("complex_nrmse", "complex_nrmse_unaligned", "complex_nrmse_fast"):
        assert found[metric] == pytest.approx(0.2), metric
    assert found["phase_mae"] < 1e-9
    assert found["amplitude_mae"] == pytest.approx(0.2 * np.abs(CROP.of(SCENE.truth)).mean())
    assert found["amplitude_mae_own_scale"] < 1e-9


def test_a_frequency_of_zero_has_its_note() -> None:
    nothing = score(align(np.ones(SCENE.truth.shape, dtype=complex), SCENE.truth, CROP), RECIPE).metrics
    zeros = [one for one in nothing if one.metric.endswith("_nyquist") and one.value == 0]
    assert {one.metric for one in zeros} >= {f"phase_frc50_{which}nyquist" for which in ("", "fine_", "last_")}
    assert all(one.note for one in zeros)


def test_a_slow_phase_does_not_hide_where_fine_detail_ends() -> None:
    """A ring that is wrong at the coarsest scale alone gives the first crossing, and not the one of fine detail."""
    truth = make_scene((256, 280)).truth
    wave = 1.5 * np.cos(2 * np.pi * np.arange(280) / 128)
    found = values(as_it_is(truth * np.exp(1j * wave), truth))
    first, fine, last = (found[f"phase_frc50_{which}nyquist"].value for which in ("", "fine_", "last_"))
    assert first < 0.06 < 0.5 < fine <= last


def test_similarities_are_those_of_scikit_image() -> None:
    aligned = align(SCENE.result(0.2), SCENE.truth, CROP)
    found = values(aligned)
    for image, (result, truth) in (
        ("phase", phase_images(aligned)),
        ("amplitude", (np.abs(aligned.result), np.abs(aligned.truth))),
    ):
        options = {"data_range": np.ptp(truth), "gaussian_weights": True, "use_sample_covariance": False}
        expected = structural_similarity(result, truth, **options)
        assert found[f"{image}_ssim"].value == pytest.approx(expected, rel=1e-9)
        expected = peak_signal_noise_ratio(truth, result, data_range=np.ptp(truth))
        assert found[f"{image}_psnr"].value == pytest.approx(expected, rel=1e-9)
        assert (found[f"{image}_ssim"].sigma_px, found[f"{image}_ms_ssim"].sigma_px) == (1.5, 1.0)
        assert found[f"{image}_ms_ssim"].n_scales == 4


def test_a_phase_that_wraps_is_no_error() -> None:
    """A turn of 2.9 rad that was left in gives a phase MAE of 1.64 where phases are subtracted as they are."""
    truth = np.exp(1j * np.linspace(0, 3, 60))[None, :] * np.ones((50, 1))
    turned = align(np.tile(truth * np.exp(2.9j), (1, 1)), truth, Crop((0, 50), (0, 60), np.ones((50, 60), bool)))
    assert values(turned)["phase_mae"].value < 1e-6
    near_pi = as_it_is(-truth * np.exp(0.01j), -truth)
    result, reference = phase_images(near_pi)
    np.testing.assert_allclose(result - reference, 0.01, rtol=1e-6)
    assert np.ptp(reference) == pytest.approx(3)


def test_a_perfect_result() -> None:
    found = values(as_it_is(SCENE.truth, SCENE.truth))
    assert found["complex_nrmse"].value < 1e-7
    for image in ("phase", "amplitude"):
        assert found[f"{image}_psnr"].value is None
        assert found[f"{image}_psnr"].reason
        assert found[f"{image}_ssim"].value == pytest.approx(1)
        assert found[f"{image}_frc50_px"].value == 2
        assert found[f"{image}_frc50_px"].note
    assert found["complex_frc_1bit_nyquist"].value == 1


@pytest.mark.parametrize("empty", [np.ones, np.zeros])
def test_an_empty_result_scores_badly_in_every_metric(empty: Callable[..., Any]) -> None:
    nothing = values(align(empty(SCENE.truth.shape, dtype=np.complex64), SCENE.truth, CROP))
    fair = values(align(SCENE.result(0.2), SCENE.truth, CROP))
    for metric, found in nothing.items():
        if found.value is None:
            assert found.reason, metric
            assert "frc" in metric
            continue
        if metric == "amplitude_ssim":  # noise deceives it, see docs/comparison.md: no bar but its own half
            assert found.value < 0.5
            continue
        sign = 1 if found.direction == "higher" else -1
        assert sign * found.value < sign * fair[metric].value, metric
    assert nothing["phase_frc50_nyquist"].value == 0
    assert nothing["phase_ssim"].value < 0.5


def test_a_constant_truth_has_no_range_and_no_resolution() -> None:
    amplitude = np.abs(SCENE.truth)
    found = values(as_it_is(amplitude * np.exp(1j * np.angle(SCENE.result(0.1))), amplitude.astype(np.complex64)))
    for name in ("psnr", "ssim", "ms_ssim"):
        assert found[f"phase_{name}"].value is None
        assert found[f"phase_{name}"].reason
    assert found["phase_frc50_nyquist"].reason
    assert found["phase_mae"].value > 0
    assert found["amplitude_ssim"].value is not None
    nothing = values(as_it_is(SCENE.truth, np.ones(SCENE.truth.shape)))
    assert nothing["complex_frc50_px"].value is None
    assert nothing["complex_frc50_px"].reason


def test_a_small_crop_leaves_measures_undefined() -> None:
    illumination = np.zeros(SCENE.truth.shape)
    illumination[40:48, 50:58] = 1
    found = values(align(SCENE.result(0.1), SCENE.truth, illumination_crop(illumination, 0.5)))
    assert names(found["phase_ssim"].reason, "1.5 px", "8 x 8 px")
    assert names(found["phase_frc50_px"].reason, "8 x 8 px", "16 px")
    assert found["phase_mae"].value > 0


def test_a_crop_with_holes_is_scored_on_its_pixels_alone() -> None:
    rng = np.random.default_rng(0)
    illumination = np.zeros(SCENE.truth.shape)
    rows, cols = np.indices(SCENE.truth.shape)
    for row, col in rng.uniform(15, 85, (25, 2)):
        illumination[(rows - row) ** 2 + (cols - col) ** 2 < 80] = 1
    crop = illumination_crop(illumination, 0.5)
    assert 0.3 < crop.mask.mean() < 0.9
    clean = values(align(SCENE.result(0.2), SCENE.truth, crop))
    spoiled = np.where(illumination > 0, SCENE.result(0.2), 9)
    dirty = values(align(spoiled, SCENE.truth, crop))
    whole = values(align(SCENE.result(0.2), SCENE.truth, CROP))
    for metric in ("complex_nrmse", "phase_mae", "phase_ssim", "phase_ms_ssim", "amplitude_ssim"):
        assert dirty[metric].value == pytest.approx(clean[metric].value, rel=0.05), metric
        assert clean[metric].value == pytest.approx(whole[metric].value, rel=0.2), metric


def test_a_measure_without_a_value_needs_a_reason() -> None:
    with pytest.raises(AssertionError):
        metric_value(RECIPE, "phase_mae", None)
