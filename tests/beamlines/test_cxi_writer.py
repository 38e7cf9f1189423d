"""`ptyproof export`: a CXI file has what the dataset has, bit for bit, for the reader here and that of ptychodus."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.beamlines.readers import scan_of_files
from ptyproof.beamlines.request import Request
from ptyproof.cli import main
from ptyproof.extras import BEAMLINES, missing
from ptyproof.io.dataset import Dataset, in_its_version, read_dataset, write_dataset
from tests.helpers.beamline_files import DISTANCE_M, ENERGY_EV, PITCH_M, Scan, write_cxi
from tests.helpers.commands import refused
from tests.helpers.known import known
from tests.helpers.ptychodus_core import shown
from tests.strategies.datasets import make_dataset


@pytest.fixture
def measured(scan: Scan, tmp_path: Path) -> Path:
    """A dataset with mask, background, three modes, energy, distance and pitch."""
    rng = np.random.default_rng(2)
    modes = rng.normal(size=(3, *scan.valid.shape, 2)) @ [1, 1j] * np.hanning(scan.valid.shape[1])
    path = write_cxi(tmp_path / "scan.cxi", scan, data_dark=rng.random(scan.valid.shape).astype(np.float32))
    import h5py

    with h5py.File(path, "a") as file:
        file["entry_1/image_1/data"] = modes.astype(np.complex64)
    assert main(["import", str(path), "--reader", "CXI", "--out", str(tmp_path / "scan.npz")]) == 0
    return tmp_path / "scan.npz"


def exported(path: Path, *options: str) -> Path:
    out = path.with_name("new.cxi")
    assert main(["export", str(path), "--out", str(out), *options]) == 0
    return out


def test_the_reader_here_finds_the_dataset_again(measured: Path, scratch: Path) -> None:
    dataset = read_dataset(measured).dataset
    with scan_of_files([Request("patterns", "CXI", str(exported(measured)))], scratch) as found:
        np.testing.assert_array_equal(found.patterns, dataset.counts())
        np.testing.assert_array_equal(found.valid_pixels, dataset.valid_pixels)
        np.testing.assert_array_equal(found.dark, dataset.background)
        np.testing.assert_array_equal(found.probe, dataset.modes)
        pixel_m = known(dataset.metadata["physical"]["object_pixel_size_m"])
        np.testing.assert_array_equal(found.positions, dataset.positions_px * pixel_m)
        assert found.set_up.photon_energy_ev == pytest.approx(ENERGY_EV, rel=1e-15)
        assert (found.set_up.detector_distance_m, found.set_up.detector_pixel_size_m) == (DISTANCE_M, PITCH_M)


def test_an_import_of_the_export_is_the_same_scan(measured: Path, tmp_path: Path) -> None:
    out = tmp_path / "again.npz"
    assert main(["import", str(exported(measured)), "--reader", "CXI", "--center", "middle", "--out", str(out)]) == 0
    one, two = read_dataset(measured).dataset, read_dataset(out).dataset
    for name in ("diffraction", "modes", "valid_pixels", "background"):
        np.testing.assert_array_equal(getattr(two, name), getattr(one, name))
    moved = two.positions_px - one.positions_px
    np.testing.assert_allclose(moved - moved[0], 0, atol=1e-9)
    np.testing.assert_array_equal(two.scan_index, one.scan_index)
    assert (two.intensity_scale, two.role) == (one.intensity_scale, one.role)
    physical: tuple[Any, Any] = (one.metadata["physical"], two.metadata["physical"])
    for name, value in physical[0].items():
        same = value if value is None or isinstance(value, str) else pytest.approx(value, rel=1e-14)
        assert physical[1][name] == same, name


@pytest.mark.skipif(bool(missing(BEAMLINES)), reason="needs ptychodus: pip install 'pytest-ptyproof[beamlines]'")
def test_the_readers_of_ptychodus_find_it_too(measured: Path, tmp_path: Path) -> None:
    dataset, found = read_dataset(measured).dataset, shown(exported(measured), None, tmp_path)
    np.testing.assert_array_equal(found["patterns"], dataset.counts())
    assert dataset.valid_pixels is not None
    np.testing.assert_array_equal(found["bad_pixels"], ~dataset.valid_pixels)
    assert found["energy_ev"] == pytest.approx(ENERGY_EV)
    assert found["distance_m"] == DISTANCE_M
    assert tuple(found["pitch_m"]) == PITCH_M
    pixel_m = known(dataset.metadata["physical"]["object_pixel_size_m"])
    np.testing.assert_array_equal(found["positions_m"], dataset.positions_px * pixel_m)
    np.testing.assert_array_equal(found["probe"][0], dataset.modes)
    assert found["probe_pixel_m"] == pytest.approx(pixel_m)


def test_equal_datasets_give_equal_bytes(measured: Path) -> None:
    digests = {hashlib.sha256(exported(measured).read_bytes()).digest() for _ in range(2)}
    assert len(digests) == 1


@pytest.mark.parametrize("scale", [0.37, None])
def test_amplitudes_come_back_where_counts_are_not_known(scale: float | None, tmp_path: Path, scratch: Path) -> None:
    dataset = make_dataset(role="measurement", n=9, window=(16, 20), mean_counts=40.0)
    metadata = dataset.metadata
    if scale is None:
        metadata = {**metadata, "intensity_scale": None, "photons_per_pattern_measured": None}
    dataset = replace(dataset, metadata=metadata)
    write_dataset(tmp_path / "a.npz", dataset)
    path = exported(tmp_path / "a.npz", "--pixels-as-meters")
    with scan_of_files([Request("patterns", "CXI", str(path))], scratch) as found:
        assert found.patterns is not None
        if scale is None:
            np.testing.assert_array_equal(np.sqrt(found.patterns).astype(np.float32), dataset.diffraction)
        else:
            np.testing.assert_array_equal(found.patterns, dataset.counts())
        np.testing.assert_array_equal(found.positions, dataset.positions_px)  # 1 m stands for one pixel
        energy, distance = found.set_up.photon_energy_ev, found.set_up.detector_distance_m
        assert found.set_up.detector_pixel_size_m is not None
        assert energy is not None
        assert distance is not None
        for n, pitch in zip((16, 20), found.set_up.detector_pixel_size_m, strict=True):
            assert 1.239841984332e-6 / energy * distance / (n * pitch) == pytest.approx(1.0)


def masked_per_pattern(dataset: Dataset) -> Dataset:
    assert dataset.diffraction is not None
    return replace(dataset, valid_pixels=np.ones(dataset.diffraction.shape, bool))


def near(dataset: Dataset) -> Dataset:
    return with_physical(dataset, regime="near")


def with_physical(dataset: Dataset, **said: Any) -> Dataset:
    unknown = dict.fromkeys(
        ("photon_energy_ev", "detector_distance_m", "detector_pixel_size_m", "object_pixel_size_m", "field_of_view_m")
    )
    physical: Any = {**unknown, "regime": "far", **said}
    return replace(dataset, metadata={**dataset.metadata, "physical": physical})


def with_energy(dataset: Dataset) -> Dataset:
    return with_physical(dataset, photon_energy_ev=8000.0)


def as_it_is(dataset: Dataset) -> Dataset:
    return dataset


KNOWN = ("--energy-kev", "9", "--distance-m", "2", "--detector-pixel-um", "75")


@pytest.mark.parametrize(
    ("change", "options", "named"),
    [
        (as_it_is, (), "--energy-kev"),
        (as_it_is, ("--energy-kev", "9", "--distance-m", "2"), "--detector-pixel-um"),
        (as_it_is, (*KNOWN, "--object-pixel-nm", "3"), "object_pixel_size_m"),
        (as_it_is, (*KNOWN, "--pixels-as-meters"), "--pixels-as-meters"),
        (as_it_is, ("--energy-kev", "-9"), "--energy-kev"),
        (with_energy, KNOWN, "--energy-kev"),
        (masked_per_pattern, KNOWN, "valid_pixels"),
        (near, KNOWN, "near field"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    change: Any, options: tuple[str, ...], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = in_its_version(change(make_dataset(role="measurement", extras=False, window=(16, 20))))
    write_dataset(tmp_path / "a.npz", dataset)
    out = tmp_path / "a.cxi"
    sentence = refused(capsys, ["export", tmp_path / "a.npz", "--out", out, *options])
    assert named in sentence
    assert not out.exists()


def test_options_give_what_the_record_does_not_know(tmp_path: Path, scratch: Path) -> None:
    dataset = make_dataset(role="measurement", extras=False, window=(16, 20))
    write_dataset(tmp_path / "a.npz", dataset)
    path = exported(tmp_path / "a.npz", *KNOWN)
    with scan_of_files([Request("patterns", "CXI", str(path))], scratch) as found:
        assert found.set_up.photon_energy_ev == pytest.approx(9000.0)
        size_m = np.array([16, 20]) * 75e-6
        expected = dataset.positions_px * (1.239841984332e-6 / 9000.0 * 2.0 / size_m)
        np.testing.assert_allclose(known(found.positions), expected, rtol=1e-12)
