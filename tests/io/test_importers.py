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
from tests.helpers.known import known
from tests.helpers.measurements import N_TIKE as N
from tests.helpers.measurements import WINDOW, tike_arrays
from tests.helpers.messages import names, naming
from tests.strategies.datasets import make_dataset

MEASURED = Path(__file__).parents[2] / ".." / "shared" / "data" / "siemens-star" / "siemens-star-small.npz"


def save(path: Path, **changes: Any) -> Path:
    arrays: dict[str, Any] = {**tike_arrays(**changes)}
    np.savez(path, **arrays)
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
    assert any(names(change, "data", "corner") for change in changes) == corner
    power = float((np.abs(dataset.probe.astype("c16")) ** 2).sum())
    assert any(names(change, "|P|^2", f"{power:.6g}") for change in changes)
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
    assert any(f"({offset[0, 0]:g}, {offset[0, 1]:g}) px" in change for change in changes)


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
    height, width = (int(v) for v in np.ceil(corner) + WINDOW + 7)
    np.testing.assert_array_equal(dataset.obj, make_object(name, (height, width), np.random.default_rng(42)))
    assert any(names(change, "diffraction", name) for change in changes)
    assert any(names(change, name, 42) for change in changes)


def test_the_generator_draws_the_object(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz")
    one, other, default = (
        import_foreign(path, object_name="grains", rng=rng)[0].obj
        for rng in (np.random.default_rng(1), np.random.default_rng(1), None)
    )
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(known(one), known(default))


def test_modes_are_kept_the_strongest_first(tmp_path: Path) -> None:
    mode = tike_arrays()["probe"].reshape(WINDOW)
    probe = np.stack([0.5 * mode, 2 * mode])[None, None, None]
    dataset, changes = import_foreign(save(tmp_path / "a.npz", probe=probe))
    np.testing.assert_array_equal(dataset.probe, 2 * mode)
    np.testing.assert_array_equal(dataset.modes, np.stack([2 * mode, 0.5 * mode]))
    assert any(names(change, "probe", 2, "1, 0", "0.941176, 0.0588235") for change in changes)


def test_an_unclear_zero_frequency_is_an_error_that_an_option_settles(tmp_path: Path) -> None:
    flat = np.random.default_rng(0).poisson(5, (1, N, *WINDOW)).astype(np.float32)
    path = save(tmp_path / "a.npz", data=flat)
    with pytest.raises(DataError, match=naming(path, "--zero-frequency", "zero_frequency='corner'")) as caught:
        import_foreign(path)
    assert caught.value.member == "data"
    center, _ = import_foreign(path, zero_frequency="center")
    corner, changes = import_foreign(path, zero_frequency="corner")
    np.testing.assert_array_equal(center.counts(), flat[0])
    np.testing.assert_array_equal(corner.counts(), np.fft.fftshift(flat[0], axes=(1, 2)))
    assert any(names(change, "data", "corner") for change in changes)


@pytest.mark.parametrize(
    ("changes", "member", "parts"),
    [
        ({"data": np.full((1, N, *WINDOW), 0.5, np.float32)}, "data", ["--values intensity", "--values amplitude"]),
        ({"data": np.full((1, N, *WINDOW), -1.0, np.float32)}, "data", [">= 0", "-1.0"]),
        ({"data": np.full((1, N, *WINDOW), np.nan, np.float32)}, "data", [">= 0", "nan"]),
        ({"data": np.zeros((1, N, *WINDOW), np.float32)}, "data", []),
        ({"data": np.zeros((1, N, *WINDOW), "c8")}, "data", ["complex64"]),
        ({"data": np.ones((1, N, 16, 16), np.float32)}, "data", ["(1, 6, 16, 16)", "(1, 6, 2)", WINDOW]),
        ({"data": np.ones((1, N + 1, *WINDOW), np.float32)}, "data", ["(1, 7, 16, 20)", "(1, 6, 2)", WINDOW]),
        ({"data": np.ones((2, N, *WINDOW), np.float32)}, "data", ["(2, 6, 16, 20)", "(1, 6, 2)"]),
        ({"scan": np.zeros((1, N, 3), np.float32)}, "data", ["(1, 6, 16, 20)", "(1, 6, 3)", WINDOW]),
        ({"scan": np.full((1, N, 2), np.inf, np.float32)}, "scan", []),
        ({"scan": np.zeros((1, N, 2), np.float32)}, "ycoords", [N]),
        ({"probe": np.ones((1, 1, 1, 1, *WINDOW), np.float32)}, "probe", ["complex", "float32"]),
        ({"probe": np.zeros((1, 1, 1, 1, *WINDOW), "c8")}, "probe", []),
        ({"probe": np.full((1, 1, 1, 1, *WINDOW), np.nan, "c8")}, "probe", []),
    ],
)
def test_tike_arrays_that_cannot_be_meant(
    tmp_path: Path, changes: dict[str, Any], member: str, parts: list[object]
) -> None:
    with pytest.raises(DataError, match=naming(tmp_path / "a.npz", *parts)) as caught:
        import_foreign(save(tmp_path / "a.npz", **changes))
    assert caught.value.member == member


@pytest.mark.parametrize("modes", [1, 3])
def test_patterns_last_are_told_by_positions_and_probe(tmp_path: Path, modes: int) -> None:
    data = tike_arrays()["data"]
    probe = np.stack([tike_arrays()["probe"].reshape(WINDOW)] * modes)
    dataset, changes = import_foreign(save(tmp_path / "a.npz", data=np.moveaxis(data, 1, 3), probe=probe))
    np.testing.assert_array_equal(dataset.counts(), tike_arrays(corner=False)["data"][0])
    assert any(names(change, "data", "(1, H, W, n)") for change in changes)


@pytest.mark.parametrize("order", ["nhw", "hwn"])
def test_a_cube_of_patterns_leaves_its_axes_open(tmp_path: Path, order: Any) -> None:
    side, rng = 12, np.random.default_rng(0)
    bell = np.hanning(side + 2)[1:-1] ** 4
    cube = rng.poisson(900 * np.einsum("i,j,k->ijk", *[bell] * 3))[None]
    scan = rng.uniform(-5, 5, (1, side, 2))
    probe = np.outer(bell, bell)[None, None, None].astype("c8")
    path = save(tmp_path / "a.npz", data=cube, scan=scan, probe=probe)
    with pytest.raises(DataError, match=naming("(1, 12, 12, 12)", "--axis-order nhw", "--axis-order hwn")):
        import_foreign(path)
    expected = cube[0] if order == "nhw" else np.moveaxis(cube[0], 2, 0)
    np.testing.assert_array_equal(import_foreign(path, axis_order=order)[0].counts(), expected)


def test_arrays_that_the_layout_does_not_know_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    _, changes = import_foreign(save(tmp_path / "a.npz", weights=np.ones(3)))
    assert sum(change.startswith("weights: ") for change in changes) == 1


def test_an_unknown_layout_lists_what_is_there_and_what_is_known(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", image=np.zeros((3, 4)), data=np.zeros(2, "i4"))
    found = "image (3, 4) float64", "data (2,) int32"
    with pytest.raises(DataError, match=naming(tmp_path / "a.npz", *found, "DATA-001", "tike")):
        import_foreign(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"object_name": "cat"}, ["object_name", "grains, siemens", "'cat'"]),
        ({"zero_frequency": "middle"}, ["zero_frequency", "auto, center, corner, top, left", "'middle'"]),
        ({"margin_px": -1}, ["margin_px", ">= 0", "-1"]),
    ],
)
def test_options(tmp_path: Path, options: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(InputError, match=naming(*parts)):
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
    assert changes[0].startswith("objectGuess: ")
    assert not np.array_equal(known(base.obj), known(dataset.obj))
    np.testing.assert_array_equal(base.positions_px, dataset.positions_px)


def test_a_legacy_file_takes_the_options_that_settle_it(tmp_path: Path) -> None:
    dataset = make_dataset(window=WINDOW, intensity_scale=1.0)
    arrays: dict[str, Any] = {**dataset_arrays(dataset), "diffraction": dataset.counts().astype(np.float32)}
    np.savez(tmp_path / "a.npz", **arrays)
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
    assert any(names(said, "data", "corner") for said in changes)
    assert known(dataset.metadata["source"])["sha256"].startswith("ce87bd4c9aa5114d")


def test_modes_are_made_orthogonal_on_request(tmp_path: Path) -> None:
    mode = tike_arrays()["probe"].reshape(WINDOW)
    probe = np.stack([mode, 0.5 * mode[::-1] + 0.25 * mode])[None, None, None]
    path = save(tmp_path / "a.npz", probe=probe)
    plain, _ = import_foreign(path)
    dataset, changes = import_foreign(path, orthogonal=True)
    first, second = (found.astype(np.complex128) for found in dataset.modes)
    assert abs(np.vdot(first, second)) < 1e-6 * np.vdot(first, first).real
    assert abs(np.vdot(*plain.modes)) > 1e-3 * np.vdot(first, first).real
    power = np.sum(np.abs(plain.modes.astype(np.complex128)) ** 2)
    assert np.sum(np.abs(dataset.modes.astype(np.complex128)) ** 2) == pytest.approx(power, rel=1e-6)
    assert dataset.metadata["transformations"][-1]["step"] == "orthogonal-modes"
    assert any(names(change, "probeGuess", 2) for change in changes)
    with pytest.raises(DataError) as caught:
        import_foreign(save(tmp_path / "b.npz"), orthogonal=True)
    assert caught.value.member == "probeGuess"


def test_a_base_of_a_measurement_has_its_modes(tmp_path: Path) -> None:
    mode = tike_arrays()["probe"].reshape(WINDOW)
    path = save(tmp_path / "a.npz", probe=np.stack([mode, 0.5 * mode])[None, None, None])
    base, _ = import_foreign(path, object_name="siemens")
    assert base.role == "base"
    np.testing.assert_array_equal(base.modes, np.stack([mode, 0.5 * mode]))
