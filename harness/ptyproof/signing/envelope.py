"""The DSSE envelope beside a hub's index: signing, and what a public key says of it.

The envelope is one line of `hub.intoto.jsonl`, as in-toto bundles have it. It may have several signatures.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof.checking.hub import refuse_unsound
from ptyproof.checking.model.document import finding_about
from ptyproof.errors import DataError, InputError
from ptyproof.hub.index import INDEX, STATEMENT, Hub
from ptyproof.io.atomic import write_text
from ptyproof.io.hashing import sha256_file
from ptyproof.io.locking import lock
from ptyproof.io.regular import read_regular
from ptyproof.io.strict_json import MAX_BYTES, format_json, parse_json
from ptyproof.signing.keys import read_public, read_signer
from ptyproof.signing.statement import (
    LISTS,
    PREDICATE_TYPE,
    RESULTS,
    STATEMENT_TYPE,
    is_of_this_hub,
    signed_digest,
    statement_of,
)

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey

    from ptyproof.checking import Finding

PAYLOAD_TYPE = "application/vnd.in-toto+json"
_MALFORMED = (DataError, OSError, KeyError, TypeError, ValueError, AttributeError, IndexError)


def sign_hub(root: Path, key: Path) -> str:
    """Write a signed statement about a hub beside its index; return the id of the key.

    A statement about the same index keeps the signatures of other keys. A statement about an earlier index is replaced.

    Raises
    ------
    InputError
        If the hub is not sound (as while a run is under way) or has no result, or the key cannot be used or lies in it.
    """
    signer = read_signer(key)
    if key.resolve().is_relative_to(root.resolve()):
        raise InputError(f"--key {key} lies in the hub {root}; keep private keys out of what is handed on")
    refuse_unsound(root, "only sound hubs are signed")
    from securesystemslib.dsse import Envelope

    with lock(Hub(root).index_path):
        payload = format_json(statement_of(root)).encode("utf-8")
        known = _known(root)
        signatures = known.signatures if known is not None and known.payload == payload else {}
        envelope = Envelope(payload, PAYLOAD_TYPE, signatures)
        signature = envelope.sign(signer)
        write_text(root / STATEMENT, json.dumps(envelope.to_dict(), separators=(",", ":")) + "\n")
    return str(signature.keyid)


def findings_of(root: Path, key: Path) -> tuple[list[Finding], dict[str, Any]]:
    """Return what is wrong with the signed statement beside a hub's index, and the statement where nothing is.

    Nothing of the statement is believed before its signature is verified.

    Raises
    ------
    InputError
        If the key cannot be used.
    """
    public = read_public(key)
    if not (root / STATEMENT).is_file():
        return [finding_about(STATEMENT, "PM912", "$", "is missing: the hub is not signed")], {}
    try:
        envelope = _read(root)
    except _MALFORMED as error:
        return [finding_about(STATEMENT, "PM913", "$", f"is no DSSE envelope: {error}")], {}
    if not _is_signed(envelope, public):
        return [_not_signed(envelope, public)], {}
    try:
        statement = _statement(envelope)
        digest = signed_digest(statement)
    except _MALFORMED as error:
        return [finding_about(STATEMENT, "PM913", "$.payload", f"is no statement about a hub: {error}")], {}
    present = sha256_file(root / INDEX)
    if digest == present:
        return [], statement
    said = f"is about an index with the sha256 {digest[:16]}..., but that of {INDEX} is {present[:16]}..."
    return [finding_about(STATEMENT, "PM916" if is_of_this_hub(statement, root) else "PM917", "$.payload", said)], {}


def _known(root: Path) -> Envelope | None:
    """Return the envelope that is there, None without one that can be read."""
    try:
        return _read(root)
    except _MALFORMED:
        return None


def _read(root: Path) -> Envelope:
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import FormatError

    path = root / STATEMENT
    (line,) = read_regular(path, MAX_BYTES).decode("utf-8").splitlines()
    try:
        envelope = Envelope.from_dict(parse_json(line, path))
    except FormatError as error:
        raise ValueError(str(error)) from error
    if envelope.payload_type != PAYLOAD_TYPE:
        raise ValueError(f"its payloadType is {str(envelope.payload_type)[:80]!r}")
    return envelope


def _is_signed(envelope: Envelope, key: SSlibKey) -> bool:
    """Tell whether a signature is one of a key, whatever id it says: ids are hints, and not signed."""
    from securesystemslib.exceptions import UnverifiedSignatureError
    from securesystemslib.signer import Signature

    for signature in envelope.signatures.values():
        try:
            key.verify_signature(Signature(key.keyid, signature.signature), envelope.pae())
        except UnverifiedSignatureError:
            continue
        return True
    return False


def _not_signed(envelope: Envelope, key: SSlibKey) -> Finding:
    if key.keyid in envelope.signatures:
        said = f"the signature of the key {key.keyid[:16]}... does not fit: payload or signature was changed"
        return finding_about(STATEMENT, "PM915", "$.signatures", said)
    others = ", ".join(f"{str(keyid)[:16]}..." for keyid in envelope.signatures) or "no key"
    said = f"is not signed by the key {key.keyid[:16]}..., but by {others}"
    return finding_about(STATEMENT, "PM914", "$.signatures", said)


def _statement(envelope: Envelope) -> dict[str, Any]:
    statement: dict[str, Any] = parse_json(envelope.payload.decode("utf-8"), STATEMENT)
    for key, expected in (("_type", STATEMENT_TYPE), ("predicateType", PREDICATE_TYPE)):
        if statement[key] != expected:
            raise ValueError(f"{key} must be {expected}, got {str(statement[key])[:80]!r}")
    predicate = statement["predicate"]
    if predicate["result"] not in RESULTS:
        raise ValueError(f"predicate.result must be one of {', '.join(RESULTS)}")
    if not all(isinstance(predicate.get(key, []), list) for key in LISTS.values()):
        raise ValueError("the tests of the predicate must be lists")
    return statement
