"""Positions in other units, exchanged, or astray: refused by the scan's extent before memory is set aside."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.errors import DataError
from ptyproof.io.dataset import read_dataset
from ptyproof.io.extent import MAX_AREA_RATIO, OBJECT_BYTES, ScanExtent
from ptyproof.io.importers import import_foreign
from tests.helpers.measurements import WINDOW, N, legacy, legacy_arrays, tike
from tests.helpers.messages import names, naming

X, Y = (legacy_arrays()[name] for name in ("xcoords", "ycoords"))
METRES, NANOMETRES = 8.7e-9, 8.7


def save(layout: str, path: Path, factor: float, object_px: int | None = None) -> Path:
    """Positions times a factor; the offset keeps windows inside, so that the unit alone is at fault."""
    if layout == "tike":
        scan = np.stack([Y - Y.mean(), X - X.mean()], axis=1) * factor
        return tike(path, scan=scan[None])
    return legacy(path, xcoords=(X - X.min()) * factor + 40, ycoords=(Y - Y.min()) * factor + 40)


@pytest.mark.parametrize("layout", ["tike", "legacy"])
@pytest.mark.parametrize("unit", [METRES, METRES * 1e3, 1e4, 1e9, 1e200], ids=str)
@pytest.mark.parametrize("object_name", [None, "siemens"])
def test_other_units_are_refused_in_little_memory(
    tmp_path: Path, layout: str, unit: float, object_name: str | None
) -> None:
    path = save(layout, tmp_path / "a.npz", unit)
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as caught:
            import_foreign(path, object_name=object_name)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20e6
    assert caught.value.exit_status == 2
    assert caught.value.member == ("scan" if layout == "tike" else "ycoords")
    assert names(caught.value.reason, N)


@pytest.mark.parametrize("layout", ["tike", "legacy"])
def test_a_position_astray_is_named_by_its_number_and_value(tmp_path: Path, layout: str) -> None:
    x = X.copy()
    x[13] = 1e6
    if layout == "tike":
        path = tike(tmp_path / "a.npz", scan=np.stack([Y, x], axis=1)[None])
    else:
        path = legacy(tmp_path / "a.npz", xcoords=x)
    with pytest.raises(DataError, match=r"\b13\b.*\([0-9.]+, 1000000\)"):
        import_foreign(path)


def test_a_stray_zero_is_read_with_a_remark(tmp_path: Path) -> None:
    x, y = X + 80, Y + 80
    x[7], y[7] = WINDOW[1] // 2, WINDOW[0] // 2
    loaded = read_dataset(legacy(tmp_path / "a.npz", xcoords=x, ycoords=y))
    assert any(names(remark, 7, "(8, 10)") for remark in loaded.remarks)


def test_micrometres_are_read_with_a_remark(tmp_path: Path) -> None:
    loaded = read_dataset(legacy(tmp_path / "a.npz", xcoords=(X - X.min()) / 15 + 40, ycoords=(Y - Y.min()) / 15 + 40))
    assert any(remark.startswith("scan: ") for remark in loaded.remarks)


def test_windows_that_can_hardly_overlap_are_noted(tmp_path: Path) -> None:
    path = legacy(tmp_path / "a.npz", xcoords=(X - X.min()) * 8.7 + 40, ycoords=(Y - Y.min()) * 8.7 + 40)
    (remark,) = read_dataset(path).remarks
    assert names(remark, "scan", N, "0.31")


def test_a_scan_along_one_line_is_a_scan(tmp_path: Path) -> None:
    loaded = read_dataset(legacy(tmp_path / "a.npz", ycoords=np.full(N, 30.0)))
    assert loaded.remarks == ()


def test_exchanged_axes_are_told_where_the_object_tells(tmp_path: Path) -> None:
    obj = np.ones((40, 80), "c8")
    x, y = X * 2, Y
    read_dataset(legacy(tmp_path / "right.npz", objectGuess=obj, xcoords=x, ycoords=y, diff3d=None))
    with pytest.raises(DataError, match=naming("a.npz", "ycoords", "[8, 32]", "xcoords")):
        read_dataset(legacy(tmp_path / "a.npz", objectGuess=obj, xcoords=y, ycoords=x, diff3d=None))


@pytest.mark.parametrize(("change", "sound"), [(-1, True), (1, False)])
def test_the_limit_of_area(change: int, sound: bool) -> None:
    """n windows of H x W allow an object of 64 n H W pixels."""
    n, side = 4, 10
    largest = int(np.sqrt(MAX_AREA_RATIO * n)) * side  # square object
    positions = np.zeros((n, 2))
    positions[-1] = largest - side + change
    assert (ScanExtent.of(positions, (side, side)).problem() is None) is sound


@pytest.mark.parametrize(("change", "sound"), [(-1, True), (1, False)])
def test_the_limit_of_memory(change: int, sound: bool) -> None:
    side = int(np.sqrt(OBJECT_BYTES / 8))
    positions = np.zeros((2000, 2))
    positions[-1] = side - 128 + change
    assert (ScanExtent.of(positions, (128, 128)).problem() is None) is sound


def test_the_numbers(tmp_path: Path) -> None:
    positions = np.array([[5.0, 7.0], [6.5, 7.0], [5.0, 17.25]])
    extent = ScanExtent.of(positions, (4, 6))
    found: Any = (extent.rows_px, extent.cols_px, extent.object_px, extent.odd_index, extent.odd_position)
    assert found == (1.5, 10.25, (6.0, 17.0), 2, (5.0, 17.25))
