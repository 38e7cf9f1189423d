"""Pixels at the largest value of their type: refused as light with their number, in every layout, until kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.errors import DataError
from ptyproof.io.dataset import read_dataset, select_positions, write_dataset
from ptyproof.io.importers import import_foreign
from ptyproof.io.saturation import KEPT, find_saturation
from tests.helpers.measurements import N, legacy, legacy_arrays, tike

COUNTS = legacy_arrays()["diff3d"].astype("i8")


def marked(dtype: str, value: int, patterns: int = N) -> np.ndarray[Any, Any]:
    counts = np.minimum(COUNTS, 200).astype(dtype)
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


@pytest.mark.parametrize(("dtype", "value"), CASES)
@pytest.mark.parametrize("layout", ["tike", "legacy"])
def test_marks_are_refused_with_number_and_value_and_kept_on_request(
    tmp_path: Path, layout: str, dtype: str, value: int
) -> None:
    counts = marked(dtype, value)
    if layout == "tike":
        path = tike(tmp_path / "a.npz", data=counts[None])
    else:
        path = legacy(tmp_path / "a.npz", diff3d=counts)
    values: Any = "intensity"
    with pytest.raises(DataError) as caught:
        import_foreign(path, values=values)
    assert f"{2 * N} values are " in caught.value.reason
    assert f" {value}, " in caught.value.reason
    assert f"in {N} of {N} patterns" in caught.value.reason
    how: Any = {"values": values, "saturated": "keep"}
    if value >= 2**63 - 1:
        with pytest.raises(DataError, match="counts in one pixel"):
            import_foreign(path, **how)
        return
    dataset, changes = import_foreign(path, **how)
    assert any("kept as light" in change for change in changes)
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
    with pytest.raises(DataError, match=f"{2 * N} values are 65535, .* 2 pixels of the window, in {N} of {N} patterns"):
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
    with pytest.raises(DataError, match=f"2 pixels of the window, in {patterns} of {N} patterns"):
        read_dataset(path)


def test_one_overflow_of_a_byte_is_enough(tmp_path: Path) -> None:
    """A type of its own has its own largest value; 255 in a wider one may be a count."""
    counts = np.minimum(COUNTS, 200)
    counts[6, 8, 10] = 255
    with pytest.raises(DataError, match="1 values are 255, the largest that uint8 holds"):
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
