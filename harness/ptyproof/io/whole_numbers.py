"""Whole numbers that JSON wrote as 1.0: where a schema says integer they become 1, and nowhere else.

To JSON Schema 1.0 is an integer, and programs that know one kind of number write all of them so. Python tells 1 from
1.0: in names (`gs1.0`), ranges and indices. So a reader turns them into what its schema says, right after parsing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Convert = Callable[[Any], Any]
Load = Callable[[str], Mapping[str, Any]]


class Compiler:
    """Turns schemas into functions of parsed values; what they change is copied, the rest is shared.

    Parameters
    ----------
    load
        Returns the schema document that a `$ref` names (its part before the #).
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._refs: dict[str, Convert] = {}

    def compile(self, schema: Mapping[str, Any], document: str) -> Convert:
        """Return what a schema that stands in `document` does to values."""
        parts = [self.compile(inner, document) for inner in schema.get("anyOf", ())]
        parts += [self.compile(schema[key], document) for key in ("if", "then", "else") if key in schema]
        names = schema.get("type", ())
        if "integer" in ([names] if isinstance(names, str) else names):
            parts.append(_whole)
        if "$ref" in schema:
            parts.append(self._ref(schema["$ref"], document))
        if "items" in schema:
            parts.append(_items(self.compile(schema["items"], document)))
        parts.append(self._object(schema, document))
        parts = [part for part in parts if part is not _same]
        return _same if not parts else parts[0] if len(parts) == 1 else _all(tuple(parts))

    def _ref(self, ref: str, document: str) -> Convert:
        name, _, pointer = ref.partition("#")
        name = name or document
        whole = f"{name}#{pointer}"
        if whole not in self._refs:
            schema: Any = self._load(name)
            for step in pointer.split("/")[1:]:
                schema = schema[step]
            # registered before it is compiled, so that a schema may speak of itself
            self._refs[whole] = lambda value: self._refs[whole](value)
            self._refs[whole] = self.compile(schema, name)
        return self._refs[whole]

    def _object(self, schema: Mapping[str, Any], document: str) -> Convert:
        known = {key: self.compile(inner, document) for key, inner in schema.get("properties", {}).items()}
        rest = schema.get("additionalProperties")
        other = self.compile(rest, document) if isinstance(rest, Mapping) else _same
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
