"""Zero frequency in the middle, a corner or at an edge: found from patterns and probe, in every layout."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.errors import DataError, InputError
from ptyproof.io.dataset import read_dataset
from ptyproof.io.importers import import_foreign
from ptyproof.io.reading import CHOICES
from ptyproof.io.zero_frequency import LightCenter, moved_to_middle, probe_center
from tests.helpers.measurements import PLACES, WINDOW, bell, legacy, legacy_arrays, tike
from tests.helpers.messages import names, naming

COUNTS = legacy_arrays()["diff3d"]


@pytest.mark.parametrize("shape", [(8, 10), (9, 7), (12, 5)])
@pytest.mark.parametrize("place", PLACES)
def test_single_pixels(shape: tuple[int, int], place: str) -> None:
    light = np.zeros(shape)
    light[shape[0] // 2, shape[1] // 2] = 3
    found = LightCenter.of(np.fft.ifftshift(light, axes=PLACES[place]))
    assert found.place == place
    assert found.edge_axes == PLACES[place]
    expected = [-1.0 if axis in PLACES[place] else 1.0 for axis in (0, 1)]
    # of an odd length no index lies exactly opposite to the middle
    np.testing.assert_allclose(found.towards_middle, expected, atol=0.2)


def test_the_circular_mean_is_that_of_its_definition() -> None:
    light = np.random.default_rng(1).exponential(size=(7, 10))
    found = LightCenter.of(light)
    for axis, length in enumerate(light.shape):
        z = sum(light.take(i, axis=axis).sum() * np.exp(2j * np.pi * (i - length // 2) / length) for i in range(length))
        z /= light.sum()
        assert found.towards_middle[axis] == pytest.approx(z.real)
        assert found.index[axis] == pytest.approx((length // 2 + np.angle(z) * length / 2 / np.pi) % length)


def test_flat_light_and_light_a_quarter_off_are_left_open() -> None:
    assert LightCenter.of(np.ones((12, 16))).open_axes == (0, 1)
    assert LightCenter.of(np.zeros((12, 16))).open_axes == (0, 1)
    found = LightCenter.of(np.roll(bell((12, 16)), 3, axis=0))
    assert found.open_axes == (0,)
    assert found.place is None


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("shape", [(3, 5), (8, 10), (32, 32)])
def test_random_probes_are_not_taken_for_shifted_ones(shape: tuple[int, int], seed: int) -> None:
    assert probe_center(np.random.default_rng(seed).exponential(size=shape)).edge_axes == ()


@pytest.mark.parametrize("diameter", [0.1, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("place", PLACES)
def test_discs_of_any_size_are_told(diameter: float, place: str) -> None:
    rows, cols = np.meshgrid(np.arange(-16, 16), np.arange(-16, 16), indexing="ij")
    disc = (np.hypot(rows, cols) <= diameter * 16).astype(float)
    assert probe_center(np.fft.ifftshift(disc, axes=PLACES[place])).place == place


@pytest.mark.parametrize("window", [(8, 10), (7, 9), (7, 10)])
@pytest.mark.parametrize("place", PLACES)
def test_the_zero_frequency_lands_on_the_middle_index(window: tuple[int, int], place: str) -> None:
    stack = np.random.default_rng(0).normal(size=(3, *window))
    shifted = np.fft.ifftshift(stack, axes=tuple(axis + 1 for axis in PLACES[place]))
    np.testing.assert_array_equal(moved_to_middle(shifted, place), stack)  # type: ignore[arg-type]


@pytest.mark.parametrize("place", [place for place in PLACES if place != "center"])
def test_data_001_elsewhere_is_refused_until_the_caller_says_so(tmp_path: Path, place: str) -> None:
    path = legacy(tmp_path / "a.npz", diff3d=np.fft.ifftshift(COUNTS, axes=[axis + 1 for axis in PLACES[place]]))
    with pytest.raises(DataError, match=f"--zero-frequency {place} ") as caught:
        read_dataset(path)
    assert caught.value.member == "diffraction"
    loaded = read_dataset(path, zero_frequency=place)  # type: ignore[arg-type]
    np.testing.assert_array_equal(loaded.dataset.counts(), COUNTS)
    assert any(names(change, "diffraction", place) for change in loaded.changes)


@pytest.mark.parametrize("place", PLACES)
def test_tike_is_measured(tmp_path: Path, place: str) -> None:
    path = tike(tmp_path / "a.npz", data=np.fft.ifftshift(COUNTS, axes=[axis + 1 for axis in PLACES[place]])[None])
    dataset, changes = import_foreign(path)
    np.testing.assert_array_equal(dataset.counts(), COUNTS)
    assert sum(change.startswith("data: ") and bool(re.search(r"[+-]\d\.\d\d", change)) for change in changes) == 1


def test_a_caller_who_is_wrong_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=naming("a.npz", "--zero-frequency corner", "(0, 0)")):
        import_foreign(tike(tmp_path / "a.npz"), zero_frequency="corner")


def test_one_axis_that_is_open_leaves_two_places_to_say(tmp_path: Path) -> None:
    flat_rows = np.random.default_rng(0).poisson(np.broadcast_to(400 * bell()[8], (20, *WINDOW)))
    path = tike(tmp_path / "a.npz", data=flat_rows[None])
    with pytest.raises(DataError) as caught:
        import_foreign(path)
    assert names(caught.value.reason, "--zero-frequency center", "--zero-frequency top")
    assert "corner" not in caught.value.reason
    import_foreign(path, zero_frequency="center")


def test_open_light_of_data_001_is_read_with_a_remark(tmp_path: Path) -> None:
    flat = np.random.default_rng(0).poisson(20, COUNTS.shape)
    loaded = read_dataset(legacy(tmp_path / "a.npz", diff3d=flat))
    assert [remark.split(":")[0] for remark in loaded.remarks] == ["diffraction"]
    assert read_dataset(legacy(tmp_path / "b.npz")).remarks == ()


@pytest.mark.parametrize("place", [place for place in PLACES if place != "center"])
@pytest.mark.parametrize("layout", ["base", "measurement", "tike"])
def test_a_probe_elsewhere_is_refused_with_the_axes(tmp_path: Path, layout: str, place: str) -> None:
    axes = PLACES[place]
    probe = np.fft.ifftshift(legacy_arrays()["probeGuess"], axes=axes)
    if layout == "tike":
        path = tike(tmp_path / "a.npz", probe=probe[None, None, None])
    else:
        other = {"diff3d": None, "objectGuess": np.ones((40, 45), "c8")} if layout == "base" else {}
        path = legacy(tmp_path / "a.npz", probeGuess=probe, **other)
    with pytest.raises(DataError, match="fftshift") as caught:
        import_foreign(path)
    assert caught.value.member == ("probe" if layout == "tike" else "probeGuess")
    assert place in caught.value.reason
    assert f"axes={tuple(axis - 2 for axis in axes)}" in caught.value.reason


def test_words_that_are_not_known(tmp_path: Path) -> None:
    for name, word in (
        ("zero_frequency", "centre"),
        ("values", "counts"),
        ("axis_order", "nwh"),
        ("saturated", "mask"),
        ("scan_order", "snake"),
    ):
        said: Any = {name: word}
        with pytest.raises(InputError, match=naming(name, ", ".join(CHOICES[name]), f"'{word}'")):
            read_dataset(legacy(tmp_path / "a.npz"), **said)
