"""The words for a violation of a schema: the place, the value, what is expected there, and what the schema says."""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ptyproof.io.json_reader import path_of
from ptyproof.io.schema_files import resolve

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_SHOWN = 80
_MAX_DEPTH = 12
_BOUNDS = {"minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
_LENGTHS = {
    "minLength": "has fewer characters than",
    "maxLength": "has more characters than",
    "minItems": "has fewer entries than",
    "maxItems": "has more entries than",
}
_TYPES = {"object": "an object", "array": "a list", "string": "a text", "boolean": "true or false", "null": "null"}
_TYPES |= {"number": "a number", "integer": "a whole number"}


class Explained(NamedTuple):
    """What breaks a schema: its JSON path, the sentence about it, and whether it is a key that is missing."""

    json_path: str
    sentence: str
    is_missing: bool = False


def explained(error: ValidationError, root: Mapping[str, Any], depth: int = 0) -> Iterator[Explained]:
    """Yield the words for a violation of the schema `root`; of an `anyOf`, those of the alternative that was meant."""
    if error.validator == "anyOf" and depth < _MAX_DEPTH:
        meant = _meant(error)
        if meant:
            for inner in meant:
                yield from explained(inner, root, depth + 1)
            return
    steps = list(error.absolute_path)
    rules: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    properties = rules.get("properties", {})
    if error.validator == "required":
        name = literal_eval(error.message.removesuffix(" is a required property"))
        said = _said(properties.get(name), _walked(error, root)[1])
        yield Explained(path_of([*steps, name]), f"{name[:_SHOWN]} is missing{said}", is_missing=True)
    elif error.validator == "additionalProperties" and error.validator_value is False:
        patterns = rules.get("patternProperties", ())
        keys: list[str] = [key for key in cast("dict[str, Any]", error.instance) if key not in properties]
        for name in [key for key in keys if not any(re.search(pattern, key) for pattern in patterns)][:10]:
            yield Explained(path_of([*steps, name]), f"{name[:_SHOWN]} is not a key of the schema")
    else:
        yield Explained(path_of(steps), _sentence(error, root))


def _meant(error: ValidationError) -> list[ValidationError]:
    """Return the violations of the alternative that comes nearest: whose constants fit, and that lacks least."""
    alternatives: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        alternatives.setdefault(inner.schema_path[0], []).append(inner)
    near = [found for found in alternatives.values() if not any(map(_is_of_another_kind, found))]
    if not near:
        return []
    return min(near, key=len)


def _is_of_another_kind(error: ValidationError) -> bool:
    return error.validator == "const" or (error.validator == "type" and not error.path)


def _sentence(error: ValidationError, root: Mapping[str, Any]) -> str:
    rule: Any = error.validator_value
    value, keyword = _shown(error.instance), str(error.validator)
    said, _ = _walked(error, root)
    if keyword == "type":
        names = [rule] if isinstance(rule, str) else list(rule)
        return f"is {value}, not {' or '.join(_TYPES.get(name, name) for name in names)}{said}"
    if keyword == "const":
        return f"is {value}, not {_shown(rule)}{said}"
    if keyword == "enum":
        return f"is {value}, none of {', '.join(map(_shown, rule))}{said}"
    if keyword in _BOUNDS:
        bound = f"{rule:.15g}" if isinstance(rule, float) else _shown(rule)
        return f"is {value}, but must be {_BOUNDS[keyword]} {bound}{said}"
    if keyword in _LENGTHS:
        return f"{_LENGTHS[keyword]} {rule}: {value}{said}"
    if keyword in ("pattern", "format"):
        return f"is {value}, which does not have the required form{said or f': {rule}'}"
    if keyword == "anyOf":
        return f"is {value}, which matches no allowed form{said}"
    return f"is {value}: {error.message[:200]}"


def _walked(error: ValidationError, root: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return what the schema says of the value at fault, in brackets, and the document that the broken rule stands in.

    The words of the property come before those of a definition that it refers to.
    """
    node: Any = root
    said = ""
    steps = list(error.absolute_schema_path)
    for before, step in zip(["", *steps], steps, strict=False):
        if step == "if":  # jsonschema has it before `then` and `else`
            continue
        while isinstance(node, dict) and step not in node and "$ref" in node:  # and leaves "$ref" out
            node, root = resolve(str(node["$ref"]), root)
        if isinstance(node, dict) and step not in node:
            break
        node = node[step]
        if before == "properties":
            said = _said(node, root)
    return said, root


def _said(rule: Any, root: Mapping[str, Any]) -> str:
    """Return a rule's description in brackets, followed to where it stands."""
    for _ in range(_MAX_DEPTH):
        if not isinstance(rule, dict):
            return ""
        if "description" in rule:
            return f" ({str(rule['description']).rstrip('.')})"
        if "$ref" not in rule:
            return ""
        rule, root = resolve(str(rule["$ref"]), root)
    return ""


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    if isinstance(value, list):
        return f"a list of {len(value)} entries"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and abs(value) >= 10**_SHOWN:
        return "a number of more than 80 digits"
    said = repr(value)
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}..."
