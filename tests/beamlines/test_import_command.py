"""`ptyproof import --reader`: counts bit for bit, positions in pixels, and one sentence for what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.beamlines.geometry import check_probe_pixel
from ptyproof.beamlines.readers import scan_of_files
from ptyproof.beamlines.request import Request
from ptyproof.beamlines.to_dataset import turned_place
from ptyproof.cli import main
from ptyproof.errors import DataError
from ptyproof.extras import BEAMLINES, missing
from ptyproof.io.dataset import Dataset, read_dataset
from ptyproof.physics.orientation import inverse, oriented
from tests.helpers.beamline_files import ENERGY_EV, Scan, write_csv, write_cxi

SHARED = Path(__file__).parents[3] / "shared" / "data"


def imported(path: Path, out: Path, *options: str) -> Dataset:
    assert main(["import", str(path), "--out", str(out), *options]) == 0
    return read_dataset(out).dataset


def relative(positions: np.ndarray) -> np.ndarray:
    return np.asarray(positions - positions[0])


def test_a_cxi_file_becomes_a_measurement(scan: Scan, tmp_path: Path) -> None:
    dark = np.full((2, *scan.valid.shape), 0.25)
    dataset = imported(write_cxi(tmp_path / "scan.cxi", scan, data_dark=dark), tmp_path / "scan.npz", "--reader", "CXI")
    assert dataset.role == "measurement"
    np.testing.assert_array_equal(dataset.counts(), scan.counts)
    np.testing.assert_array_equal(dataset.valid_pixels, scan.valid)
    np.testing.assert_array_equal(dataset.background, dark[0])
    expected = relative(scan.positions_m / scan.pixel_m)
    np.testing.assert_allclose(relative(dataset.positions_px), expected, rtol=0, atol=1e-9)
    physical = dataset.metadata["physical"]
    assert physical["photon_energy_ev"] == pytest.approx(ENERGY_EV)
    assert physical["object_pixel_size_m"] == pytest.approx(scan.pixel_m.tolist())
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_importing_twice_gives_the_same_bytes(scan: Scan, tmp_path: Path) -> None:
    path = write_cxi(tmp_path / "scan.cxi", scan)
    for name in ("one.npz", "two.npz"):
        imported(path, tmp_path / name, "--reader", "CXI")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_arrays_and_columns_give_the_same_dataset_as_cxi(scan: Scan, tmp_path: Path) -> None:
    np.savez(tmp_path / "scan.npz", counts=scan.counts, good=scan.valid)
    cxi = imported(write_cxi(tmp_path / "scan.cxi", scan), tmp_path / "a.npz", "--reader", "CXI")
    csv = write_csv(tmp_path / "scan.csv", scan, "x_um,y_um", 1e6)
    named = imported(
        tmp_path / "scan.npz",
        tmp_path / "b.npz",
        *("--reader", "arrays", "--array", "patterns=counts", "--array", "mask=good", "--positions-file", str(csv)),
        *("--energy-kev", "9", "--distance-m", "2", "--detector-pixel-um", "75"),
    )
    np.testing.assert_array_equal(named.diffraction, cxi.diffraction)
    np.testing.assert_array_equal(named.valid_pixels, cxi.valid_pixels)
    np.testing.assert_allclose(named.positions_px, cxi.positions_px, rtol=0, atol=1e-9)


def test_patterns_and_positions_are_paired_by_their_index(scan: Scan, tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(len(scan.counts))[:-3]
    rows = [f"{i},{float(scan.positions_m[i, 1])!r},{float(scan.positions_m[i, 0])!r}" for i in order]
    csv = tmp_path / "scan.csv"
    csv.write_text("\n".join(["index,x,y", *rows]), encoding="utf-8")
    options = ("--reader", "CXI", "--positions-file", str(csv))
    dataset = imported(write_cxi(tmp_path / "scan.cxi", scan), tmp_path / "scan.npz", *options)
    kept = np.sort(order)
    np.testing.assert_array_equal(dataset.scan_index, kept)
    np.testing.assert_array_equal(dataset.counts(), scan.counts[kept])
    expected = relative((scan.positions_m / scan.pixel_m)[kept])
    np.testing.assert_allclose(relative(dataset.positions_px), expected, atol=1e-9)


def test_crop_center_and_bins_are_those_of_the_options(scan: Scan, tmp_path: Path) -> None:
    options = ("--reader", "CXI", "--center", "12,14", "--crop", "16x20", "--bin", "2")
    dataset = imported(write_cxi(tmp_path / "scan.cxi", scan), tmp_path / "scan.npz", *options)
    part = scan.counts[:, 4:20, 4:24].astype(int)
    valid = scan.valid[4:20, 4:24].reshape(8, 2, 10, 2).all(axis=(1, 3))
    np.testing.assert_array_equal(dataset.counts(), part.reshape(-1, 8, 2, 10, 2).sum(axis=(2, 4)) * valid)
    assert dataset.metadata["physical"]["detector_pixel_size_m"] == pytest.approx([150e-6, 150e-6])


@pytest.mark.parametrize("orientation", ["flip-rows", "transpose", "rotate-90"])
def test_patterns_turned_back_are_those_of_the_upright_scan(scan: Scan, tmp_path: Path, orientation: str) -> None:
    back = inverse(orientation)
    turned = Scan(oriented(scan.counts, back), scan.positions_m, oriented(scan.valid, back))  # type: ignore[arg-type]
    options = ("--reader", "CXI", "--orient-patterns", orientation, "--center", "12,16", "--crop", "20x28")
    upright = imported(write_cxi(tmp_path / "a.cxi", scan), tmp_path / "a.npz", "--reader", "CXI", *options[-4:])
    found = imported(write_cxi(tmp_path / "b.cxi", turned), tmp_path / "b.npz", *options)
    np.testing.assert_array_equal(found.diffraction, upright.diffraction)
    np.testing.assert_array_equal(found.valid_pixels, upright.valid_pixels)


def test_saturated_and_negative_pixels_are_excluded_on_request(scan: Scan, tmp_path: Path) -> None:
    counts = scan.counts.astype(np.int32)
    counts[:, 3, 4] = np.iinfo(np.int32).max
    counts[2, 6, 7] = -1
    path = write_cxi(tmp_path / "scan.cxi", scan, data=counts)
    assert main(["import", str(path), "--out", str(tmp_path / "a.npz"), "--reader", "CXI"]) == 2
    assert not (tmp_path / "a.npz").exists()
    dataset = imported(path, tmp_path / "b.npz", "--reader", "CXI", "--mask-saturated")
    expected = scan.valid.copy()
    expected[3, 4] = expected[6, 7] = False
    np.testing.assert_array_equal(dataset.valid_pixels, expected)


@pytest.mark.parametrize(
    "options",
    [
        ("--reader", "nonsense"),
        ("--reader", "CXI", "--energy-kev", "-1"),
        ("--reader", "CXI", "--crop", "0"),
        ("--reader", "CXI", "--crop", "4096"),
        ("--reader", "CXI", "--center", "left"),
        ("--reader", "CXI", "--detector-pixel-um", "1x2x3"),
        ("--reader", "CXI", "--object-pixel-nm", "1"),
        ("--reader", "CXI", "--array", "patterns=a"),
        ("--reader", "arrays"),
        ("--reader", "CXI", "--positions-file", "nowhere.csv"),
        ("--reader", "CXI", "--object", "grains"),
        ("--energy-kev", "9"),
        (),
    ],
)
def test_a_wrong_call_is_refused_and_writes_nothing(scan: Scan, tmp_path: Path, options: tuple[str, ...]) -> None:
    path, out = write_cxi(tmp_path / "scan.cxi", scan), tmp_path / "scan.npz"
    assert main(["import", str(path), "--out", str(out), *options]) == 2
    assert sorted(found.name for found in tmp_path.iterdir()) == ["scan.cxi"]


def test_a_scan_of_wide_steps_is_no_scan_of_the_far_field(scan: Scan, tmp_path: Path) -> None:
    wide = Scan(scan.counts, scan.positions_m * 5, scan.valid)
    path, out = write_cxi(tmp_path / "scan.cxi", wide), tmp_path / "scan.npz"
    assert main(["import", str(path), "--out", str(out), "--reader", "CXI"]) == 2
    assert not out.exists()
    imported(path, out, "--reader", "CXI", "--regime", "far")


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/data does not stand beside the project")
def test_measured_near_field_data_are_recognized(tmp_path: Path) -> None:
    path, out = SHARED / "petra3-near-field" / "PETRAIII_P25_Near_Field_Ptycho.cxi", tmp_path / "scan.npz"
    assert main(["import", str(path), "--out", str(out), "--reader", "CXI"]) == 2
    dataset = imported(path, out, "--reader", "CXI", "--regime", "far")
    assert dataset.counts().shape == (200, 100, 100)
    assert dataset.valid_pixels is not None
    assert (~dataset.valid_pixels).sum() == 5


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/data does not stand beside the project")
def test_measured_data_without_geometry_need_it(tmp_path: Path) -> None:
    path, out = SHARED / "aps-test235" / "test235_truncated.npz", tmp_path / "scan.npz"
    options = ("--reader", "arrays", "--array", "patterns=reciprocal", "--array", "positions=position")
    assert main(["import", str(path), "--out", str(out), *options]) == 2
    dataset = imported(path, out, *options, "--object-pixel-nm", "9.7", "--crop", "256")
    with np.load(path) as archive:
        np.testing.assert_array_equal(dataset.counts(), archive["reciprocal"][:, 128:384, 128:384])


def numbered(scan: Scan, path: Path, first: int) -> Path:
    """Positions in columns whose index begins with another number than that of the patterns."""
    rows = [f"{first + i},{float(col)!r},{float(row)!r}" for i, (row, col) in enumerate(scan.positions_m)]
    path.write_text("\n".join(["index,x,y", *rows]), encoding="utf-8")
    return path


def test_numbers_that_begin_elsewhere_do_not_shift_the_positions(scan: Scan, tmp_path: Path) -> None:
    csv = numbered(scan, tmp_path / "scan.csv", 1)
    options = ("--reader", "CXI", "--positions-file", str(csv))
    dataset = imported(write_cxi(tmp_path / "scan.cxi", scan), tmp_path / "scan.npz", *options)
    np.testing.assert_array_equal(dataset.counts(), scan.counts)
    expected = relative(scan.positions_m / scan.pixel_m)
    np.testing.assert_allclose(relative(dataset.positions_px), expected, rtol=0, atol=1e-9)


def test_the_index_of_the_scan_is_kept(scan: Scan, tmp_path: Path) -> None:
    import h5py

    path = write_cxi(tmp_path / "scan.cxi", scan)
    with h5py.File(path) as file:
        assert len(file["entry_1/data_1/data"]) == len(scan.counts)
    csv = numbered(scan, tmp_path / "scan.csv", 0)
    lines = csv.read_text(encoding="utf-8").splitlines()
    csv.write_text("\n".join([lines[0], *lines[11:]]), encoding="utf-8")
    dataset = imported(path, tmp_path / "scan.npz", "--reader", "CXI", "--positions-file", str(csv))
    np.testing.assert_array_equal(dataset.scan_index, np.arange(10, len(scan.counts)))
    np.testing.assert_array_equal(dataset.counts(), scan.counts[10:])


def test_a_mask_of_its_own_adds_to_that_of_the_file(scan: Scan, tmp_path: Path) -> None:
    good = np.ones_like(scan.valid)
    good[2] = False
    np.savez(tmp_path / "scan.npz", counts=np.where(good, scan.counts, 0), good=good, positions=scan.positions_m)
    path = write_cxi(tmp_path / "scan.cxi", scan)
    with scan_of_files(
        [
            *(Request(kind, "CXI", str(path)) for kind in ("patterns", "positions")),
            Request("mask", "arrays", str(tmp_path / "scan.npz"), {"mask": "good"}),
        ],
        tmp_path,
    ) as found:
        np.testing.assert_array_equal(found.valid_pixels, scan.valid & good)


@pytest.mark.parametrize("orientation", ["as-is", "flip-cols", "rotate-90"])
def test_a_beam_center_of_the_file_turns_with_the_detector(scan: Scan, orientation: str) -> None:
    spot = np.zeros(scan.valid.shape)
    spot[7, 20] = 1
    turned = oriented(spot, orientation)
    assert turned_place((7, 20), (24, 32), orientation) == tuple(np.argwhere(turned)[0])


def test_a_probe_on_a_grid_of_other_pixels_is_refused(scan: Scan, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        check_probe_pixel(tmp_path, (1.1e-8, 1e-8), (1e-8, 1e-8))
    check_probe_pixel(tmp_path, (1.0001e-8, 1e-8), (1e-8, 1e-8))
    check_probe_pixel(tmp_path, None, (1e-8, 1e-8))
    check_probe_pixel(tmp_path, (1e-8, 1e-8), None)


@pytest.mark.parametrize(
    "options",
    [
        ("--values", "amplitude"),
        ("--axis-order", "hwn"),
        ("--zero-frequency", "corner"),
        ("--scan-order", "columns"),
        ("--saturated", "keep", "--mask-saturated"),
    ],
)
def test_an_option_that_a_reader_takes_no_notice_of_is_refused(
    scan: Scan, tmp_path: Path, options: tuple[str, ...]
) -> None:
    path, out = write_cxi(tmp_path / "scan.cxi", scan), tmp_path / "scan.npz"
    assert main(["import", str(path), "--out", str(out), "--reader", "CXI", *options]) == 2
    assert not out.exists()


@pytest.mark.skipif(not missing(BEAMLINES), reason="ptychodus is installed, so nothing is missing")
def test_a_reader_of_ptychodus_without_it_says_how_to_install_it(
    scan: Scan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "scan.npy", scan.counts)
    assert main(["import", str(tmp_path / "scan.npy"), "--out", str(tmp_path / "a.npz"), "--reader", "NPY"]) == 2
    assert "pytest-ptyproof[beamlines]" in capsys.readouterr().err


def test_what_is_taken_for_granted_is_said(scan: Scan, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import h5py

    path = write_cxi(tmp_path / "scan.cxi", scan, basis_vectors=-np.eye(3)[:, :2])
    with h5py.File(path, "a") as file:
        file.create_group("entry_2")
    dataset = imported(path, tmp_path / "scan.npz", "--reader", "CXI")
    said = capsys.readouterr().out
    detail: Any = dataset.metadata["transformations"][0]["detail"]
    for word in ("basis_vectors", "entry_2", "x along columns"):
        assert word in said
        assert any(word in change for change in detail["changes"])
