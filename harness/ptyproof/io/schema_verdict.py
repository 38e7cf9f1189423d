"""The verdict of jsonschema on a value, and on a schema of a user.

It takes a twentieth of a second to load, so modules import this one inside the functions that need it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, TypeChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from ptyproof.errors import InputError
from ptyproof.io.schema_files import document, is_date_time, kinds, open_document, part_urn, resolve, urn

_DRAFT = "https://json-schema.org/draft/2020-12/schema"

_FORMATS = FormatChecker(formats=())
_FORMATS.checks("date-time")(is_date_time)


def _is_array(_: TypeChecker, value: object) -> bool:
    """Tell whether a value is what JSON writes as an array."""
    return isinstance(value, list | tuple)


def _is_number(_: TypeChecker, value: object) -> bool:
    """Tell whether a value is a number that JSON has, unlike NaN and Infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return bool(Draft202012Validator.TYPE_CHECKER.is_type(value, "number"))


_TYPES = Draft202012Validator.TYPE_CHECKER.redefine_many({"array": _is_array, "number": _is_number})
_Strict = extend(Draft202012Validator, type_checker=_TYPES)  # type: ignore[no-untyped-call]


@cache
def registry(unknown_keys: bool = False) -> Registry[Any]:
    """Return the registry that resolves every `$ref` to one of ptyproof's schemas, without the network."""
    resources = []
    for name in (urn(*known) for known in kinds()):
        schema = open_document(name) if unknown_keys else document(name)
        # jsonschema would go on with its own class, not with ours, where a $ref leads to a "$schema"
        contents = {key: value for key, value in schema.items() if key != "$schema"}
        resources.append((name, DRAFT202012.create_resource(contents)))
    return Registry().with_resources(resources)


@cache
def validator(kind: str, major: int = 1, unknown_keys: bool = False, part: str | None = None) -> Validator:
    """Return the validator for a kind; NaN is not a number, date-time is checked.

    `unknown_keys` accepts keys that the schema does not describe; `part` is the name of a definition in it, None is the
    whole.

    Raises
    ------
    InputError
        If there is no such schema.
    """
    load = open_document if unknown_keys else document
    schema = load(urn(kind, major)) if part is None else {"$ref": part_urn(kind, part, major)}
    checker: Validator = _Strict(schema, registry=registry(unknown_keys), format_checker=_FORMATS)
    return checker


def check_schema(contents: Any, name: str) -> None:
    """Raise unless a user's schema is one, of draft 2020-12, and refers to nothing but itself and ptyproof's schemas.

    Raises
    ------
    InputError
        With the place in the schema, or the reference.
    """
    whose = f"the schema of the kind {name}"
    if not isinstance(contents, Mapping):
        raise InputError(f"{whose} must be an object, got {type(contents).__name__}")
    draft = str(contents.get("$schema", _DRAFT)).rstrip("#")
    if draft != _DRAFT:
        raise InputError(f"{whose} is of {draft[:200]}, but must be of {_DRAFT}")
    try:
        Draft202012Validator.check_schema(contents)
    except SchemaError as error:
        place = "/".join(map(str, error.absolute_path)) or "its root"
        raise InputError(f"{whose} is not a JSON Schema, at {place}: {error.message[:200]}") from error
    for steps, rule in _rules(contents):
        ref = str(rule.get("$dynamicRef", rule.get("$ref", "#")))
        if "$dynamicRef" in rule or not _leads_somewhere(ref, contents):
            raise InputError(
                f"{whose} refers to {ref[:200]}; references may point only to its own $defs and to ptyproof's schemas"
            )
        if isinstance(rule.get("pattern"), str):
            try:
                re.compile(rule["pattern"])
            except re.error as error:
                place = "/".join(map(str, [*steps, "pattern"]))
                raise InputError(f"{whose} has an invalid regular expression at {place}: {error}") from error


def _leads_somewhere(ref: str, contents: Mapping[str, Any]) -> bool:
    """Tell whether a reference leads to a place in a schema, or in one of ptyproof's."""
    pointer = ref.partition("#")[2]
    try:
        resolve(ref, contents)
    except (InputError, KeyError, TypeError):
        return False
    return pointer == "" or pointer.startswith("/")


def _rules(contents: Any) -> Iterator[tuple[list[str | int], Mapping[str, Any]]]:
    """Yield steps and value of every object in a schema."""
    waiting: list[tuple[list[str | int], Any]] = [([], contents)]
    while waiting:
        steps, here = waiting.pop()
        if isinstance(here, Mapping):
            yield steps, here
            waiting.extend(([*steps, key], inner) for key, inner in here.items())
        elif isinstance(here, list):
            waiting.extend(([*steps, number], inner) for number, inner in enumerate(here))


def violations_of(instance: Any, contents: Mapping[str, Any], limit: int) -> list[ValidationError]:
    """Return the first `limit` violations of a user's schema, which `check_schema` has let through."""
    # without its own names, under which nothing is registered here
    contents = {key: value for key, value in contents.items() if key not in ("$schema", "$id")}
    checker = _Strict(contents, registry=registry(), format_checker=_FORMATS)
    return sorted(islice(checker.iter_errors(instance), limit), key=lambda error: error.json_path)


def violations(
    instance: Any, kind: str, major: int, unknown_keys: bool, limit: int | None = None
) -> list[ValidationError]:
    """Return every violation of a schema, or the first `limit`, in the order of the instance's paths.

    Of a file whose `schema_version` is itself refused (another major), nothing else is reported.
    """
    errors = list(islice(validator(kind, major, unknown_keys).iter_errors(instance), limit))
    of_version = [error for error in errors if list(error.absolute_path) == ["schema_version"]]
    return sorted(of_version or errors, key=lambda error: error.json_path)


def violations_of_part(instance: Any, kind: str, part: str, major: int, limit: int) -> list[ValidationError]:
    """Return the first `limit` violations of a definition in a schema, in the order of the instance's paths."""
    errors = islice(validator(kind, major, part=part).iter_errors(instance), limit)
    return sorted(errors, key=lambda error: error.json_path)
