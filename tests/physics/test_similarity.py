"""SSIM, MS-SSIM, PSNR, MAE, MSE: scikit-image, torchmetrics, brute force, masks, bad input."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from ptyproof.errors import InputError
from ptyproof.physics import similarity
from ptyproof.physics.metamorphic import make_scene
from ptyproof.remedies import import_torchvision
from tests.helpers.messages import naming

import_torchvision()  # torchmetrics imports it where it is installed

from torchmetrics.functional.image import (  # noqa: E402
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)

SCENE = make_scene((128, 150))
TRUTH = np.angle(SCENE.truth)
RESULT = np.angle(SCENE.result(0.3))
MASK = np.ones(TRUTH.shape, dtype=bool)
RANGE = float(np.ptp(TRUTH))


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.2])
def test_ssim_is_that_of_scikit_image(sigma: float) -> None:
    expected = structural_similarity(
        RESULT, TRUTH, data_range=RANGE, gaussian_weights=True, sigma=sigma, use_sample_covariance=False
    )
    assert similarity.ssim(RESULT, TRUTH, MASK, RANGE, sigma) == pytest.approx(expected, rel=1e-12)


def test_psnr_is_that_of_scikit_image() -> None:
    expected = peak_signal_noise_ratio(TRUTH, RESULT, data_range=RANGE)
    assert similarity.psnr_db(RESULT, TRUTH, MASK, RANGE) == pytest.approx(expected, rel=1e-12)


def test_psnr_of_a_known_error() -> None:
    truth = np.array([[0.0, 1.0], [1.0, 0.0]])
    mask = np.ones((2, 2), dtype=bool)
    assert similarity.psnr_db(truth + 0.1, truth, mask, 1.0) == pytest.approx(20.0)
    assert similarity.psnr_db(truth, truth, mask, 1.0) == math.inf
    assert similarity.mean_absolute_error(truth - 0.1, truth, mask) == pytest.approx(0.1)
    assert similarity.mean_squared_error(truth - 0.1, truth, mask) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("shape", "sigma", "n_scales"), [((128, 150), 1.0, 4), ((101, 97), 1.5, 3), ((60, 64), 1.0, 1)]
)
def test_ms_ssim_is_that_of_torchmetrics(shape: tuple[int, ...], sigma: float, n_scales: int) -> None:
    """At the coarsest scale, torchmetrics counts windows on reflected edges as well: that term is scikit-image's."""
    images = [torch.from_numpy(np.ascontiguousarray(image[: shape[0], : shape[1]])) for image in (RESULT, TRUTH)]
    weights = np.array(similarity.MS_SSIM_WEIGHTS[:n_scales]) / sum(similarity.MS_SSIM_WEIGHTS[:n_scales])
    one, two = (image[None, None] for image in images)
    value = multiscale_structural_similarity_index_measure(
        one, two, sigma=sigma, data_range=RANGE, betas=tuple(weights.tolist()), normalize=None
    )
    for _ in range(n_scales - 1):
        one, two = (torch.nn.functional.avg_pool2d(stack, 2) for stack in (one, two))
    with_edges = structural_similarity_index_measure(one, two, sigma=sigma, data_range=RANGE)
    assert isinstance(with_edges, torch.Tensor)
    without = structural_similarity(
        *(stack[0, 0].numpy() for stack in (one, two)),
        data_range=RANGE,
        gaussian_weights=True,
        sigma=sigma,
        use_sample_covariance=False,
    )
    expected = float(value) * (without / float(with_edges)) ** weights[-1]
    found = similarity.ms_ssim(images[0].numpy(), images[1].numpy(), np.ones(shape, dtype=bool), RANGE, sigma, n_scales)
    assert found == pytest.approx(expected, rel=1e-6)
    assert found == pytest.approx(float(value), abs=0.03)


def test_one_scale_is_ssim() -> None:
    one = similarity.ms_ssim(RESULT, TRUTH, MASK, RANGE, 1.5, 1)
    assert one == pytest.approx(similarity.ssim(RESULT, TRUTH, MASK, RANGE, 1.5), rel=1e-12)


def brute_force_ssim(
    result: npt.NDArray[Any], truth: npt.NDArray[Any], mask: npt.NDArray[np.bool_], data_range: float, sigma: float
) -> float:
    """SSIM pixel by pixel: statistics over what of the window lies in the mask."""
    radius = int(3.5 * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-(offsets[:, None] ** 2 + offsets[None, :] ** 2) / (2 * sigma**2))
    values = []
    for row in range(radius, mask.shape[0] - radius):
        for col in range(radius, mask.shape[1] - radius):
            if not mask[row, col]:
                continue
            window = np.s_[row - radius : row + radius + 1, col - radius : col + radius + 1]
            weight = kernel * mask[window]
            weight /= weight.sum()
            r, t = result[window], truth[window]
            mean_r, mean_t = (weight * r).sum(), (weight * t).sum()
            var_r, var_t = (weight * (r - mean_r) ** 2).sum(), (weight * (t - mean_t) ** 2).sum()
            covariance = (weight * (r - mean_r) * (t - mean_t)).sum()
            c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
            luminance = (2 * mean_r * mean_t + c1) / (mean_r**2 + mean_t**2 + c1)
            values.append(luminance * (2 * covariance + c2) / (var_r + var_t + c2))
    return float(np.mean(values))


