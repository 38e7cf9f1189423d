"""A reader of strict JSON that says where it stops: slower than the standard library's, and never deeper in calls.

`strict_json` asks it where a fault lies that the standard library has only met. Time and memory grow linearly with the
text. What is short and sound is left to the standard library's parser; what is long, deep or faulty is read token by
token.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from json import JSONDecodeError, JSONDecoder
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, NoReturn

MAX_DEPTH = 100
_MAX_DIGITS = 308  # of a whole number that is surely no larger than a float can be
_SHORT = 1024
_SHOWN = 40
_SPACE = re.compile(r"[ \t\n\r]*+")
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*+))((?:\.[0-9]++)?+(?:[eE][-+]?+[0-9]++)?+)")
_WORD = re.compile(r"-?[A-Za-z]++")
_CUT_NUMBER = re.compile(r"-?[0-9]*+(?:\.[0-9]*+)?+(?:[eE][-+]?+[0-9]*+)?+")
_CUT_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{0,4})?\Z")
_WORDS = {"true": True, "false": False, "null": None}
_NO_NUMBERS = ("NaN", "Infinity", "-Infinity")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+")
_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_OPEN = {"{": dict, "[": list}


@dataclass(frozen=True)
class Fault:
    """Why a text is no strict JSON.

    Parameters
    ----------
    rule
        `empty`, `syntax`, `cut`, `trailing`, `duplicate`, `number`, `character` or `depth`; `strict_json` adds
        `unreadable`, `size`, `mark` and `encoding`. `cut` means that the text ends too early and is JSON so far.
    sentence
        What is wrong, without the place.
    offset
        Where, in characters from 0.
    """

    rule: str
    sentence: str
    offset: int


@dataclass(frozen=True)
class Scan:
    """What was read of a text.

    Parameters
    ----------
    value
        The value; where there is a fault, what stands completely before it (None where nothing does).
    json_path
        Where reading stopped: the member or item that is not complete; `$` for the whole.
    fault
        Why it stopped there; None where the text is strict JSON.
    """

    value: Any
    json_path: str
    fault: Fault | None


def _pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(items)
    if len(result) < len(items):
        raise ValueError("a key is there twice")
    return result


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _fraction(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("too large for a number")
    return number


def _whole(digits: str) -> int:
    if len(digits) > _MAX_DIGITS and math.isinf(float(digits)):
        raise ValueError("too large for a number")
    return int(digits)


DECODER = JSONDecoder(object_pairs_hook=_pairs, parse_constant=_refuse, parse_float=_fraction, parse_int=_whole)
"""The standard library's parser, made strict: it raises ValueError or RecursionError, and does not know where.

