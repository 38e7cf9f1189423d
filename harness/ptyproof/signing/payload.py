"""What a payload whose signature was verified says of a hub: whether it is a statement, and about this index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof.checking.model.document import finding_about
from ptyproof.errors import DataError
from ptyproof.hub.index import INDEX
from ptyproof.io.hashing import sha256_file
from ptyproof.io.strict_json import parse_json
from ptyproof.signing.statement import (
    LISTS,
    PREDICATE_TYPE,
    RESULTS,
    STATEMENT_TYPE,
    is_of_this_hub,
    signed_digest,
)

if TYPE_CHECKING:
    from ptyproof.checking import Finding

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MALFORMED = (DataError, OSError, KeyError, TypeError, ValueError, AttributeError, IndexError)
Verdict = tuple[list["Finding"], dict[str, Any]]


def judged_payload(payload: bytes, root: Path, name: str) -> Verdict:
    """Return what is wrong with a signed payload, and the statement where nothing is.

    Parameters
    ----------
    payload
        The bytes, whose signature is good.
    root
        The hub.
    name
        The file beside its index that has the payload.
    """
    try:
        statement = _statement(payload, name)
        digest = signed_digest(statement)
    except MALFORMED as error:
        return [finding_about(name, "PM913", "$.payload", f"is no statement about a hub: {error}")], {}
    present = sha256_file(root / INDEX)
    if digest == present:
        return [], statement
    said = f"is about an index with the sha256 {digest[:16]}..., but that of {INDEX} is {present[:16]}..."
    return [finding_about(name, "PM916" if is_of_this_hub(statement, root) else "PM917", "$.payload", said)], {}


def _statement(payload: bytes, name: str) -> dict[str, Any]:
    statement: dict[str, Any] = parse_json(payload.decode("utf-8"), name)
    for key, expected in (("_type", STATEMENT_TYPE), ("predicateType", PREDICATE_TYPE)):
        if statement[key] != expected:
            raise ValueError(f"{key} must be {expected}, got {str(statement[key])[:80]!r}")
    predicate = statement["predicate"]
    if predicate["result"] not in RESULTS:
        raise ValueError(f"predicate.result must be one of {', '.join(RESULTS)}")
    if not all(isinstance(predicate.get(key, []), list) for key in LISTS.values()):
        raise ValueError("the tests of the predicate must be lists")
    return statement
