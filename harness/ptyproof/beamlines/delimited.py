"""Positions as columns of text: CSV with or without a header, or columns that spaces or tabs separate.

A header names the columns: x and y in meters, or with a unit behind (`x_um`, `y (nm)`, `col_px`). Without a header the
order of the columns has to be given. A value that is no finite number is an error that names its line.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ptyproof.beamlines.raw_scan import RawScan
from ptyproof.beamlines.request import PositionUnit
from ptyproof.errors import DataError

MAX_BYTES = 1 << 28
_METERS = {"m": 1.0, "mm": 1e-3, "um": 1e-6, "µm": 1e-6, "μm": 1e-6, "nm": 1e-9}
_ROW, _COL, _INDEX = ("y", "row", "rows"), ("x", "col", "cols", "column"), ("index", "frame", "point")
_HEADER = re.compile(r"(?P<axis>[A-Za-z]+)(?:[\s_\[(]*(?P<unit>px|pixels?|mm|um|µm|μm|nm|m)[\])]?)?", re.IGNORECASE)


def read_columns(path: Path) -> RawScan:
    """Return the positions of a text file whose header names its columns.

    Raises
    ------
    DataError
        If the file has no header with x and y, mixes units, or a line has no finite numbers there.
    """
    if path.stat().st_size > MAX_BYTES:
        raise DataError(path, f"has {path.stat().st_size} bytes; at most {MAX_BYTES} are read as text")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(path, f"is not text in UTF-8: {error.reason} at byte {error.start}") from error
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    while numbered and numbered[0][1].lstrip().startswith("#") and "," not in numbered[0][1]:
        numbered = numbered[1:]
    if not numbered:
        raise DataError(path, "has no lines")
    head, *rows = numbered
    row, col, index, factor, unit = _columns(path, head[1])
    values = [_values(path, number, line, (row, col)) for number, line in rows]
    if not values:
        raise DataError(path, "has a header and no positions")
    at = np.arange(len(values)) if index is None else _indices(path, rows, index)
    return RawScan(positions=np.array(values) * factor, position_index=at, position_unit=unit)


def _cells(line: str) -> list[str]:
    text = line.strip().lstrip("#").strip()
    separator = next((mark for mark in (",", ";", "\t") if mark in text), None)
    return [cell.strip().strip('"') for cell in (text.split(separator) if separator else text.split())]


def _columns(path: Path, header: str) -> tuple[int, int, int | None, float, PositionUnit]:
    found = [_HEADER.fullmatch(cell) for cell in _cells(header)]
    names = ["" if match is None else match["axis"].lower() for match in found]
    row, col = _one_of(names, _ROW), _one_of(names, _COL)
    if row is None or col is None:
        raise DataError(
            path,
            f"must begin with a header that names the columns x and y, with a unit where it is not m "
            f"(x_um,y_um), got {header.strip()[:80]!r}",
        )
    units = {_unit(names[i], found[i]["unit"]) for i in (row, col)}  # type: ignore[index]
    if len(units) != 1:
        raise DataError(path, f"has x and y in different units, {' and '.join(sorted(units))}")
    unit = units.pop()
    return row, col, _one_of(names, _INDEX), _METERS.get(unit, 1.0), "px" if unit == "px" else "m"


def _unit(name: str, said: str | None) -> str:
    if said is None:
        return "px" if name in (*_ROW[1:], *_COL[1:]) else "m"
    return "px" if said.lower().startswith("p") else said.lower()


def _one_of(names: list[str], wanted: tuple[str, ...]) -> int | None:
    return next((i for i, name in enumerate(names) if name in wanted), None)


def _values(path: Path, number: int, line: str, columns: tuple[int, int]) -> tuple[float, float]:
    cells = _cells(line)
    try:
        row, col = (float(cells[i]) for i in columns)
    except (IndexError, ValueError) as error:
        raise DataError(path, f"line {number} has no two numbers: {line.strip()[:80]!r}") from error
    if not (np.isfinite(row) and np.isfinite(col)):
        raise DataError(path, f"line {number} has a position that is not finite: {line.strip()[:80]!r}")
    return row, col


def _indices(path: Path, rows: list[tuple[int, str]], column: int) -> np.ndarray:
    try:
        return np.array([int(_cells(line)[column]) for _, line in rows], dtype=np.int64)
    except (IndexError, ValueError, OverflowError) as error:
        raise DataError(path, f"has a line whose index is not a whole number: {error}") from error
