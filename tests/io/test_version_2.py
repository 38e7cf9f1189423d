"""Version 2 of DATA-001: written where something of it is used, read as it was written, and refused by name."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.errors import DataError
from ptyproof.io.dataset import Dataset, dataset_arrays, read_dataset, select_positions, write_dataset
from ptyproof.io.keys import ARRAYS_SINCE_2, TRUE_POSITIONS
from ptyproof.io.knowledge import KNOWLEDGE, knowledge_in
from ptyproof.io.metadata import encode_metadata
from ptyproof.io.physical import derived_pixel_size_m, object_pixel_size_m, wavelength_m
from ptyproof.io.validation import dataset_problems, illuminated_pixels, judge_dataset, validate_split
from tests.helpers.known import known
from tests.helpers.measurements import legacy, legacy_arrays
from tests.helpers.messages import names, naming
from tests.strategies.datasets import PHYSICAL, make_dataset, make_version_2

SOUND = make_version_2()
Change = Callable[[Dataset], Dataset]


def save(path: Path, dataset: Dataset, **changes: Any) -> Path:
    """Save the arrays of a dataset with numpy, some of them changed or (None) left out."""
    arrays = {**dataset_arrays(dataset), "_metadata": encode_metadata(dataset.metadata), **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def recorded(**entries: Any) -> Change:
    def change(dataset: Dataset) -> Dataset:
        metadata: Any = {**dataset.metadata, **entries}
        kept: Any = {key: value for key, value in metadata.items() if value is not ...}
        return replace(dataset, metadata=kept)

    return change


def physical(**entries: Any) -> Change:
    return recorded(physical={**PHYSICAL, **entries})


def replaced(**arrays: Any) -> Change:
    return lambda dataset: replace(dataset, **arrays)


def with_value(name: str, value: Any, at: Any = 1) -> Change:
    def change(dataset: Dataset) -> Dataset:
        array = np.array(getattr(dataset, name))
        array[at] = value
        changes: Any = {name: array}
        return replace(dataset, **changes)

    return change


def lit_where_nothing_was_measured(dataset: Dataset) -> Dataset:
    diffraction = np.array(dataset.diffraction)
    diffraction[2][~known(dataset.valid_pixels)] = 1 / known(dataset.intensity_scale)
    found = replace(dataset, diffraction=diffraction)
    return recorded(photons_per_pattern_measured=found.photons_per_pattern())(found)


AS_VERSION_1 = recorded(schema_version="1.0.0", physical=..., saturation_counts=..., detector_psf_sigma_px=...)
CASES: list[tuple[str, Change, str, tuple[object, ...]]] = [
    ("version 1", AS_VERSION_1, "_metadata", ("schema_version", "valid_pixels", "1.0.0")),
    ("float mask", replaced(valid_pixels=np.ones((8, 10), np.float32)), "valid_pixels", ("bool", "float32")),
    ("mask of another window", replaced(valid_pixels=np.ones((10, 8), bool)), "valid_pixels", ("(8, 10)", "(10, 8)")),
    ("short mask", replaced(valid_pixels=np.ones((6, 8, 10), bool)), "valid_pixels", ("(7, 8, 10)", "(6, 8, 10)")),
    (
        "mask with a fourth axis",
        replaced(valid_pixels=np.ones((1, 7, 8, 10), bool)),
        "valid_pixels",
        ("(1, 7, 8, 10)",),
    ),
    (
        "light in excluded pixels",
        lit_where_nothing_was_measured,
        "diffraction",
        ("valid_pixels", int((~known(SOUND.valid_pixels)).sum())),
    ),
    ("negative background", with_value("background", -0.5), "background", ("-0.5",)),
    ("NaN background", with_value("background", np.nan, (0, 0)), "background", (1, "NaN")),
    ("infinite background", with_value("background", np.inf, (0, 0)), "background", (1, "NaN")),
    ("absurd background", with_value("background", 1e20, (0, 0)), "background", ("1e+20",)),
    ("double background", replaced(background=np.ones((8, 10))), "background", ("float32", "float64")),
    ("background of another window", replaced(background=np.ones((8, 8), np.float32)), "background", ("(8, 8)",)),
    ("a factor of 0", with_value("intensity_factors", 0), "intensity_factors", (1, "0")),
    ("a negative factor", with_value("intensity_factors", -1), "intensity_factors", (1, "-1")),
    ("NaN as factor", with_value("intensity_factors", np.nan), "intensity_factors", (1, "nan")),
    ("an absurd factor", with_value("intensity_factors", 1e9), "intensity_factors", ("1e+09",)),
    ("short factors", replaced(intensity_factors=np.ones(6)), "intensity_factors", ("(7,)", "(6,)")),
    ("factors with two axes", replaced(intensity_factors=np.ones((7, 1))), "intensity_factors", ("(7,)", "(7, 1)")),
    (
        "short true positions",
        lambda d: replace(d, positions_true_px=known(d.positions_true_px)[:-1]),
        "ycoords_true",
        ("(7, 2)",),
    ),
    ("NaN true position", with_value("positions_true_px", np.nan, (2, 0)), "ycoords_true", (1, "NaN")),
    ("modes of another window", replaced(further_modes=np.ones((2, 8, 8), np.complex64)), "probeGuess", ("(2, 8, 8)",)),
    ("no mode", replaced(further_modes=np.ones((0, 8, 10), np.complex64)), "probeGuess", ("(0, 8, 10)",)),
    ("a mode without its axis", replaced(further_modes=np.ones((8, 10), np.complex64)), "probeGuess", ("(8, 10)",)),
    ("real modes", replaced(further_modes=known(SOUND.further_modes).real), "probeGuess", ("complex64", "float32")),
    ("NaN mode", with_value("further_modes", np.nan, (0, 1, 1)), "probeGuess", ("finite",)),
    (
        "modes by rising power",
        lambda d: replace(d, further_modes=known(d.further_modes)[::-1].copy()),
        "probeGuess",
        (),
    ),
    ("counts beyond saturation", recorded(saturation_counts=2.5), "diffraction", ("saturation_counts", "2.5")),
    ("saturation at 0", recorded(saturation_counts=0), "_metadata", ("$.saturation_counts",)),
    ("negative psf", recorded(detector_psf_sigma_px=-0.5), "_metadata", ("$.detector_psf_sigma_px", "-0.5")),
    ("absurd psf", recorded(detector_psf_sigma_px=1e3), "_metadata", ("$.detector_psf_sigma_px",)),
    ("psf as text", recorded(detector_psf_sigma_px="0.5"), "_metadata", ("$.detector_psf_sigma_px",)),
    ("absurd energy", physical(photon_energy_ev=8e9), "_metadata", ("$.physical.photon_energy_ev",)),
    ("no energy", physical(photon_energy_ev=0), "_metadata", ("$.physical.photon_energy_ev",)),
    ("absurd distance", physical(detector_distance_m=1e9), "_metadata", ("$.physical.detector_distance_m",)),
    ("one pixel size", physical(detector_pixel_size_m=[75e-6]), "_metadata", ("$.physical.detector_pixel_size_m",)),
    (
        "negative pixel size",
        physical(object_pixel_size_m=[-1e-8, 1e-8]),
        "_metadata",
        ("$.physical.object_pixel_size_m[0]",),
    ),
    (
        "pixel size that contradicts",
        physical(object_pixel_size_m=[5.18e-7, 5.6e-7]),
        "_metadata",
        ("5.6e-07", "8 x 10"),
    ),
    ("unknown regime", physical(regime="fresnel"), "_metadata", ("$.physical.regime",)),
    ("unknown entry", physical(ring_current_ma=200), "_metadata", ("$.physical",)),
]


@pytest.mark.parametrize(("change", "member", "parts"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_breach_is_named_and_never_written(
    tmp_path: Path, change: Change, member: str, parts: tuple[object, ...]
) -> None:
    dataset = change(SOUND)
    problems = dataset_problems(dataset)
    assert [problem.member for problem in problems] == [member], problems
    assert names(problems[0].reason, *parts), problems[0].reason
    with pytest.raises(DataError) as caught:
        write_dataset(tmp_path / "a.npz", dataset)
    assert caught.value.member == member
    assert list(tmp_path.iterdir()) == []


def test_a_mask_that_excludes_every_pixel() -> None:
    dark = replace(SOUND, valid_pixels=np.zeros((8, 10), bool))
    assert "valid_pixels" in [problem.member for problem in dataset_problems(dark)]


@pytest.mark.parametrize("name", ["valid_pixels", "background", "intensity_factors", "positions_true_px"])
def test_a_base_has_nothing_of_patterns(name: str) -> None:
    base = make_version_2(role="base")
    assert dataset_problems(base) == []
    array = getattr(SOUND, name)
    members = [problem.member for problem in dataset_problems(replace(base, **{name: array}))]
    assert members == ["ycoords_true" if name == "positions_true_px" else name]
    detector = recorded(saturation_counts=5)(base)
    assert [problem.member for problem in dataset_problems(detector)] == ["_metadata"]


def test_a_measurement_has_no_true_positions() -> None:
    measured = make_version_2(role="measurement")
    assert dataset_problems(measured) == []
    found = dataset_problems(replace(measured, positions_true_px=measured.positions_px))
    assert [problem.member for problem in found] == ["ycoords_true"]


def test_what_has_nothing_of_version_2_states_version_1(tmp_path: Path) -> None:
    write_dataset(tmp_path / "a.npz", make_dataset())
    loaded = read_dataset(tmp_path / "a.npz")
    assert loaded.dataset.metadata["schema_version"] == "1.0.0"
    assert not set(ARRAYS_SINCE_2) & set(loaded.digests)
    assert knowledge_in(loaded.dataset) == ()


def test_the_archive_has_the_arrays_of_version_2(tmp_path: Path) -> None:
    write_dataset(tmp_path / "a.npz", make_version_2(per_pattern=True))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        form = {name: (archive[name].dtype.str, archive[name].shape) for name in ("probeGuess", *ARRAYS_SINCE_2)}
        record = json.loads(archive["_metadata"][()])
    assert form == {
        "probeGuess": ("<c8", (3, 8, 10)),
        "valid_pixels": ("|b1", (7, 8, 10)),
        "background": ("<f4", (7, 8, 10)),
        "intensity_factors": ("<f8", (7,)),
        "xcoords_true": ("<f8", (7,)),
        "ycoords_true": ("<f8", (7,)),
    }
    assert record["schema_version"] == "2.0.0"
    loaded = read_dataset(tmp_path / "a.npz").dataset
    assert knowledge_in(loaded) == KNOWLEDGE
    assert loaded.saturation_counts == 1e9
    assert loaded.detector_psf_sigma_px == 0.4


@pytest.mark.parametrize("name", ARRAYS_SINCE_2)
def test_a_record_of_version_1_beside_an_array_of_version_2_is_refused(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / "a.npz", make_dataset(), **{name: dataset_arrays(SOUND)[name]})
    for without_truth in (False, True):
        with pytest.raises(DataError, match=naming("schema_version", "2.0.0")) as caught:
            read_dataset(path, without_truth=without_truth)
        assert caught.value.member == name


def test_keys_of_version_2_in_a_record_of_version_1_are_refused(tmp_path: Path) -> None:
    metadata = {**make_dataset().metadata, "saturation_counts": 9.0}
    path = save(tmp_path / "a.npz", make_dataset(), _metadata=np.array(json.dumps(metadata)))
    with pytest.raises(DataError, match=naming("$.saturation_counts")) as caught:
        read_dataset(path)
    assert caught.value.member == "_metadata"


def test_a_record_of_version_2_needs_nothing_of_it(tmp_path: Path) -> None:
    dataset = recorded(schema_version="2.0.0")(make_dataset())
    assert read_dataset(save(tmp_path / "a.npz", dataset)).changes == ()


def test_masks_of_whole_numbers_and_other_dtypes_are_converted(tmp_path: Path) -> None:
    path = save(
        tmp_path / "a.npz",
        SOUND,
        valid_pixels=known(SOUND.valid_pixels).astype(np.uint8),
        background=np.full((8, 10), 2, np.int32),
        intensity_factors=np.ones((7, 1), np.float32),
    )
    loaded = read_dataset(path)
    np.testing.assert_array_equal(loaded.dataset.valid_pixels, SOUND.valid_pixels)
    assert {change.partition(":")[0] for change in loaded.changes} == {
        "valid_pixels",
        "background",
        "intensity_factors",
    }
    save(path, SOUND, valid_pixels=2 * known(SOUND.valid_pixels).astype(np.uint8))
    with pytest.raises(DataError, match=naming("uint8", "0", "1")) as caught:
        read_dataset(path)
    assert caught.value.member == "valid_pixels"


def test_modes_in_the_wrong_place_of_a_record_are_not_moved(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", SOUND, probeGuess=np.moveaxis(SOUND.modes, 0, 2))
    with pytest.raises(DataError):
        read_dataset(path)


def test_the_truth_of_the_positions_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    dataset = make_version_2(n=10_000, extras=False)  # positions larger than what a header may be
    write_dataset(path, dataset)
    blind = read_dataset(path, without_truth=True)
    assert blind.dataset.positions_true_px is None
    assert not set(TRUE_POSITIONS) & set(blind.digests)
    raw = bytearray(path.read_bytes())
    true_px = known(dataset.positions_true_px)[:, 0].astype("<f8").tobytes()
    place = raw.index(true_px)
    raw[place + 5] ^= 1
    path.write_bytes(raw)
    with pytest.raises(DataError, match="CRC") as caught:
        read_dataset(path)
    assert caught.value.member == "ycoords_true"
    assert read_dataset(path, without_truth=True).digests == blind.digests


@pytest.mark.parametrize("name", TRUE_POSITIONS)
def test_a_true_position_that_stands_alone(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / "a.npz", SOUND, **{name: None})
    with pytest.raises(DataError) as caught:
        read_dataset(path)
    assert caught.value.member == next(other for other in TRUE_POSITIONS if other != name)


def test_a_simulation_taken_as_a_base_keeps_modes_and_units_alone(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", SOUND)
    base = read_dataset(path, role="base").dataset
    assert knowledge_in(base) == ("modes",)
    assert base.positions_true_px is None
    assert base.metadata["physical"] == PHYSICAL
    assert dataset_problems(base) == []


@pytest.mark.parametrize("per_pattern", [False, True])
def test_a_selection_has_what_belongs_to_its_patterns(per_pattern: bool) -> None:
    whole = make_version_2(per_pattern=per_pattern)
    index = [5, 2]
    found = select_positions(whole, index)
    for name in ("valid_pixels", "background"):
        array = getattr(whole, name)
        np.testing.assert_array_equal(getattr(found, name), array[index] if per_pattern else array)
    for name in ("intensity_factors", "positions_true_px"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name)[index])
    np.testing.assert_array_equal(found.modes, whole.modes)
    assert dataset_problems(found) == []


@pytest.mark.parametrize("place", ["corner", "top", "left"])
def test_mask_and_background_move_with_the_zero_frequency(tmp_path: Path, place: Any) -> None:
    axes = {"corner": (0, 1), "top": (0,), "left": (1,)}[place]
    shifted = {
        "diffraction": np.fft.ifftshift(known(SOUND.diffraction), [axis + 1 for axis in axes]),
        "valid_pixels": np.fft.ifftshift(known(SOUND.valid_pixels), axes),
        "background": np.fft.ifftshift(known(SOUND.background), axes),
    }
    loaded = read_dataset(save(tmp_path / "a.npz", SOUND, **shifted), zero_frequency=place)
    for name in shifted:
        np.testing.assert_array_equal(getattr(loaded.dataset, name), getattr(SOUND, name))


def test_a_file_without_a_record_has_dead_pixels_behind_its_mask(tmp_path: Path) -> None:
    """Marks that would be refused as saturated, and NaN, are of no account where the mask excludes them."""
    counts = legacy_arrays()["diff3d"].astype(np.float64)
    valid = np.ones(counts.shape[1:], np.uint8)
    valid[3, 4] = valid[5, 6] = 0
    counts[:, 3, 4], counts[:, 5, 6] = 2**32 - 1, np.nan
    path = legacy(tmp_path / "a.npz", diff3d=counts, valid_pixels=valid)
    loaded = read_dataset(path, values="intensity")
    assert known(loaded.dataset.diffraction)[:, 3, 4].max() == known(loaded.dataset.diffraction)[:, 5, 6].max() == 0
    assert loaded.dataset.metadata["schema_version"] == "2.0.0"
    assert any(names(change, "diffraction", 2 * len(counts)) for change in loaded.changes)
    with pytest.raises(DataError):
        read_dataset(legacy(tmp_path / "b.npz", diff3d=counts), values="intensity")


def test_saturation_that_the_record_states_is_no_mark(tmp_path: Path) -> None:
    measured = make_dataset(role="measurement", intensity_scale=1.0, mean_counts=300, n=20, extras=False)
    limit = 700
    clipped = np.minimum(known(measured.diffraction), np.float32(np.sqrt(limit)))
    measured = replace(measured, diffraction=clipped)
    measured = recorded(photons_per_pattern_measured=measured.photons_per_pattern())(measured)
    path = save(tmp_path / "a.npz", measured)
    with pytest.raises(DataError, match=naming(limit)):
        read_dataset(path)
    stated = recorded(schema_version="2.0.0", saturation_counts=limit)(measured)
    assert read_dataset(save(path, stated)).dataset.saturation_counts == limit


def test_pixel_sizes_follow_from_energy_distance_and_pitch() -> None:
    # 12.39841984 keV is 1 angstrom
    assert wavelength_m(12398.41984) == pytest.approx(1e-10, rel=1e-9)
    derived = known(derived_pixel_size_m(PHYSICAL, (8, 10)))
    assert derived == pytest.approx((wavelength_m(8000) * 2 / (8 * 75e-6), wavelength_m(8000) * 2 / (10 * 55e-6)))
    assert object_pixel_size_m(PHYSICAL, (8, 10)) == derived
    assert derived_pixel_size_m({**PHYSICAL, "regime": "near"}, (8, 10)) is None
    assert derived_pixel_size_m({**PHYSICAL, "detector_distance_m": None}, (8, 10)) is None
    assert object_pixel_size_m(None, (8, 10)) is None
    given = [value * 1.0009 for value in derived]
    assert dataset_problems(physical(object_pixel_size_m=given)(SOUND)) == []
    near = physical(object_pixel_size_m=[1e-9, 1e-9], regime="near")(SOUND)
    assert any("near" in remark for remark in judge_dataset(near).remarks)


def test_illuminated_is_what_any_mode_lights_at_the_true_positions() -> None:
    probe = np.zeros((8, 10), np.complex64)
    probe[4, 5] = 1
    further = np.zeros((1, 8, 10), np.complex64)
    further[0, 6, 5] = 0.5
    positions = np.array([[8.0, 9.0], [9.0, 9.0]])
    obj = np.ones((30, 30), np.complex64)
    plain = replace(make_dataset(role="base"), obj=obj, probe=probe, positions_px=positions)
    rows = np.flatnonzero(illuminated_pixels(plain).any(axis=1)).tolist()
    assert rows == [8, 9]
    modes = replace(plain, further_modes=further)
    assert np.flatnonzero(illuminated_pixels(modes).any(axis=1)).tolist() == [8, 9, 10, 11]
    moved = replace(plain, positions_true_px=positions + 5)
    assert np.flatnonzero(illuminated_pixels(moved).any(axis=1)).tolist() == [13, 14]
    with pytest.raises(DataError) as caught:
        validate_split(modes, replace(modes, further_modes=2 * further), ("a.npz", "b.npz"))
    assert caught.value.member == "probeGuess"


def test_mapped_masks_and_backgrounds_stay_out_of_memory(tmp_path: Path) -> None:
    dataset = make_version_2(n=300, window=(128, 96), extras=False, per_pattern=True)
    size = known(dataset.diffraction).nbytes
    write_dataset(tmp_path / "a.npz", dataset)
    read_dataset(tmp_path / "a.npz", mmap=True)
    tracemalloc.start()
    loaded = read_dataset(tmp_path / "a.npz", mmap=True).dataset
    subset = select_positions(loaded, [3, 5])
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(loaded.valid_pixels, np.memmap)
    assert isinstance(loaded.background, np.memmap)
    assert known(subset.valid_pixels).shape == (2, 128, 96)
    assert held < size / 10
    assert peak < 20 * 2**24


def test_modes_in_a_record_of_version_1_raise_it(tmp_path: Path) -> None:
    """What readers of version 1 made one mode of, with a message; no other array of version 2 is read there."""
    plain = make_dataset()
    modes = np.stack([0.5 * plain.probe, plain.probe])
    loaded = read_dataset(save(tmp_path / "a.npz", plain, probeGuess=modes))
    np.testing.assert_array_equal(loaded.dataset.modes, modes[::-1])
    assert loaded.dataset.metadata["schema_version"] == "2.0.0"
    assert [change.partition(":")[0] for change in loaded.changes] == ["probeGuess"]
    write_dataset(tmp_path / "b.npz", loaded.dataset)
    assert read_dataset(tmp_path / "b.npz").changes == ()
    # with a record of version 2 they are in the order of their power already
    swapped = save(tmp_path / "c.npz", recorded(schema_version="2.0.0")(plain), probeGuess=modes)
    with pytest.raises(DataError) as caught:
        read_dataset(swapped)
    assert caught.value.member == "probeGuess"
