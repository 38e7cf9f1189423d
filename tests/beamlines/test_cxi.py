"""CXI files are read as h5py has written them, with or without an object in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ptyproof.beamlines.readers import scan_of_files
from ptyproof.beamlines.request import Request
from ptyproof.errors import DataError
from tests.helpers.beamline_files import DISTANCE_M, ENERGY_EV, PITCH_M, Scan, write_cxi


def both(path: Path) -> list[Request]:
    return [Request("patterns", "CXI", str(path)), Request("positions", "CXI", str(path))]


def test_patterns_positions_mask_and_set_up_are_those_of_the_file(scan: Scan, tmp_path: Path, scratch: Path) -> None:
    path = write_cxi(tmp_path / "scan.cxi", scan)
    with scan_of_files(both(path), scratch) as found:
        assert found.patterns is not None
        assert found.patterns.dtype == scan.counts.dtype
        np.testing.assert_array_equal(found.patterns, scan.counts)
        np.testing.assert_array_equal(found.positions, scan.positions_m)
        np.testing.assert_array_equal(found.valid_pixels, scan.valid)
        assert found.set_up.photon_energy_ev == pytest.approx(ENERGY_EV, rel=1e-12)
        assert found.set_up.detector_distance_m == DISTANCE_M
        assert found.set_up.detector_pixel_size_m == PITCH_M
    assert list(scratch.iterdir()) == []


def test_a_pixel_with_signal_is_no_bad_pixel(scan: Scan, tmp_path: Path, scratch: Path) -> None:
    mask = np.where(scan.valid, 0x1000, 0x1008).astype(np.uint32)
    path = write_cxi(tmp_path / "scan.cxi", scan, mask=mask)
    with scan_of_files(both(path), scratch) as found:
        np.testing.assert_array_equal(found.valid_pixels, scan.valid)


def test_what_a_file_does_not_say_is_not_known(scan: Scan, tmp_path: Path, scratch: Path) -> None:
    path = write_cxi(tmp_path / "scan.cxi", scan, mask=None, distance=float("nan"), x_pixel_size=None)
    with scan_of_files(both(path), scratch) as found:
        assert found.valid_pixels is None
        assert found.set_up.detector_distance_m is None
        assert found.set_up.detector_pixel_size_m is None


def test_dark_patterns_are_read_as_their_mean(scan: Scan, tmp_path: Path, scratch: Path) -> None:
    dark = np.random.default_rng(0).poisson(2, (4, *scan.valid.shape))
    path = write_cxi(tmp_path / "scan.cxi", scan, data_dark=dark)
    with scan_of_files(both(path), scratch) as found:
        np.testing.assert_array_equal(found.dark, dark.mean(axis=0))


@pytest.mark.parametrize(
    ("changed", "member"),
    [
        ({"data": np.zeros((4, 4), np.uint16)}, None),
        ({"mask": np.zeros((3, 3), np.uint32)}, "/entry_1/instrument_1/detector_1/mask"),
        ({"mask": np.zeros((24, 32))}, "/entry_1/instrument_1/detector_1/mask"),
        ({"distance": np.ones(3)}, "entry_1/instrument_1/detector_1/distance"),
        ({"data_dark": np.zeros((2, 2))}, "/entry_1/instrument_1/detector_1/data_dark"),
    ],
)
def test_members_of_another_shape_are_refused_by_name(
    scan: Scan, tmp_path: Path, scratch: Path, changed: dict[str, object], member: str | None
) -> None:
    path = write_cxi(tmp_path / "scan.cxi", scan, **changed)
    with pytest.raises(DataError) as refused, scan_of_files(both(path), scratch):
        pass
    assert (refused.value.path, refused.value.member) == (path, member)
    assert list(scratch.iterdir()) == []
