"""A scan in any format becomes the same measurement: counts and mask bit for bit, geometry, positions to 1e-12."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ptyproof.cli import main
from ptyproof.extras import BEAMLINES, missing
from ptyproof.io.dataset import read_dataset
from tests.helpers.beamline_files import DISTANCE_M, ENERGY_EV, PITCH_M, Scan
from tests.helpers.beamline_formats import OURS, THEIRS, Write, fold_slice_mat, probe_of

needs_ptychodus = pytest.mark.skipif(
    bool(missing(BEAMLINES)), reason="needs ptychodus: pip install 'pytest-ptyproof[beamlines]'"
)
FORMATS = [*OURS, *(pytest.param(write, marks=needs_ptychodus) for write in THEIRS)]


def name(write: object) -> str | None:
    return getattr(write, "__name__", None)


@pytest.mark.parametrize("write", FORMATS, ids=name)
def test_a_scan_is_the_same_measurement_in_every_format(write: Write, scan: Scan, tmp_path: Path) -> None:
    folder, out = tmp_path / "files", tmp_path / "scan.npz"
    folder.mkdir()
    files = write(folder, scan)
    assert main(["import", str(files.patterns), "--reader", files.reader, "--out", str(out), *files.options]) == 0
    dataset = read_dataset(out).dataset
    np.testing.assert_array_equal(dataset.counts(), scan.counts)
    np.testing.assert_array_equal(dataset.scan_index, np.arange(len(scan.counts)))
    if files.has_mask:
        np.testing.assert_array_equal(dataset.valid_pixels, scan.valid)
    else:
        assert dataset.valid_pixels is None
    physical = dataset.metadata["physical"]
    assert physical["photon_energy_ev"] == pytest.approx(ENERGY_EV, rel=1e-12)
    assert physical["detector_distance_m"] == pytest.approx(DISTANCE_M, rel=1e-15)
    assert physical["detector_pixel_size_m"] == pytest.approx(PITCH_M, rel=1e-15)
    assert physical["object_pixel_size_m"] == pytest.approx(scan.pixel_m, rel=1e-12)
    found, expected = dataset.positions_px, scan.positions_m / scan.pixel_m
    np.testing.assert_allclose(found - found[0], expected - expected[0], rtol=1e-12, atol=1e-12)
    if write is fold_slice_mat:
        np.testing.assert_array_equal(dataset.probe, probe_of(scan).astype(np.complex64))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["files", "scan.npz"]
