"""Phases and ramps of patches: found again exactly, by brute force with noise, and nothing where nothing is shared."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.errors import InputError
from ptyproof.physics.gauge import fit_ramps, turned
from tests.helpers.messages import naming

Patches = npt.NDArray[np.complex128]


def stack(n: int, window: tuple[int, int], seed: int = 0) -> tuple[Patches, npt.NDArray[np.float64]]:
    """Return patches of random phases, and weights that are lit in the middle."""
    rng = np.random.default_rng(seed)
    patches = np.exp(0.7j * rng.standard_normal((n, *window))) * (0.8 + 0.2 * rng.random((n, *window)))
    rows, cols = (np.arange(size) - size // 2 for size in window)
    weights = np.exp(-np.add.outer((rows / (0.2 * window[0])) ** 2, (cols / (0.3 * window[1])) ** 2))
    return patches, np.broadcast_to(weights, patches.shape)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([(16, 16), (15, 22), (9, 31)]),
    st.floats(-3.1, 3.1),
    st.tuples(st.floats(-0.6, 0.6), st.floats(-0.6, 0.6)),
)
def test_a_known_phase_and_ramp_are_found_again(
    window: tuple[int, int], phase: float, slope: tuple[float, float]
) -> None:
    patches, weights = stack(2, window)
    phases, slopes = np.array([phase, 0.0]), np.array([slope, (0.0, 0.0)])
    references = turned(patches, phases, slopes)
    found_phases, found_slopes = fit_ramps(patches, references, weights)
    np.testing.assert_allclose(found_slopes, slopes, atol=1e-6)
    np.testing.assert_allclose(np.exp(1j * found_phases), np.exp(1j * phases), atol=1e-6)
    np.testing.assert_allclose(turned(patches, found_phases, found_slopes), references, atol=1e-5)


def test_a_ramp_moves_the_pattern_by_what_it_says() -> None:
    patch = np.ones((1, 16, 16), complex)
    one_pixel = turned(patch, np.zeros(1), np.array([[2 * np.pi / 16, 0.0]]))
    assert int(np.abs(np.fft.fft2(one_pixel[0])).argmax()) == 16  # row 1, column 0


def test_with_noise_no_ramp_nearby_fits_better() -> None:
    patches, weights = stack(3, (14, 17))
    other, _ = stack(3, (14, 17), seed=1)
    references = turned(patches, np.full(3, 0.5), np.full((3, 2), 0.2)) + 0.5 * other
    phases, slopes = fit_ramps(patches, references, weights)

    def likeness(change: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        tried = turned(patches, phases, slopes + change)
        return np.asarray(np.abs((weights * tried.conj() * references).sum(axis=(1, 2))))

    best = likeness(np.zeros(2))
    for change in ((0.01, 0.0), (-0.01, 0.0), (0.0, 0.01), (0.0, -0.01), (0.3, 0.0), (0.0, -0.3)):
        assert (likeness(np.array(change)) < best).all()


def test_a_patch_that_shares_nothing_is_left_as_it_is() -> None:
    patches, weights = stack(2, (8, 8))
    references = patches.copy()
    references[0] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        phases, slopes = fit_ramps(patches, references, weights)
    assert phases[0] == 0
    assert not slopes[0].any()
    dark, _ = fit_ramps(patches, references, 0 * weights)
    assert not dark.any()


def test_single_precision_stays_single() -> None:
    patches, _ = stack(1, (8, 8))
    assert turned(patches.astype(np.complex64), np.zeros(1), np.zeros((1, 2))).dtype == np.complex64


def test_shapes_that_do_not_fit_are_refused() -> None:
    patches, weights = stack(2, (8, 8))
    with pytest.raises(InputError, match=naming("(2, 8, 8)", "(1, 8, 8)")):
        fit_ramps(patches, patches[:1], weights)
