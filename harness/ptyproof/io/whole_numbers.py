"""Whole numbers that JSON wrote as 1.0: where a schema says integer they become 1, and nowhere else.

To JSON Schema 1.0 is an integer, and programs that know one kind of number write all of them so. Python tells 1 from
1.0: in names (`gs1.0`), ranges and indices. So a reader turns them into what its schema says, right after parsing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from ptyproof.io.schema_files import part_urn, resolve, urn

Convert = Callable[[Any], Any]


def with_whole_numbers(value: Any, kind: str, major: int = 1, part: str | None = None) -> Any:
    """Return a parsed value with 1 for 1.0 wherever the schema of `kind` says integer, copied where changed.

    `part` is the name of the definition that the value obeys, None is the whole schema.

    Raises
    ------
    InputError
        If there is no such schema.
    """
    return _conversion(urn(kind, major) if part is None else part_urn(kind, part, major))(value)


@cache
def _conversion(name: str) -> Convert:
    return _Compiler().compile(*resolve(name, {}))


class _Compiler:
    """Turns schemas into functions of parsed values; what they change is copied, the rest is shared."""

    def __init__(self) -> None:
        self._refs: dict[tuple[str, str], Convert] = {}

    def compile(self, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Convert:
        """Return what a schema that stands in the document `root` does to values."""
        parts = [self.compile(inner, root) for inner in schema.get("anyOf", ())]
        parts += [self.compile(schema[key], root) for key in ("if", "then", "else") if key in schema]
        names = schema.get("type", ())
        if "integer" in ([names] if isinstance(names, str) else names):
            parts.append(_whole)
        if "$ref" in schema:
            parts.append(self._ref(schema["$ref"], root))
        if "items" in schema:
            parts.append(_items(self.compile(schema["items"], root)))
        parts.append(self._object(schema, root))
        parts = [part for part in parts if part is not _same]
        return _same if not parts else parts[0] if len(parts) == 1 else _all(tuple(parts))

    def _ref(self, ref: str, root: Mapping[str, Any]) -> Convert:
        schema, root = resolve(ref, root)
        place = (root["$id"], ref.partition("#")[2])
        if place not in self._refs:
            # registered before it is compiled, so that a schema may speak of itself
            self._refs[place] = lambda value: self._refs[place](value)
            self._refs[place] = self.compile(schema, root)
        return self._refs[place]

    def _object(self, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Convert:
        known = {key: self.compile(inner, root) for key, inner in schema.get("properties", {}).items()}
        rest = schema.get("additionalProperties")
        other = self.compile(rest, root) if isinstance(rest, Mapping) else _same
        if other is _same:
            known = {key: inner for key, inner in known.items() if inner is not _same}
        if not known and other is _same:
            return _same

        def convert(value: Any) -> Any:
            if not isinstance(value, dict):
                return value
            keys = value if other is not _same else known.keys() & value.keys()
            parts = {key: known.get(key, other)(value[key]) for key in keys}
            changed = {key: part for key, part in parts.items() if part is not value[key]}
            return {**value, **changed} if changed else value

        return convert


def _same(value: Any) -> Any:
    return value


def _whole(value: Any) -> Any:
    return int(value) if type(value) is float and value.is_integer() else value


def _items(inner: Convert) -> Convert:
    if inner is _same:
        return _same

    def convert(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        parts = [inner(part) for part in value]
        return parts if any(new is not old for new, old in zip(parts, value, strict=True)) else value

    return convert


def _all(parts: tuple[Convert, ...]) -> Convert:
    def convert(value: Any) -> Any:
        for part in parts:
            value = part(value)
        return value

    return convert
