"""The transform's norm and centring, its adjoint, and periodic sub-pixel shifts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptyproof.errors import InputError
from ptyproof.physics.fourier import fft2c, fourier_shift, ifft2c, phase_ramp
from tests.helpers.messages import naming
from tests.strategies.scans import complex_noise, windows


def dft_by_definition(field: npt.NDArray[Any]) -> npt.NDArray[Any]:
    height, width = field.shape
    k = np.arange(height) - height // 2
    q = np.arange(width) - width // 2
    rows = np.exp(-2j * np.pi * np.outer(k, np.arange(height)) / height) / np.sqrt(height)
    cols = np.exp(-2j * np.pi * np.outer(q, np.arange(width)) / width) / np.sqrt(width)
    return np.asarray(rows @ field @ cols.T)


@pytest.mark.parametrize("shape", [(6, 8), (5, 7), (6, 9), (1, 4)])
def test_transform_agrees_with_its_definition(shape: tuple[int, ...]) -> None:
    field = complex_noise(shape, 1).astype(np.complex128)
    np.testing.assert_allclose(fft2c(field), dft_by_definition(field), atol=1e-12)


@given(window=windows(), seed=st.integers(0, 999))
def test_inverse_and_parseval(window: tuple[int, int], seed: int) -> None:
    field = complex_noise((2, *window), seed)
    spectrum = fft2c(field)
    np.testing.assert_allclose(ifft2c(spectrum), field, atol=1e-5)
    assert np.sum(np.abs(spectrum) ** 2) == pytest.approx(np.sum(np.abs(field) ** 2), rel=1e-5)


def test_inverse_is_the_adjoint() -> None:
    u = complex_noise((3, 5, 8), 2).astype(np.complex128)
    v = complex_noise((3, 5, 8), 3).astype(np.complex128)
    left, right = np.vdot(v, fft2c(u)), np.vdot(ifft2c(v), u)
    assert abs(left - right) < 1e-12 * abs(left)


def test_constant_field_lands_in_the_middle() -> None:
    spectrum = fft2c(np.ones((6, 9), dtype=np.complex64))
    assert np.argwhere(np.abs(spectrum) == np.abs(spectrum).max()).tolist() == [[3, 4]]
    assert spectrum[3, 4] == pytest.approx(np.sqrt(54.0))


@pytest.mark.parametrize(
    ("given_dtype", "wanted"),
    [(np.complex64, np.complex64), (np.complex128, np.complex128), (np.float32, np.complex64)],
)
def test_precision_is_kept(given_dtype: Any, wanted: Any) -> None:
    field = np.ones((2, 4, 6), dtype=given_dtype)
    assert fft2c(field).dtype == wanted
    assert ifft2c(field).dtype == wanted


def test_input_is_not_overwritten() -> None:
    field = complex_noise((4, 6), 4)
    before = field.copy()
    ifft2c(field)
    fft2c(field)
    np.testing.assert_array_equal(field, before)


@pytest.mark.parametrize("transform", [fft2c, ifft2c])
def test_one_axis_is_refused(transform: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match=naming("(..., H, W)", "(4,)")):
        transform(np.ones(4, dtype=np.complex64))


@pytest.mark.parametrize("length", [7, 8])
def test_whole_pixel_shifts_roll(length: int) -> None:
    stack = complex_noise((3, length, 10), 5).astype(np.complex128)
    shifts = np.array([[1, 0], [0, -2], [-3, 4]], dtype=np.float64)
    wanted = [np.roll(plane, s.astype(int), axis=(0, 1)) for plane, s in zip(stack, shifts, strict=True)]
    # On even lengths the Nyquist term of a whole shift is exact too: cos(pi s) = (-1)^s.
    np.testing.assert_allclose(fourier_shift(stack, shifts), wanted, atol=1e-12)


def test_fractional_shift_of_a_periodic_wave_is_exact() -> None:
    rows, cols = np.arange(9)[:, None], np.arange(12)[None, :]
    shifts = np.array([[0.5, 0.0], [-0.25, 1.75], [3.1, -0.4]])

    def wave(row: npt.NDArray[Any], col: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.asarray(np.exp(2j * np.pi * (2 * row / 9 - 3 * col / 12)))

    moved = fourier_shift(np.repeat(wave(rows, cols)[None], 3, axis=0), shifts)
    for plane, (row, col) in zip(moved, shifts, strict=True):
        np.testing.assert_allclose(plane, wave(rows - row, cols - col), atol=1e-12)


def test_real_stays_real_and_single_stays_single() -> None:
    stack = np.random.default_rng(6).standard_normal((2, 6, 8)).astype(np.float32)
    moved = fourier_shift(stack, np.array([[0.5, 0.5], [0.1, -0.3]]))
    assert moved.dtype == np.float32
    assert fourier_shift(stack.astype(np.complex64), np.zeros((2, 2))).dtype == np.complex64
    np.testing.assert_allclose(moved.sum(axis=(1, 2)), stack.sum(axis=(1, 2)), rtol=1e-4)


def test_nyquist_wave_at_half_a_pixel_vanishes() -> None:
    line = np.resize([1.0, -1.0], 8)
    moved = np.fft.ifft(np.fft.fft(line) * phase_ramp(8, np.array([0.5]))[0])
    np.testing.assert_allclose(moved, 0.0, atol=1e-12)


@pytest.mark.parametrize(
    ("length", "shifts", "message"),
    [
        (0, np.zeros(1), naming("length", 1, 0)),
        (4, np.zeros((1, 1)), naming("shifts_px", "(1, 1)")),
        (4, np.array([np.nan]), naming("shifts_px", "(1,)")),
    ],
)
def test_bad_ramps_are_refused(length: int, shifts: npt.NDArray[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        phase_ramp(length, shifts)


@pytest.mark.parametrize(("stack", "shifts"), [((4, 4), (1, 2)), ((3, 4, 4), (2, 2)), ((3, 4, 4), (3, 1))])
def test_shapes_that_do_not_fit_are_refused(stack: npt.NDArray[Any], shifts: npt.NDArray[Any]) -> None:
    with pytest.raises(InputError, match=naming("arrays", "shifts_px", stack, shifts)):
        fourier_shift(np.ones(stack), np.zeros(shifts))
