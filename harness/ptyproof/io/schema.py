"""The JSON Schemas of ptyproof (draft 2020-12) and validation against them; nothing goes to the network.

A schema file is named `KIND_vMAJOR.schema.json` and has the `$id` `urn:ptyproof:schema:KIND:MAJOR`. A reader
accepts every minor version of a major that it knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof.errors import InputError, ManifestError
from ptyproof.io import fast_schema, whole_numbers
from ptyproof.io.strict_json import parse_json

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_SUFFIX = ".schema.json"
_URN = "urn:ptyproof:schema:"
_MAX_SHOWN = 5


def is_date_time(value: object) -> bool:
    """Tell whether a text is a time that exists; the pattern beside the format says how it is written."""
    try:
        return not isinstance(value, str) or bool(datetime.fromisoformat(value))
    except ValueError:
        return False


@cache
def _places() -> dict[tuple[str, int], Traversable]:
    """Return the file of every schema."""
    found = {}
    for entry in files("ptyproof_schemas").iterdir():
        if entry.name.endswith(_SUFFIX):
            kind, _, major = entry.name.removesuffix(_SUFFIX).rpartition("_v")
            found[kind, int(major)] = entry
    return found


def kinds() -> list[tuple[str, int]]:
    """Return the (kind, major version) of every schema, sorted; `common` holds shared definitions only."""
    return sorted(_places())


def current_kinds() -> list[str]:
    """Return the kinds of files that today's programs write, sorted; others are shared, or of earlier generations."""
    return sorted({kind for kind, _ in kinds() if not kind.startswith("legacy_") and not kind.endswith("common")})


@cache
def load_schema(kind: str, major: int = 1) -> dict[str, Any]:
    """Return the schema of a kind of file.

    Raises
    ------
    InputError
        If there is no such schema; the message lists those that exist.
    """
    try:
        place = _places()[kind, major]
    except KeyError:
        known = ", ".join(f"{name} {number}" for name, number in kinds())
        raise InputError(f"there is no schema {kind} {major}; the schemas are: {known}") from None
    schema: dict[str, Any] = parse_json(place.read_text(encoding="utf-8"), place.name)
    return schema


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
def obeys(kind: str, major: int = 1, unknown_keys: bool = False) -> fast_schema.Test:
    """Return a quick test that says yes only to what `validator` accepts; a no says nothing.

    Raises
    ------
    InputError
        If there is no such schema.
    """

    document = f"{_URN}{kind}:{major}"
    compiler = fast_schema.Compiler(_document, {"date-time": is_date_time}, unknown_keys)
    return compiler.compile(_document(document), document)


def _document(name: str) -> Mapping[str, Any]:
    """Return the schema that a `$ref` names by its URN."""
    kind, _, number = name.removeprefix(_URN).rpartition(":")
    return load_schema(kind, int(number))


@cache
def _whole_numbers(kind: str, major: int) -> whole_numbers.Convert:
    document = f"{_URN}{kind}:{major}"
    return whole_numbers.Compiler(_document).compile(_document(document), document)


def with_whole_numbers(value: Any, kind: str, major: int = 1) -> Any:
    """Return a parsed value with 1 for 1.0 wherever the schema of `kind` says integer, copied where changed."""
    return _whole_numbers(kind, major)(value)


def schema_errors(instance: Any, kind: str, major: int = 1, limit: int | None = None) -> list[ValidationError]:
    """Return every violation of the schema, or the first `limit`, in the order of the instance's paths.

    Keys that the schema does not know are let through where the file's minor version is newer than the schema's.
    Of a file whose `schema_version` is itself refused (another major), nothing else is reported.
    """
    newer = _minor(instance) > _minor({"schema_version": load_schema(kind, major)["version"]})
    if obeys(kind, major, unknown_keys=newer)(instance):
        return []
    from ptyproof.io.schema_verdict import violations

    return violations(instance, kind, major, newer, limit)


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
    from ptyproof.io.schema_verdict import describe

    lines = [describe(error) for error in errors[:_MAX_SHOWN]]
    if len(errors) > _MAX_SHOWN:
        lines.append(f"and {len(errors) - _MAX_SHOWN} more")
    raise ManifestError(path, f"breaks the schema {kind} {major}: " + "; ".join(lines))


def accepted(value: Any, kind: str, path: Path | str, major: int = 1) -> Any:
    """Return a parsed value that obeys the schema of `kind`, its whole numbers as such, or raise as `validate` does."""
    validate(value, kind, path, major)
    return with_whole_numbers(value, kind, major)
