"""Every breach of DATA-001 is found, named by its array, and refused on reading and on writing alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from ptyproof.errors import DataError, InputError
from ptyproof.io.dataset import Dataset, new_metadata, write_dataset
from ptyproof.io.patterns import PatternStatistics
from ptyproof.io.validation import (
    Problem,
    dataset_problems,
    illuminated_pixels,
    validate_dataset,
    validate_split,
)
from tests.helpers.known import known
from tests.helpers.messages import names, naming
from tests.strategies.datasets import datasets, make_dataset, metadata_of

Change = Callable[[Dataset], Dataset]


def with_value(name: str, value: complex, at: tuple[int, ...] = (2, 3, 4)) -> Change:
    def change(dataset: Dataset) -> Dataset:
        array = getattr(dataset, name).copy()
        array[at[: array.ndim]] = value
        return replace(dataset, **{name: array})

    return change


def cast(name: str, dtype: str) -> Change:
    def change(dataset: Dataset) -> Dataset:
        array = getattr(dataset, name)
        kind = np.dtype(dtype).kind
        return replace(dataset, **{name: (array if kind == "c" else array.real).astype(dtype)})

    return change


def moved(by: tuple[float, float], row: int = 3) -> Change:
    def change(dataset: Dataset) -> Dataset:
        positions_px = dataset.positions_px.copy()
        positions_px[row] += by
        return replace(dataset, positions_px=positions_px)

    return change


def recorded(**known: Any) -> Change:
    def change(dataset: Dataset) -> Dataset:
        metadata: Any = {**dict(dataset.metadata), **known}
        return replace(dataset, metadata=metadata)

    return change


def shorter(name: str) -> Change:
    return lambda dataset: replace(dataset, **{name: getattr(dataset, name)[:-1]})


def replaced(**arrays: Any) -> Change:
    return lambda dataset: replace(dataset, **arrays)


def as_intensity(dataset: Dataset) -> Dataset:
    """Counts under the name of the amplitude, the record left as it was."""
    return replace(dataset, diffraction=dataset.counts().astype(np.float32))


def first_positions(n: int) -> Change:
    def change(dataset: Dataset) -> Dataset:
        arrays = ("diffraction", "positions_px", "patches", "scan_index", "positions_start_px", "filenames")
        metadata: Any = {**dataset.metadata, "photons_per_pattern_measured": None}
        return replace(dataset, metadata=metadata, **{name: getattr(dataset, name)[:n] for name in arrays})

    return change


FULL = "(7, 8, 10)"
CASES: list[tuple[str, Change, str, tuple[object, ...]]] = [
    ("no diffraction", replaced(diffraction=None), "diffraction", ("simulation",)),
    ("no object", replaced(obj=None), "objectGuess", ("simulation",)),
    ("base with patterns", recorded(role="base"), "diffraction", ("base",)),
    ("NaN amplitude", with_value("diffraction", np.nan), "diffraction", (1, "NaN")),
    ("infinite amplitude", with_value("diffraction", np.inf), "diffraction", (1, "NaN")),
    ("negative amplitude", with_value("diffraction", -1), "diffraction", (1, ">= 0")),
    ("complex diffraction", cast("diffraction", "c8"), "diffraction", ("float32", "complex64")),
    ("double diffraction", cast("diffraction", "f8"), "diffraction", ("float32", "float64")),
    ("integer diffraction", cast("diffraction", "u2"), "diffraction", ("float32", "uint16")),
    ("2-d diffraction", lambda d: replace(d, diffraction=known(d.diffraction)[0]), "diffraction", (FULL, "(8, 10)")),
    ("short diffraction", shorter("diffraction"), "diffraction", (FULL, "(6, 8, 10)")),
    (
        "transposed patterns",
        lambda d: replace(d, diffraction=known(d.diffraction).swapaxes(1, 2)),
        "diffraction",
        (FULL, "(7, 10, 8)"),
    ),
    ("dark", lambda d: replace(d, diffraction=0 * known(d.diffraction)), "diffraction", ()),
    ("real object", cast("obj", "f4"), "objectGuess", ("complex64", "float32")),
    ("NaN object", with_value("obj", np.nan), "objectGuess", (1, "NaN")),
    ("3-d object", lambda d: replace(d, obj=known(d.obj)[None]), "objectGuess", ("(M, M')", "(1, 21, 19)")),
    ("small object", lambda d: replace(d, obj=known(d.obj)[:, :9]), "objectGuess", ("(21, 9)", "(8, 10)")),
    ("low object", lambda d: replace(d, obj=known(d.obj)[:7]), "objectGuess", ("(7, 19)", "(8, 10)")),
    ("real probe", cast("probe", "f4"), "probeGuess", ("complex64", "float32")),
    ("infinite probe", with_value("probe", np.inf), "probeGuess", (1, "NaN")),
    ("zero probe", lambda d: replace(d, probe=0 * d.probe), "probeGuess", ()),
    ("3-d probe", lambda d: replace(d, probe=d.probe[None]), "probeGuess", ("(H, W)", "(1, 8, 10)")),
    ("above the object", moved((-30, 0)), "ycoords", (1, "-18.1137", 3, 8, "[4, 17]")),
    ("below the object", moved((30, 0)), "ycoords", (1, "41.8863", 3, 8, "[4, 17]")),
    ("left of the object", moved((0, -30)), "xcoords", (1, "-18.4345", 3, 10, "[5, 14]")),
    ("right of the object", moved((0, 30)), "xcoords", (1, "41.5655", 3, 10, "[5, 14]")),
    ("NaN position", moved((np.nan, 0)), "ycoords", (1, "NaN")),
    ("infinite position", moved((0, np.inf)), "xcoords", (1, "NaN")),
    ("float32 positions", cast("positions_px", "f4"), "ycoords", ("float64", "float32")),
    ("one position", first_positions(1), "ycoords", (2, 1)),
    ("no position", first_positions(0), "ycoords", (2, 0)),
    (
        "equal positions",
        lambda d: replace(d, positions_px=np.full((7, 2), 8.0)),
        "ycoords",
        (7,),
    ),
    ("short patches", shorter("patches"), "Y", (FULL, "(6, 8, 10)")),
    ("real patches", cast("patches", "f4"), "Y", ("complex64", "float32")),
    ("NaN patches", with_value("patches", np.nan), "Y", (1, "NaN")),
    ("short scan_index", shorter("scan_index"), "scan_index", ("(7,)", "(6,)")),
    ("float scan_index", cast("scan_index", "f8"), "scan_index", ("int64", "float64")),
    ("negative scan_index", with_value("scan_index", -1), "scan_index", (">= 0", "-1")),
    (
        "repeated scan_index",
        lambda d: replace(d, scan_index=np.zeros(7, np.int64)),
        "scan_index",
        (6,),
    ),
    ("short start", shorter("positions_start_px"), "ycoords_start", ("(7, 2)", "(6, 2)")),
    ("NaN start", with_value("positions_start_px", np.nan, (2, 1)), "ycoords_start", (1, "NaN")),
    ("short filenames", shorter("filenames"), "filenames", ("(7,)", "(6,)")),
    ("bytes as filenames", replaced(filenames=np.array([b"a"] * 7)), "filenames", ("|S1",)),
    ("intensity", as_intensity, "diffraction", ("intensity_scale", "0.37", 232, "0.456")),
    ("wrong scale", recorded(intensity_scale=0.36), "diffraction", ("intensity_scale", "0.36", 232, "0.48")),
    (
        "wrong photons",
        recorded(photons_per_pattern_measured=99.0),
        "diffraction",
        ("photons_per_pattern_measured", 99, "242.571429"),
    ),
    ("wrong dose", recorded(photons_per_pattern_requested=1e5), "diffraction", ("intensity_scale", 100000, "242.571")),
    (
        "corner",
        lambda d: replace(d, diffraction=np.fft.ifftshift(known(d.diffraction), axes=(1, 2))),
        "diffraction",
        ("--zero-frequency corner", "(0, 0)"),
    ),
    ("record", recorded(split="half"), "_metadata", ("$.split", "'half'")),
    ("next major version", recorded(schema_version="3.0.0"), "_metadata", ("$.schema_version", "'3.0.0'")),
]


@pytest.mark.parametrize(("change", "member", "parts"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_breach_is_named_and_never_written(
    tmp_path: Path, change: Change, member: str, parts: tuple[object, ...]
) -> None:
    dataset = change(make_dataset())
    problems = dataset_problems(dataset)
    assert len(problems) == 1, problems
    assert problems[0].member == member
    assert names(problems[0].reason, *parts)
    assert "\n" not in problems[0].reason
    with pytest.raises(DataError) as caught:
        write_dataset(tmp_path / "a.npz", dataset)
    assert (caught.value.member, caught.value.reason) == (member, problems[0].reason)
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=60, deadline=None)
@given(dataset=datasets())
def test_sound_datasets_have_no_problems(dataset: Dataset) -> None:
    assert dataset_problems(dataset) == []


def test_all_problems_are_found_and_the_first_says_how_many_more() -> None:
    dataset = with_value("obj", np.nan)(with_value("diffraction", np.nan)(moved((40, 40))(make_dataset())))
    problems = dataset_problems(dataset)
    assert [problem.member for problem in problems] == ["objectGuess", "ycoords", "xcoords", "diffraction"]
    assert isinstance(problems[0], Problem)
    with pytest.raises(DataError, match=naming("a.npz", "NaN", 3)) as caught:
        validate_dataset(dataset, "a.npz")
    assert caught.value.member == "objectGuess"


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("window", "length"), [((8, 10), (20, 23)), ((7, 9), (20, 23))])
def test_the_whole_window_and_its_interpolation_neighbours_lie_on_the_object(
    axis: int, window: tuple[int, int], length: tuple[int, int]
) -> None:
    """The window of a position covers the indices p - H//2 .. p - H//2 + H - 1, rounded outwards."""
    first = window[axis] // 2
    last = length[axis] - window[axis] + window[axis] // 2
    middle = np.array([10.0, 11.0])
    for value, sound in [
        (first, True),
        (first - 0.01, False),
        (first + 0.5, True),
        (last, True),
        (last - 0.5, True),
        (last + 0.01, False),
    ]:
        positions_px = np.array([middle, middle, middle])
        positions_px[1, axis] = value
        dataset = Dataset(
            np.ones(length, np.complex64), np.ones(window, np.complex64), positions_px, metadata_of("base")
        )
        assert (dataset_problems(dataset) == []) is sound, value


