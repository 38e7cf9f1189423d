"""The scan that a training sees of a dataset: never the truth; its unit, its digest, its probes and windows."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.errors import DataError
from ptyproof.io.dataset import Dataset, dataset_arrays, encode_metadata, read_dataset, write_dataset
from ptyproof.io.npz import NpzWriter
from ptyproof.physics.forward import expected_counts
from ptyproof.training.scan import NormalizedScan, read_scan, scan_of
from tests.helpers.normalized_scans import brute_shift, scan_at
from tests.strategies.datasets import make_dataset, metadata_of
from tests.strategies.scans import complex_noise, windows


def write_archive(path: Path, dataset: Dataset, **changes: Any) -> Path:
    """Write the arrays of a dataset unchecked, some of them replaced (None leaves one out)."""
    with NpzWriter(path) as writer:
        for name, array in (dataset_arrays(dataset) | changes).items():
            if array is not None:
                writer.add(name, array)
        writer.add("_metadata", encode_metadata(dataset.metadata))
    return path


def damage_member(path: Path, name: str) -> None:
    """Flip bits in the middle of a stored member, so that its checksum is wrong."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(f"{name}.npy")
    raw = bytearray(path.read_bytes())
    raw[info.header_offset + info.compress_size // 2 + 100] ^= 0xFF
    path.write_bytes(raw)


def fields(scan: NormalizedScan) -> dict[str, Any]:
    return {field.name: getattr(scan, field.name) for field in dataclasses.fields(scan)}


def assert_same_scan(found: NormalizedScan, expected: Any) -> None:
    for name, value in fields(expected).items():
        np.testing.assert_array_equal(fields(found)[name], value, err_msg=name)


TRUTHS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "noise": lambda dataset: {
        "objectGuess": complex_noise(dataset.obj.shape, 77),
        "Y": complex_noise(dataset.patches.shape, 78),
    },
    "numbers that are none": lambda dataset: {
        "objectGuess": np.full_like(dataset.obj, np.nan),
        "Y": np.full_like(dataset.patches, np.inf),
    },
    "arrays of another kind": lambda dataset: {"objectGuess": np.arange(3), "Y": np.array("no patches")},
    "nothing": lambda dataset: {"objectGuess": None, "Y": None},
}


@pytest.mark.parametrize("truth", TRUTHS)
def test_the_truth_of_a_file_does_not_reach_the_scan(tmp_path: Path, truth: str) -> None:
    dataset = make_dataset(n=9, window=(8, 12))
    original = tmp_path / "original.npz"
    write_dataset(original, dataset)
    changed = write_archive(tmp_path / "changed.npz", dataset, **TRUTHS[truth](dataset))
    assert original.read_bytes() != changed.read_bytes()
    assert_same_scan(read_scan(changed), read_scan(original))


def test_a_damaged_truth_is_not_noticed_for_it_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "scan.npz"
    write_dataset(path, make_dataset(n=200, window=(16, 12)))  # patches larger than what an array's header may be
    expected = read_scan(path)
    damage_member(path, "Y")
    with pytest.raises(DataError, match=r"scan\.npz: Y: ") as caught:
        read_dataset(path)
    assert (caught.value.path, caught.value.member) == (path, "Y")
    assert_same_scan(read_scan(path), expected)


@pytest.mark.parametrize("member", ["diffraction", "probeGuess", "xcoords", "ycoords"])
def test_what_is_read_has_its_checksum_compared(tmp_path: Path, member: str) -> None:
    path = tmp_path / "scan.npz"
    write_dataset(path, make_dataset(n=40, window=(8, 12)))
    damage_member(path, member)
    with pytest.raises(DataError) as caught:
        read_scan(path)
    assert caught.value.member == member