It lets half surrogate pairs through, and nesting as deep as Python's own calls may be.
"""


def may_hold_half_pairs(text: str) -> bool:
    """Tell whether a JSON text has anything like half a surrogate pair in it; a whole pair counts, too."""
    escaped = "\\u" in text and _ESCAPED_HALF.search(text) is not None
    return escaped or (not text.isascii() and _SURROGATE.search(text) is not None)


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Return line and column, both from 1, of the character at `offset`."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def path_of(keys: Iterable[str | int | None]) -> str:
    """Return keys and indices as a JSON path: `$.jobs[3].result`; other than plain names stand in quotes."""
    return "$" + "".join(_step(key) for key in keys if key is not None)


def scan_json(text: str) -> Scan:
    """Read a text as strict JSON, as far as it is."""
    return _Reader(text).read()


class _Stop(Exception):  # noqa: N818 - it ends the reading, and is the result of it
    def __init__(self, rule: str, sentence: str, offset: int) -> None:
        self.fault = Fault(rule, sentence, offset)


@dataclass
class _Reader:
    """The state of a reading: where it is, the open objects and lists, and the key or index that is read in each."""

    text: str
    at: int = 0
    value: Any = None
    short: int = _SHORT
    long_until: int = 0
    open: list[dict[str, Any] | list[Any]] = field(default_factory=list)
    keys: list[str | int | None] = field(default_factory=list)

    def read(self) -> Scan:
        if may_hold_half_pairs(self.text):
            self.short = 0
        try:
            self._skip_space()
            if self.at == len(self.text):
                self._stop("empty", "is empty; one JSON value is expected")
            self._read_value()
            while self.open:
                self._read_next()
            self._skip_space()
            if self.at < len(self.text):
                self._stop("trailing", "is no JSON: Extra data")
        except _Stop as stop:
            return Scan(self.value, path_of(self.keys), stop.fault)
        return Scan(self.value, "$", None)

    def _read_next(self) -> None:
        """Read what stands next in the innermost object or list: its end, or one more member or item."""
        inner = self.open[-1]
        self._skip_space()
        mark = self._mark()
        if mark == ("}" if isinstance(inner, dict) else "]"):
            self.at += 1
            self.open.pop()
            self.keys.pop()
            self._done()
            return
        if inner:
            if mark != ",":
                self._stop("syntax", "is no JSON: Expecting ',' delimiter")
            self.at += 1
            self._skip_space()
        if isinstance(inner, dict):
            self._read_key(inner)
        else:
            self.keys[-1] = len(inner)
            if mark == "," and self._read_items(inner):
                return
        self._read_value()

    def _read_items(self, inner: list[Any]) -> bool:
        """Read many short items at once, if these are such; else leave everything as it is."""
        if len(inner) < 2 or isinstance(inner[-1], (dict, list)):
            return False
        end = self.text.rfind(",", self.at, self.at + self.short)
        items = None if end < 0 else self._decoded(f"[{self.text[self.at : end]}]")
        if items is None or items[1] != end - self.at + 2:
            return False
        inner.extend(items[0])
        self.at = end
        self._done()
        return True

    def _decoded(self, text: str) -> tuple[Any, int] | None:
        """Return the value that a short text begins with, and where it ends; None if the standard library cannot."""
        if self.at < self.long_until or self.at + self.short >= len(self.text):
            return None
        if text.count("[") + text.count("{") > MAX_DEPTH - len(self.open):
            self.long_until = self.at + self.short
            return None
        try:
            value, end = DECODER.scan_once(text, 0)  # type: ignore[attr-defined]
        except (ValueError, StopIteration):
            self.long_until = self.at + self.short // 16  # what stands inside is likely to be short no sooner
            return None
        return (value, end) if end < len(text) or text[-1:] == "]" else None  # a number may go on behind it

    def _read_key(self, inner: dict[str, Any]) -> None:
        start = self.at
        if self._mark() != '"':
            self._stop("syntax", "is no JSON: Expecting property name enclosed in double quotes")
        key = self._read_string()
        if key in inner:
            self._stop("duplicate", f"has the key {_shown(key)} twice in one object", start)
        self.keys[-1] = key
        self._skip_space()
        if self._mark() != ":":
            self._stop("syntax", "is no JSON: Expecting ':' delimiter")
        self.at += 1
        self._skip_space()

    def _read_value(self) -> None:
        short = self._decoded(self.text[self.at : self.at + self.short])
        if short is not None:
            self._put(short[0])
            self.at += short[1]
            self._done()
            return
        mark = self._mark()
        kind = _OPEN.get(mark)
        if kind is not None:
            if len(self.open) == MAX_DEPTH:
                self._stop("depth", f"is nested deeper than {MAX_DEPTH} levels")
            self.at += 1
            container: dict[str, Any] | list[Any] = kind()
            self._put(container)
            self.open.append(container)
            self.keys.append(None)
            return
        if mark == '"':
            self._put(self._read_string())
        elif mark == "-" or "0" <= mark <= "9":
            self._put(self._read_number())
        else:
            self._put(self._read_word())
        self._done()

    def _done(self) -> None:
        """Note that a value is complete: until the next key or comma, the place is that of the object or list."""
        if self.keys:
            self.keys[-1] = None

    def _put(self, value: Any) -> None:
        if not self.open:
            self.value = value
            return
        inner = self.open[-1]
        if isinstance(inner, dict):
            inner[str(self.keys[-1])] = value
        else:
            inner.append(value)

    def _read_string(self) -> str:
        start = self.at
        value: str
        try:
            value, self.at = scanstring(self.text, start + 1, True)
        except JSONDecodeError as error:
            if error.msg.startswith("Unterminated string") or self._ends_in_escape(error.pos):
                self._cut(start)
            self._stop("syntax", f"is no JSON: {error.msg.removesuffix(' at')}", error.pos)
        if _SURROGATE.search(value):
            self._stop("character", "holds half of a surrogate pair, which is no character", start)
        return value

    def _ends_in_escape(self, offset: int) -> bool:
        """Tell whether the text ends within the escape sequence at `offset`: after backslash, u, 0, 0 for one."""
        tail = max(0, len(self.text) - 6)
        begun = _CUT_ESCAPE.search(self.text, tail)
        return begun is not None and offset >= begun.start()

    def _read_number(self) -> int | float:
        start, text = self.at, self.text
        match = _NUMBER.match(text, start)
        if self.open and _CUT_NUMBER.match(text, start).end() == len(text):  # type: ignore[union-attr]
            self._cut(start)  # more digits may have followed
        if match is None:
            self._read_word()  # -Infinity, say; it refuses whatever it is
            raise AssertionError("no word starts like a number")
        number: int | float = float(match[0])
        if math.isinf(number):
            self._stop("number", f"holds {match[0][:_SHOWN]}, which is too large for a number")
        self.at = match.end()
        return number if match[2] else int(match[1])

    def _read_word(self) -> Any:
        match = _WORD.match(self.text, self.at)
        word = "" if match is None else match[0]
        if word in _NO_NUMBERS:
            self._stop("number", f"holds {word}, which is no JSON number")
        if word in _WORDS:
            self.at += len(word)
            return _WORDS[word]
        at_end = self.at + len(word) == len(self.text)
        if not (at_end and any(known.startswith(word) for known in _WORDS)):
            self._stop("syntax", "is no JSON: Expecting value")
        return self._cut()

    def _skip_space(self) -> None:
        self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]

    def _mark(self) -> str:
        """Return the character that stands next."""
        if self.at == len(self.text):
            self._cut()
        return self.text[self.at]

    def _cut(self, offset: int | None = None) -> NoReturn:
        self._stop("cut", "is no JSON: it ends too early", offset)

    def _stop(self, rule: str, sentence: str, offset: int | None = None) -> NoReturn:
        raise _Stop(rule, sentence, self.at if offset is None else offset)


def _step(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{_shown(key)}]"


def _shown(key: str) -> str:
    return repr(key if len(key) <= 2 * _SHOWN else key[: 2 * _SHOWN] + "...")
