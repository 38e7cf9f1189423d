"""The files of ptyproof's JSON Schemas (draft 2020-12), and what they refer to; nothing goes to the network.

A schema file is named `KIND_vMAJOR.schema.json` and has the `$id` `urn:ptyproof:schema:KIND:MAJOR`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from ptyproof.errors import InputError
from ptyproof.io.strict_json import parse_json

_SUFFIX = ".schema.json"
_URN = "urn:ptyproof:schema:"


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


def newest(kind: str) -> int:
    """Return the newest major version of the schema of a kind that exists."""
    return max(major for name, major in kinds() if name == kind)


def urn(kind: str, major: int = 1) -> str:
    """Return the `$id` of the schema of a kind, by which a `$ref` names it."""
    return f"{_URN}{kind}:{major}"


def part_urn(kind: str, part: str, major: int = 1) -> str:
    """Return the name of a definition in the schema of a kind, for a `$ref`."""
    return f"{urn(kind, major)}#/$defs/{part}"


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
        raise InputError(f"unknown schema {kind} {major}; the schemas are: {known}") from None
    schema: dict[str, Any] = parse_json(place.read_text(encoding="utf-8"), place.name)
    return schema


@cache
def _kinds_by_urn() -> dict[str, tuple[str, int]]:
    return {urn(*known): known for known in kinds()}


def document(name: str) -> dict[str, Any]:
    """Return the schema with the `$id` `name`.

    Raises
    ------
    InputError
        If there is no such schema.
    """
    return load_schema(*_kinds_by_urn().get(name, (name, 1)))


@cache
def open_document(name: str) -> dict[str, Any]:
    """Return the schema with the `$id` `name`, changed so that it accepts keys that it does not describe."""
    opened: dict[str, Any] = _opened(document(name))
    return opened


def _opened(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            key: _opened(inner) for key, inner in schema.items() if key != "additionalProperties" or inner is not False
        }
    return [_opened(inner) for inner in schema] if isinstance(schema, list) else schema


def resolve(ref: str, root: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    """Return what a `$ref` in the document `root` leads to, and the document that it stands in.

    Raises
    ------
    InputError
        If it names a document that is not one of ptyproof's.
    KeyError, TypeError
        If the document has nothing there.
    """
    name, _, pointer = ref.partition("#")
    node: Any = document(name) if name else root
    root = node
    for step in pointer.split("/")[1:]:
        node = node[step.replace("~1", "/").replace("~0", "~")]
    return node, root


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
                wanted[name] = document(name)
                waiting.append(wanted[name])
            waiting.extend(here.values())
    return {**schema, "$defs": {**schema.get("$defs", {}), **dict(sorted(wanted.items()))}}
