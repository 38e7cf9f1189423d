"""A reader of JSON that says what is wrong and where: it stops at the first fault, or goes on behind those that it can.

`strict_json` asks it where a fault lies that the standard library has only met; the checker of manifests, for as much
of a broken text as there is. Time and memory grow linearly with the text, and calls never nest. What is short and sound
is left to the standard library's parser; what is long, deep or faulty is read token by token.
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
_MAX_FAULTS = 100
SHORT = 1024  # characters
_OF_NUMBERS = ("", ".", "e", "E")  # a number that ends before one of these may go on
_SHOWN = 40
_SPACE = re.compile(r"[ \t\n\r]*+")
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*+))((?:\.[0-9]++)?+(?:[eE][-+]?+[0-9]++)?+)")
_WORD = re.compile(r"-?[A-Za-z]++")
_CUT_NUMBER = re.compile(r"-?[0-9]*+(?:\.[0-9]*+)?+(?:[eE][-+]?+[0-9]*+)?+")
_CUT_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{0,4})?\Z")
_NO_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_KNOWN: dict[str, float | bool | None] = {"true": True, "false": False, "null": None, **_NO_NUMBERS}
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
    json_path
        The member or item that it is in; `$` for the whole text.
    """

    rule: str
    sentence: str
    offset: int
    json_path: str = "$"


@dataclass(frozen=True)
class Reading:
    """What was read of a text.

    Parameters
    ----------
    value
        The value; where reading ended early, what stands completely before (`...` where nothing does).
    faults
        In the order of the text, the first hundred; the one that ended the reading is not among them.
    end
        The fault that ended the reading; None where it went on to the end of a whole value.
    last_path
        JSON path of the last complete value; None without one.
    open_paths
        JSON paths of the objects and lists that have no end, the outermost first.
    """

    value: Any
    faults: tuple[Fault, ...]
    end: Fault | None
    last_path: str | None
    open_paths: tuple[str, ...]

    @property
    def is_cut(self) -> bool:
        """Whether reading ended because the text did."""
        return self.end is not None and self.end.rule in ("cut", "empty")


def _pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(items)
    if len(result) < len(items):
        raise ValueError("a key occurs twice")
    return result


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


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


def read_text(text: str, recover: bool = False, short: int = SHORT) -> Reading:
    """Read a text as strict JSON, as far as it is.

    With `recover`, reading goes on behind keys that stand twice (the last value stays), numbers that JSON does not have
    (as NaN and infinities) and halves of surrogate pairs; otherwise it ends at the first fault. The standard library
    reads values of up to `short` characters; the result is the same for every `short`.
    """
    return _Reader(text, recover, short).read()


class _Stop(Exception):  # noqa: N818 - it ends the reading, and is the result of it
    def __init__(self, fault: Fault) -> None:
        self.fault = fault


