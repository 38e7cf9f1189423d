"""Skips of cells: a test whose cell is a skip of the study is skipped, and its report names the cell."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from ptyproof.console import plain

_CELL = "ptyproof_cell"  # attribute of the exception that skips, and of the report


def skip_cell(key: str, reason: str) -> NoReturn:
    """Skip a test because its cell is a skip of the study, with the reason that the manifest has."""
    skipped = pytest.skip.Exception(plain(reason))
    vars(skipped)[_CELL] = key
    raise skipped


def name_cell(report: pytest.TestReport, call: pytest.CallInfo[Any]) -> None:
    """Put on a report the cell whose skip has skipped the test; a worker of pytest-xdist sends it."""
    if call.excinfo is not None and hasattr(call.excinfo.value, _CELL):
        setattr(report, _CELL, getattr(call.excinfo.value, _CELL))


def cell_of_skip(report: pytest.TestReport) -> str | None:
    """Return the cell of the study whose skip has skipped a test; None for every other report."""
    cell: str | None = getattr(report, _CELL, None)
    return cell
