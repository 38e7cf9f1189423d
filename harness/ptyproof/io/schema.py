"""Whether a value obeys the schema of its kind, and the violations where it does not.

jsonschema finds the violations. It takes 40 ms for a manifest of 50 KB, and 50 ms to load. Where jsonschema-rs is
installed, it judges first: a value that it accepts, in less than 1 ms, goes no further. A test compares the two. A
reader accepts every minor version of a major that it knows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof.errors import ManifestError
from ptyproof.io.schema_files import document, is_date_time, load_schema, open_document, part_urn, urn
from ptyproof.io.schema_words import explained
from ptyproof.io.whole_numbers import with_whole_numbers

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_MAX_SHOWN = 5
_MOST = 1000  # violations that are counted: a file of 60 KB can have 300,000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@cache
def quick_judge(
    kind: str, major: int = 1, unknown_keys: bool = False, part: str | None = None
) -> Callable[[Any], bool] | None:
    """Return the function by which jsonschema-rs tells that a value obeys a schema; None without jsonschema-rs 0.49.

    It raises ValueError for some values that JSON does not have, half of a surrogate pair for one. `unknown_keys`
    accepts keys that the schema does not describe; `part` is the name of a definition in it, None is the whole.

    Raises
    ------
    InputError
        If there is no such schema.
    """
    try:
        from jsonschema_rs import Draft202012Validator
    except ImportError:
        return None
    if Draft202012Validator({"type": "null"}).is_valid(math.nan):  # as versions before 0.49 say
        return None
    load = open_document if unknown_keys else document
    formats = {"date-time": is_date_time}
    schema = load(urn(kind, major)) if part is None else {"$ref": part_urn(kind, part, major)}
    judge = Draft202012Validator(schema, formats=formats, validate_formats=True, retriever=load)
    accepts: Callable[[Any], bool] = judge.is_valid
    return accepts


def _is_accepted_at_once(instance: Any, kind: str, major: int, unknown_keys: bool) -> bool:
    judge = quick_judge(kind, major, unknown_keys)
    try:
        return judge is not None and judge(instance)
    except ValueError:
        return False


def schema_errors(instance: Any, kind: str, major: int = 1, limit: int | None = None) -> list[ValidationError]:
    """Return every violation of the schema, or the first `limit`, in the order of the instance's paths.

    Keys that the schema does not describe are accepted where the file's minor version is newer than the schema's. Of a
    file whose `schema_version` is itself refused (another major), nothing else is reported.

    Raises
    ------
    InputError
        If there is no such schema.
    """
    newer = _minor(instance) > _minor({"schema_version": load_schema(kind, major)["version"]})
    if _is_accepted_at_once(instance, kind, major, newer):
        return []
    from ptyproof.io.schema_verdict import violations

    return violations(instance, kind, major, newer, limit)


def _minor(instance: Any) -> int:
    version = instance.get("schema_version") if isinstance(instance, dict) else None
    match = re.fullmatch(r"\d+\.(\d{1,6})\.\d+", version) if isinstance(version, str) else None
    return int(match.group(1)) if match else 0


def validate(instance: Any, kind: str, path: Path | str, major: int = 1) -> None:
    """Refuse a value that breaks the schema of `kind`.

    Raises
    ------
    ManifestError
        In one line: `path` as the name of the file, then the first violations.
    """
    _refuse(schema_errors(instance, kind, major, _MOST + 1), kind, path, major, load_schema(kind, major))


def _refuse(errors: list[ValidationError], kind: str, path: Path | str, major: int, root: Mapping[str, Any]) -> None:
    if not errors:
        return
    lines = [f"{said.json_path}: {said.sentence}" for error in errors[:_MAX_SHOWN] for said in explained(error, root)]
    if len(errors) > _MOST:
        lines.append(f"and more than {_MOST - _MAX_SHOWN} others")
    elif len(errors) > _MAX_SHOWN:
        lines.append(f"and {len(errors) - _MAX_SHOWN} more")
    text = _CONTROL.sub(lambda found: repr(found[0])[1:-1], "; ".join(lines))
    raise ManifestError(path, f"violates the schema {kind} {major}: {text}")


def accepted(value: Any, kind: str, path: Path | str, major: int = 1) -> Any:
    """Return a parsed value that obeys the schema of `kind`, with 1 for 1.0 where the schema says integer.

    Raises
    ------
    ManifestError
        As `validate` does.
    """
    validate(value, kind, path, major)
    return with_whole_numbers(value, kind, major)


def accepted_part(value: Any, kind: str, part: str, path: Path | str, major: int = 1) -> Any:
    """Return a part of a file as `accepted` does for the whole; `part` is the name of its definition in the schema.

    Raises
    ------
    ManifestError
        As `validate` does.
    """
    judge = quick_judge(kind, major, False, part)
    if judge is None or not judge(value):
        from ptyproof.io.schema_verdict import violations_of_part

        found = violations_of_part(value, kind, part, major, _MOST + 1)
        _refuse(found, kind, path, major, {"$ref": part_urn(kind, part, major)})
    return with_whole_numbers(value, kind, major, part)
