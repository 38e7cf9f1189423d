"""Positions in text are read to the last digit, or refused with the line that has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ptyproof.beamlines.delimited import read_columns
from ptyproof.errors import DataError
from tests.helpers.beamline_files import Scan, write_csv


@pytest.mark.parametrize(
    ("header", "factor"),
    [("x,y", 1.0), ("x_m,y_m", 1.0), ("# x (um), y (um)", 1e6), ("X_nm,Y_nm", 1e9), ("x [mm],y [mm]", 1e3)],
)
def test_columns_are_read_in_their_unit(scan: Scan, tmp_path: Path, header: str, factor: float) -> None:
    found = read_columns(write_csv(tmp_path / "scan.csv", scan, header, factor))
    assert found.position_unit == "m"
    assert found.positions is not None
    np.testing.assert_allclose(found.positions, scan.positions_m, rtol=1e-12, atol=0)


def test_without_a_unit_all_digits_are_kept(scan: Scan, tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_columns(write_csv(tmp_path / "a.csv", scan)).positions, scan.positions_m)


def test_the_header_decides_which_column_is_which(tmp_path: Path) -> None:
    path = tmp_path / "scan.txt"
    path.write_text("# fly scan\nframe y_px x_px\n7 1.5 2.5\n9 3.5 4.5\n", encoding="utf-8")
    found = read_columns(path)
    assert found.position_unit == "px"
    np.testing.assert_array_equal(found.positions, [[1.5, 2.5], [3.5, 4.5]])
    np.testing.assert_array_equal(found.position_index, [7, 9])


@pytest.mark.parametrize(
    "text",
    [
        "1e-6,2e-6\n2e-6,3e-6\n",  # no header: which is x?
        "x,y\n",
        "",
        "x,y\n1,2\n1\n",
        "x,y\n1,2\n1,nan\n",
        "x,y\n1,inf\n",
        "x,y\n1,two\n",
        "x_um,y_nm\n1,2\n",
        "x,z\n1,2\n",
        "index,x,y\n0.5,1,2\n",
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scan.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as refused:
        read_columns(path)
    assert refused.value.path == path


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "scan.csv"
    path.write_bytes(b"x,y\n\xff\xfe,1\n")
    with pytest.raises(DataError):
        read_columns(path)