@pytest.mark.parametrize("member", ["diffraction", "probeGuess", "xcoords", "ycoords"])
def test_the_digest_tells_scans_apart(tmp_path: Path, member: str) -> None:
    dataset = make_dataset(n=9, window=(8, 12))
    array = dataset_arrays(dataset)[member]
    other = array[::-1]
    assert (other != array).any()
    digests = []
    for number, values in enumerate((array, array, other)):
        digests.append(read_scan(write_archive(tmp_path / f"{number}.npz", dataset, **{member: values})).arrays_sha256)
    assert digests[0] == digests[1] != digests[2]


def test_the_unit_is_the_photon(tmp_path: Path) -> None:
    dataset = make_dataset(n=9, window=(8, 12), intensity_scale=0.37, mean_counts=5.0)
    path = tmp_path / "scan.npz"
    write_dataset(path, dataset)
    scan = read_scan(path)
    counts = dataset.counts()
    np.testing.assert_allclose(np.square(scan.amplitude.astype(np.float64)), counts, rtol=1e-6)
    assert np.square(np.abs(scan.probe), dtype=np.float64).sum() == pytest.approx(counts.sum() / 9, rel=1e-6)
    np.testing.assert_allclose(scan.probe, dataset.probe * scan.object_scale, rtol=1e-6)
    np.testing.assert_array_equal(scan.positions_px, dataset.positions_px)
    assert scan.amplitude.dtype == np.float32
    assert scan.probe.dtype == np.complex64
    assert scan.window == (8, 12)
    assert len(scan) == 9


def test_a_measurement_without_an_object_can_be_trained_on() -> None:
    dataset = make_dataset(role="measurement", extras=False)
    assert len(scan_of(dataset, "measured.npz")) == len(dataset)


@pytest.mark.parametrize("missing", ["diffraction", "intensity_scale"])
def test_unknown_counts_are_refused(missing: str) -> None:
    dataset = make_dataset(role="base") if missing == "diffraction" else make_dataset()
    if missing == "intensity_scale":
        dataset = dataclasses.replace(dataset, metadata=metadata_of("measurement", intensity_scale=None))
    with pytest.raises(DataError, match=missing) as caught:
        scan_of(dataset, "somewhere.npz")
    assert caught.value.member == missing
    assert "somewhere.npz" in str(caught.value)


def test_unknown_counts_of_a_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "base.npz"
    write_dataset(path, make_dataset(role="base"))
    with pytest.raises(DataError, match="diffraction"):
        read_scan(path)


@settings(max_examples=40)
@given(window=windows(3, 9), seed=st.integers(0, 2**16))
def test_probes_are_shifted_by_the_fraction_of_a_pixel(window: tuple[int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(20, 90, (4, 2))
    points[0] = np.rint(points[0])
    points[1, 0] = np.rint(points[1, 0])
    scan = scan_at(points, window, seed)
    order = np.array([2, 0, 3, 1, 2])
    found = scan.probes(order)
    assert found.dtype == np.complex64
    for probe, k in zip(found, order, strict=True):
        fraction = points[k] - np.rint(points[k])
        np.testing.assert_allclose(probe, brute_shift(scan.probe.astype(complex), fraction), rtol=0, atol=2e-5)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**16))
def test_a_moved_probe_makes_the_pattern_of_a_sub_pixel_position(seed: int) -> None:
    # Object and probe of low frequency and of the window's period: then |F(P O(. + f))| = |F(P(. - f) O)| exactly.
    window, rng = (16, 12), np.random.default_rng(seed)
    waves = [(rng.integers(-3, 4), rng.integers(-2, 3), complex(*rng.normal(size=2))) for _ in range(5)]

    def obj(row: int, col: int) -> Any:
        return sum(c * np.exp(2j * np.pi * (p * row / 16 + q * col / 12)) for p, q, c in waves)

    rows, cols = np.meshgrid(np.arange(16.0), np.arange(12.0), indexing="ij")
    probe = sum(
        complex(*rng.normal(size=2)) * np.exp(2j * np.pi * (p * rows / 16 + q * cols / 12))
        for p in range(-2, 3)
        for q in range(-2, 3)
    )
    position = rng.uniform(40, 60, 2)
    scan = dataclasses.replace(scan_at(position[None], window), probe=probe.astype(np.complex64))
    corner = position - np.array(window) // 2
    direct = expected_counts(probe, obj(rows + corner[0], cols + corner[1])[None])[0]
    row, col = scan.corners_px[0]
    found = expected_counts(scan.probes(np.array([0]))[0], obj(rows + row, cols + col)[None])[0]
    np.testing.assert_allclose(found, direct, rtol=0, atol=1e-5 * direct.max())


