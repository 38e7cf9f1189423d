"""The DSSE envelope beside a hub's index: signing, and what a public key says of it.

The envelope is one line of `hub.intoto.jsonl`, as in-toto bundles have it. It may have several signatures.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.checking.hub import refuse_unsound
from ptyproof.checking.model.document import finding_about
from ptyproof.errors import InputError
from ptyproof.hub.index import STATEMENT, Hub
from ptyproof.io.atomic import write_text
from ptyproof.io.locking import lock
from ptyproof.io.regular import read_regular
from ptyproof.io.strict_json import MAX_BYTES, format_json, parse_json
from ptyproof.signing.keys import read_public, read_signer
from ptyproof.signing.payload import MALFORMED, PAYLOAD_TYPE, Verdict, judged_payload
from ptyproof.signing.statement import statement_of

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey

    from ptyproof.checking import Finding


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


def findings_of(root: Path, key: Path) -> Verdict:
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
    except MALFORMED as error:
        return [finding_about(STATEMENT, "PM913", "$", f"is no DSSE envelope: {error}")], {}
    if not _is_signed(envelope, public):
        return [_not_signed(envelope, public)], {}
    return judged_payload(envelope.payload, root, STATEMENT)


def _known(root: Path) -> Envelope | None:
    """Return the envelope that is there, None without one that can be read."""
    try:
        return _read(root)
    except MALFORMED:
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
