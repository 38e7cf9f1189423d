"""Products for ptychodus: lengths, origin and positions are its own, checked by its reader where it is installed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from ptyproof.io.dataset import read_dataset
from ptyproof.methods.reconstruction_input import read_reconstruction_input
from ptyproof.reconstruction.method import Reconstruction
from ptyproof.records.archive import Origin, read_archive, write_archive
from ptyproof.records.ptychodus_product import write_product
from ptyproof.study.layout import phase_d_file
from tests.helpers.phases import Phase

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
        assert np.isnan(file.attrs["photon_energy_eV"])
        assert "1 m " in file.attrs["comments"]


def test_equal_reconstructions_give_equal_bytes(product: Path, smoke_d: Phase) -> None:
    dataset = read_reconstruction_input(phase_d_file(smoke_d.root, 1e3, "dense", "test"), "test", product.parent)
    again = product.with_name("y.h5")
    write_product(again, product.with_name("x.npz"), dataset, "dose1000-dense-gs2-test-lsqml")
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(product.read_bytes()).digest()


def test_the_reader_of_ptychodus_reads_it(product: Path) -> None:
    reader = pytest.importorskip("ptychodus.api.io", reason="ptychodus is not installed: pip install ptychodus")
    found = reader.load_product(product)
    archive = read_archive(product.with_name("x.npz"))
    np.testing.assert_array_equal(found.object_.get_array()[0], archive.obj)
    geometry = found.object_.get_geometry()
    first = geometry.map_coordinates_probe_to_object(found.probe_positions[0])
    with h5py.File(product) as file:
        assert first.x_px == pytest.approx(file["probe_position_x_m"][0] + (archive.obj.shape[1] - 1) / 2)
    assert [loss.value for loss in found.losses] == [0.3, 0.1]
