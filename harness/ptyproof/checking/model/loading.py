"""Reading an untrusted file: with limits, strictly, and if that fails, as far as it is readable."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ptyproof.io import strict_json
from ptyproof.io.json_reader import Fault, Reading, line_and_column, read_text
from ptyproof.io.strict_json import MAX_BYTES, NotStrictJsonError

MAX_TOLERANT_BYTES = 4 << 20
_BOM = b"\xef\xbb\xbf"
_NOT_TOLERATED = frozenset({"mark", "encoding", "depth", "size", "empty"})
_CODES = {"size": "PM002", "mark": "PM003", "encoding": "PM003"}
_CODES |= {"duplicate": "PM006", "number": "PM007", "depth": "PM008"}
_OTHER = "PM004"


@dataclass(frozen=True)
class Loaded:
    """What could be read: the value (`...` where nothing was), the text, and (code, JSON path, sentence) of each fault.

    `cut` are the JSON paths of the objects and lists that a file which was cut off leaves open.
    """

    value: Any = ...
    text: str | None = None
    faults: list[tuple[str, str, str]] = field(default_factory=list)
    cut: frozenset[str] = frozenset()


def load(path: Path) -> Loaded:
    """Read a file. What is not a regular file, or is larger than `MAX_BYTES`, is not opened."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            return _refused("PM001", f"is {kind} and was not read")
        if status.st_size > MAX_BYTES:
            return _refused("PM002", f"has {status.st_size} bytes; a manifest may have at most {MAX_BYTES}")
        raw = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        said = error.strerror if isinstance(error, OSError) else str(error)
        return _refused("PM001", f"cannot be read: {said}")
    return load_bytes(raw)


def load_bytes(raw: bytes) -> Loaded:
    """Read what came from a file or from standard input."""
    if len(raw) > MAX_BYTES:
        return _refused("PM002", f"has more than {MAX_BYTES} bytes, the limit of a manifest")
    faults = []
    if raw.startswith(_BOM):
        faults.append(("PM003", "$", "starts with a byte order mark; UTF-8 without one is expected (line 1, column 1)"))
        raw = raw[len(_BOM) :]
    try:
        return Loaded(strict_json.parse_bytes(raw), raw.decode("utf-8"), faults)
    except NotStrictJsonError as error:
        if error.rule in _NOT_TOLERATED or len(raw) > MAX_TOLERANT_BYTES:
            return Loaded(faults=[*faults, (_CODES.get(error.rule, _OTHER), "$", error.reason)])
        return _tolerated(raw.decode("utf-8"), faults)


def _refused(code: str, sentence: str) -> Loaded:
    return Loaded(faults=[(code, "$", sentence)])


def _tolerated(text: str, faults: list[tuple[str, str, str]]) -> Loaded:
    """Return what can be read of a text that is no strict JSON."""
    reading = read_text(text, recover=True)
    faults += [_told(fault, text) for fault in reading.faults]
    if reading.end is None:
        return Loaded(reading.value, text, faults)
    faults.append(_ended(reading, reading.end, text))
    if not reading.is_cut or reading.value is ...:
        return Loaded(faults=faults)
    return Loaded(reading.value, text, faults, frozenset(reading.open_paths))


def _told(fault: Fault, text: str) -> tuple[str, str, str]:
    more = "; the last one was read" if fault.rule == "duplicate" else ""
    return _CODES.get(fault.rule, _OTHER), fault.json_path, f"{fault.sentence}{more} ({_place(text, fault.offset)})"


def _ended(reading: Reading, end: Fault, text: str) -> tuple[str, str, str]:
    so_far = "no value is complete" if reading.last_path is None else f"the last complete value is {reading.last_path}"
    if reading.is_cut:
        inside = reading.open_paths[-1] if reading.open_paths else "$"
        where = _place(text, len(text))
        return "PM005", inside, f"the file is truncated at {where}: {so_far}; the part before was checked"
    said = f"{end.sentence} at {_place(text, end.offset)}; {so_far}"
    return _CODES.get(end.rule, _OTHER), reading.last_path or "$", said


def _place(text: str, offset: int) -> str:
    line, column = line_and_column(text, offset)
    return f"line {line}, column {column}"
