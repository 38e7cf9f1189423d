"""Files of other programs: the tike layout made into a measurement or a base, and layouts that are not known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.errors import DataError, InputError
from ptyproof.io.dataset import dataset_arrays, read_dataset, write_dataset
from ptyproof.io.hashing import sha256_file
from ptyproof.io.importers import import_foreign
from ptyproof.physics.names import OBJECT_NAMES
from ptyproof.physics.objects import make_object
from tests.helpers.measurements import N_TIKE as N
from tests.helpers.measurements import WINDOW, tike_arrays
from tests.strategies.datasets import make_dataset

MEASURED = Path(__file__).parents[2] / ".." / "shared" / "data" / "siemens-star" / "siemens-star-small.npz"


def save(path: Path, **changes: Any) -> Path:
    np.savez(path, **tike_arrays(**changes))
    return path


@pytest.mark.parametrize("corner", [True, False])
def test_tike_becomes_a_measurement(tmp_path: Path, corner: bool) -> None:
    path = save(tmp_path / "star.npz", corner=corner)
    dataset, changes = import_foreign(path, margin_px=7)
    centred = tike_arrays(corner=False)
    np.testing.assert_array_equal(dataset.counts(), centred["data"][0])
    np.testing.assert_array_equal(dataset.probe, centred["probe"].reshape(WINDOW))
    assert dataset.obj is None
    metadata = dataset.metadata
    assert (metadata["role"], metadata["intensity_scale"]) == ("measurement", 1.0)
    assert metadata["photons_per_pattern_measured"] == pytest.approx(centred["data"].sum(dtype=float) / N)
    assert metadata["source"] == {"name": "star.npz", "sha256": sha256_file(path), "of": "file"}
    assert metadata["transformations"][0]["detail"] == {"changes": list(changes)}
    said = "moved from the corner to the middle along rows and columns" if corner else "left in the"
    assert any(said in change for change in changes)
    power = float((np.abs(dataset.probe.astype("c16")) ** 2).sum())
    assert any(f"sum |P|^2 is {power:.6g}" in change for change in changes)
    write_dataset(tmp_path / "new.npz", dataset)
    assert read_dataset(tmp_path / "new.npz").changes == ()


@pytest.mark.parametrize("margin_px", [0, 7])
def test_positions_keep_their_distances_and_every_window_has_its_margin(tmp_path: Path, margin_px: int) -> None:
    scan = tike_arrays()["scan"][0].astype(np.float64)
    dataset, changes = import_foreign(save(tmp_path / "a.npz"), margin_px=margin_px)
    offset = dataset.positions_px - scan
    np.testing.assert_array_equal(offset, np.rint(offset))
    assert (offset == offset[0]).all()
    corner = dataset.positions_px - np.array(WINDOW) // 2
    np.testing.assert_array_equal(np.floor(corner.min(axis=0)), [margin_px, margin_px])
    assert any(f"moved by ({offset[0, 0]:g}, {offset[0, 1]:g}) px" in change for change in changes)


@pytest.mark.parametrize("name", OBJECT_NAMES)
def test_a_built_in_object_makes_a_base(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / "a.npz")
    dataset, changes = import_foreign(path, object_name=name, margin_px=7)
    measurement, _ = import_foreign(path, margin_px=7)
    assert dataset.role == "base"
    assert dataset.diffraction is None
    np.testing.assert_array_equal(dataset.positions_px, measurement.positions_px)
    np.testing.assert_array_equal(dataset.probe, measurement.probe)
    corner = dataset.positions_px.max(axis=0) - np.array(WINDOW) // 2
    expected = tuple(int(v) for v in np.ceil(corner) + WINDOW + 7)
    np.testing.assert_array_equal(dataset.obj, make_object(name, expected, np.random.default_rng(42)))
    assert any("do not belong to" in change for change in changes)
    assert any("seed 42" in change for change in changes)


def test_the_generator_draws_the_object(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz")
    one, other, default = (
        import_foreign(path, object_name="grains", rng=rng)[0].obj
        for rng in (np.random.default_rng(1), np.random.default_rng(1), None)
    )
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, default)


def test_the_strongest_mode_is_kept(tmp_path: Path) -> None:
    mode = tike_arrays()["probe"].reshape(WINDOW)
    probe = np.stack([0.5 * mode, 2 * mode])[None, None, None]
    dataset, changes = import_foreign(save(tmp_path / "a.npz", probe=probe))
    np.testing.assert_array_equal(dataset.probe, 2 * mode)
    assert any("mode 1 of 2 kept, the strongest; share of power left out 0.0588235" in change for change in changes)


def test_an_unclear_zero_frequency_is_an_error_that_an_option_settles(tmp_path: Path) -> None:
    flat = np.random.default_rng(0).poisson(5, (1, N, *WINDOW)).astype(np.float32)
    path = save(tmp_path / "a.npz", data=flat)
    with pytest.raises(DataError, match=r"along rows and columns: .*zero_frequency='corner'"):
        import_foreign(path)
    center, _ = import_foreign(path, zero_frequency="center")
    corner, changes = import_foreign(path, zero_frequency="corner")
    np.testing.assert_array_equal(center.counts(), flat[0])
    np.testing.assert_array_equal(corner.counts(), np.fft.fftshift(flat[0], axes=(1, 2)))
    assert any("as the caller said" in change for change in changes)


@pytest.mark.parametrize(
    ("changes", "member", "reason"),
    [
        ({"data": np.full((1, N, *WINDOW), 0.5, np.float32)}, "data", "whole numbers >= 0, but has fractions"),
        ({"data": np.full((1, N, *WINDOW), -1.0, np.float32)}, "data", "-1.0 is in it"),
        ({"data": np.full((1, N, *WINDOW), np.nan, np.float32)}, "data", "whole numbers >= 0"),
        ({"data": np.zeros((1, N, *WINDOW), np.float32)}, "data", "zero everywhere"),
        ({"data": np.zeros((1, N, *WINDOW), "c8")}, "data", "must be photon counts"),
        ({"data": np.ones((1, N, 16, 16), np.float32)}, "data", "contradicts"),
        ({"data": np.ones((1, N + 1, *WINDOW), np.float32)}, "data", "contradicts"),
        ({"data": np.ones((2, N, *WINDOW), np.float32)}, "data", "one view"),
        ({"scan": np.zeros((1, N, 3), np.float32)}, "data", "contradicts"),
        ({"scan": np.full((1, N, 2), np.inf, np.float32)}, "scan", "finite real positions"),
        ({"scan": np.zeros((1, N, 2), np.float32)}, "ycoords", "all equal"),
        ({"probe": np.ones((1, 1, 1, 1, *WINDOW), np.float32)}, "probe", "must be complex"),
        ({"probe": np.zeros((1, 1, 1, 1, *WINDOW), "c8")}, "probe", "not zero everywhere"),
        ({"probe": np.full((1, 1, 1, 1, *WINDOW), np.nan, "c8")}, "probe", "must be finite"),
    ],
)
def test_tike_arrays_that_cannot_be_meant(tmp_path: Path, changes: dict[str, Any], member: str, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        import_foreign(save(tmp_path / "a.npz", **changes))
    assert caught.value.member == member
    assert reason in caught.value.reason


@pytest.mark.parametrize("modes", [1, 3])
def test_patterns_last_are_told_by_positions_and_probe(tmp_path: Path, modes: int) -> None:
    data = tike_arrays()["data"]
    probe = np.stack([tike_arrays()["probe"].reshape(WINDOW)] * modes)
    dataset, changes = import_foreign(save(tmp_path / "a.npz", data=np.moveaxis(data, 1, 3), probe=probe))
    np.testing.assert_array_equal(dataset.counts(), tike_arrays(corner=False)["data"][0])
    assert any(change.startswith("data: axes (1, H, W, n)") for change in changes)


@pytest.mark.parametrize("order", ["nhw", "hwn"])
def test_a_cube_of_patterns_leaves_its_axes_open(tmp_path: Path, order: Any) -> None:
    side, rng = 12, np.random.default_rng(0)
    bell = np.hanning(side + 2)[1:-1] ** 4
    cube = rng.poisson(900 * np.einsum("i,j,k->ijk", *[bell] * 3))[None]
    scan = rng.uniform(-5, 5, (1, side, 2))
    probe = np.outer(bell, bell)[None, None, None].astype("c8")
    path = save(tmp_path / "a.npz", data=cube, scan=scan, probe=probe)
    with pytest.raises(DataError, match="--axis-order nhw or --axis-order hwn"):
        import_foreign(path)
    expected = cube[0] if order == "nhw" else np.moveaxis(cube[0], 2, 0)
    np.testing.assert_array_equal(import_foreign(path, axis_order=order)[0].counts(), expected)


def test_arrays_that_the_layout_does_not_know_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    _, changes = import_foreign(save(tmp_path / "a.npz", weights=np.ones(3)))
    assert "weights: left out, the layout does not know it" in changes


def test_an_unknown_layout_lists_what_is_there_and_what_is_known(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", image=np.zeros((3, 4)), data=np.zeros(2, "i4"))
    with pytest.raises(DataError, match=r"holds image \(3, 4\) float64, data \(2,\) int32; known layouts: DATA-001"):
        import_foreign(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"object_name": "cat"}, "object_name must be one of grains"),
        ({"zero_frequency": "middle"}, "zero_frequency must be one of auto, center, corner, top, left, got 'middle'"),
        ({"margin_px": -1}, "margin_px must be >= 0, got -1"),
    ],
)
def test_options(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        import_foreign(save(tmp_path / "a.npz"), **options)


def test_a_dataset_of_our_own_goes_through(tmp_path: Path) -> None:
    dataset = make_dataset(window=WINDOW)
    write_dataset(tmp_path / "a.npz", dataset)
    found, changes = import_foreign(tmp_path / "a.npz")
    assert changes == ()
    expected = dataset_arrays(dataset)
    for name, array in dataset_arrays(found).items():
        np.testing.assert_array_equal(array, expected[name])
    base, changes = import_foreign(tmp_path / "a.npz", object_name="grains")
    assert base.role == "base"
    assert changes[0].startswith("objectGuess: left out for the built-in object")
    np.testing.assert_array_equal(base.positions_px, dataset.positions_px)


def test_a_legacy_file_takes_the_options_that_settle_it(tmp_path: Path) -> None:
    dataset = make_dataset(window=WINDOW, intensity_scale=1.0)
    np.savez(tmp_path / "a.npz", **{**dataset_arrays(dataset), "diffraction": dataset.counts().astype(np.float32)})
    with pytest.raises(DataError, match="values='intensity'"):
        import_foreign(tmp_path / "a.npz")
    found, _ = import_foreign(tmp_path / "a.npz", values="intensity")
    np.testing.assert_array_equal(found.counts(), dataset.counts())


@pytest.mark.skipif(not MEASURED.exists(), reason="../shared/data/siemens-star does not stand beside the project")
def test_the_measured_siemens_star() -> None:
    dataset, changes = import_foreign(MEASURED)
    assert len(dataset) == 516
    assert dataset.probe.shape == (128, 128)
    assert dataset.metadata["photons_per_pattern_measured"] == pytest.approx(461_213, abs=1)
    assert any("moved from the corner to the middle along rows and columns" in said for said in changes)
    assert dataset.metadata["source"]["sha256"].startswith("ce87bd4c9aa5114d")
