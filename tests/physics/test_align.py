"""Crop and alignment: exact shifts and ramps, scikit-image, edges, holes, components, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.registration import phase_cross_correlation

from ptyproof.errors import InputError
from ptyproof.physics.align import Aligned, Crop, align, illumination_crop, soft_window
from ptyproof.physics.fourier import fourier_shift
from ptyproof.physics.metamorphic import make_scene
from ptyproof.physics.metrics import scaled_error
from tests.helpers.messages import naming

SHAPE = (96, 118)
SCENE = make_scene(SHAPE)
WHOLE = Crop((6, 90), (8, 110), np.ones((84, 102), dtype=bool))


def ramped(image: npt.NDArray[Any], cycles: tuple[float, float]) -> npt.NDArray[Any]:
    """The image times a phase ramp of so many cycles over the grid."""
    lines = [np.exp(2j * np.pi * c * np.arange(n) / n) for c, n in zip(cycles, image.shape, strict=True)]
    return np.asarray(image * np.outer(*lines))


def shifted(image: npt.NDArray[Any], shift: tuple[float, float]) -> npt.NDArray[Any]:
    return np.asarray(fourier_shift(image[None], np.array([shift]))[0])


def error(aligned: Aligned) -> float:
    return scaled_error(aligned.result, aligned.truth, aligned.mask.astype(float)).nrmse


@settings(max_examples=12, deadline=None)
@given(
    st.tuples(st.floats(-7, 7), st.floats(-7, 7)),
    st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
    st.floats(0, 6.28),
    st.floats(1e-3, 1e3),
)
def test_shift_ramp_and_factor_are_found_and_removed(
    shift: tuple[float, float], cycles: tuple[float, float], angle: float, factor: float
) -> None:
    result = factor * np.exp(1j * angle) * ramped(shifted(SCENE.truth, shift), cycles)
    found = align(result, SCENE.truth, WHOLE)
    np.testing.assert_allclose(found.shift_px, shift, atol=2e-3)
    np.testing.assert_allclose(np.array(found.ramp_cycles_per_px) * SHAPE, cycles, atol=2e-3)
    assert error(found) < 5e-3  # what the interpolation leaves
    assert abs(found.scale) == pytest.approx(1 / factor, rel=1e-3)
    assert found.overlap > 1 - 1e-5


def test_the_registration_agrees_with_scikit_image() -> None:
    shift = (2.37, -4.18)
    noisy = shifted(SCENE.result(0.3), shift)
    expected, _, _ = phase_cross_correlation(
        SCENE.truth - SCENE.truth.mean(), noisy - noisy.mean(), upsample_factor=100, normalization=None
    )
    np.testing.assert_allclose(align(noisy, SCENE.truth, WHOLE).shift_px, -expected, atol=0.06)
    np.testing.assert_allclose(expected, [-2.37, 4.18], atol=0.06)


def test_whole_pixels_are_exact() -> None:
    aligned = align(np.roll(SCENE.truth, (3, -2), (0, 1)), SCENE.truth, WHOLE)
    assert aligned.shift_px == (3.0, -2.0)
    assert error(aligned) < 1e-12


def test_a_strong_ramp_that_hides_the_shift_is_found() -> None:
    result = ramped(shifted(SCENE.result(0.2), (3.4, -2.6)), (11.3, -8.7))
    aligned = align(result, SCENE.truth, WHOLE)
    np.testing.assert_allclose(aligned.shift_px, (3.4, -2.6), atol=0.05)
    assert aligned.overlap_before < 0.05
    assert aligned.overlap == pytest.approx(1 / np.hypot(1, 0.2), abs=0.01)


def test_a_phase_object_of_more_than_a_turn_is_aligned() -> None:
    rows, cols = np.indices(SHAPE)
    phase = 9.0 * np.exp(-((rows - 50) ** 2 + (cols - 60) ** 2) / 500) + 1.5 * np.angle(SCENE.truth)
    truth = np.exp(1j * phase)
    aligned = align(2.9j * np.roll(truth, (2, 1), (0, 1)), truth, WHOLE)
    assert aligned.shift_px == (2.0, 1.0)
    assert error(aligned) < 1e-12


def test_a_result_that_fits_already_is_left_as_it_is() -> None:
    aligned = align(SCENE.truth, SCENE.truth, WHOLE)
    assert (aligned.shift_px, aligned.ramp_cycles_per_px) == ((0.0, 0.0), (0.0, 0.0))
    np.testing.assert_allclose(aligned.result, SCENE.truth[6:90, 8:110], rtol=1e-12)


@pytest.mark.parametrize("level", [0.5, 2.0])
def test_alignment_never_makes_the_overlap_smaller(level: float) -> None:
    aligned = align(SCENE.result(level), SCENE.truth, WHOLE)
    assert aligned.overlap >= aligned.overlap_before


@pytest.mark.parametrize("value", [0, 1, 2.5 - 1j])
def test_a_constant_result_has_neither_shift_nor_ramp(value: Any) -> None:
    aligned = align(np.full(SHAPE, value, dtype=np.complex64), SCENE.truth, WHOLE)
    assert (aligned.shift_px, aligned.ramp_cycles_per_px) == ((0.0, 0.0), (0.0, 0.0))
    assert np.ptp(np.abs(aligned.result)) < 1e-12


def test_a_shift_beyond_the_largest_is_not_made() -> None:
    aligned = align(shifted(SCENE.truth, (6.0, 0.0)), SCENE.truth, WHOLE, max_shift_px=2.0)
    assert max(map(abs, aligned.shift_px)) <= 2.0


def test_a_crop_that_touches_the_edge_of_the_grid() -> None:
    whole = Crop((0, SHAPE[0]), (0, SHAPE[1]), np.ones(SHAPE, dtype=bool))
    aligned = align(shifted(SCENE.truth, (1.5, -2.5)), SCENE.truth, whole)
    np.testing.assert_allclose(aligned.shift_px, (1.5, -2.5), atol=2e-3)
    assert error(aligned) < 0.01  # the rim of the scene is constant, so edge values continue it


def test_what_lies_outside_the_mask_does_not_matter() -> None:
    illumination = np.zeros(SHAPE)
    illumination[10:80, 12:100] = 1
    illumination[40:50, 40:52] = 0
    crop = illumination_crop(illumination, 0.5)
    result = SCENE.result(0.1)
    spoiled = np.where(illumination > 0, result, 7j * SCENE.noise[1])
    good, bad = align(result, SCENE.truth, crop), align(spoiled, SCENE.truth, crop)
    assert error(bad) == pytest.approx(error(good), rel=0.02)
    np.testing.assert_allclose(bad.shift_px, (0, 0), atol=0.05)


@pytest.mark.parametrize("turn", [1, -1j, np.exp(2.9j)])
def test_the_phase_alone_is_removed(turn: complex) -> None:
    """A factor f leaves the error |f - 1| of the truth; a whole alignment leaves nothing."""
    result = 1.25 * turn * SCENE.truth
    found, whole = align(result, SCENE.truth, WHOLE, phase_only=True), align(result, SCENE.truth, WHOLE)
    assert found.unaligned_error == pytest.approx(0.25) == whole.unaligned_error
    assert abs(found.scale) == pytest.approx(1)
    np.testing.assert_allclose(found.result, 1.25 * SCENE.truth[6:90, 8:110], rtol=1e-9)
    assert error(whole) < 1e-7


def test_a_ramp_is_left_where_the_phase_alone_is_removed() -> None:
    """A ramp of q whole cycles over the crop leaves no common phase: |R - T|^2 is 2 |T|^2 on the mean."""
    flat = np.ones(SHAPE, dtype=complex)
    rows, cols = WHOLE.rows[1] - WHOLE.rows[0], WHOLE.cols[1] - WHOLE.cols[0]
    result = ramped(flat, (SHAPE[0] / rows, 0.0))
    found = align(result, flat, WHOLE, phase_only=True)
    assert found.mask.shape == (rows, cols)
    assert (found.shift_px, found.ramp_cycles_per_px) == ((0.0, 0.0), (0.0, 0.0))
    assert found.unaligned_error == pytest.approx(np.sqrt(2))
    assert found.overlap == found.overlap_before == pytest.approx(0, abs=1e-9)
    assert align(result, flat, WHOLE).unaligned_error == pytest.approx(np.sqrt(2))


def test_an_error_after_the_alignment_is_never_above_the_one_before() -> None:
    for level in (0.05, 0.5, 2.0):
        aligned = align(SCENE.result(level), SCENE.truth, WHOLE)
        assert error(aligned) <= aligned.unaligned_error


def test_each_part_of_the_scan_has_a_phase_of_its_own() -> None:
    components = np.ones(SHAPE, dtype=np.int32)
    components[:, 59:] = 2
    components[:, 55:59] = 0
    result = np.where(components == 2, -1j, 1) * shifted(SCENE.truth, (0.0, 0.0))
    result[components == 0] = 0
    crop = illumination_crop((components > 0).astype(float), 0.5)
    assert error(align(result, SCENE.truth, crop, components=components)) < 1e-12
    assert align(result, SCENE.truth, crop, components=components, phase_only=True).unaligned_error < 1e-12
    assert error(align(result, SCENE.truth, crop)) > 0.3
    moved = ramped(np.roll(result, (2, 0), (0, 1)), (1.0, 0.5))
    aligned = align(moved, SCENE.truth, crop, components=components)
    np.testing.assert_allclose(aligned.shift_px, (2, 0), atol=0.05)
    assert error(aligned) < 0.05  # the gap between the components has moved into them


def test_the_crop_is_what_is_lit() -> None:
    illumination = np.zeros((20, 30))
    illumination[4:9, 7:20] = 2.0
    illumination[6, 10] = 40.0
    illumination[15, 25] = 1.9
    crop = illumination_crop(illumination, 0.05)
    assert (crop.rows, crop.cols, crop.n_px) == ((4, 9), (7, 20), 65)
    assert crop.of(illumination).shape == crop.mask.shape == (5, 13)
    assert illumination_crop(illumination, 1.0).n_px == 1


@pytest.mark.parametrize("fraction", [0.0, -1.0, 1.01, np.nan])
def test_an_impossible_fraction(fraction: float) -> None:
    with pytest.raises(InputError, match=naming("(0, 1]", fraction)):
        illumination_crop(np.ones((4, 4)), fraction)


@pytest.mark.parametrize("bad", [np.zeros((4, 5)), -np.ones((4, 5)), np.full((4, 5), np.nan), np.ones(4)])
def test_an_impossible_illumination(bad: npt.NDArray[Any]) -> None:
    with pytest.raises(InputError, match=naming("illumination")):
        illumination_crop(bad, 0.1)


def test_the_soft_window_rises_from_every_edge() -> None:
    mask = np.ones((30, 40), dtype=bool)
    mask[14:16, 20:22] = False
    window = soft_window(mask, 4.0)
    assert window[~mask].max() == 0
    assert window[0, 5] == pytest.approx(0.5 * (1 - np.cos(np.pi / 8)))
    assert window[3, 5] == pytest.approx(0.5 * (1 - np.cos(np.pi * 3.5 / 4)))
    assert window[14, 19] == pytest.approx(window[0, 5])
    assert window[7, 8] == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r, t, c: (r[1:], t, c), naming("result", "truth", "(95, 118)", "(96, 118)")),
        (lambda r, t, c: (r * np.nan, t, c), naming("result", 11328)),
        (lambda r, t, c: (r, t * np.nan, c), naming("truth", 11328)),
        (lambda r, t, c: (r, 0 * t, c), naming("truth")),
        (lambda r, t, c: (r, t, Crop((0, 200), (8, 110), np.ones((200, 102), bool))), naming("(96, 118)", "(0, 200)")),
        (lambda r, t, c: (r, t, Crop((-1, 83), (8, 110), c.mask)), naming("(96, 118)", "(-1, 83)")),
        (lambda r, t, c: (r, t, Crop(c.rows, c.cols, c.mask[1:])), naming("(96, 118)", "(83, 102)")),
        (lambda r, t, c: (r, t, Crop(c.rows, c.cols, ~c.mask)), naming("(84, 102)")),
    ],
)
def test_unusable_input(change: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        align(*change(SCENE.truth, SCENE.truth, WHOLE))


@pytest.mark.parametrize("side", range(20, 60))
def test_the_overlap_of_equal_images_is_not_above_one(side: int) -> None:
    same = np.full((side, side), 0.3 + 0.1j, np.complex64)
    found = align(same, same, illumination_crop(np.ones((side, side)), 0.5))
    assert found.overlap <= 1
    assert found.overlap_before <= 1
    assert found.overlap == pytest.approx(1)
