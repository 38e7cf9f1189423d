"""The JSON Schemas of ptyproof (draft 2020-12) and validation against them; nothing goes to the network.

A schema file is named `KIND_vMAJOR.schema.json` and has the `$id` `urn:ptyproof:schema:KIND:MAJOR`. A reader
accepts every minor version of a major that it knows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, TypeChecker
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from ptyproof.errors import InputError, ManifestError
from ptyproof.io import fast_schema
from ptyproof.io.strict_json import parse_json

_SUFFIX = ".schema.json"
_URN = "urn:ptyproof:schema:"
_MAX_SHOWN = 5
_MAX_CHARACTERS = 300
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    """Tell whether a text is a time that exists; the pattern beside the format says how it is written."""
    return not isinstance(value, str) or bool(datetime.fromisoformat(value))


def _is_time(value: object) -> bool:
    try:
        return _is_date_time(value)
    except ValueError:
        return False


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
def _schemas() -> dict[tuple[str, int], dict[str, Any]]:
    found = {}
    for entry in files("ptyproof_schemas").iterdir():
        if entry.name.endswith(_SUFFIX):
            kind, _, major = entry.name.removesuffix(_SUFFIX).rpartition("_v")
            found[kind, int(major)] = parse_json(entry.read_text(encoding="utf-8"), entry.name)
    return found


@cache
def registry() -> Registry[Any]:
    """Return the registry that resolves every `$ref` between ptyproof's schemas locally."""
    resources = []
    for schema in _schemas().values():
        # jsonschema would go on with its own class, not with ours, where a $ref leads to a "$schema".
        contents = {key: value for key, value in schema.items() if key != "$schema"}
        resources.append((schema["$id"], DRAFT202012.create_resource(contents)))
    return Registry().with_resources(resources)


def kinds() -> list[tuple[str, int]]:
    """Return the (kind, major version) of every schema, sorted; `common` holds shared definitions only."""
    return sorted(_schemas())


def current_kinds() -> list[str]:
    """Return the kinds of files that today's programs write, sorted; others are shared, or of earlier generations."""
    return sorted({kind for kind, _ in kinds() if not kind.startswith("legacy_") and not kind.endswith("common")})


def load_schema(kind: str, major: int = 1) -> dict[str, Any]:
    """Return the schema of a kind of file.

    Raises
    ------
    InputError
        If there is no such schema; the message lists those that exist.
    """
    try:
        return _schemas()[kind, major]
    except KeyError:
        known = ", ".join(f"{name} {number}" for name, number in kinds())
        raise InputError(f"there is no schema {kind} {major}; the schemas are: {known}") from None


def bundled(kind: str, major: int = 1) -> dict[str, Any]:
    """Return the schema of a kind with all that it refers to inside it: under `$defs`, for tools that know no more.

    Raises
    ------
    InputError
        If there is no such schema.
    """
    schema = load_schema(kind, major)
    wanted: dict[str, dict[str, Any]] = {}
    waiting: list[Any] = [schema]
    while waiting:
        here = waiting.pop()
        if isinstance(here, list):
            waiting.extend(here)
        elif isinstance(here, dict):
            name = str(here.get("$ref", "")).partition("#")[0]
            if name and name not in wanted and name != schema["$id"]:
                other, _, number = name.removeprefix(_URN).rpartition(":")
                wanted[name] = load_schema(other, int(number))
                waiting.append(wanted[name])
            waiting.extend(here.values())
    return {**schema, "$defs": {**schema.get("$defs", {}), **dict(sorted(wanted.items()))}}


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


@cache
def obeys(kind: str, major: int = 1, unknown_keys: bool = False) -> fast_schema.Test:
    """Return a quick test that says yes only to what `validator` accepts; a no says nothing.

    Raises
    ------
    InputError
        If there is no such schema.
    """

    def load(name: str) -> Mapping[str, Any]:
        found, _, number = name.removeprefix(_URN).rpartition(":")
        return load_schema(found, int(number))

    document = f"{_URN}{kind}:{major}"
    return fast_schema.Compiler(load, {"date-time": _is_time}, unknown_keys).compile(load(document), document)


def schema_errors(instance: Any, kind: str, major: int = 1, limit: int | None = None) -> list[ValidationError]:
    """Return every violation of the schema, or the first `limit`, in the order of the instance's paths.

    Keys that the schema does not know are let through where the file's minor version is newer than the schema's.
    Of a file whose `schema_version` is itself refused (another major), nothing else is reported.
    """
    newer = _minor(instance) > _minor({"schema_version": load_schema(kind, major)["version"]})
    if obeys(kind, major, unknown_keys=newer)(instance):
        return []
    errors = list(islice(validator(kind, major, unknown_keys=newer).iter_errors(instance), limit))
    of_version = [error for error in errors if list(error.absolute_path) == ["schema_version"]]
    return sorted(of_version or errors, key=lambda error: error.json_path)


def _minor(instance: Any) -> int:
    version = instance.get("schema_version") if isinstance(instance, dict) else None
    match = re.fullmatch(r"\d+\.(\d{1,6})\.\d+", version) if isinstance(version, str) else None
    return int(match.group(1)) if match else 0


def validate(instance: Any, kind: str, path: Path | str, major: int = 1) -> None:
    """Raise `ManifestError` unless `instance` obeys the schema of `kind`.

    The message is one line: `path` as the name of the file, then what `describe` says of the violations.
    """
    errors = schema_errors(instance, kind, major)
    if not errors:
        return
    lines = [describe(error) for error in errors[:_MAX_SHOWN]]
    if len(errors) > _MAX_SHOWN:
        lines.append(f"and {len(errors) - _MAX_SHOWN} more")
    raise ManifestError(path, f"breaks the schema {kind} {major}: " + "; ".join(lines))


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
