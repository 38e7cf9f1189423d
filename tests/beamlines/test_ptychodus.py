"""The readers of ptychodus give back what h5py, tifffile, scipy and numpy wrote, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ptyproof.beamlines.readers import reader_names, scan_of_files
from ptyproof.beamlines.request import Request
from ptyproof.cli import main
from ptyproof.errors import DataError, InputError
from ptyproof.extras import BEAMLINES, missing
from ptyproof.io.dataset import read_dataset
from tests.helpers.beamline_files import Scan, write_csv

pytestmark = pytest.mark.skipif(
    bool(missing(BEAMLINES)), reason="needs ptychodus: pip install 'pytest-ptyproof[beamlines]'"
)


def nexus(folder: Path, scan: Scan) -> Path:
    import h5py

    with h5py.File(folder / "scan.h5", "w") as file:
        entry = file.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        entry.create_dataset("data/data", data=scan.counts, chunks=(1, *scan.valid.shape), compression="gzip")
    return folder / "scan.h5"


def bitshuffled(folder: Path, scan: Scan) -> Path:
    import h5py
    import hdf5plugin

    with h5py.File(folder / "scan.h5", "w") as file:
        file.create_dataset(
            "entry/data/data", data=scan.counts, chunks=(1, *scan.valid.shape), **hdf5plugin.Bitshuffle()
        )
    return folder / "scan.h5"


def fold_slice(folder: Path, scan: Scan) -> Path:
    import h5py

    with h5py.File(folder / "scan_dp.hdf5", "w") as file:
        file["dp"] = scan.counts
    return folder / "scan_dp.hdf5"


def tiff_stack(folder: Path, scan: Scan) -> Path:
    import tifffile

    tifffile.imwrite(folder / "scan_1.tif", scan.counts)
    return folder / "scan_1.tif"


def tiff_series(folder: Path, scan: Scan) -> Path:
    import tifffile

    for number, pattern in enumerate(scan.counts):
        tifffile.imwrite(folder / f"scan_{number}.tif", pattern)
    return folder / "scan_0.tif"


def npy(folder: Path, scan: Scan) -> Path:
    np.save(folder / "scan.npy", scan.counts)
    return folder / "scan.npy"


def npz(folder: Path, scan: Scan) -> Path:
    np.savez(folder / "scan.npz", patterns=scan.counts, indexes=np.arange(len(scan.counts)))
    return folder / "scan.npz"


FORMATS: list[tuple[str, Callable[[Path, Scan], Path]]] = [
    ("CNM_APS_HXN", nexus),
    ("CNM_APS_HXN", bitshuffled),
    ("fold_slice", fold_slice),
    ("TIFF", tiff_stack),
    ("TIFF", tiff_series),
    ("NPY", npy),
    ("NPZ", npz),
]


@pytest.mark.parametrize(("reader", "write"), FORMATS, ids=[write.__name__ for _, write in FORMATS])
def test_patterns_are_read_bit_for_bit(
    reader: str, write: Callable[[Path, Scan], Path], scan: Scan, tmp_path: Path, scratch: Path
) -> None:
    path = write(tmp_path, scan)
    with scan_of_files([Request("patterns", reader, str(path))], scratch) as found:
        assert found.patterns is not None
        assert found.patterns.dtype == scan.counts.dtype
        np.testing.assert_array_equal(found.patterns, scan.counts)


def test_positions_and_probe_are_read_as_they_stand(scan: Scan, tmp_path: Path, scratch: Path) -> None:
    path = npy(tmp_path, scan)
    csv = tmp_path / "scan.csv"  # y before x, no header
    csv.write_text("".join(f"{float(row)!r},{float(col)!r}\n" for row, col in scan.positions_m), encoding="utf-8")
    probe = np.random.default_rng(0).normal(size=(2, *scan.valid.shape)) + 0j
    np.save(tmp_path / "probe.npy", probe)
    asked = [Request("patterns", "NPY", str(path)), Request("positions", "CSV", str(csv))]
    with scan_of_files([*asked, Request("probe", "NPY", str(tmp_path / "probe.npy"))], scratch) as found:
        np.testing.assert_array_equal(found.positions, scan.positions_m)
        np.testing.assert_array_equal(found.probe, probe)


def test_fold_slice_gives_positions_of_matlab_files(scan: Scan, tmp_path: Path, scratch: Path) -> None:
    import scipy.io

    outputs = {"probe_positions": scan.positions_m[:, ::-1] / scan.pixel_m[0], "fourier_error_out": np.ones(3)}
    obj = np.ones((64, 64), complex)
    probe = np.ones(scan.valid.shape, complex)
    p = {"dx_spec": np.full(2, scan.pixel_m[0]), "z": 2.0, "lambda": 1.4e-10, "energy": 9.0}
    path = tmp_path / "result.mat"
    scipy.io.savemat(path, {"object": obj, "probe": probe, "outputs": outputs, "p": p})
    asked = [Request("patterns", "NPY", str(npy(tmp_path, scan))), Request("probe", "fold_slice_mat", str(path))]
    with scan_of_files([*asked, Request("positions", "fold_slice_mat", str(path))], scratch) as found:
        assert found.probe is not None
        assert found.positions is not None
        np.testing.assert_allclose(found.positions, scan.positions_m, rtol=1e-12)
        np.testing.assert_array_equal(found.probe[0], probe)


def test_a_series_that_lacks_a_frame_is_refused(scan: Scan, tmp_path: Path, scratch: Path) -> None:
    path = tiff_series(tmp_path, scan)
    (tmp_path / "scan_7.tif").unlink()
    with pytest.raises(DataError) as refused, scan_of_files([Request("patterns", "TIFF", str(path))], scratch):
        pass
    assert "7" in refused.value.reason


def test_an_unknown_reader_is_a_wrong_call(scan: Scan, tmp_path: Path, scratch: Path) -> None:
    path = npy(tmp_path, scan)
    with pytest.raises(InputError), scan_of_files([Request("patterns", "nonsense", str(path))], scratch):
        pass


@pytest.mark.parametrize(
    ("reader", "content"),
    [("NPY", b"\x93NUMPY"), ("NPZ", b"PK\x03\x04"), ("TIFF", b"II*\x00"), ("fold_slice", b"\x89HDF")],
)
def test_a_damaged_file_is_refused(reader: str, content: bytes, tmp_path: Path, scratch: Path) -> None:
    path = tmp_path / "scan_1.tif"
    path.write_bytes(content + b"\x00" * 100)
    with pytest.raises(DataError) as refused, scan_of_files([Request("patterns", reader, str(path))], scratch):
        pass
    assert refused.value.path == path


def test_a_header_of_128_gib_is_refused(tmp_path: Path, scratch: Path) -> None:
    header = {"descr": "<u2", "fortran_order": False, "shape": (1 << 20, 256, 256)}
    with (tmp_path / "scan.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    request = Request("patterns", "NPY", str(tmp_path / "scan.npy"))
    with pytest.raises(DataError), scan_of_files([request], scratch):
        pass


def test_the_command_reads_a_series_with_positions_in_columns(scan: Scan, tmp_path: Path) -> None:
    path, csv = tiff_series(tmp_path, scan), write_csv(tmp_path / "scan.csv", scan, "x_um,y_um", 1e6)
    options = ["--energy-kev", "9", "--distance-m", "2", "--detector-pixel-um", "75", "--positions-file", str(csv)]
    out = tmp_path / "scan.npz"
    assert main(["import", str(path), "--reader", "TIFF", "--out", str(out), *options]) == 0
    np.testing.assert_array_equal(read_dataset(out).dataset.counts(), scan.counts)


def test_readers_are_listed(scratch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = reader_names(scratch)
    assert {"TIFF", "fold_slice", "SLS_cSAXS", "CXI"} <= set(names["patterns"])
    assert {"CSV", "fold_slice_mat"} <= set(names["positions"])
    assert main(["import", "--reader", "list"]) == 0
    assert "SLS_cSAXS" in capsys.readouterr().out