def holes(shape: tuple[int, ...], seed: int = 0) -> npt.NDArray[np.bool_]:
    """A mask with a ragged edge and holes."""
    rng = np.random.default_rng(seed)
    rows, cols = np.indices(shape)
    mask = np.zeros(shape, dtype=bool)
    for _ in range(8):
        row, col = rng.uniform(0, 1, 2) * shape
        mask |= (rows - row) ** 2 + (cols - col) ** 2 < 60
    return mask


@pytest.mark.parametrize("seed", [0, 1])
def test_ssim_in_a_mask_with_holes_takes_its_statistics_from_the_mask(seed: int) -> None:
    mask = holes((34, 41), seed)
    result, truth = RESULT[20:54, 30:71], TRUTH[20:54, 30:71]
    expected = brute_force_ssim(result, truth, mask, RANGE, 1.0)
    assert similarity.ssim(result, truth, mask, RANGE, 1.0) == pytest.approx(expected, rel=1e-9)
    spoiled = np.where(mask, result, 1e3)
    assert similarity.ssim(spoiled, truth, mask, RANGE, 1.0) == pytest.approx(expected, rel=1e-9)


def test_pixels_outside_the_mask_do_not_matter() -> None:
    mask = holes(TRUTH.shape)
    spoiled = np.where(mask, RESULT, -55.0)
    for metric in (similarity.mean_absolute_error, similarity.mean_squared_error):
        assert metric(spoiled, TRUTH, mask) == metric(RESULT, TRUTH, mask)
    assert similarity.ms_ssim(spoiled, TRUTH, mask, RANGE, 1.0) == pytest.approx(
        similarity.ms_ssim(RESULT, TRUTH, mask, RANGE, 1.0), rel=1e-9
    )


def test_a_perfect_result() -> None:
    assert similarity.ssim(TRUTH, TRUTH, MASK, RANGE) == pytest.approx(1.0)
    assert similarity.ms_ssim(TRUTH, TRUTH, MASK, RANGE, 1.0) == pytest.approx(1.0)


def test_an_inverted_result_is_below_zero_and_not_cut_off() -> None:
    truth = TRUTH - TRUTH.min()
    inside = np.zeros_like(MASK)
    inside[24:-24, 24:-24] = True  # without the scene's rim, which is constant
    mirrored = 2 * truth[inside].mean() - truth
    assert similarity.ssim(mirrored, truth, inside, RANGE) < -0.3
    found = [similarity.ms_ssim(mirrored, truth, inside, RANGE, 1.0, n) for n in range(1, 4)]
    assert max(found) < -0.3


@settings(max_examples=10, deadline=None)
@given(st.floats(1e-3, 1e3), st.integers(0, 3))
def test_the_unit_of_the_images_does_not_matter(factor: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.uniform(-1, 1, (40, 44))
    result, mask = truth + rng.normal(0, 0.3, truth.shape), holes(truth.shape, seed)
    mask[15:25, 15:25] = True
    data_range = float(np.ptp(truth[mask]))
    for metric in (similarity.ssim, similarity.psnr_db):
        expected = metric(result, truth, mask, data_range)
        assert metric(factor * result, factor * truth, mask, factor * data_range) == pytest.approx(expected, rel=1e-6)


def test_how_many_scales_fit() -> None:
    # A window of sigma 1 has 9 pixels; 5 scales need 9 * 16.
    for side, expected in ((8, 0), (9, 1), (17, 1), (18, 2), (143, 4), (144, 5), (300, 5)):
        assert similarity.n_scales_for(np.ones((side, 400), dtype=bool), 1.0) == expected


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: similarity.ssim(RESULT[1:], TRUTH, MASK, RANGE),
            naming("result", "mask", "(127, 150)", "(128, 150)"),
        ),
        (lambda: similarity.ssim(RESULT[:8], TRUTH[:8], MASK[:8], RANGE), naming("11 x 11 px", "8 x 150 px")),
        (lambda: similarity.ssim(RESULT, TRUTH, ~MASK, RANGE), naming("mask", "(128, 150)")),
        (lambda: similarity.ssim(RESULT, TRUTH, MASK, 0.0), naming("data_range", "0.0")),
        (lambda: similarity.ssim(RESULT, TRUTH, MASK, RANGE, 0.0), naming("sigma", "0.0")),
        (lambda: similarity.ms_ssim(RESULT, TRUTH, MASK, RANGE, 1.0, 5), naming("n_scales", 1, 4, 5)),
        (lambda: similarity.psnr_db(RESULT, TRUTH, MASK, math.inf), naming("data_range", "inf")),
        (lambda: similarity.mean_absolute_error(RESULT * np.nan, TRUTH, MASK), naming("result", "float64")),
        (lambda: similarity.mean_squared_error(RESULT, cast("Any", TRUTH + 0j), MASK), naming("truth", "complex128")),
    ],
)
def test_unusable_input(call: Callable[..., Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
