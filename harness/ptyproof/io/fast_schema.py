"""A quick yes for values that obey a schema: the schema's rules as nested functions, compiled once.

The verdict of record is jsonschema's. It takes a tenth of a second for a large manifest, nearly all of it for values
that are sound; so they are asked here first. A yes given here is a yes there (a test compares the two); anything else,
a rule that is not known here among it, is for jsonschema to judge and to explain.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

Test = Callable[[Any], bool]

_ANNOTATIONS = frozenset({"$schema", "$id", "$comment", "$defs", "title", "description", "version"})


class Compiler:
    """Turns schemas into tests.

    Parameters
    ----------
    load
        Returns the schema document that a `$ref` names (its part before the #).
    formats
        Tests by the name of their format; every other format lets everything through.
    unknown_keys
        Whether keys that a schema does not know are let through.
    """

    def __init__(
        self, load: Callable[[str], Mapping[str, Any]], formats: Mapping[str, Test], unknown_keys: bool
    ) -> None:
        self._load = load
        self._formats = formats
        self._unknown_keys = unknown_keys
        self._refs: dict[str, Test] = {}

    def compile(self, schema: Mapping[str, Any], document: str) -> Test:
        """Return the test of a schema that stands in `document`.

        Raises
        ------
        NotImplementedError
            If it has a keyword that is not known here.
        """
        tests: list[Test] = []
        for keyword, argument in schema.items():
            if keyword in _ANNOTATIONS:
                continue
            if keyword in ("properties", "required", "additionalProperties", "then", "else"):
                continue
            if keyword == "$ref":
                tests.append(self._ref(argument, document))
            elif keyword in ("anyOf", "if"):
                tests.append(self._alternatives(keyword, schema, document))
            elif keyword == "items":
                tests.append(_items(self.compile(argument, document)))
            elif keyword == "format":
                if argument in self._formats:
                    tests.append(self._formats[argument])
            else:
                tests.append(_simple(keyword, argument))
        if not schema.keys().isdisjoint({"properties", "required", "additionalProperties"}):
            tests.append(self._object(schema, document))
        return _all_of(tests)

    def _alternatives(self, keyword: str, schema: Mapping[str, Any], document: str) -> Test:
        if keyword == "anyOf":
            return _any_of([self.compile(inner, document) for inner in schema[keyword]])
        condition, then, otherwise = (self.compile(schema.get(name, {}), document) for name in ("if", "then", "else"))
        return lambda value: then(value) if condition(value) else otherwise(value)

    def _ref(self, ref: str, document: str) -> Test:
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

    def _object(self, schema: Mapping[str, Any], document: str) -> Test:
        tests = {key: self.compile(inner, document) for key, inner in schema.get("properties", {}).items()}
        required = frozenset(schema.get("required", ()))
        rest = schema.get("additionalProperties", True)
        if rest is False and self._unknown_keys:
            rest = True
        other = None if isinstance(rest, bool) else self.compile(rest, document)
        get = tests.get

        def test(value: Any) -> bool:
            if not isinstance(value, dict):
                return True
            if not required <= value.keys():
                return False
            for key, part in value.items():
                inner = get(key, other)
                if inner is None:
                    if rest is False:
                        return False
                elif not inner(part):
                    return False
            return True

        return test


def _all_of(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda value: first(value) and second(value)
    chosen = tuple(tests)

    def test(value: Any) -> bool:
        for inner in chosen:  # noqa: SIM110 - a generator expression costs more than what it calls
            if not inner(value):
                return False
        return True

    return test


def _any_of(tests: list[Test]) -> Test:
    chosen = tuple(tests)

    def test(value: Any) -> bool:
        for inner in chosen:  # noqa: SIM110
            if inner(value):
                return True
        return False

    return test


def _items(inner: Test) -> Test:
    def test(value: Any) -> bool:
        if isinstance(value, list):
            for part in value:
                if not inner(part):
                    return False
        return True

    return test


def _is_number(value: Any) -> bool:
    kind = type(value)
    return kind is int or (kind is float and math.isfinite(value))


def _is_integer(value: Any) -> bool:
    kind = type(value)
    return kind is int or (kind is float and value.is_integer())


_TYPES: dict[str, Test] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": _is_number,
    "integer": _is_integer,
}


def _type(names: str | list[str]) -> Test:
    return _TYPES[names] if isinstance(names, str) else _any_of([_TYPES[name] for name in names])


def _const(wanted: Any) -> Test:
    if isinstance(wanted, str) or wanted is None:
        return lambda value: bool(value == wanted)
    if isinstance(wanted, bool):
        return lambda value: value is wanted
    if isinstance(wanted, int | float):
        return lambda value: _is_number(value) and bool(value == wanted)
    raise NotImplementedError(f"const {wanted!r}")


def _pattern(text: str) -> Test:
    search = re.compile(text).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _unique(wanted: bool) -> Test:
    def test(value: Any) -> bool:
        if not wanted or not isinstance(value, list):
            return True
        plain = all(isinstance(part, str) or _is_number(part) for part in value)
        return plain and len(set(value)) == len(value)

    return test


def _bound(holds: Callable[[Any], bool]) -> Test:
    return lambda value: not _is_number(value) or holds(value)


def _length(kind: type[str] | type[list[Any]], holds: Callable[[int], bool]) -> Test:
    return lambda value: not isinstance(value, kind) or holds(len(value))


_MAKERS: dict[str, Callable[[Any], Test]] = {
    "type": _type,
    "const": _const,
    "enum": lambda values: _any_of([_const(value) for value in values]),
    "pattern": _pattern,
    "minimum": lambda bound: _bound(lambda value: value >= bound),
    "maximum": lambda bound: _bound(lambda value: value <= bound),
    "exclusiveMinimum": lambda bound: _bound(lambda value: value > bound),
    "exclusiveMaximum": lambda bound: _bound(lambda value: value < bound),
    "minLength": lambda bound: _length(str, lambda length: length >= bound),
    "maxLength": lambda bound: _length(str, lambda length: length <= bound),
    "minItems": lambda bound: _length(list, lambda length: length >= bound),
    "maxItems": lambda bound: _length(list, lambda length: length <= bound),
    "uniqueItems": _unique,
}


def _simple(keyword: str, argument: Any) -> Test:
    if keyword not in _MAKERS:
        raise NotImplementedError(f"keyword {keyword}")
    return _MAKERS[keyword](argument)