@pytest.mark.parametrize("window", [(8, 10), (9, 7)])
def test_corners_cut_the_window_whose_middle_is_at_the_position(window: tuple[int, int]) -> None:
    points = np.array([[12.0, 30.0], [12.4, 30.4], [11.6, 29.6], [20.2, 41.9]])
    middles = scan_at(points, window).corners_px + np.array(window) // 2
    np.testing.assert_array_equal(middles, [[12, 30], [12, 30], [12, 30], [20, 42]])


@pytest.mark.parametrize("middle", [(20, 15), (14, 22), (21.3, 16.4)])
def test_dark_margins_leave_every_shifted_probe_its_light(middle: Any) -> None:
    rows, cols = np.meshgrid(np.arange(40.0), np.arange(32.0), indexing="ij")
    probe = np.exp(-((rows - middle[0]) ** 2) / 18 - (cols - middle[1]) ** 2 / 8)
    probe = (probe * np.exp(0.02j * rows**2)).astype(np.complex64)
    shifts = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.49, 5)] * 2), axis=-1).reshape(-1, 2)
    scan = dataclasses.replace(scan_at(np.round(shifts * 0 + 50) + shifts, probe.shape), probe=probe)
    top, bottom, left, right = scan.dark_px
    intensity = np.square(np.abs(scan.probes(np.arange(len(shifts)))))
    outside = np.ones(probe.shape, dtype=bool)
    outside[top : 40 - bottom, left : 32 - right] = False
    assert intensity[:, outside].max() < 1.5e-3 * intensity.max()
    assert np.square(np.abs(probe))[top + 1].max() > 1e-3  # and they are as wide as that allows
    assert np.square(np.abs(probe))[:, 32 - right - 2].max() > 1e-3


def test_a_probe_that_fills_its_window_has_no_dark_margins() -> None:
    assert scan_at(np.full((1, 2), 50.0), (8, 10)).dark_px == (0, 0, 0, 0)


def test_a_subset_keeps_probe_scale_and_digest() -> None:
    scan = scan_at(np.random.default_rng(0).uniform(10, 50, (6, 2)))
    chosen = np.array([4, 1, 5])
    part = scan.subset(chosen)
    assert len(part) == 3
    np.testing.assert_array_equal(part.amplitude, scan.amplitude[chosen])
    np.testing.assert_array_equal(part.probes(np.arange(3)), scan.probes(chosen))
    np.testing.assert_array_equal(part.corners_px, scan.corners_px[chosen])
    assert (part.object_scale, part.arrays_sha256) == (scan.object_scale, scan.arrays_sha256)


def test_a_scan_is_divided_into_photons_that_are_shown_and_others(scan: NormalizedScan) -> None:
    shown, hidden = scan.divided(0.25, np.random.default_rng(3))
    counts = scan.counts(np.arange(len(scan)))
    np.testing.assert_array_equal(shown.counts(np.arange(len(scan))) + hidden, counts)
    assert hidden.min() >= 0
    assert hidden.sum() == pytest.approx(0.75 * counts.sum(), rel=0.01)
    np.testing.assert_allclose(shown.probe, 0.5 * scan.probe, rtol=1e-6)
    assert (shown.object_scale, shown.arrays_sha256) == (scan.object_scale, scan.arrays_sha256)
