"""The JSON Schemas of ptyproof (draft 2020-12) and validation against them; nothing goes to the network.

A schema file is named `KIND_vMAJOR.schema.json` and has the `$id` `urn:ptyproof:schema:KIND:MAJOR`. A reader
accepts every minor version of a major that it knows.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource

from ptyproof.errors import InputError, ManifestError
from ptyproof.io.strict_json import parse_json

_SUFFIX = ".schema.json"
_MAX_SHOWN = 5


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
    resources = [Resource.from_contents(schema) for schema in _schemas().values()]
    return Registry().with_resources((resource.id() or "", resource) for resource in resources)


def kinds() -> list[tuple[str, int]]:
    """Return the (kind, major version) of every schema, sorted; `common` holds shared definitions only."""
    return sorted(_schemas())


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


@cache
def validator(kind: str, major: int = 1) -> Draft202012Validator:
    """Return the validator for a kind, with formats (date-time) checked."""
    return Draft202012Validator(
        load_schema(kind, major), registry=registry(), format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def schema_errors(instance: Any, kind: str, major: int = 1) -> list[ValidationError]:
    """Return every violation of the schema, in the order of the instance's paths.

    Keys that the schema does not know are let through in a file whose minor version is newer than the schema's.
    """
    errors = validator(kind, major).iter_errors(instance)
    if _minor(instance) > _minor({"schema_version": load_schema(kind, major)["version"]}):
        errors = (error for error in errors if error.validator != "additionalProperties")
    return sorted(errors, key=lambda error: error.json_path)


def _minor(instance: Any) -> int:
    version = instance.get("schema_version") if isinstance(instance, dict) else None
    match = re.fullmatch(r"\d+\.(\d{1,6})\.\d+", version) if isinstance(version, str) else None
    return int(match.group(1)) if match else 0


def validate(instance: Any, kind: str, path: Path | str, major: int = 1) -> None:
    """Raise `ManifestError` unless `instance` obeys the schema of `kind`; `path` names the file in the message."""
    errors = schema_errors(instance, kind, major)
    if not errors:
        return
    lines = [f"{error.json_path}: {error.message[:300]}" for error in errors[:_MAX_SHOWN]]
    if len(errors) > _MAX_SHOWN:
        lines.append(f"and {len(errors) - _MAX_SHOWN} more")
    raise ManifestError(path, f"breaks the schema {kind} {major}: " + "; ".join(lines))