@dataclass
class _Reader:
    """The state of a reading: where it is, the open objects and lists, and the key or index that is read in each."""

    text: str
    recover: bool
    short: int
    at: int = 0
    value: Any = ...
    long_until: int = 0
    open: list[dict[str, Any] | list[Any]] = field(default_factory=list)
    keys: list[str | int | None] = field(default_factory=list)
    last: tuple[str | int | None, ...] | None = None
    faults: list[Fault] = field(default_factory=list)

    def read(self) -> Reading:
        if may_hold_half_pairs(self.text):
            self.short = 0
        end = None
        try:
            self._read_all()
        except _Stop as stop:
            end = stop.fault
        last_path = None if self.last is None else path_of(self.last)
        open_paths = tuple(path_of(self.keys[:depth]) for depth in range(len(self.open)))
        return Reading(self.value, tuple(self.faults), end, last_path, open_paths)

    def _read_all(self) -> None:
        self._skip_space()
        if self.at == len(self.text):
            self._stop("empty", "is empty, but must be one JSON value")
        self._read_value()
        while self.open:
            self._read_next()
        self._skip_space()
        if self.at < len(self.text):
            self._stop("trailing", "is not JSON: Extra data")

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
                self._stop("syntax", "is not JSON: Expecting ',' delimiter")
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
        if items is None or not items[0] or items[1] != end - self.at + 2:
            return False
        inner.extend(items[0])
        self.keys[-1] = len(inner) - 1
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
        goes_on = text[end : end + 1] in _OF_NUMBERS if isinstance(value, (int, float)) else False
        return None if goes_on else (value, end)

    def _read_key(self, inner: dict[str, Any]) -> None:
        start = self.at
        if self._mark() != '"':
            self._stop("syntax", "is not JSON: Expecting property name enclosed in double quotes")
        key = self._read_string()
        self.keys[-1] = key
        if key in inner:
            self._note("duplicate", f"has the key {_shown(key)} twice in one object", start)
        self._skip_space()
        if self._mark() != ":":
            self._stop("syntax", "is not JSON: Expecting ':' delimiter")
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
        self.last = tuple(self.keys)
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
            self._stop("syntax", f"is not JSON: {error.msg.removesuffix(' at')}", error.pos)
        if _SURROGATE.search(value):
            self._note("character", "contains half of a surrogate pair, which is not a character", start)
        return value

    def _ends_in_escape(self, offset: int) -> bool:
        """Tell whether the text ends within the escape sequence at `offset`: after backslash, u, 0, 0 for one."""
        tail = max(0, len(self.text) - 6)
        begun = _CUT_ESCAPE.search(self.text, tail)
        return begun is not None and offset >= begun.start()

    def _read_number(self) -> float | bool | None:
        start, text = self.at, self.text
        match = _NUMBER.match(text, start)
        if self.open and _CUT_NUMBER.match(text, start).end() == len(text):  # type: ignore[union-attr]
            self._cut(start)  # more digits may have followed
        if match is None:
            return self._read_word()  # -Infinity, or the end
        number = float(match[0])
        if math.isinf(number):
            self._note("number", f"contains {match[0][:_SHOWN]}, which is too large for a number")
        self.at = match.end()
        return number if match[2] or math.isinf(number) else int(match[1])

    def _read_word(self) -> float | bool | None:
        match = _WORD.match(self.text, self.at)
        word = "" if match is None else match[0]
        if word in _NO_NUMBERS:
            self._note("number", f"contains {word}, which is not a JSON number")
        if word in _KNOWN:
            self.at += len(word)
            return _KNOWN[word]
        at_end = self.at + len(word) == len(self.text)
        if not (at_end and any(known.startswith(word) for known in _KNOWN)):
            self._stop("syntax", "is not JSON: Expecting value")
        return self._cut()

    def _skip_space(self) -> None:
        self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]

    def _mark(self) -> str:
        """Return the character that stands next."""
        if self.at == len(self.text):
            self._cut()
        return self.text[self.at]

    def _cut(self, offset: int | None = None) -> NoReturn:
        self._stop("cut", "is not JSON: it ends too early", offset)

    def _stop(self, rule: str, sentence: str, offset: int | None = None) -> NoReturn:
        raise _Stop(self._fault(rule, sentence, offset))

    def _note(self, rule: str, sentence: str, offset: int | None = None) -> None:
        """Stop at a fault, or keep it and go on."""
        if not self.recover:
            self._stop(rule, sentence, offset)
        if len(self.faults) < _MAX_FAULTS:
            self.faults.append(self._fault(rule, sentence, offset))

    def _fault(self, rule: str, sentence: str, offset: int | None) -> Fault:
        return Fault(rule, sentence, self.at if offset is None else offset, path_of(self.keys))


def _step(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{_shown(key)}]"


def _shown(key: str) -> str:
    return repr(key if len(key) <= 2 * _SHOWN else key[: 2 * _SHOWN] + "...")
