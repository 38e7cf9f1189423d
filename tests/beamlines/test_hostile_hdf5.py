"""HDF5 files that name other files, lead in circles, are cut, or claim more than they hold are refused, in bounds."""

from __future__ import annotations

from pathlib import Path

import h5py
import pytest

from ptyproof.beamlines.hdf5_guard import check_hdf5
from ptyproof.beamlines.readers import scan_of_files
from ptyproof.beamlines.request import Request
from ptyproof.errors import DataError
from tests.helpers.beamline_files import Scan, write_cxi
from tests.helpers.hostile_hdf5 import SPOILS, Spoil, soft_loop

DATA = "entry_1/instrument_1/detector_1/data"


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
def test_it_is_refused(spoil: Spoil, scan: Scan, tmp_path: Path) -> None:
    other, path = write_cxi(tmp_path / "other.cxi", scan), write_cxi(tmp_path / "scan.cxi", scan)
    check_hdf5(path)
    spoil(path, other, DATA)
    with pytest.raises(DataError) as refused:
        check_hdf5(path)
    assert refused.value.path == path


def test_nothing_stays_of_a_file_that_is_refused(scan: Scan, tmp_path: Path, scratch: Path) -> None:
    path = write_cxi(tmp_path / "scan.cxi", scan)
    soft_loop(path, path, DATA)
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
