"""Reads as much of a broken JSON text as there is, and says what is wrong with it and where.

`ptyproof.io.strict_json` reads strict JSON and stops at the first fault. This goes on behind keys that are there twice
and numbers that JSON does not have, and takes what there is of a text that was cut off: all of it is checked all the
same, so that one run of the checker tells everything.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from ptyproof.io.json_scan import MAX_DEPTH, line_and_column, path_of

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_CUT_NUMBER = re.compile(r"-?[0-9]*(?:\.[0-9]*)?(?:[eE][-+]?[0-9]*)?")
_WORDS = {"true": True, "false": False, "null": None}
_NO_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_MAX_DIGITS = 400
_MAX_FAULTS = 100


@dataclass(frozen=True)
class Fault:
    """Something that strict JSON does not have: `duplicate` or `number`, with its JSON path and place in the text."""

    fault: str
    json_path: str
    line: int
    column: int
    sentence: str


@dataclass
class Reading:
    """What could be read of a text.

    `value` is what was read (`...` where that is nothing); `complete` tells whether it is one whole value, and all of
    the text; `last_path` is the JSON path of the last value that was read whole, `line` and `column` are where reading
    ended; `at_end` tells that it ended because the text did; `open_paths` are the objects and arrays without an end.
    """

    value: Any = ...
    complete: bool = False
    at_end: bool = False
    last_path: str | None = None
    line: int = 1
    column: int = 1
    open_paths: tuple[str, ...] = ()
    faults: list[Fault] = field(default_factory=list)


def read_tolerantly(text: str) -> Reading:
    """Return what could be read of a text, from its start to the first character that is no JSON."""
    return _Reader(text).read()


class _StopError(Exception):
    """Reading ends here."""


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.steps: list[str | int] = []
        self.open: list[dict[str, Any] | list[Any]] = []
        self.reading = Reading()

    def read(self) -> Reading:
        reading = self.reading
        try:
            self._all()
            self._skip_space()
            reading.complete = self.at == len(self.text)
        except _StopError:
            pass
        reading.at_end = not reading.complete and not self.text[self.at :].strip()
        reading.line, reading.column = line_and_column(self.text, self.at)
        reading.open_paths = tuple(path_of(self.steps[:depth]) for depth in range(len(self.open)))
        return reading

    def _all(self) -> None:
        """Read the one value of the text, with a stack of its own: nesting costs no recursion."""
        self._value()
        while self.open:
            holder = self.open[-1]
            closing = "}" if isinstance(holder, dict) else "]"
            self._skip_space()
            if self._peek() == closing:
                self._close()
                continue
            if holder:
                self._take(",")
                self._skip_space()
            if isinstance(holder, dict):
                self._key(holder)
            else:
                self.steps[-1] = len(holder)
            self._value()

    def _key(self, holder: dict[str, Any]) -> None:
        start = self.at
        if self._peek() != '"':
            raise _StopError
        key = self._string()
        if key in holder:
            place = path_of([*self.steps[:-1], key])
            self._fault("duplicate", place, start, f"has the key {key[:80]!r} twice; the last one was read")
        self.steps[-1] = key
        self._skip_space()
        self._take(":")

    def _value(self) -> None:
        self._skip_space()
        start = self._peek()
        if start in ("{", "["):
            if len(self.open) >= MAX_DEPTH:
                raise _StopError
            self.at += 1
            value: dict[str, Any] | list[Any] = {} if start == "{" else []
            self._put(value)
            self.open.append(value)
            self.steps.append("" if start == "{" else -1)
            return
        self._put(self._string() if start == '"' else self._word_or_number())
        self.reading.last_path = path_of(self.steps)

    def _close(self) -> None:
        self.at += 1
        self.open.pop()
        self.steps.pop()
        self.reading.last_path = path_of(self.steps)

    def _put(self, value: Any) -> None:
        if not self.open:
            self.reading.value = value
        elif isinstance(holder := self.open[-1], dict):
            holder[str(self.steps[-1])] = value
        else:
            holder.append(value)

    def _string(self) -> str:
        try:
            value, end = scanstring(self.text, self.at + 1, True)
        except json.JSONDecodeError as error:
            rest = self.text[self.at :]
            if error.msg.startswith("Unterminated") or _ends_in_escape(rest):
                self.at = len(self.text)
            raise _StopError from None
        self.at = end
        return str(value)

    def _word_or_number(self) -> Any:
        for word, value in (*_WORDS.items(), *_NO_NUMBERS.items()):
            if self.text.startswith(word, self.at):
                start, self.at = self.at, self.at + len(word)
                if word in _NO_NUMBERS:
                    self._fault("number", path_of(self.steps), start, f"is {word}, which is no JSON number")
                return value
        found = _NUMBER.match(self.text, self.at)
        if self.open and _CUT_NUMBER.fullmatch(self.text, self.at):
            self.at = len(self.text)  # more digits may have followed
            raise _StopError
        if found is None:
            rest = self.text[self.at : self.at + 10]
            if any(word.startswith(rest) for word in (*_WORDS, *_NO_NUMBERS)):
                self.at = len(self.text)
            raise _StopError
        start, self.at = self.at, found.end()
        return self._number(found, start)

    def _number(self, found: re.Match[str], start: int) -> int | float:
        digits = found.group()
        whole = found[2] is None and found[3] is None
        if len(digits) > _MAX_DIGITS or not math.isfinite(float(digits)):
            self._fault("number", path_of(self.steps), start, f"is {digits[:40]}, which is too large for a number")
            return math.inf
        return int(digits) if whole else float(digits)

    def _fault(self, fault: str, place: str, at: int, sentence: str) -> None:
        if len(self.reading.faults) >= _MAX_FAULTS:
            return
        line, column = line_and_column(self.text, at)
        self.reading.faults.append(Fault(fault, place, line, column, sentence))

    def _skip_space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        assert found is not None
        self.at = found.end()

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _take(self, mark: str) -> None:
        if self._peek() != mark:
            raise _StopError
        self.at += 1


def _ends_in_escape(rest: str) -> bool:
    return re.fullmatch(r'"(?:[^"\\]|\\.)*(?:\\(?:u[0-9a-fA-F]{0,3})?)?', rest, re.DOTALL) is not None
