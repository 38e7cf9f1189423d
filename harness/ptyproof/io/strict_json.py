"""Strict JSON (RFC 8259): what the standard library lets through and evidence must not have is refused.

Refused on reading: duplicate keys, NaN, Infinity and numbers that large, half a surrogate pair, a byte order
mark, bytes that are not UTF-8, trailing text, nesting deeper than `MAX_DEPTH`. Refused on writing: NaN, Infinity,
and any type that JSON does not have.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

from ptyproof.errors import ManifestError
from ptyproof.io.atomic import write_text

MAX_DEPTH = 100
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


def read_json(path: Path) -> Any:
    """Read one strict JSON value from a UTF-8 file.

    Raises
    ------
    ManifestError
        If the file is missing, empty or no strict JSON; says the line and column where one is known.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ManifestError(path, f"cannot be read: {error.strerror}") from error
    if raw.startswith(b"\xef\xbb\xbf"):
        raise ManifestError(path, "starts with a byte order mark; UTF-8 without one is expected")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ManifestError(path, f"is not UTF-8: byte {error.start} is 0x{raw[error.start]:02x}") from error
    return parse_json(text, path)


def parse_json(text: str, path: Path | str = "JSON text", member: str | None = None) -> Any:
    """Parse strict JSON; `path` and `member` only serve the error message.

    Raises
    ------
    ManifestError
        If `text` is no strict JSON.
    """
    if not text.strip():
        raise ManifestError(path, "is empty; one JSON value is expected", member)

    if _nesting(text) > MAX_DEPTH:
        raise ManifestError(path, f"is nested deeper than {MAX_DEPTH} levels", member)
    try:
        value = json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_fraction)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ManifestError(path, f"is no JSON: {error.msg} at {where}", member) from error
    except _NotStrictError as error:
        raise ManifestError(path, str(error), member) from None
    except ValueError as error:  # an integer with more digits than Python converts
        raise ManifestError(path, f"holds a number that cannot be read: {error}", member) from error
    if _SURROGATE.search(text) and _has_lone_surrogate(value):
        raise ManifestError(path, "holds half of a surrogate pair, which is no character", member)
    return value


def format_json(value: Any) -> str:
    """Return `value` as indented JSON text that ends with a newline.

    Raises
    ------
    ValueError
        If the value holds NaN or Infinity.
    TypeError
        If it holds a type that JSON does not have (numpy scalars and paths among them).
    """
    return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as strict JSON: formatted in memory first, then written atomically."""
    write_text(path, format_json(value))


class _NotStrictError(ValueError):
    """Something that the standard library reads and RFC 8259 does not have."""


def _pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(items)
    if len(result) < len(items):
        twice, _ = Counter(name for name, _ in items).most_common(1)[0]
        raise _NotStrictError(f"has the key {twice!r} twice in one object")
    return result


def _constant(name: str) -> NoReturn:
    raise _NotStrictError(f"holds {name}, which is no JSON number")


def _fraction(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _NotStrictError(f"holds {digits[:40]}, which is too large for a number")
    return number


def _has_lone_surrogate(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _nesting(text: str) -> int:
    depth = deepest = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text):
        mark = token.group()
        if mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "]}":
            depth -= 1
    return deepest
