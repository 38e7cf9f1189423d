"""Which documents are kept in step: the table `[tool.ptyproof.docs]` of a project's `pyproject.toml`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any

from ptyproof.errors import DataError, InputError
from ptyproof.io.toml import read_toml
from ptyproof.study.checks import shown

_MAX_BYTES = 1 << 20
PYPROJECT = "pyproject.toml"
_TABLE = "tool.ptyproof.docs"


@dataclass(frozen=True)
class DocsSettings:
    """The documents, as paths relative to the folder of `pyproject.toml`.

    Parameters
    ----------
    testing_guide
        Holds the block `selectors`.
    test_index
        Holds the block `test-index`.
    checklists
        Each holds blocks `checklist` or `checklist-NAME`.
    ledger
        Holds the block `ledger`.
    """

    testing_guide: str = "docs/TESTING_GUIDE.md"
    test_index: str = "docs/development/TEST_SUITE_INDEX.md"
    checklists: tuple[str, ...] = ()
    ledger: str = "docs/fix_plan.md"


def find_project(start: Path) -> Path:
    """Return the nearest folder with a `pyproject.toml`, from `start` upward.

    Raises
    ------
    InputError
        If there is no project.
    """
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / PYPROJECT).is_file():
            return folder
    raise InputError(f"there is no {PYPROJECT} in {start} or above it; run the command in a project's folder")


def load_settings(root: Path) -> DocsSettings:
    """Return the settings of the project in `root`.

    Raises
    ------
    DataError
        If `pyproject.toml` cannot be read, or its table has a key or a value that cannot be.
    """
    path = root / PYPROJECT
    table: Any = read_toml(path, _MAX_BYTES)
    for key in _TABLE.split("."):
        table = table.get(key, {})
        if not isinstance(table, dict):
            raise DataError(path, f"must be a table, got {shown(table)}", f"[{_TABLE}]: {key}")
    return _settings(table, path)


def _settings(table: dict[str, Any], path: Path) -> DocsSettings:
    known = [field.name for field in fields(DocsSettings)]
    values: dict[str, Any] = {}
    for key, value in table.items():
        where = f"[{_TABLE}]: {key}"
        if key not in known:
            raise DataError(path, f"is no key of this table; the keys are {', '.join(known)}", where)
        if key == "checklists":
            if not isinstance(value, list):
                raise DataError(path, f"must be a list of paths, got {shown(value)}", where)
            values[key] = tuple(_document(entry, path, where) for entry in value)
        else:
            values[key] = _document(value, path, where)
    return DocsSettings(**values)


def _document(value: Any, path: Path, where: str) -> str:
    if isinstance(value, str) and value:
        parts = PurePosixPath(value)
        if not parts.is_absolute() and ".." not in parts.parts and "\0" not in value:
            return value
    raise DataError(path, f"must be a path inside the folder of {PYPROJECT}, relative to it, got {shown(value)}", where)
