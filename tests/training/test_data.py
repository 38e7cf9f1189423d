"""What a training sees of a dataset: never the truth; its units, probes, held-back rows, groups and batches."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.errors import DataError
from ptyproof.io.dataset import Dataset, dataset_arrays, encode_metadata, read_dataset, write_dataset
from ptyproof.io.npz import NpzWriter
from ptyproof.physics.forward import expected_counts
from ptyproof.training.data import Draw, GroupedScan, GroupSampler, hold_back
from ptyproof.training.scan import NormalizedScan, read_scan, scan_of
from tests.strategies.datasets import make_dataset, metadata_of
from tests.strategies.positions import positions, scattered_positions
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


def scan_at(positions_px: npt.NDArray[Any], window: tuple[int, int] = (8, 10), seed: int = 0) -> NormalizedScan:
    """A scan of noise at given positions."""
    amplitude = np.abs(complex_noise((len(positions_px), *window), seed)).astype(np.float32)
    return NormalizedScan(
        amplitude, complex_noise(window, seed + 1), 1.0, np.asarray(positions_px, dtype=np.float64), "0" * 64
    )


def brute_shift(plane: npt.NDArray[Any], shift: tuple[float, float]) -> npt.NDArray[Any]:
    """The trigonometric interpolation of a plane at (i - shift_row, j - shift_col), as sums over frequencies."""
    matrices = []
    for length, amount in zip(plane.shape, shift, strict=True):
        index = np.arange(length)
        matrix = np.zeros((length, length), dtype=complex)
        for sample in range(length):
            distance = index - amount - sample
            whole = np.arange(-((length - 1) // 2), (length - 1) // 2 + 1)
            matrix[:, sample] = np.exp(2j * np.pi * np.outer(distance, whole) / length).sum(axis=1) / length
            if length % 2 == 0:  # half of the highest frequency at each sign
                matrix[:, sample] += (
                    np.cos(np.pi * distance) / length if amount == 0 else nyquist(index, amount, sample)
                )
        matrices.append(matrix)
    return np.asarray(matrices[0] @ plane @ matrices[1].T)


def nyquist(index: npt.NDArray[Any], amount: float, sample: int) -> npt.NDArray[Any]:
    return np.asarray(np.cos(np.pi * amount) * np.cos(np.pi * (index - sample)) / len(index))


def nearest(positions_px: npt.NDArray[Any], seed: int, k: int) -> list[int]:
    """The k positions nearest to a seed, without it, by (squared distance, index)."""
    distance = np.square(positions_px - positions_px[seed]).sum(axis=1)
    others = [index for index in range(len(positions_px)) if index != seed]
    return sorted(others, key=lambda index: (distance[index], index))[:k]


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


@given(points=positions(1, 60), fraction=st.floats(0, 0.5), group_size=st.sampled_from([1, 4, 9]))
def test_held_back_are_the_last_rows_and_both_parts_can_make_a_group(
    points: npt.NDArray[Any], fraction: float, group_size: int
) -> None:
    kept, held = hold_back(points, fraction, group_size)
    assert kept.dtype == held.dtype == np.int64
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, held])), np.arange(len(points)))
    assert (np.diff(kept) > 0).all()
    assert (np.diff(held) > 0).all()
    wanted = max(group_size, round(fraction * len(points)))
    possible = fraction > 0 and len(points) - wanted >= group_size
    assert len(held) == (wanted if possible else 0)
    if possible:
        assert points[held, 0].min() >= points[kept, 0].max()


def test_nothing_is_held_back_where_nothing_is_asked_or_too_few_are_left() -> None:
    points = np.arange(14.0).reshape(7, 2)
    assert len(hold_back(points, 0.0, 1)[1]) == 0
    assert len(hold_back(points, 0.5, 4)[1]) == 0
    assert len(hold_back(points[:1], 0.1, 1)[1]) == 0
    assert hold_back(points, 0.1, 1)[1].tolist() == [6]
    assert hold_back(points[::-1], 0.3, 1)[1].tolist() == [0, 1]


def test_within_a_row_the_last_columns_are_held_back() -> None:
    points = np.array([[1.0, 9.0], [2.0, 3.0], [2.0, 5.0], [2.0, 1.0]])
    assert hold_back(points, 0.5, 1)[1].tolist() == [1, 2]


def sampler(
    points: npt.NDArray[Any],
    gridsize: int = 2,
    neighbor_count: int = 6,
    steps: int = 3,
    groups_per_step: int = 5,
    seed: int = 1,
    key: tuple[str, ...] = ("groups", "job"),
) -> GroupSampler:
    return GroupSampler(points, gridsize, neighbor_count, steps, groups_per_step, seed, key)


def epoch(found: GroupSampler, number: int) -> Any:
    found.set_epoch(number)
    return np.array([draw.groups for draw in found])


POINTS = np.random.default_rng(5).uniform(0, 80, (30, 2))


def test_batches_depend_on_seed_key_and_epoch_alone() -> None:
    first = sampler(POINTS)
    epochs = [epoch(first, number) for number in range(3)]
    assert epochs[0].shape == (3, 5, 4)
    assert epochs[0].dtype == np.int64
    assert len(first) == 3
    np.testing.assert_array_equal(epoch(sampler(POINTS), 2), epochs[2])  # as a resumed training draws it
    np.testing.assert_array_equal(epoch(first, 1), epochs[1])
    np.testing.assert_array_equal(np.array([draw.groups for draw in sampler(POINTS)]), epochs[0])
    others = [epoch(sampler(POINTS, seed=2), 0), epoch(sampler(POINTS, key=("groups", "other")), 0), *epochs[1:]]
    assert all((other != epochs[0]).any() for other in others)


def test_batches_do_not_touch_the_global_generators() -> None:
    before = np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002
    epoch(sampler(POINTS), 0)
    np.testing.assert_array_equal(np.random.get_state(legacy=False)["state"]["key"], before)  # noqa: NPY002


@settings(max_examples=50)
@given(points=scattered_positions(9, 40), gridsize=st.sampled_from([1, 2, 3]), more=st.integers(0, 8), data=st.data())
def test_groups_are_a_seed_and_some_of_its_nearest(
    points: npt.NDArray[Any], gridsize: int, more: int, data: st.DataObject
) -> None:
    members = gridsize**2
    found = epoch(
        sampler(points, gridsize, members + more, data.draw(st.integers(1, 4)), 3), data.draw(st.integers(0, 9))
    )
    groups = found.reshape(-1, members)
    for group in groups:
        assert len(set(group)) == members
        assert set(group[1:]) <= set(nearest(points, group[0], members + more - 1))
    seeds = groups[: len(points), 0]
    assert len(set(seeds)) == len(seeds)


def test_an_epoch_of_many_groups_uses_every_position_as_a_seed_equally_often() -> None:
    seeds = epoch(sampler(POINTS, steps=6, groups_per_step=10), 0)[..., 0].ravel()
    np.testing.assert_array_equal(np.bincount(seeds, minlength=30), np.full(30, 2))


def test_every_step_has_a_random_stream_of_its_own() -> None:
    names = []
    for found, number in ((sampler(POINTS), 0), (sampler(POINTS), 1), (sampler(POINTS, key=("groups", "other")), 0)):
        found.set_epoch(number)
        names += [(draw.seed, draw.key) for draw in found]
    assert len(set(names)) == len(names) == 9
    again = sampler(POINTS)
    again.set_epoch(1)
    assert [(draw.seed, draw.key) for draw in again] == names[3:6]
    assert {draw.seed for draw in sampler(POINTS, seed=9)} == {9}


GROUPS = np.array([[3, 1, 7, 2], [0, 11, 5, 6], [9, 8, 4, 10]])


def counted(
    n: int = 12, window: tuple[int, int] = (8, 11), seed: int = 6, photons: float = 20.0
) -> tuple[NormalizedScan, npt.NDArray[Any]]:
    """A scan of Poisson counts, and those counts (n, H, W)."""
    rng = np.random.default_rng(seed)
    scan = scan_at(rng.uniform(20, 60, (n, 2)), window)
    counts = rng.poisson(photons * rng.random((n, *window)) ** 3)
    return dataclasses.replace(scan, amplitude=np.sqrt(counts).astype(np.float32)), counts


def draw(*key: Any, seed: int = 1, groups: npt.NDArray[Any] = GROUPS) -> Any:
    return Draw(groups, seed, key or ("step 0",))


@pytest.mark.parametrize("shown_fraction", [0.3, 0.9, 1.0])
def test_a_batch_has_patterns_probes_and_corners_of_its_groups(shown_fraction: float) -> None:
    scan, counts = counted()
    batch = GroupedScan(scan, shown_fraction)[draw()]
    assert set(batch) == {"shown", "hidden", "probes", "corners_px", "dark_px"}
    assert tuple(batch["dark_px"]) == scan.dark_px
    assert all(batch[name].shape == (3, 4, 8, 11) for name in ("shown", "hidden", "probes"))
    assert batch["shown"].dtype == batch["hidden"].dtype == np.float32
    assert batch["probes"].dtype == np.complex64
    assert batch["corners_px"].dtype == np.int64
    whole = batch["hidden"] if shown_fraction == 1 else batch["shown"] + batch["hidden"]
    for b, group in enumerate(GROUPS):
        corners = batch["corners_px"][b]
        assert (corners.min(axis=0) == 0).all()
        np.testing.assert_array_equal(corners - corners[0], scan.whole_px[group] - scan.whole_px[group[0]])
        for c, k in enumerate(group):
            np.testing.assert_array_equal(whole[b, c], np.roll(counts[k], (-4, -5), (0, 1)))
            fraction = scan.positions_px[k] - np.rint(scan.positions_px[k])
            expected = brute_shift(scan.probe.astype(complex), fraction)
            np.testing.assert_allclose(batch["probes"][b, c], expected, rtol=0, atol=2e-5)


def test_the_zero_frequency_of_a_batch_comes_first() -> None:
    scan = scan_at(np.full((1, 2), 30.0), (8, 11))
    amplitude = np.zeros((1, 8, 11), dtype=np.float32)
    amplitude[0, 4, 5] = 3.0
    batch = GroupedScan(dataclasses.replace(scan, amplitude=amplitude), 1.0)[draw(groups=np.array([[0]]))]
    assert batch["shown"][0, 0, 0, 0] == batch["hidden"][0, 0, 0, 0] == 9
    assert batch["shown"].sum() == 9


@settings(max_examples=20)
@given(shown_fraction=st.floats(0.05, 0.99), seed=st.integers(0, 2**16))
def test_every_photon_is_either_shown_or_hidden(shown_fraction: float, seed: int) -> None:
    scan, counts = counted(seed=seed)
    batch = GroupedScan(scan, shown_fraction)[draw("a", seed=seed)]
    for name in ("shown", "hidden"):
        assert (batch[name] >= 0).all()
        np.testing.assert_array_equal(batch[name], np.rint(batch[name]))
    whole = np.fft.fftshift(batch["shown"] + batch["hidden"], axes=(-2, -1))
    np.testing.assert_array_equal(whole, counts[GROUPS])


@pytest.mark.parametrize("shown_fraction", [0.05, 0.5, 0.9])
def test_a_photon_is_shown_with_its_probability_whatever_the_others_do(shown_fraction: float) -> None:
    scan, counts = counted(photons=60.0)
    grouped = GroupedScan(scan, shown_fraction)
    shown = np.stack([grouped[draw(f"step {step}")]["shown"] for step in range(40)]).astype(np.float64)
    n = np.fft.ifftshift(counts[GROUPS], axes=(-2, -1)).astype(np.float64)
    spread = np.sqrt(n * shown_fraction * (1 - shown_fraction))
    assert abs((shown - shown_fraction * n).sum()) < 4 * np.sqrt(40) * np.sqrt((spread**2).sum())
    lit = n > 0
    sigmas = (shown - shown_fraction * n)[:, lit] / spread[lit]
    assert np.square(sigmas).mean() == pytest.approx(1, abs=0.05)
    left, right = sigmas[:, :-1].ravel(), sigmas[:, 1:].ravel()
    assert abs((left * right).mean()) < 4 / np.sqrt(len(left))


def test_shown_and_hidden_counts_of_poisson_counts_do_not_know_each_other() -> None:
    rng = np.random.default_rng(8)
    scan = scan_at(rng.uniform(20, 60, (64, 2)), (16, 16))
    scan = dataclasses.replace(scan, amplitude=np.sqrt(rng.poisson(5.0, (64, 16, 16))).astype(np.float32))
    batch = GroupedScan(scan, 0.7)[draw(groups=np.arange(64)[:, None])]
    assert abs(np.corrcoef(batch["shown"].ravel(), batch["hidden"].ravel())[0, 1]) < 4 / np.sqrt(64 * 256)
    assert batch["hidden"].mean() == pytest.approx(1.5, abs=0.05)


def test_a_draw_gives_the_same_division_whenever_it_is_read() -> None:
    scan, _ = counted()
    grouped = GroupedScan(scan, 0.5)
    first = grouped[draw("groups", "epoch 0", "step 0")]
    others = [grouped[draw("groups", "epoch 0", "step 1")], grouped[draw("groups", "epoch 1", "step 0")]]
    others.append(grouped[draw("groups", "epoch 0", "step 0", seed=2)])
    again = GroupedScan(scan, 0.5)[draw("groups", "epoch 0", "step 0")]
    assert all((first[name] == again[name]).all() for name in first)
    assert all((first["shown"] != other["shown"]).any() for other in others)


def test_with_all_shown_counts_are_shown_and_judged_alike() -> None:
    scan, counts = counted()
    batch = GroupedScan(scan, 1.0)[draw()]
    np.testing.assert_array_equal(batch["shown"], batch["hidden"])
    np.testing.assert_array_equal(batch["shown"], np.fft.ifftshift(counts[GROUPS], axes=(-2, -1)))


def test_reading_a_batch_does_not_touch_the_global_generators() -> None:
    before = np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002
    scan, _ = counted()
    GroupedScan(scan, 0.5)[draw()]
    np.testing.assert_array_equal(np.random.get_state(legacy=False)["state"]["key"], before)  # noqa: NPY002


def test_a_scan_is_divided_into_photons_that_are_shown_and_others(scan: NormalizedScan) -> None:
    shown, hidden = scan.divided(0.25, np.random.default_rng(3))
    counts = scan.counts(np.arange(len(scan)))
    np.testing.assert_array_equal(shown.counts(np.arange(len(scan))) + hidden, counts)
    assert hidden.min() >= 0
    assert hidden.sum() == pytest.approx(0.75 * counts.sum(), rel=0.01)
    np.testing.assert_allclose(shown.probe, 0.5 * scan.probe, rtol=1e-6)
    assert (shown.object_scale, shown.arrays_sha256) == (scan.object_scale, scan.arrays_sha256)
