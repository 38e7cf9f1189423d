"""Strict JSON (RFC 8259): what the standard library lets through and evidence must not have is refused.

Refused on reading: duplicate keys, NaN, Infinity and numbers that large, half a surrogate pair, a byte order
mark, bytes that are not UTF-8, trailing text, nesting deeper than `MAX_DEPTH`, more than `MAX_BYTES`. Refused on
writing: NaN, Infinity, and any type that JSON does not have.

The standard library's parser reads; only a text that it or a check on its result refuses is read a second time, by
`json_reader`, which knows the place.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ptyproof.errors import DataError, ManifestError
from ptyproof.io.atomic import write_text
from ptyproof.io.json_reader import DECODER, Fault, line_and_column, may_hold_half_pairs, read_text
from ptyproof.io.json_reader import MAX_DEPTH as MAX_DEPTH
from ptyproof.io.regular import open_regular_if_there

MAX_BYTES = 1 << 26
_MARKS = {
    b"\xef\xbb\xbf": "starts with a byte order mark; save it as UTF-8 without one",
    b"\xff\xfe": "is not UTF-8 but UTF-16",
    b"\xfe\xff": "is not UTF-8 but UTF-16",
}


class NotStrictJsonError(ManifestError):
    """A file or text that is no strict JSON; knows which rule it breaks and where.

    Parameters
    ----------
    path, member
        As in `DataError`.
    fault
        The rule, and the sentence about it.
    line, column
        The place, both from 1 (columns in characters); None for a file that cannot be read.
    """

    def __init__(
        self,
        path: Path | str,
        fault: Fault,
        member: str | None = None,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        self.rule = fault.rule
        self.line = line
        self.column = column
        where = "" if line is None else f" at line {line}, column {column}"
        super().__init__(path, fault.sentence + where, member)


def read_json(path: Path) -> Any:
    """Read one strict JSON value from a UTF-8 file of at most `MAX_BYTES`.

    Raises
    ------
    NotStrictJsonError
        If the file is missing, empty or no strict JSON; says the line and column.
    """
    return parse_bytes(read_content(path), path)


def read_content(path: Path) -> bytes:
    """Return a file's bytes, of which there may be `MAX_BYTES`.

    Raises
    ------
    NotStrictJsonError
        If it cannot be read, or is larger.
    """
    raw = read_content_if_there(path)
    if raw is None:
        raise NotStrictJsonError(path, Fault("unreadable", f"cannot be read: {os.strerror(errno.ENOENT)}", 0))
    return raw


def read_content_if_there(path: Path) -> bytes | None:
    """Return a file's bytes as `read_content` does; None if no file has this name.

    Raises
    ------
    NotStrictJsonError
        If it cannot be read for another reason, or is larger.
    """
    try:
        file = open_regular_if_there(path)
        if file is None:
            return None
        with file:
            return file.read(MAX_BYTES + 1)
    except DataError as error:
        raise NotStrictJsonError(path, Fault("unreadable", error.reason, 0)) from error
    except OSError as error:
        raise NotStrictJsonError(path, Fault("unreadable", f"cannot be read: {error.strerror}", 0)) from error


def parse_bytes(raw: bytes, path: Path | str = "JSON text", member: str | None = None) -> Any:
    """Parse strict JSON in UTF-8; `path` and `member` only serve the error message.

    Raises
    ------
    NotStrictJsonError
        If `raw` is no strict JSON, or more than `MAX_BYTES`.
    """
    if len(raw) > MAX_BYTES:
        fault = Fault("size", f"is larger than {MAX_BYTES} bytes, the limit of a manifest", 0)
        raise NotStrictJsonError(path, fault, member)
    for mark, sentence in _MARKS.items():
        if raw.startswith(mark):
            raise NotStrictJsonError(path, Fault("mark", sentence, 0), member, 1, 1)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        fault = Fault("encoding", f"is not UTF-8: byte {error.start} is 0x{raw[error.start]:02x}", error.start)
        raise NotStrictJsonError(path, fault, member, *line_and_column(before, len(before))) from error
    return parse_json(text, path, member)


def parse_json(text: str, path: Path | str = "JSON text", member: str | None = None) -> Any:
    """Parse strict JSON; `path` and `member` only serve the error message.

    Raises
    ------
    NotStrictJsonError
        If `text` is no strict JSON.
    """
    try:
        value = DECODER.decode(text)
        if not (may_hold_half_pairs(text) and _has_lone_surrogate(value)) and not _is_too_deep(value):
            return value
    except (ValueError, RecursionError):
        pass  # the reader below says what it is, and where
    fault = read_text(text).end
    assert fault is not None, "the two readers of JSON do not agree"
    raise NotStrictJsonError(path, fault, member, *line_and_column(text, fault.offset))


def format_json(value: Any) -> str:
    """Return `value` as indented JSON text that ends with a newline; `encodable` where it has no UTF-8 form.

    Raises
    ------
    ValueError
        If the value holds NaN or Infinity.
    TypeError
        If it holds a type that JSON does not have (numpy scalars and paths among them).
    """
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    if _has_utf8_form(text):
        return text
    return json.dumps(encodable(value), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def encodable(value: Any) -> Any:
    """Return a JSON value with escapes, as in `caf\\udce9`, in place of what has no UTF-8 form."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, Mapping):
        return {encodable(key): encodable(part) for key, part in value.items()}
    return [encodable(part) for part in value] if isinstance(value, list | tuple) else value


def write_json(path: Path, value: Any, is_new: bool = False) -> None:
    """Write `value` to `path` as strict JSON: formatted in memory first, then written atomically.

    `is_new` is as in `io.atomic.atomic_path`.
    """
    write_text(path, format_json(value), is_new)


def _has_lone_surrogate(value: Any) -> bool:
    return not _has_utf8_form(json.dumps(value, ensure_ascii=False))


def _has_utf8_form(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_too_deep(value: Any) -> bool:
    """Tell whether objects and lists are nested deeper than `MAX_DEPTH`, level by level."""
    level = [value] if isinstance(value, (dict, list)) else []
    depth = 0
    while level and depth <= MAX_DEPTH:
        depth += 1
        children = (outer.values() if type(outer) is dict else outer for outer in level)
        level = [inner for inside in children for inner in inside if type(inner) is dict or type(inner) is list]
    return depth > MAX_DEPTH
