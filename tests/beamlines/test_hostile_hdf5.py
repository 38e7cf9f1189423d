"""HDF5 files that name other files, lead in circles, are cut, or claim more than they hold are refused, in bounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from ptyproof.beamlines.hdf5_guard import check_hdf5
from ptyproof.beamlines.readers import scan_of_files
from ptyproof.beamlines.request import Request
from ptyproof.errors import DataError
from tests.helpers.beamline_files import Scan, write_cxi

DATA = "entry_1/instrument_1/detector_1/data"
LARGE = 128 << 30


def external_link(path: Path, other: Path) -> None:
    with h5py.File(path, "a") as file:
        del file[DATA]
        file[DATA] = h5py.ExternalLink(str(other), DATA)


def virtual(path: Path, other: Path) -> None:
    with h5py.File(path, "a") as file:
        shape = file[DATA].shape
        layout = h5py.VirtualLayout(shape, np.uint16)
        layout[:] = h5py.VirtualSource(str(other), DATA, shape)
        del file[DATA]
        file.create_virtual_dataset(DATA, layout)


def external_storage(path: Path, other: Path) -> None:
    with h5py.File(path, "a") as file:
        shape = file[DATA].shape
        del file[DATA]
        file.create_dataset(DATA, shape, np.uint16, external=[(str(other), 0, h5py.h5f.UNLIMITED)])


def soft_loop(path: Path, other: Path) -> None:
    with h5py.File(path, "a") as file:
        del file[DATA]
        file[DATA] = h5py.SoftLink(f"/{DATA}2")
        file[f"{DATA}2"] = h5py.SoftLink(f"/{DATA}")


def unwritten(path: Path, other: Path) -> None:
    with h5py.File(path, "a") as file:
        del file[DATA]
        file.create_dataset(DATA, (LARGE >> 11, 32, 32), np.uint16, chunks=(1, 32, 32), compression="gzip")


def large_chunk(path: Path, other: Path) -> None:
    with h5py.File(path, "a") as file:
        del file[DATA]
        zeros = file.create_dataset(
            DATA, (1 << 15, 256, 256), np.uint16, chunks=(1 << 14, 256, 256), compression="gzip"
        )
        zeros[:1, :1, :1] = 1


def unknown_filter(path: Path, other: Path) -> None:
    with h5py.File(path, "a") as file:
        del file[DATA]
        space = h5py.h5s.create_simple((4, 24, 32))
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((1, 24, 32))
        plist.set_filter(32999, h5py.h5z.FLAG_OPTIONAL, ())
        h5py.h5d.create(file.id, DATA.encode(), h5py.h5t.STD_U16LE, space, plist)


def cut(path: Path, other: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def no_hdf5(path: Path, other: Path) -> None:
    path.write_bytes(b"not an HDF5 file" * 100)


@pytest.mark.parametrize(
    "spoil",
    [
        external_link,
        virtual,
        external_storage,
        soft_loop,
        unwritten,
        large_chunk,
        unknown_filter,
        cut,
        no_hdf5,
    ],
)
def test_it_is_refused(spoil: Callable[[Path, Path], None], scan: Scan, tmp_path: Path) -> None:
    other, path = write_cxi(tmp_path / "other.cxi", scan), write_cxi(tmp_path / "scan.cxi", scan)
    check_hdf5(path)
    spoil(path, other)
    with pytest.raises(DataError) as refused:
        check_hdf5(path)
    assert refused.value.path == path


def test_nothing_stays_of_a_file_that_is_refused(scan: Scan, tmp_path: Path, scratch: Path) -> None:
    path = write_cxi(tmp_path / "scan.cxi", scan)
    soft_loop(path, path)
    with pytest.raises(DataError) as refused, scan_of_files([Request("patterns", "CXI", str(path))], scratch):
        pass
    assert (refused.value.path, refused.value.member) == (path, f"/{DATA}")
    assert list(scratch.iterdir()) == []


def test_groups_that_hold_each_other_are_entered_once(scan: Scan, tmp_path: Path) -> None:
    path = write_cxi(tmp_path / "scan.cxi", scan)
    with h5py.File(path, "a") as file:
        file["entry_1/again"] = file["entry_1"]
    check_hdf5(path)


def test_a_link_to_nothing_that_nobody_needs_is_no_fault(scan: Scan, tmp_path: Path) -> None:
    path = write_cxi(tmp_path / "scan.cxi", scan)
    with h5py.File(path, "a") as file:
        file["entry_1/gone"] = h5py.SoftLink("/entry_1/nowhere")
    check_hdf5(path)


def test_a_process_that_takes_too_much_memory_ends_in_one_sentence(
    scan: Scan, tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_cxi(tmp_path / "scan.cxi", scan)
    monkeypatch.setattr("ptyproof.beamlines.readers.MEMORY_BYTES", 8 << 20)
    with pytest.raises(DataError) as refused, scan_of_files([Request("patterns", "CXI", str(path))], scratch):
        pass
    assert refused.value.path == path