@pytest.mark.parametrize("mean_counts", [0.3, 3.0, 300.0, 1e5])
@pytest.mark.parametrize("scale", [None, 1.0, 0.02])
def test_intensity_stored_as_amplitude_is_recognised_at_every_dose(mean_counts: float, scale: float | None) -> None:
    """With a record that says nothing of the photons, and with counts divided by the scale."""
    sound = make_dataset(window=(16, 20), mean_counts=mean_counts, intensity_scale=scale or 1.0, extras=False)
    metadata = new_metadata("simulation", "made", "for a test", intensity_scale=scale)
    assert dataset_problems(replace(sound, metadata=metadata)) == []
    intensity = (sound.counts() / (scale or 1.0)).astype(np.float32)
    problems = dataset_problems(replace(sound, diffraction=intensity, metadata=metadata))
    (problem,) = problems
    assert problem.member == "diffraction"
    assert names(problem.reason, "intensity", "amplitude")


def test_counts_of_nothing_but_0_and_1_are_their_own_square_roots() -> None:
    counts = np.random.default_rng(0).integers(0, 2, (5, 8, 10)).astype(np.float32)
    metadata = new_metadata("simulation", "made", "for a test", intensity_scale=1.0)
    dataset = replace(make_dataset(n=5, extras=False), diffraction=counts, metadata=metadata)
    assert dataset_problems(dataset) == []


