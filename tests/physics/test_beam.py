"""Beams that are not coherent, against what they mean: fine sums of intensities, blurred patterns, orthogonal modes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ptyproof.errors import InputError
from ptyproof.physics.beam import hermite_modes, moved_along_columns, partly_coherent, strongest_modes
from ptyproof.physics.forward import expected_counts
from ptyproof.physics.fourier import fourier_shift
from ptyproof.physics.probes import make_probe
from tests.helpers.messages import naming
from tests.strategies.scans import complex_noise

WINDOW = (24, 31)
ROWS, COLS = np.meshgrid(np.arange(24) - 11.3, np.arange(31) - 15.6, indexing="ij")
PROBE = np.exp(-(ROWS**2) / 18 - COLS**2 / 30 + 0.02j * ROWS * COLS)
PATCHES = 0.5 + complex_noise((2, *WINDOW), 4).astype(np.complex128)


def power(modes: Any) -> Any:
    return np.sum(np.abs(modes) ** 2, axis=(-2, -1))


def test_hermite_modes_are_orthogonal_and_have_their_shares() -> None:
    modes = hermite_modes(PROBE, (0.7, 0.2, 0.06, 0.04))
    flat = modes.reshape(4, -1)
    gram = flat.conj() @ flat.T
    np.testing.assert_allclose(
        gram, np.diag(power(PROBE) * np.array([0.7, 0.2, 0.06, 0.04])), atol=1e-12 * power(PROBE)
    )
    np.testing.assert_allclose(modes[0], PROBE * np.sqrt(0.7), rtol=1e-12)
    # the second mode changes its sign across the middle row, the third across the middle column
    ratio = modes[1] / PROBE
    assert (ratio[:11].real < 0).all() != (ratio[13:].real < 0).all()
    assert np.ptp((modes[2] / PROBE).real, axis=0).max() < 1e-6 * np.ptp((modes[2] / PROBE).real)


@pytest.mark.parametrize("powers", [(), (0.5, 0.6), (1.0, 0.0), (1.0, -0.1), (np.nan,), (1.0,) * 17])
def test_powers_that_no_beam_has(powers: Any) -> None:
    with pytest.raises(InputError, match=naming("16")):
        hermite_modes(PROBE, powers)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_a_beam_keeps_power_and_precision(dtype: Any) -> None:
    probe = PROBE.astype(dtype)
    for modes in (
        hermite_modes(probe, (3.0, 1.0)),
        partly_coherent(probe[None], 20.0),
        moved_along_columns(probe[None], 3.0),
        strongest_modes(partly_coherent(moved_along_columns(probe[None], 2.0), 15.0)),
    ):
        assert modes.dtype == dtype
        assert power(modes).sum() == pytest.approx(power(PROBE), rel=1e-5)


def test_short_coherence_blurs_the_pattern_by_what_its_length_says() -> None:
    """exp(-d^2 / (2 l^2)) in the mutual intensity is a Gaussian of N / (2 pi l) pixels over the pattern."""
    length = 24.0
    clean = expected_counts(PROBE, PATCHES)
    found = expected_counts(partly_coherent(PROBE[None], length), PATCHES)
    spectrum = np.fft.fft2(clean)  # the autocorrelation of the exit wave
    shifts = [np.fft.fftfreq(n, 1 / n) for n in WINDOW]
    degree = np.exp(-0.5 * np.add.outer(shifts[0] ** 2, shifts[1] ** 2) / length**2)
    expected = np.fft.ifft2(spectrum * degree).real
    assert np.abs(found - expected).max() < 2e-3 * expected.max()
    assert np.abs(found - clean).max() > 2e-2 * expected.max()


def test_a_moving_sample_is_the_mean_over_its_way() -> None:
    length = 3.0
    steps = (np.arange(200) + 0.5) / 200 * length - length / 2
    fine: list[Any] = [fourier_shift(PROBE[None], np.array([[0.0, step]])) for step in steps]
    expected = np.mean([expected_counts(probe, PATCHES) for probe in fine], axis=0)
    found = expected_counts(moved_along_columns(PROBE[None], length), PATCHES)
    assert np.abs(found - expected).max() < 1e-4 * expected.max()
    assert np.abs(expected_counts(PROBE, PATCHES) - expected).max() > 1e-2 * expected.max()


def test_rows_that_are_dark_stay_dark() -> None:
    probe = make_probe("zone_plate", (32, 32), diameter_px=10.0)
    probe[:4] = 0
    probe[-3:] = 0
    beam = strongest_modes(partly_coherent(moved_along_columns(hermite_modes(probe, (9.0, 1.0)), 1.0), 60.0))
    assert not beam[:, :4].any()
    assert not beam[:, -3:].any()


def test_the_strongest_modes_give_nearly_the_same_patterns() -> None:
    many = partly_coherent(moved_along_columns(PROBE[None], 2.0), 30.0)
    few = strongest_modes(many)
    assert 2 <= len(few) <= 16 < len(many)
    assert (np.diff(power(few)) <= 0).all()
    flat = few.reshape(len(few), -1)
    gram = flat.conj() @ flat.T
    assert np.abs(gram - np.diag(np.diag(gram))).max() < 1e-10 * power(few)[0]
    expected = expected_counts(many, PATCHES)
    assert np.abs(expected_counts(few, PATCHES) - expected).max() < 2e-3 * expected.max()
    assert len(strongest_modes(many, 0.5)) == 1


def test_no_way_and_endless_coherence_change_nothing() -> None:
    for modes in (moved_along_columns(PROBE[None], 0.0), partly_coherent(PROBE[None], 1e9)):
        (only,) = strongest_modes(modes)
        np.testing.assert_allclose(np.abs(only), np.abs(PROBE), atol=1e-9)


@pytest.mark.parametrize("length", [0.0, -1.0, float("nan")])
def test_lengths_that_make_no_sense(length: float) -> None:
    with pytest.raises(InputError, match=naming(f"{length}")):
        partly_coherent(PROBE[None], length)
    if length != 0:
        with pytest.raises(InputError, match=naming(f"{length}")):
            moved_along_columns(PROBE[None], length)
