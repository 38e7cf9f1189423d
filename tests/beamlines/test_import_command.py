"""`ptyproof import --reader`: counts bit for bit, positions in pixels, and one sentence for what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ptyproof.cli import main
from ptyproof.io.dataset import Dataset, read_dataset
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
    from ptyproof.physics.orientation import inverse, oriented

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
