"""Built-in objects: ranges, determinism, and structure in every octave of spatial frequency."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ptyproof.errors import InputError
from ptyproof.physics.names import OBJECT_NAMES
from ptyproof.physics.objects import make_object
from tests.helpers.messages import naming

SHAPE = (256, 320)
OCTAVES = [(1 / 64, 1 / 32), (1 / 32, 1 / 16), (1 / 16, 1 / 8), (1 / 8, 1 / 4)]


@pytest.fixture(scope="module", params=OBJECT_NAMES)
def obj(request: pytest.FixtureRequest) -> Any:
    return make_object(request.param, SHAPE, np.random.default_rng(42))


def octave_shares(field: npt.NDArray[Any]) -> list[float]:
    """Share of the power of a real field in each octave, after a Hann window against leakage."""
    window = np.hanning(field.shape[0])[:, None] * np.hanning(field.shape[1])[None, :]
    power = np.abs(np.fft.fft2((field - field.mean()) * window)) ** 2
    q = np.hypot(np.fft.fftfreq(field.shape[0])[:, None], np.fft.fftfreq(field.shape[1])[None, :])
    return [power[(q >= low) & (q < high)].sum() / power.sum() for low, high in OCTAVES]


def test_type_and_ranges(obj: npt.NDArray[Any]) -> None:
    assert obj.dtype == np.complex64
    assert obj.shape == SHAPE
    amplitude, phase = np.abs(obj), np.angle(obj)
    assert amplitude.min() >= 0.5
    assert amplitude.max() <= 1.0 + 1e-6
    assert np.abs(phase).max() < np.pi / 2
    assert np.ptp(amplitude) > 0.35
    assert 1.0 < np.percentile(phase, 99) - np.percentile(phase, 1) < 2.5


@pytest.mark.parametrize("part", [np.abs, np.angle], ids=["amplitude", "phase"])
def test_every_octave_holds_structure(obj: npt.NDArray[Any], part: Any) -> None:
    shares = octave_shares(part(obj))
    assert min(shares) > 0.02, f"octave shares {shares}"


def test_a_smooth_blob_has_no_such_spectrum() -> None:
    rows, cols = np.indices(SHAPE)
    blob = np.exp(-((rows - 128) ** 2 + (cols - 160) ** 2) / (2 * 40.0**2))
    assert min(octave_shares(blob)) < 1e-4


def test_edges_are_soft_enough_for_fourier_shifts(obj: npt.NDArray[Any]) -> None:
    power = np.abs(np.fft.fft2((obj - obj.mean()) * np.hanning(256)[:, None] * np.hanning(320))) ** 2
    q = np.maximum(np.abs(np.fft.fftfreq(256))[:, None], np.abs(np.fft.fftfreq(320))[None, :])
    assert power[q > 0.4].sum() < 3e-3 * power.sum()


def test_amplitude_and_phase_are_related_but_not_the_same(obj: npt.NDArray[Any]) -> None:
    correlation = np.corrcoef(np.abs(obj).ravel(), np.angle(obj).ravel())[0, 1]
    assert abs(correlation) < 0.7


def test_structure_is_everywhere(obj: npt.NDArray[Any]) -> None:
    # Each half of a split object must be worth reconstructing: no empty tiles.
    tiles = obj.reshape(4, 64, 5, 64).transpose(0, 2, 1, 3).reshape(20, -1)
    assert np.abs(tiles).std(axis=1).min() > 0.02
    assert np.angle(tiles).std(axis=1).min() > 0.1


@pytest.mark.parametrize("name", OBJECT_NAMES)
def test_the_same_state_gives_the_same_object(name: str) -> None:
    first, again, other = (make_object(name, (40, 56), np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", OBJECT_NAMES)
@pytest.mark.parametrize("shape", [(16, 16), (17, 200), (301, 33)])
def test_small_and_narrow_objects(name: str, shape: tuple[int, int]) -> None:
    obj = make_object(name, shape, np.random.default_rng(3))
    assert obj.shape == shape
    assert np.all(np.isfinite(obj))


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("blob", (64, 64), naming("grains", "siemens", "'blob'")),
        ("grains", (15, 64), naming("16 px", "(15, 64)")),
        ("siemens", (64,), naming("16 px", "(64,)")),
    ],
)
def test_bad_objects_are_refused(name: str, shape: tuple[int, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_object(name, shape, np.random.default_rng(0))
