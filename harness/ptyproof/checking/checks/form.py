"""What the schema of a file's kind has against it, in words for people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ptyproof.checking.model.document import Document, Findings
from ptyproof.io import schema
from ptyproof.io.json_reader import path_of
from ptyproof.io.schema_files import resolve, urn

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_LIMIT = 200
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


def check(doc: Document, major: int) -> Findings:
    """Yield the violations of the schema, the first two hundred of them.

    Of a file that was cut off, the objects and lists that it leaves open are not asked for what they lack.
    """
    document = urn(str(doc.kind), major)
    for number, error in enumerate(schema.schema_errors(doc.value, doc.kind, major, _LIMIT)):
        for place, sentence in _explained(error, document):
            if doc.cut and (place in doc.cut or (place.rpartition(".")[0] in doc.cut and "is missing" in sentence)):
                continue
            yield doc.finding("PM101", place, sentence)
        if number + 1 == _LIMIT:
            yield doc.finding(
                "PM101", "$", f"there are more than {_LIMIT} violations of the schema; only the first ones are shown"
            )


def own(doc: Document, contents: Mapping[str, Any]) -> Findings:
    """Yield the violations of a user's schema, the first two hundred of them."""
    from ptyproof.io.schema_verdict import describe, violations_of

    for error in violations_of(doc.value, contents, _LIMIT):
        place = path_of(list(error.absolute_path))
        if place not in doc.cut:
            yield doc.finding("PM101", place, describe(error).partition(": ")[2])


def _explained(error: ValidationError, document: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield JSON path and sentence of a violation; of an `anyOf`, those of the alternative that was meant."""
    if error.validator == "anyOf" and depth < _MAX_DEPTH:
        meant = _meant(error)
        if meant:
            for inner in meant:
                yield from _explained(inner, document, depth + 1)
            return
    steps = list(error.absolute_path)
    if error.validator == "required":
        found = re.match(r"'(.*)' is a required property", error.message, re.DOTALL)
        name = found[1] if found else "a key"
        rule = error.schema.get("properties", {}).get(name, {}) if isinstance(error.schema, dict) else {}
        yield path_of([*steps, name]), f"{name} is missing{_said(rule, _walked(error, document)[1])}"
    elif error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
        for name in [key for key in error.instance if key not in known][:10]:
            yield path_of([*steps, name]), f"{name[:_SHOWN]} is not a key of the schema"
    else:
        yield path_of(steps), _sentence(error, document)


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


def _sentence(error: ValidationError, document: str) -> str:
    rule: Any = error.validator_value
    value, keyword = _shown(error.instance), str(error.validator)
    said, _ = _walked(error, document)
    if keyword == "type":
        names = [rule] if isinstance(rule, str) else list(rule)
        return f"is {value}, not {' or '.join(_TYPES.get(name, name) for name in names)}{said}"
    if keyword == "const":
        return f"is {value}, not {_shown(rule)}{said}"
    if keyword == "enum":
        return f"is {value}, none of {', '.join(map(_shown, rule))}{said}"
    if keyword in _BOUNDS:
        return f"is {value}, but must be {_BOUNDS[keyword]} {rule:g}{said}"
    if keyword in _LENGTHS:
        return f"{_LENGTHS[keyword]} {rule}: {value}{said}"
    if keyword in ("pattern", "format"):
        return f"is {value}, which does not have the required form{said or f': {rule}'}"
    if keyword == "anyOf":
        return f"is {value}, which matches no allowed form{said}"
    return f"is {value}: {error.message[:200]}"


def _walked(error: ValidationError, document: str) -> tuple[str, str]:
    """Return what the schema says of the value at fault, in brackets, and the document that the broken rule stands in.

    The words of the property come before those of a definition that it refers to.
    """
    node, said = resolve("", document)[0], ""
    steps = list(error.absolute_schema_path)
    for before, step in zip(["", *steps], steps, strict=False):
        if step == "if":  # jsonschema has it before `then` and `else`
            continue
        while isinstance(node, dict) and step not in node and "$ref" in node:  # and leaves "$ref" out
            node, document = resolve(str(node["$ref"]), document)
        if isinstance(node, dict) and step not in node:
            break
        node = node[step]
        if before == "properties":
            said = _said(node, document)
    return said, document


def _said(rule: Any, document: str) -> str:
    """Return a rule's description in brackets, followed to where it stands."""
    for _ in range(_MAX_DEPTH):
        if not isinstance(rule, dict):
            return ""
        if "description" in rule:
            return f" ({str(rule['description']).rstrip('.')})"
        if "$ref" not in rule:
            return ""
        rule, document = resolve(str(rule["$ref"]), document)
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