def test_statistics_of_blocks_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    diffraction = make_dataset(n=9, mean_counts=40).diffraction
    assert diffraction is not None
    whole = PatternStatistics.of(diffraction, 0.37)
    monkeypatch.setattr("ptyproof.io.blocks.BLOCK_BYTES", 2 * diffraction[:1].nbytes)
    blocks = PatternStatistics.of(diffraction, 0.37)
    np.testing.assert_array_equal(whole.mean_intensity, blocks.mean_intensity)
    assert whole.photons_per_pattern == blocks.photons_per_pattern
    assert whole.not_whole == blocks.not_whole == 0


def halves(gap: float = 0.0) -> tuple[Dataset, Dataset]:
    """Two halves whose windows touch, but share no pixel, at gap 0."""
    obj, probe = np.ones((40, 30), np.complex64), np.full((8, 10), 1 + 1j, np.complex64)
    rows = np.array([[10.0, 8.0], [16.0, 12.5]])
    train = Dataset(obj, probe, rows, metadata_of("base"), scan_index=np.array([0, 1]))
    test = Dataset(obj, probe, rows + np.array([14.0 + gap, 0.0]), metadata_of("base"), scan_index=np.array([2, 3]))
    return train, test


def test_halves_that_only_touch_are_a_split() -> None:
    validate_split(*halves(), ("train.npz", "test.npz"))


