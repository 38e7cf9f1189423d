"""Reading a file that nobody vouches for: with limits, strictly, and where that fails as far as it goes."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ptyproof.checking.model.tolerant import Reading, read_tolerantly
from ptyproof.io import strict_json
from ptyproof.io.strict_json import MAX_BYTES, NotStrictJsonError

MAX_TOLERANT_BYTES = 4 << 20
_BOM = b"\xef\xbb\xbf"
_NOT_TEXT = frozenset({"mark", "encoding"})
_NOT_TOLERATED = {"depth": "PM008", "size": "PM002", "empty": "PM004"}
_CODES = {"duplicate": "PM006", "number": "PM007"}


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
    """Read a file. What is no regular file, or is larger than `MAX_BYTES`, is not opened."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            return _refused("PM001", f"is {kind}, and was not read")
        if status.st_size > MAX_BYTES:
            return _refused("PM002", f"has {status.st_size} bytes; a manifest of more than {MAX_BYTES} is not read")
        raw = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        said = error.strerror if isinstance(error, OSError) else str(error)
        return _refused("PM001", f"cannot be read: {said}")
    return load_bytes(raw)


def load_bytes(raw: bytes) -> Loaded:
    """Read what came from a file or from standard input."""
    if len(raw) > MAX_BYTES:
        return _refused("PM002", f"has more than {MAX_BYTES} bytes; that much is not read")
    faults = []
    if raw.startswith(_BOM):
        faults.append(("PM003", "$", "starts with a byte order mark; UTF-8 without one is expected (line 1, column 1)"))
        raw = raw[len(_BOM) :]
    try:
        return Loaded(strict_json.parse_bytes(raw), raw.decode("utf-8"), faults)
    except NotStrictJsonError as error:
        if error.rule in _NOT_TEXT or error.rule in _NOT_TOLERATED or len(raw) > MAX_TOLERANT_BYTES:
            code = "PM003" if error.rule in _NOT_TEXT else _NOT_TOLERATED.get(error.rule, "PM004")
            return Loaded(faults=[*faults, (code, "$", error.reason)])
        return _tolerated(raw.decode("utf-8"), error, faults)


def _refused(code: str, sentence: str) -> Loaded:
    return Loaded(faults=[(code, "$", sentence)])


def _tolerated(text: str, error: NotStrictJsonError, faults: list[tuple[str, str, str]]) -> Loaded:
    """Return what can be read of a text that is no strict JSON."""
    reading = read_tolerantly(text)
    for fault in reading.faults:
        sentence = f"{fault.sentence} (line {fault.line}, column {fault.column})"
        faults.append((_CODES[fault.fault], fault.json_path, sentence))
    if reading.complete:
        if not reading.faults:
            faults.append(("PM004", "$", error.reason))
        return Loaded(reading.value, text, faults)
    faults.append(_ended(reading, error))
    if not reading.at_end or reading.value is ...:
        return Loaded(faults=faults)
    return Loaded(reading.value, text, faults, frozenset(reading.open_paths))


def _ended(reading: Reading, error: NotStrictJsonError) -> tuple[str, str, str]:
    so_far = "no value is complete" if reading.last_path is None else f"the last complete value is {reading.last_path}"
    where = f"line {reading.line}, column {reading.column}"
    if reading.at_end:
        inside = reading.open_paths[-1] if reading.open_paths else "$"
        return "PM005", inside, f"the file was cut off at {where}: {so_far}; what stands before was checked"
    said = error.reason if error.rule in ("syntax", "trailing") else f"is no JSON at {where}"
    return "PM004", reading.last_path or "$", f"{said}; {so_far}"
