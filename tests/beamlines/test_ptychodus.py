"""The readers of ptychodus give back what h5py, tifffile, scipy and numpy wrote, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ptyproof.beamlines.readers import reader_names, scan_of_files
from ptyproof.beamlines.request import Request
from ptyproof.cli import main
from ptyproof.errors import DataError, InputError
from ptyproof.extras import BEAMLINES, missing
from tests.helpers.beamline_files import Scan
from tests.helpers.beamline_formats import THEIRS, Write, npy, tiff_series

pytestmark = pytest.mark.skipif(
    bool(missing(BEAMLINES)), reason="needs ptychodus: pip install 'pytest-ptyproof[beamlines]'"
)


@pytest.mark.parametrize("write", THEIRS, ids=lambda write: write.__name__)
def test_patterns_are_read_in_their_type(write: Write, scan: Scan, tmp_path: Path, scratch: Path) -> None:
    files = write(tmp_path, scan)
    with scan_of_files([Request("patterns", files.reader, str(files.patterns))], scratch) as found:
        assert found.patterns is not None
        assert found.patterns.dtype == scan.counts.dtype
        np.testing.assert_array_equal(found.patterns, scan.counts)


def test_positions_and_probe_are_read_as_they_stand(scan: Scan, tmp_path: Path, scratch: Path) -> None:
    path = npy(tmp_path, scan).patterns
    csv = tmp_path / "scan.csv"  # y before x, no header
    csv.write_text("".join(f"{float(row)!r},{float(col)!r}\n" for row, col in scan.positions_m), encoding="utf-8")
    probe = np.random.default_rng(0).normal(size=(2, *scan.valid.shape)) + 0j
    np.save(tmp_path / "probe.npy", probe)
    asked = [Request("patterns", "NPY", str(path)), Request("positions", "CSV", str(csv))]
    with scan_of_files([*asked, Request("probe", "NPY", str(tmp_path / "probe.npy"))], scratch) as found:
        np.testing.assert_array_equal(found.positions, scan.positions_m)
        np.testing.assert_array_equal(found.probe, probe)


def test_a_series_that_lacks_a_frame_is_refused(scan: Scan, tmp_path: Path, scratch: Path) -> None:
    path = tiff_series(tmp_path, scan).patterns
    (tmp_path / "scan_7.tif").unlink()
    with pytest.raises(DataError) as refused, scan_of_files([Request("patterns", "TIFF", str(path))], scratch):
        pass
    assert "7" in refused.value.reason


def test_an_unknown_reader_is_a_wrong_call(scan: Scan, tmp_path: Path, scratch: Path) -> None:
    path = npy(tmp_path, scan).patterns
    with pytest.raises(InputError), scan_of_files([Request("patterns", "nonsense", str(path))], scratch):
        pass


def test_readers_are_listed(scratch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = reader_names(scratch)
    assert {"TIFF", "fold_slice", "SLS_cSAXS", "CXI"} <= set(names["patterns"])
    assert {"CSV", "fold_slice_mat"} <= set(names["positions"])
    assert main(["import", "--reader", "list"]) == 0
    assert "SLS_cSAXS" in capsys.readouterr().out
