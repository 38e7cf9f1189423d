"""Pixels at the largest value of their type: refused with their number, in every layout, unless kept by an option."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.errors import DataError
from ptyproof.io.dataset import read_dataset, select_positions, write_dataset
from ptyproof.io.importers import import_foreign
from ptyproof.io.saturation import KEPT, find_saturation
from tests.helpers.measurements import N, legacy, legacy_arrays, tike
from tests.helpers.messages import names, naming

COUNTS = legacy_arrays()["diff3d"].astype("i8")


def marked(dtype: str, value: int, patterns: int = N) -> np.ndarray[Any, Any]:
    counts: np.ndarray[Any, Any] = np.minimum(COUNTS, 200).astype(dtype)
    counts[:patterns, 3, 4] = counts[:patterns, 12, 5] = value
    return counts


CASES = [
    ("u1", 255),
    ("u2", 65535),
    ("u4", 2**32 - 1),
    ("u8", 2**64 - 1),
    ("i2", 2**15 - 1),
    ("i4", 2**31 - 1),
    ("i8", 2**63 - 1),
    ("i4", 65535),
    ("i8", 2**32 - 1),
    ("f4", 65535),
    ("f4", 2**31 - 1),
    ("f4", 2**32 - 1),
    ("f8", 2**64 - 1),
    ("f8", 32767),
    ("u2", 4095),  # 12 bits, by the second rule
    ("i4", 999_999),
]


LARGEST = 2**63 - 1  # what 64 bits hold, which no pixel counts


@pytest.fixture(params=["tike", "legacy"])
def save(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[np.ndarray[Any, Any]], Path]:
    """A function that writes counts in a layout."""

    def written(counts: np.ndarray[Any, Any]) -> Path:
        if request.param == "tike":
            return tike(tmp_path / "a.npz", data=counts[None])
        return legacy(tmp_path / "a.npz", diff3d=counts)

    return written


Save = Callable[[np.ndarray[Any, Any]], Path]


@pytest.mark.parametrize(("dtype", "value"), CASES)
def test_marks_are_refused_with_number_and_value(save: Save, dtype: str, value: int) -> None:
    path = save(marked(dtype, value))
    with pytest.raises(DataError, match=naming(path, 2 * N, value, 2, N, "saturated='keep'")):
        import_foreign(path, values="intensity")


@pytest.mark.parametrize(("dtype", "value"), [case for case in CASES if case[1] >= LARGEST])
def test_marks_that_no_pixel_counts_are_not_kept(save: Save, dtype: str, value: int) -> None:
    path = save(marked(dtype, value))
    with pytest.raises(DataError, match=naming(path)) as caught:
        import_foreign(path, values="intensity", saturated="keep")
    assert "saturated" not in caught.value.reason


@pytest.mark.parametrize(("dtype", "value"), [case for case in CASES if case[1] < LARGEST])
def test_marks_are_kept_on_request(tmp_path: Path, save: Save, dtype: str, value: int) -> None:
    dataset, changes = import_foreign(save(marked(dtype, value)), values="intensity", saturated="keep")
    assert any(names(change, 2 * N, value) for change in changes)
    write_dataset(tmp_path / "new.npz", dataset)
    again = read_dataset(tmp_path / "new.npz").dataset
    assert [entry["step"] for entry in again.metadata["transformations"]].count(KEPT) == 1
    read_dataset(write(tmp_path / "part.npz", select_positions(again, slice(0, 10))))


def write(path: Path, dataset: Any) -> Path:
    write_dataset(path, dataset)
    return path


@pytest.mark.parametrize("layout", ["tike", "legacy", "amplitude"])
@pytest.mark.parametrize("brighter", [1, 5])
def test_marks_below_the_brightest_pixels_are_found(tmp_path: Path, layout: str, brighter: int) -> None:
    counts = marked("u4", 65535)
    counts[:brighter, 8, 10] = 70_001  # one event in some patterns
    arrays: dict[str, Any] = {"diff3d": counts}
    if layout == "amplitude":
        arrays = {"diff3d": None, "diffraction": np.sqrt(counts).astype("f4")}
    make = tike if layout == "tike" else legacy
    path = make(tmp_path / "a.npz", **({"data": counts[None]} if layout == "tike" else arrays))
    with pytest.raises(DataError, match=naming(path, 2 * N, 65535, 2, N)):
        import_foreign(path)


@pytest.mark.parametrize("layout", ["tike", "legacy"])
def test_kept_marks_below_the_brightest_pixels_say_nothing_of_the_zero_frequency(tmp_path: Path, layout: str) -> None:
    counts = marked("u4", 65535)
    counts[:, :3, :3] = counts[:, -3:, -3:] = counts[:, :3, -3:] = counts[:, -3:, :3] = 65535  # the corners
    counts[0, 8, 10] = 70_001
    path = tmp_path / "a.npz"
    path = tike(path, data=counts[None]) if layout == "tike" else legacy(path, diff3d=counts)
    dataset, _ = import_foreign(path, saturated="keep")
    np.testing.assert_array_equal(dataset.counts(), counts)
    write_dataset(tmp_path / "new.npz", dataset)
    read_dataset(tmp_path / "new.npz")


def test_many_bright_pixels_of_few_patterns_are_light() -> None:
    rng = np.random.default_rng(5)
    for n in (8, 9, 16, 40):
        assert find_saturation(rng.poisson(100, (n, 300, 300)).astype("u2")) is None


@pytest.mark.parametrize("patterns", [1, 2, N // 2])
def test_one_pattern_is_enough(tmp_path: Path, patterns: int) -> None:
    path = legacy(tmp_path / "a.npz", diff3d=marked("u2", 65535, patterns))
    with pytest.raises(DataError, match=naming(path, 2 * patterns, 65535, 2, patterns, N)):
        read_dataset(path)


def test_one_overflow_of_a_byte_is_enough(tmp_path: Path) -> None:
    """A type of its own has its own largest value; 255 in a wider one may be a count."""
    counts = np.minimum(COUNTS, 200)
    counts[6, 8, 10] = 255
    with pytest.raises(DataError, match=naming("a.npz", 1, 255, "uint8")):
        read_dataset(legacy(tmp_path / "a.npz", diff3d=counts.astype("u1")))
    assert read_dataset(legacy(tmp_path / "b.npz", diff3d=counts.astype("u2"))).dataset.counts().max() == 255


def test_amplitudes_of_marked_counts_are_marked(tmp_path: Path) -> None:
    root = np.sqrt(marked("u2", 65535)).astype("f4")
    with pytest.raises(DataError, match="65535"):
        read_dataset(legacy(tmp_path / "a.npz", diff3d=None, diffraction=root))
    fractions = (COUNTS * 0.3).astype("f4")
    fractions[:, 3, 4] = 65535
    with pytest.raises(DataError, match="65535"):
        read_dataset(legacy(tmp_path / "b.npz", diff3d=None, diffraction=fractions))


def test_a_measurement_with_a_record_is_looked_at_as_well(tmp_path: Path) -> None:
    """As an earlier version wrote it: nothing in the record says that such pixels were seen."""
    kept = read_dataset(legacy(tmp_path / "a.npz", diff3d=marked("u2", 65535)), saturated="keep").dataset
    steps = [entry for entry in kept.metadata["transformations"] if entry["step"] != KEPT]
    kept.metadata["transformations"] = steps
    write_dataset(tmp_path / "old.npz", kept)
    with pytest.raises(DataError, match="65535"):
        read_dataset(tmp_path / "old.npz")
    loaded = read_dataset(tmp_path / "old.npz", saturated="keep")
    assert loaded.dataset.metadata["transformations"][-1]["step"] == KEPT


@pytest.mark.parametrize(
    "counts",
    [
        COUNTS.astype("u2"),
        (COUNTS // 2).astype("u1"),
        COUNTS * 0 + np.arange(N)[:, None, None] + 1000,  # bright, and another value in each pattern
        (COUNTS > 0).astype("u2"),  # photons one by one
    ],
    ids=["plain", "bytes", "ramp", "single photons"],
)
def test_light_is_light(counts: np.ndarray[Any, Any]) -> None:
    assert find_saturation(counts) is None
    assert find_saturation(np.sqrt(counts).astype("f4"), 1.0) is None


def test_a_base_ignores_marked_patterns(tmp_path: Path) -> None:
    path = legacy(tmp_path / "a.npz", diff3d=marked("u2", 65535), objectGuess=np.ones((40, 45), "c8"))
    assert read_dataset(path, role="base").dataset.diffraction is None
