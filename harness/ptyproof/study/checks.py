"""Checks of single values in a study design; each error names the key, the value and what is allowed."""

from __future__ import annotations

import math
import re
from typing import Any

from ptyproof.errors import DesignError

_SHOWN = 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def shown(value: Any) -> str:
    """Return a value as an error shows it: cut where it is long, and whole numbers that have no decimal text named."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no numbers of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def refuse(key: str, value: Any, allowed: str) -> DesignError:
    """Return the error that says that `value` of `key` is not allowed."""
    return DesignError(f"{key} must be {allowed}, got {shown(value)}")


def integer(key: str, value: Any, minimum: int, maximum: int = 2**63 - 1) -> int:
    """Return `value` if it is a whole number in [minimum, maximum]."""
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
        limit = f" and <= {maximum}" if maximum < 2**63 - 1 else ""
        raise refuse(key, value, f"a whole number >= {minimum}{limit}")
    return int(value)


def number(key: str, value: Any, allowed: str, low: float, high: float) -> float:
    """Return `value` as a float if it is a finite number in [low, high]; `allowed` describes the range."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refuse(key, value, allowed)
    try:
        result = float(value)
    except OverflowError as error:
        raise refuse(key, value, allowed) from error
    if not math.isfinite(result) or not low <= result <= high:
        raise refuse(key, value, allowed)
    return result


def positive(key: str, value: Any, maximum: float) -> float:
    """Return `value` as a float if it is a number in (0, maximum]."""
    return number(key, value, f"a number > 0 and <= {maximum:g}", math.nextafter(0, 1), maximum)


def name(key: str, value: Any) -> str:
    """Return `value` if it can name a folder on every system."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise refuse(key, value, "1 to 64 letters, digits, '.', '_' or '-' that start with a letter or digit")
    return str(value)


def choice(key: str, value: Any, choices: tuple[str, ...]) -> str:
    """Return `value` if it is one of `choices`."""
    if value not in choices:
        raise refuse(key, value, "one of " + ", ".join(choices))
    return str(value)


def known_keys(where: str, table: Any, allowed: frozenset[str], required: frozenset[str]) -> dict[str, Any]:
    """Return `table` if it is a table with no key beyond `allowed` and every key of `required`.

    Raises
    ------
    DesignError
        If it is not a table, has another key, or lacks a required one.
    """
    if not isinstance(table, dict):
        raise refuse(where, table, "a table")
    prefix = f"{where}." if where else ""
    for key in table:
        if key not in allowed:
            raise DesignError(f"{prefix}{key} is not a key of a study; the keys here are {_listed(allowed)}")
    for key in sorted(required):
        if key not in table:
            raise DesignError(f"{prefix}{key} is missing; the keys needed here are {_listed(required)}")
    return table


def _listed(keys: frozenset[str]) -> str:
    return ", ".join(sorted(keys))
