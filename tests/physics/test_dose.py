"""Scaling to a dose: Parseval, modes, blocks, and what cannot be scaled."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptyproof.errors import InputError
from ptyproof.physics import dose, forward
from ptyproof.physics.dose import mean_exit_power, probe_intensity, scale_probe_to_dose
from ptyproof.physics.forward import expected_counts, object_patches
from tests.helpers.messages import naming
from tests.strategies.scans import complex_noise, positions_in

OBJECT = complex_noise((26, 31), 1)


@given(data=st.data(), dose_exponent=st.floats(0, 7), n_modes=st.integers(1, 3))
def test_mean_expected_photons_equal_the_dose(data: st.DataObject, dose_exponent: float, n_modes: int) -> None:
    probe = complex_noise((n_modes, 7, 10), 2)
    positions = data.draw(positions_in(OBJECT.shape, (7, 10)))
    wanted = 10.0**dose_exponent
    scaled = scale_probe_to_dose(probe, OBJECT, positions, wanted)
    assert scaled.shape == probe.shape
    assert scaled.dtype == np.complex64
    totals = expected_counts(scaled, object_patches(OBJECT, positions, (7, 10))).sum(axis=(1, 2))
    assert totals.mean(dtype=np.float64) == pytest.approx(wanted, rel=1e-4)


def test_power_of_a_flat_object_is_that_of_the_probe() -> None:
    flat = np.full((20, 20), 0.6 - 0.8j, dtype=np.complex64)
    probe = complex_noise((6, 9), 3)
    power = mean_exit_power(flat, probe, np.array([[8.0, 9.0], [10.0, 11.0]]))
    assert power == pytest.approx(np.sum(np.abs(probe) ** 2), rel=1e-5)


def test_power_agrees_with_a_loop() -> None:
    probe, positions = complex_noise((6, 9), 4), np.array([[8.25, 9.5], [10.0, 11.0], [15.7, 20.1]])
    wanted = np.mean([np.sum(np.abs(probe * p) ** 2) for p in object_patches(OBJECT, positions, (6, 9))])
    assert mean_exit_power(OBJECT, probe, positions) == pytest.approx(wanted, rel=1e-5)


def test_power_does_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    probe = complex_noise((6, 9), 5)
    positions = np.random.default_rng(6).uniform(8, 16, (50, 2))
    whole = mean_exit_power(OBJECT, probe, positions)
    monkeypatch.setattr(forward, "BLOCK_BYTES", 1000)
    assert mean_exit_power(OBJECT, probe, positions) == pytest.approx(whole, rel=1e-6)


def test_intensities_of_modes_are_added() -> None:
    modes = complex_noise((3, 4, 5), 7)
    np.testing.assert_allclose(probe_intensity(modes), (np.abs(modes) ** 2).sum(axis=0), rtol=1e-5)
    assert probe_intensity(modes[0]).dtype == np.float64


POSITIONS = np.array([[10.0, 12.0]])
PROBE = complex_noise((6, 9), 8)


@pytest.mark.parametrize("photons", [0.0, -1.0, float("nan"), float("inf")])
def test_doses_that_are_no_doses_are_refused(photons: float) -> None:
    with pytest.raises(InputError, match=naming("photons_per_pattern", photons)):
        scale_probe_to_dose(PROBE, OBJECT, POSITIONS, photons)


@pytest.mark.parametrize(
    ("probe", "obj"), [(0 * PROBE, OBJECT), (PROBE, 0 * OBJECT), (PROBE * np.float32(np.nan), OBJECT)]
)
def test_nothing_to_scale_is_refused(probe: npt.NDArray[Any], obj: npt.NDArray[Any]) -> None:
    with pytest.raises(InputError, match=r"(?<!\w)(0\.0|nan)$"):
        scale_probe_to_dose(probe, obj, POSITIONS, 1e3)


def test_no_positions_are_refused() -> None:
    with pytest.raises(InputError, match=naming("positions_px")):
        mean_exit_power(OBJECT, PROBE, np.zeros((0, 2)))


@pytest.mark.parametrize("shape", [(5,), (1, 2, 3, 4), (0, 4)])
def test_other_probes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=naming("probe", "(H, W)", shape)):
        dose.probe_intensity(np.ones(shape, dtype=np.complex64))
