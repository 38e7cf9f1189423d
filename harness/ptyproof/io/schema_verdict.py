"""The verdict of jsonschema on a value, and its words: the judge of record, asked where the quick test says no yes.

It takes a tenth of a second to load, so only who needs it imports this module.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, TypeChecker
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from ptyproof.io.schema import is_date_time, kinds, load_schema

_MAX_CHARACTERS = 300
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_FORMATS = FormatChecker(formats=())
_FORMATS.checks("date-time")(is_date_time)


def _is_number(_: TypeChecker, value: object) -> bool:
    """Tell whether a value is a number that JSON has; NaN and Infinity are none."""
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return bool(Draft202012Validator.TYPE_CHECKER.is_type(value, "number"))


def _known_or_ignored(
    validator: Validator, allowed: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    """Check `additionalProperties`, but let keys through that the schema does not know."""
    if allowed is not False:
        check = Draft202012Validator.VALIDATORS["additionalProperties"]
        yield from check(validator, allowed, instance, schema)


_TYPES = Draft202012Validator.TYPE_CHECKER.redefine("number", _is_number)
_Strict = extend(Draft202012Validator, type_checker=_TYPES)  # type: ignore[no-untyped-call]
_Lenient = extend(_Strict, {"additionalProperties": _known_or_ignored})  # type: ignore[no-untyped-call]


@cache
def registry() -> Registry[Any]:
    """Return the registry that resolves every `$ref` between ptyproof's schemas locally."""
    resources = []
    for schema in (load_schema(kind, major) for kind, major in kinds()):
        # jsonschema would go on with its own class, not with ours, where a $ref leads to a "$schema".
        contents = {key: value for key, value in schema.items() if key != "$schema"}
        resources.append((schema["$id"], DRAFT202012.create_resource(contents)))
    return Registry().with_resources(resources)


@cache
def validator(kind: str, major: int = 1, unknown_keys: bool = False) -> Validator:
    """Return the validator for a kind; NaN is no number, date-time is checked.

    `unknown_keys` lets keys through that the schema does not know.

    Raises
    ------
    InputError
        If there is no such schema.
    """
    chosen: type[Validator] = _Lenient if unknown_keys else _Strict
    return chosen(load_schema(kind, major), registry=registry(), format_checker=_FORMATS)


def violations(
    instance: Any, kind: str, major: int, unknown_keys: bool, limit: int | None = None
) -> list[ValidationError]:
    """Return every violation of a schema, or the first `limit`, in the order of the instance's paths.

    Of a file whose `schema_version` is itself refused (another major), nothing else is reported.
    """
    errors = list(islice(validator(kind, major, unknown_keys).iter_errors(instance), limit))
    of_version = [error for error in errors if list(error.absolute_path) == ["schema_version"]]
    return sorted(of_version or errors, key=lambda error: error.json_path)


def describe(error: ValidationError) -> str:
    """Return a violation as one short line: JSON path, value and the rule that it breaks.

    Of a violated `anyOf` this is the rule of the alternative that was meant, where that is clear.
    """
    error = _meant(error)
    message = error.message
    if error.validator == "const":
        message = f"{error.instance!r} is not {error.validator_value!r}"
    if len(message) > _MAX_CHARACTERS:  # the value stands at the start, the rule at the end
        half = _MAX_CHARACTERS // 2
        message = f"{message[:half]} ... {message[-half:]}"
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], f"{error.json_path}: {message}")


def _meant(error: ValidationError) -> ValidationError:
    """Descend into the one alternative of an `anyOf` whose type and constants fit the value."""
    while error.context:
        alternatives: dict[Any, list[ValidationError]] = {}
        for inner in error.context:
            alternatives.setdefault(inner.schema_path[0], []).append(inner)
        near = [found for found in alternatives.values() if not any(map(_is_of_another_kind, found))]
        if len(near) != 1:
            break
        error = near[0][0]
    return error


def _is_of_another_kind(error: ValidationError) -> bool:
    return error.validator == "const" or (error.validator == "type" and not error.path)
