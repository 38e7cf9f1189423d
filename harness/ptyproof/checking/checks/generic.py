"""Checks that hold for every kind of manifest: numbers that are texts, times that cannot be, traces of a home folder.

One walk over the file serves them all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from ptyproof.checking.model.document import Document, Findings
from ptyproof.io.json_reader import path_of
from ptyproof.io.schema_files import kinds, load_schema, resolve

TIMES = frozenset({"timestamp", "started", "finished", "ended"})
_HOME = re.compile(r"(?:/home/|/Users/|/root/|[A-Za-z]:\\+Users\\+)[^\s/\\:'\"]+")
_CLOCK_TOLERANCE = timedelta(minutes=5)
_ZONES = timedelta(hours=14)
_FIRST_YEAR = 2000
_SHOWN = 60

# A place in the file while it is walked: the place it stands in, and the step from there.
Place = tuple["Place | None", str | int]


def json_path_of(place: Place | None) -> str:
    """Return the JSON path of a place."""
    steps: list[str | int] = []
    while place is not None:
        steps.append(place[1])
        place = place[0]
    return path_of(reversed(steps))


def check(doc: Document) -> Findings:
    """Yield what is wrong with single values, whatever the kind."""
    numeric = _numeric_keys()
    for place, key, value in _leaves(doc.value):
        if type(value) is float:
            if not math.isfinite(value):
                yield from _no_number(doc, place, key, value)
        elif type(value) is str:
            if key in numeric and _is_number_as_text(value):
                said = f"is the text {value[:_SHOWN]!r}, but must be a number"
                yield doc.finding("PM601", json_path_of(place), f"{key} {said}")
            elif key in TIMES:
                yield from _time(doc, place, value)
            elif len(value) > 7 and ("/" in value or "\\" in value) and not _is_a_path(key, value):
                found = _HOME.search(value)
                if found is not None:
                    said = f"names a user's home folder, {found[0][:_SHOWN]}"
                    yield doc.finding("PM404", json_path_of(place), f"the text {said}")


def anywhere(doc: Document) -> Findings:
    """Yield errors of single values in a file of an unknown kind: invalid numbers, home folders of users."""
    for place, key, value in _leaves(doc.value):
        if type(value) is float and not math.isfinite(value):
            yield from _no_number(doc, place, key, value)
        elif type(value) is str and len(value) > 7 and not _is_a_path(key, value):
            found = _HOME.search(value)
            if found is not None:
                said = f"the text names a user's home folder, {found[0][:_SHOWN]}"
                yield doc.finding("PM404", json_path_of(place), said)


def moment(value: Any) -> datetime | None:
    """Return the time that a text says, in UTC (a time without a zone is taken for UTC), or None."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        said = datetime.fromisoformat(value)
        return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def has_zone(value: str) -> bool:
    """Tell whether a time says its zone."""
    return re.search(r"(Z|[+-]\d\d:?\d\d)$", value) is not None


def _leaves(value: Any) -> Iterator[tuple[Place | None, str, Any]]:
    """Yield place, nearest key, and value of everything that holds nothing, in the order of the file."""
    waiting: list[tuple[Place | None, str, Any]] = [(None, "", value)]
    while waiting:
        place, key, here = waiting.pop()
        if isinstance(here, dict):
            waiting.extend(((place, name), name, inner) for name, inner in reversed(here.items()))
        elif isinstance(here, list):
            waiting.extend(((place, number), key, inner) for number, inner in reversed(list(enumerate(here))))
        else:
            yield place, key, here


@cache
def _numeric_keys() -> frozenset[str]:
    """Return the keys that hold a number in some schema, and a text in none."""
    numbers: set[str] = set()
    texts: set[str] = set()
    for kind, major in kinds():
        waiting: list[Any] = [load_schema(kind, major)]
        while waiting:
            here = waiting.pop()
            if isinstance(here, list):
                waiting.extend(here)
            elif isinstance(here, dict):
                properties = here.get("properties")
                for key, rule in (properties if isinstance(properties, dict) else {}).items():
                    types = _types(rule, load_schema(kind, major))
                    if types & {"number", "integer"}:
                        numbers.add(key)
                    if "string" in types:
                        texts.add(key)
                waiting.extend(here.values())
    return frozenset(numbers - texts - TIMES)


def _types(rule: Mapping[str, Any], root: Mapping[str, Any]) -> set[str]:
    """Return the types that a rule allows; references are followed, and the items of a list count."""
    found: set[str] = set()
    said = rule.get("type", [])
    found.update([said] if isinstance(said, str) else said)
    if {"const", "enum", "pattern"} & rule.keys():
        found.add("string")
    if "$ref" in rule:
        found |= _types(*resolve(rule["$ref"], root))
    for inner in (*rule.get("anyOf", ()), *([rule["items"]] if isinstance(rule.get("items"), dict) else ())):
        found |= _types(inner, root)
    return found


def _is_number_as_text(value: str) -> bool:
    if len(value) > 400 or "_" in value:
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True


def _is_a_path(key: str, value: str) -> bool:
    """Tell whether a value is a path as a whole, which the checks of paths judge."""
    return " " not in value and (key.endswith(("_path", "_root", "_dir", "_npz", "path")) or value.startswith("/"))


def _no_number(doc: Document, place: Place | None, key: str, value: float) -> Findings:
    word, json_path = "NaN" if math.isnan(value) else "Infinity", json_path_of(place)
    if "loss" in key:
        sentence = f"{key} is {word}: the training diverged, so its network is not a result"
        yield doc.finding("PM602", json_path, sentence)
    elif ("PM007", json_path) not in doc.faults:
        yield doc.finding("PM007", json_path, f"{key or 'the value'} is {word}, which is not a JSON number")


def _time(doc: Document, place: Place | None, value: str) -> Findings:
    said = moment(value)
    if said is None:
        return  # the schema says how a time is written
    zoned = has_zone(value)
    latest = doc.now + (_CLOCK_TOLERANCE if zoned else _ZONES)
    if said > latest:
        sentence = f"{value} is in the future: now it is {doc.now.strftime('%Y-%m-%dT%H:%M:%SZ')}"
        yield doc.finding("PM501", json_path_of(place), sentence)
    elif said.year < _FIRST_YEAR:
        yield doc.finding(
            "PM505", json_path_of(place), f"{value} is before any program existed that could have written the file"
        )
    if not zoned:
        yield doc.finding("PM503", json_path_of(place), f"{value} has no time zone; UTC with a Z is expected")
