"""Violations of the schema of a file's kind, as findings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ptyproof.checking.model.document import Document, Findings
from ptyproof.io.schema import schema_errors
from ptyproof.io.schema_files import load_schema
from ptyproof.io.schema_words import explained

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_LIMIT = 200


def check(doc: Document, major: int) -> Findings:
    """Yield the violations of the schema, the first two hundred of them."""
    kind = str(doc.kind)
    yield from _findings(doc, schema_errors(doc.value, kind, major, _LIMIT), load_schema(kind, major))


def own(doc: Document, contents: Mapping[str, Any]) -> Findings:
    """Yield the violations of a user's schema, the first two hundred of them."""
    from ptyproof.io.schema_verdict import violations_of

    yield from _findings(doc, violations_of(doc.value, contents, _LIMIT), contents)


def _findings(doc: Document, errors: list[ValidationError], contents: Mapping[str, Any]) -> Findings:
    """Yield what a schema says of errors.

    Of a file that was cut off, the objects and lists that it leaves open are not asked for what they lack.
    """
    for error in errors:
        for found in explained(error, contents):
            is_of_cut = found.is_missing and found.json_path.rpartition(".")[0] in doc.cut
            if found.json_path not in doc.cut and not is_of_cut:
                yield doc.finding("PM101", found.json_path, found.sentence)
    if len(errors) == _LIMIT:
        yield doc.finding(
            "PM101", "$", f"there are more than {_LIMIT} violations of the schema; only the first ones are shown"
        )
