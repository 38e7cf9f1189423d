"""Built-in probes, and encircled diameters against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ptyproof.errors import InputError
from ptyproof.physics.names import PROBE_NAMES
from ptyproof.physics.probes import encircled_diameter_px, make_probe
from tests.helpers.messages import naming
from tests.strategies.scans import complex_noise


def radii(shape: tuple[int, int]) -> npt.NDArray[Any]:
    rows = np.arange(shape[0])[:, None] - shape[0] // 2
    cols = np.arange(shape[1])[None, :] - shape[1] // 2
    return np.hypot(rows, cols)


def full_width(probe: npt.NDArray[Any]) -> float:
    """Outermost diameter at which the ring-averaged intensity is half of its maximum."""
    intensity = np.abs(probe) ** 2
    ring = np.floor(radii(probe.shape) + 0.5).astype(int).ravel()
    profile = np.bincount(ring, intensity.ravel()) / np.bincount(ring)
    radius = np.arange(0, len(profile) - 1, 0.02)
    return float(
        2 * radius[np.flatnonzero(np.interp(radius, np.arange(len(profile)), profile) > profile.max() / 2)[-1]]
    )


@pytest.mark.parametrize("name", PROBE_NAMES)
@pytest.mark.parametrize("shape", [64, (64, 80), (65, 64), (128, 96)])
def test_type_norm_and_centring(name: str, shape: int | tuple[int, int]) -> None:
    probe = make_probe(name, shape)
    window = (shape, shape) if isinstance(shape, int) else shape
    assert probe.shape == window
    assert probe.dtype == np.complex64
    intensity = np.abs(probe).astype(np.float64) ** 2
    assert intensity.sum() == pytest.approx(1.0, rel=1e-5)
    rows, cols = np.indices(window)
    assert np.sum(intensity * rows) == pytest.approx(window[0] // 2, abs=0.05)
    assert np.sum(intensity * cols) == pytest.approx(window[1] // 2, abs=0.05)


@pytest.mark.parametrize("name", PROBE_NAMES)
@pytest.mark.parametrize(("size", "diameter"), [(64, None), (128, None), (128, 24.0), (256, 80.0)])
def test_width(name: str, size: int, diameter: float) -> None:
    probe = make_probe(name, size, diameter_px=diameter)
    wanted = 20 / 64 * size if diameter is None else diameter
    assert full_width(probe) == pytest.approx(wanted, rel=0.1)


@pytest.mark.parametrize("name", PROBE_NAMES)
@pytest.mark.parametrize("fraction", [20 / 64, 0.45])
def test_the_window_holds_the_probe(name: str, fraction: float) -> None:
    probe = make_probe(name, (96, 112), diameter_px=fraction * 96)
    intensity = np.abs(probe) ** 2
    edge = radii(probe.shape) >= 0.46 * 96
    assert np.all(probe[edge] == 0)
    assert intensity[radii(probe.shape) > 0.4 * 96].sum() < 0.01
    assert np.all(probe[radii(probe.shape) < 5] != 0)


@pytest.mark.parametrize("name", PROBE_NAMES)
def test_phase_is_curved(name: str) -> None:
    probe = make_probe(name, 64)
    lit = np.abs(probe) ** 2 > 0.1 * np.max(np.abs(probe) ** 2)
    spread = np.abs(np.sum(probe[lit] * np.abs(probe[lit]))) / np.sum(np.abs(probe[lit]) ** 2)
    assert spread < 0.8, "a flat phase would give 1"


def test_the_zone_plate_has_an_annular_pupil() -> None:
    power = np.abs(np.fft.fftshift(np.fft.fft2(make_probe("zone_plate", 128)))) ** 2
    q = radii((128, 128)) / 128
    cutoff = 1.95 / (1.17 * 20)  # Fresnel number over the radius of the cone
    ring = (q > 0.5 * cutoff) & (q < 0.9 * cutoff)
    assert power[q < 0.15 * cutoff].mean() < 0.1 * power[ring].mean()
    assert power[q > 1.5 * cutoff].sum() < 0.01 * power.sum()


@pytest.mark.parametrize(
    ("name", "shape", "diameter", "message"),
    [
        ("pinhole", 64, None, naming("zone_plate", "soft_aperture", "'pinhole'")),
        ("zone_plate", 15, None, naming("16 px", "(15, 15)")),
        ("zone_plate", (64, 8), None, naming("16 px", "(64, 8)")),
        ("soft_aperture", 64, 3.9, naming("diameter_px", 4, 28.8, 3.9)),
        ("soft_aperture", (64, 80), 28.9, naming("diameter_px", 4, 28.8, 28.9)),
        ("zone_plate", 64, float("nan"), naming("diameter_px", "nan")),
    ],
)
def test_bad_probes_are_refused(name: str, shape: int | tuple[int, int], diameter: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_probe(name, shape, diameter_px=diameter)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("sigma", [4.0, 9.0])
def test_encircled_diameter_of_a_gaussian(fraction: float, sigma: float) -> None:
    shape = (121, 90)
    probe = np.exp(-(radii(shape) ** 2) / (4 * sigma**2) + 1j * radii(shape) ** 2 / 50)
    wanted = 2 * sigma * np.sqrt(-2 * np.log(1 - fraction))
    assert encircled_diameter_px(probe, fraction) == pytest.approx(wanted, rel=0.01)


@pytest.mark.parametrize("fraction", [0.25, 0.9])
def test_encircled_diameter_of_a_disc_anywhere(fraction: float) -> None:
    rows, cols = np.indices((100, 130))
    for centre in ((50.0, 60.0), (40.3, 70.8)):
        disc = (np.hypot(rows - centre[0], cols - centre[1]) < 20).astype(np.complex64)
        assert encircled_diameter_px(disc, fraction) == pytest.approx(40 * np.sqrt(fraction), rel=0.01)


def test_encircled_diameter_adds_modes_and_ignores_scale() -> None:
    modes = np.stack([make_probe("soft_aperture", 64), 2j * make_probe("zone_plate", 64)]).astype(np.complex64)
    merged = np.sqrt(np.sum(np.abs(modes) ** 2, axis=0)).astype(np.complex64)
    assert encircled_diameter_px(modes) == pytest.approx(encircled_diameter_px(merged), rel=1e-4)
    assert encircled_diameter_px(np.complex64(1e3) * modes) == pytest.approx(encircled_diameter_px(modes), rel=1e-4)


def test_encircled_diameter_grows_with_the_fraction() -> None:
    probe = complex_noise((20, 31), 5)
    diameters = [encircled_diameter_px(probe, fraction) for fraction in (0.01, 0.2, 0.5, 0.8, 0.999)]
    assert np.all(np.diff(diameters) > 0)


@pytest.mark.parametrize(
    ("probe", "fraction", "message"),
    [
        (np.ones((4, 4), dtype=np.complex64), 0.0, naming("fraction", "0.0")),
        (np.ones((4, 4), dtype=np.complex64), 1.0, naming("fraction", "1.0")),
        (np.zeros((4, 4), dtype=np.complex64), 0.9, naming("probe", "0.0")),
        (np.ones(4, dtype=np.complex64), 0.9, naming("probe", "(H, W)", "(4,)")),
    ],
)
def test_bad_diameters_are_refused(probe: npt.NDArray[Any], fraction: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        encircled_diameter_px(probe, fraction)