@pytest.mark.parametrize(
    ("change", "member", "parts"),
    [
        (lambda d: replace(d, scan_index=np.array([1, 9])), "scan_index", [1]),
        (lambda d: replace(d, positions_px=np.array([[10.0, 8.0], [30, 8]])), "ycoords", [1, "[10.0, 8.0]"]),
        (lambda d: replace(d, positions_px=d.positions_px - (0.01, 0)), "ycoords", [6, "(19, 7)"]),
        (lambda d: replace(d, probe=2 * d.probe), "probeGuess", []),
        (lambda d: replace(d, obj=2 * d.obj), "objectGuess", []),
        (lambda d: replace(d, obj=None), "objectGuess", []),
    ],
)
def test_halves_that_share_something_are_refused(change: Change, member: str, parts: list[object]) -> None:
    train, test = halves()
    with pytest.raises(DataError, match=naming("train.npz", *parts)) as caught:
        validate_split(train, change(test), ("train.npz", "test.npz"))
    assert caught.value.member == member
    assert str(caught.value.path) == "test.npz"


def test_dark_edges_of_the_probe_may_overlap() -> None:
    train, test = halves(gap=-3.0)
    with pytest.raises(DataError, match=naming(18, "(17, 7)")):
        validate_split(train, test, ("a", "b"))
    probe = train.probe.copy()
    probe[:2], probe[-1:] = 0, 0.01
    train, test = (replace(half, probe=probe) for half in (train, test))
    with pytest.raises(DataError, match=naming(6, "(19, 7)")):
        validate_split(train, test, ("a", "b"))
    validate_split(train, test, ("a", "b"), illumination_fraction=0.001)


def test_a_split_without_object_cannot_be_checked() -> None:
    train, test = (replace(half, obj=None) for half in halves())
    with pytest.raises(InputError, match="objectGuess"):
        validate_split(train, test, ("a", "b"))


def test_illuminated_pixels_agree_with_painting_one_pixel_at_a_time() -> None:
    dataset = make_dataset(window=(5, 4), n=3)
    assert dataset.obj is not None
    dataset.probe[0, :] = 0
    dataset.probe[2, 1] = 0
    expected = np.zeros(dataset.obj.shape, bool)
    for row, col in dataset.positions_px:
        for u, v in np.argwhere(dataset.probe != 0):
            for r in {int(np.floor(row)), int(np.ceil(row))}:
                for c in {int(np.floor(col)), int(np.ceil(col))}:
                    expected[r - 2 + u, c - 2 + v] = True
    np.testing.assert_array_equal(illuminated_pixels(dataset), expected)
