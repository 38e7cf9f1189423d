"""What a signed payload says of a hub: whether it is a statement, about this index, and agrees with the records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof.checking.model.document import finding_about
from ptyproof.errors import DataError
from ptyproof.hub.index import INDEX
from ptyproof.io.hashing import sha256_file
from ptyproof.io.strict_json import parse_json
from ptyproof.signing.claims import contradictions
from ptyproof.signing.statement import (
    EXTENSION,
    LISTS,
    PREDICATE_TYPE,
    RESULTS,
    STATEMENT_TYPE,
    is_of_this_hub,
    signed_digest,
)

if TYPE_CHECKING:
    from ptyproof.checking import Finding

CONTRADICTION = "PM923"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
MALFORMED = (DataError, OSError, KeyError, TypeError, ValueError, AttributeError, IndexError)


@dataclass(frozen=True)
class Verdict:
    """What a key or an identity says of a hub.

    Parameters
    ----------
    name
        The file beside the index with the statement.
    findings
        What is wrong with it.
    statement
        The statement, where nothing is; without a value before a signature of it was verified.
    by
        Whose signature was asked for: the id of a key, or an identity and its issuer.
    n_own, n_signatures
        How many signatures are by them, of how many.
    """

    name: str
    findings: list[Finding]
    statement: dict[str, Any]
    by: str
    n_own: int = 0
    n_signatures: int = 0


def judged_payload(payload: bytes, root: Path, name: str) -> tuple[list[Finding], dict[str, Any]]:
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


def judged_claims(payload: bytes, root: Path, name: str) -> tuple[list[Finding], dict[str, Any]]:
    """Return what `judged_payload` does, and which claims of the statement the records of the hub do not give."""
    findings, statement = judged_payload(payload, root, name)
    if findings:
        return findings, statement
    found = [finding_about(name, CONTRADICTION, *one) for one in contradictions(statement, root)]
    return found, {} if found else statement


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
    if not isinstance(predicate.get(EXTENSION, {}), dict):
        raise TypeError(f"predicate.{EXTENSION} must be an object")
    return statement
