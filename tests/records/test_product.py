"""Products for ptychodus: lengths, origin and positions are its own, checked by its application if it is installed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.cli import main
from ptyproof.extras import BEAMLINES, missing
from ptyproof.io.dataset import in_its_version, read_dataset, write_dataset
from ptyproof.methods.reconstruction_input import read_reconstruction_input
from ptyproof.reconstruction.method import Reconstruction
from ptyproof.records.archive import Origin, read_archive, write_archive
from ptyproof.records.ptychodus_product import write_product
from ptyproof.study.layout import phase_d_file
from tests.helpers.phases import Phase
from tests.helpers.ptychodus_core import shown

h5py = pytest.importorskip("h5py", reason="h5py is not installed: pip install 'pytest-ptyproof[iterative]'")


@pytest.fixture
def product(smoke_d: Phase, tmp_path: Path) -> Path:
    """A product beside its archive `x.npz`; the object is the truth, so that patterns can be computed from it."""
    path = phase_d_file(smoke_d.root, 1e3, "dense", "test")
    truth = read_dataset(path).dataset.obj
    assert truth is not None
    dataset = read_reconstruction_input(path, "test", tmp_path)
    found = Reconstruction(truth, dataset.probe, losses=(0.3, 0.1), seconds=(1.0, 2.0), stopped_by="epochs")
    write_archive(tmp_path / "x.npz", found, dataset, Origin("lsqml", {}, "0" * 64, None, "1" * 64))
    write_product(tmp_path / "x.h5", tmp_path / "x.npz", dataset, "dose1000-dense-gs2-test-lsqml")
    return tmp_path / "x.h5"


def test_positions_are_where_the_middle_of_the_probe_lies(product: Path, smoke_d: Phase) -> None:
    data = read_dataset(phase_d_file(smoke_d.root, 1e3, "dense", "test")).dataset
    archive = read_archive(product.with_name("x.npz"))
    with h5py.File(product) as file:
        np.testing.assert_array_equal(file["object"][0], archive.obj)
        np.testing.assert_array_equal(file["probe"][0, 0], archive.probe)
        assert file["object"].attrs["pixel_width_m"] == file["probe"].attrs["pixel_height_m"] == 1.0
        for name, axis in (("y", 0), ("x", 1)):
            # index on the object of the probe's middle, (N - 1) / 2, as ptychodus counts it
            index = file[f"probe_position_{name}_m"][()] + (archive.obj.shape[axis] - 1) / 2
            first = index - (archive.probe.shape[axis] - 1) / 2
            np.testing.assert_allclose(first, data.positions_px[:, axis] - archive.probe.shape[axis] // 2, atol=1e-9)
        np.testing.assert_array_equal(file["loss_epochs"][()], [1, 2])
        np.testing.assert_array_equal(file["loss_values"][()], [0.3, 0.1])
        assert np.isfinite(file.attrs["photon_energy_eV"])
        assert np.isfinite(file.attrs["detector_object_distance_m"])
        assert "1 m " in file.attrs["comments"]


def test_equal_reconstructions_give_equal_bytes(product: Path, smoke_d: Phase) -> None:
    dataset = read_reconstruction_input(phase_d_file(smoke_d.root, 1e3, "dense", "test"), "test", product.parent)
    again = product.with_name("y.h5")
    write_product(again, product.with_name("x.npz"), dataset, "dose1000-dense-gs2-test-lsqml")
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(product.read_bytes()).digest()


def test_modes_that_were_refined_are_modes_of_the_product(product: Path, smoke_d: Phase) -> None:
    dataset = read_reconstruction_input(phase_d_file(smoke_d.root, 1e3, "dense", "test"), "test", product.parent)
    one = read_archive(product.with_name("x.npz"))
    further = np.stack([one.probe * np.complex64(0.3), one.probe[::-1] * np.complex64(0.2j)])
    found = Reconstruction(one.obj, one.probe, further_modes=further)
    write_archive(product.with_name("m.npz"), found, dataset, Origin("lsqml", {}, "0" * 64, None, "1" * 64))
    write_product(product.with_name("m.h5"), product.with_name("m.npz"), dataset, "m")
    modes = np.stack([one.probe, *further])
    with h5py.File(product.with_name("m.h5")) as file:
        np.testing.assert_array_equal(file["probe"], modes[None])
        power = float(np.square(np.abs(modes), dtype=np.float64).sum())
        assert file.attrs["probe_photon_count"] == pytest.approx(power, rel=1e-6)


ENERGY_EV, DISTANCE_M, PIXEL_M = 9000.0, 2.0, (12e-9, 15e-9)


def with_lengths(path: Path, folder: Path) -> Path:
    """A copy of a dataset whose record knows the lengths of the experiment."""
    dataset = read_dataset(path).dataset
    physical: Any = {
        "photon_energy_ev": ENERGY_EV,
        "detector_distance_m": DISTANCE_M,
        "detector_pixel_size_m": None,
        "object_pixel_size_m": list(PIXEL_M),
        "field_of_view_m": None,
        "regime": "far",
    }
    dataset = in_its_version(replace(dataset, metadata={**dataset.metadata, "physical": physical}))
    write_dataset(folder / "known.npz", dataset)
    return folder / "known.npz"


def test_lengths_that_the_record_knows_are_those_of_the_product(product: Path, smoke_d: Phase, tmp_path: Path) -> None:
    path = with_lengths(phase_d_file(smoke_d.root, 1e3, "dense", "test"), tmp_path)
    write_product(
        tmp_path / "known.h5", product.with_name("x.npz"), read_reconstruction_input(path, "test", tmp_path), "x"
    )
    with h5py.File(product) as pixels, h5py.File(tmp_path / "known.h5") as known:
        assert (known.attrs["photon_energy_eV"], known.attrs["detector_object_distance_m"]) == (ENERGY_EV, DISTANCE_M)
        assert "1 m " not in known.attrs["comments"]
        for name in ("object", "probe"):
            attrs = known[name].attrs
            assert (attrs["pixel_height_m"], attrs["pixel_width_m"]) == PIXEL_M
        for name, size in zip(("y", "x"), PIXEL_M, strict=True):
            member = f"probe_position_{name}_m"
            np.testing.assert_array_equal(known[member][()], pixels[member][()] * size)


@pytest.mark.skipif(bool(missing(BEAMLINES)), reason="needs ptychodus: pip install 'pytest-ptyproof[beamlines]'")
@pytest.mark.parametrize("known", [True, False])
def test_the_application_of_ptychodus_shows_it(known: bool, smoke_d: Phase, tmp_path: Path, product: Path) -> None:
    path = phase_d_file(smoke_d.root, 1e3, "dense", "test")
    path = with_lengths(path, tmp_path) if known else path
    write_product(tmp_path / "x.h5", product.with_name("x.npz"), read_reconstruction_input(path, "test", tmp_path), "x")
    options = [] if known else ["--pixels-as-meters"]
    assert main(["export", str(path), "--out", str(tmp_path / "x.cxi"), *options]) == 0
    found = shown(tmp_path / "x.cxi", tmp_path / "x.h5", tmp_path)
    archive, dataset = read_archive(product.with_name("x.npz")), read_dataset(path).dataset
    np.testing.assert_array_equal(found["object"][0], archive.obj)
    np.testing.assert_array_equal(found["product_probe"][0, 0], archive.probe)
    assert tuple(found["object_pixel_m"]) == pytest.approx(PIXEL_M if known else (1.0, 1.0))
    window = np.array(archive.probe.shape)
    np.testing.assert_allclose(found["places_px"], dataset.positions_px - window // 2 + (window - 1) / 2, atol=1e-9)
    assert not [line for line in found["said"].tolist() if "sampled" in line]  # as the patterns are
