"""TOML files of anybody: of a known size, and what the parser cannot take is said."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from ptyproof.errors import DataError
from ptyproof.io.regular import read_regular

_MAX_WORK = 4_000_000  # the parser's steps grow with the square of the parts of a key: `a.a.a = 1` has three


def read_toml(path: Path, max_bytes: int) -> dict[str, Any]:
    """Return the table in a TOML file of at most `max_bytes`.

    Raises
    ------
    DataError
        If it cannot be read, is larger, or is no TOML.
    """
    try:
        text = read_regular(path, max_bytes).decode("utf-8-sig")  # Windows' editors begin with a mark
        if sum(line.count(".") ** 2 for line in text.split("\n")) > _MAX_WORK:
            raise DataError(path, "has keys of too many parts: too many dots in one line")
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise DataError(path, f"is not UTF-8 text (byte {error.start}), but must be TOML") from error
    except (ValueError, RecursionError) as error:  # ValueError: of the parser, and of numbers with thousands of digits
        raise DataError(path, f"is not TOML: {error}") from error
