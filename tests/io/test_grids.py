"""Patterns on a grid (ny, nx, H, W): read with the scan order said, or refused with the axes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.errors import DataError
from ptyproof.io.dataset import read_dataset
from ptyproof.io.importers import import_foreign
from tests.helpers.measurements import GRID, WINDOW, N, legacy, legacy_arrays
from tests.helpers.messages import names, naming

PLAIN = legacy_arrays()
COUNTS, X, Y = (PLAIN[name] for name in ("diff3d", "xcoords", "ycoords"))
ON_GRID = COUNTS.reshape(*GRID, *WINDOW)
BY_COLUMNS = np.arange(N).reshape(GRID).T.ravel()  # positions in the order of ny, the fast axis
LAST = np.moveaxis(ON_GRID, (0, 1), (2, 3))


@pytest.mark.parametrize("stack", [ON_GRID, np.asfortranarray(ON_GRID), LAST], ids=["nhw", "fortran", "hwn"])
@pytest.mark.parametrize("mmap", [False, True])
def test_positions_on_the_same_grid_tell_the_order(tmp_path: Path, stack: Any, mmap: bool) -> None:
    index = np.arange(N).reshape(GRID)
    path = legacy(tmp_path / "a.npz", diff3d=stack, xcoords=X.reshape(GRID), ycoords=Y.reshape(GRID), scan_index=index)
    loaded = read_dataset(path, mmap=mmap)
    np.testing.assert_array_equal(loaded.dataset.counts(), COUNTS)
    np.testing.assert_array_equal(loaded.dataset.positions_px, np.stack([Y, X], axis=1))
    np.testing.assert_array_equal(loaded.dataset.scan_index, np.arange(N))
    (axes,) = [change for change in loaded.changes if str(stack.shape) in change]
    assert names(axes, "diffraction", COUNTS.shape)


def test_a_list_of_positions_leaves_the_order_to_the_caller(tmp_path: Path) -> None:
    path = legacy(tmp_path / "a.npz", diff3d=ON_GRID)
    with pytest.raises(DataError) as caught:
        read_dataset(path)
    assert all(part in caught.value.reason for part in ("(ny, nx, H, W)", str(ON_GRID.shape), "--scan-order rows"))
    np.testing.assert_array_equal(read_dataset(path, scan_order="rows").dataset.counts(), COUNTS)
    by_columns = ON_GRID.swapaxes(0, 1).reshape(N, *WINDOW)
    path = legacy(tmp_path / "b.npz", diff3d=ON_GRID, xcoords=X[BY_COLUMNS], ycoords=Y[BY_COLUMNS])
    np.testing.assert_array_equal(read_dataset(path, scan_order="columns").dataset.counts(), by_columns)


def test_an_import_takes_rows_and_says_so(tmp_path: Path) -> None:
    dataset, changes = import_foreign(legacy(tmp_path / "a.npz", diff3d=ON_GRID))
    np.testing.assert_array_equal(dataset.counts(), COUNTS)
    (axes,) = [change for change in changes if str(ON_GRID.shape) in change]
    assert names(axes, "diffraction", "nx", COUNTS.shape)


@pytest.mark.parametrize("order", ["rows", "columns"])
def test_positions_that_run_in_the_other_order_are_refused_with_it(tmp_path: Path, order: Any) -> None:
    """An import takes rows: the patterns went to other positions, without a word of it."""
    runs = np.arange(N) if order == "rows" else BY_COLUMNS
    path = legacy(tmp_path / "a.npz", diff3d=ON_GRID, xcoords=X[runs], ycoords=Y[runs])
    other: Any = "columns" if order == "rows" else "rows"
    with pytest.raises(DataError, match=f"scan_order='{order}'"):
        import_foreign(path, scan_order=other)
    dataset, _ = import_foreign(path, scan_order=order)
    np.testing.assert_array_equal(dataset.counts(), COUNTS[runs])
    np.testing.assert_array_equal(dataset.positions_px, np.stack([Y, X], axis=1)[runs])


def test_an_import_of_positions_by_columns_asks(tmp_path: Path) -> None:
    path = legacy(tmp_path / "a.npz", diff3d=ON_GRID, xcoords=X[BY_COLUMNS], ycoords=Y[BY_COLUMNS])
    with pytest.raises(DataError, match=naming(path, 5, 4, "--scan-order columns", "scan_order='columns'")):
        import_foreign(path)


@pytest.mark.parametrize("kind", ["snake", "no grid"])
def test_positions_that_do_not_tell_are_read_in_the_order_that_is_said(tmp_path: Path, kind: str) -> None:
    back = np.arange(N).reshape(GRID)
    back[1::2] = back[1::2, ::-1]
    runs = back.ravel() if kind == "snake" else np.random.default_rng(2).permutation(N)
    path = legacy(tmp_path / "a.npz", diff3d=ON_GRID, xcoords=X[runs], ycoords=Y[runs])
    np.testing.assert_array_equal(import_foreign(path)[0].counts(), COUNTS)


def test_a_grid_of_one_row_needs_no_order(tmp_path: Path) -> None:
    loaded = read_dataset(legacy(tmp_path / "a.npz", diff3d=COUNTS[None]))
    np.testing.assert_array_equal(loaded.dataset.counts(), COUNTS)


def test_modes_and_grid_together(tmp_path: Path) -> None:
    probe = np.stack([PLAIN["probeGuess"], 0.1 * PLAIN["probeGuess"]], axis=2)
    dataset, _ = import_foreign(legacy(tmp_path / "a.npz", diff3d=ON_GRID, probeGuess=probe))
    np.testing.assert_array_equal(dataset.probe, PLAIN["probeGuess"])


@pytest.mark.parametrize(
    ("arrays", "parts"),
    [
        ({"diff3d": ON_GRID[:-1]}, ["(3, 5, 16, 20)", "(20,)"]),
        ({"diff3d": ON_GRID, "xcoords": X.reshape(5, 4), "ycoords": Y.reshape(5, 4)}, ["(4, 5, 16, 20)", "(5, 4)"]),
        ({"diff3d": ON_GRID.swapaxes(2, 3)}, ["(4, 5, 20, 16)", "(16, 20)"]),
        ({"xcoords": X.reshape(GRID), "ycoords": Y.reshape(GRID)}, ["(4, 5)"]),
        ({"diff3d": ON_GRID, "ycoords": Y.reshape(5, 4), "xcoords": X.reshape(GRID)}, ["(5, 4)"]),
    ],
    ids=["too few", "transposed positions", "transposed windows", "grid of positions alone", "two grids"],
)
def test_grids_that_do_not_fit(tmp_path: Path, arrays: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(DataError, match=naming(tmp_path / "a.npz", *parts)):
        import_foreign(legacy(tmp_path / "a.npz", **arrays))


def test_a_grid_that_fits_twice_is_open_until_the_caller_says_which(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson(300, (8, 8, 8, 8))
    arrays: dict[str, Any] = {
        "diff3d": counts,
        "probeGuess": np.ones((8, 8), "c8"),
        "xcoords": rng.uniform(4, 20, 64),
        "ycoords": rng.uniform(4, 20, 64),
    }
    path = legacy(tmp_path / "a.npz", **arrays)
    axes, orders = ("(ny, nx, H, W)", "(H, W, ny, nx)"), ("--axis-order nhw", "--axis-order hwn")
    with pytest.raises(DataError, match=naming(path, *axes, *orders)):
        import_foreign(path)
    found, _ = import_foreign(path, axis_order="hwn")
    np.testing.assert_array_equal(found.counts(), np.moveaxis(counts, (2, 3), (0, 1)).reshape(64, 8, 8))
