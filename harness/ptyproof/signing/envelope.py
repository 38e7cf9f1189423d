"""The DSSE envelopes beside a hub's index: signing, and what a public key says of them.

Each line of `hub.intoto.jsonl` is an envelope, as in-toto bundles have it: one for each signer, with the time and, if
they want, the name of the signer. An envelope may have several signatures.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof import clock
from ptyproof.checking.hub import refuse_unsound
from ptyproof.checking.model.document import finding_about
from ptyproof.errors import InputError
from ptyproof.hub.index import INDEX, STATEMENT, Hub
from ptyproof.io.atomic import write_text
from ptyproof.io.hashing import sha256_file
from ptyproof.io.locking import lock
from ptyproof.io.regular import read_regular
from ptyproof.io.strict_json import MAX_BYTES, format_json, parse_json
from ptyproof.provenance.persons import Person
from ptyproof.signing.keys import read_public, read_signer
from ptyproof.signing.payload import CONTRADICTION, MALFORMED, PAYLOAD_TYPE, Verdict, judged_claims, judged_payload
from ptyproof.signing.statement import signed_digest, statement_of

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey

    from ptyproof.checking import Finding


def sign_hub(root: Path, key: Path, signer: Person | None = None) -> str:
    """Write a signed statement about a hub beside its index; return the id of the key.

    Statements of other keys about the same index stay; an earlier one of this key, or about an earlier index, goes.

    Parameters
    ----------
    root
        The hub.
    key
        The private key.
    signer
        Who signs, if the statement is to name them.

    Raises
    ------
    InputError
        If the hub is not sound (as while a run is under way) or has no result, or the key cannot be used or lies in it.
    """
    own = read_signer(key)
    _refuse_within(root, key, "keep private keys out of what is handed on")
    refuse_unsound(root, "only sound hubs are signed")
    from securesystemslib.dsse import Envelope

    with lock(Hub(root).index_path):
        payload = format_json(statement_of(root, clock.stamp(), signer)).encode("utf-8")
        envelope = Envelope(payload, PAYLOAD_TYPE, {})
        signature = envelope.sign(own)
        kept = _of_others(root, str(signature.keyid))
        lines = [json.dumps(one.to_dict(), separators=(",", ":")) for one in (*kept, envelope)]
        write_text(root / STATEMENT, "".join(f"{line}\n" for line in lines))
    return str(signature.keyid)


def verdict_of(root: Path, key: Path) -> Verdict:
    """Return what is wrong with the signed statements beside a hub's index, and the key's statement where nothing is.

    Nothing of a statement is believed before its signature is verified.

    Raises
    ------
    InputError
        If the key cannot be used, or lies in the hub.
    """
    public = read_public(key)
    _refuse_within(root, key, "name a public key that came from its owner, in a file outside of the hub")
    by = public.keyid

    def wrong(code: str, place: str, said: str) -> Verdict:
        return Verdict(STATEMENT, [finding_about(STATEMENT, code, place, said)], {}, by)

    if not (root / STATEMENT).is_file():
        return wrong("PM912", "$", "is missing: the hub is not signed")
    try:
        envelopes = _read(root)
    except MALFORMED as error:
        return wrong("PM913", "$", f"is no DSSE envelope: {error}")
    lines = [_judged(envelope, n, public, root) for n, envelope in enumerate(envelopes, start=1)]
    n_about_it = sum(len(line.envelope.signatures) for line in lines if not line.findings)
    own = [line for line in lines if line.n_own]
    if not own:
        return Verdict(STATEMENT, [_not_signed(envelopes, public)], {}, by, 0, n_about_it)
    good = [line for line in own if not line.findings]
    false = [finding for line in own for finding in line.findings if finding.code == CONTRADICTION]
    if false or not good:
        return Verdict(STATEMENT, false or own[-1].findings, {}, by, 0, n_about_it)
    findings = [_beside(line) for line in lines if line.findings]
    return Verdict(STATEMENT, findings, good[-1].statement, by, sum(line.n_own for line in good), n_about_it)


@dataclass(frozen=True)
class _Line:
    """A line of the file: its number, how many of its signatures are by the key, and what is wrong with its payload.

    The claims of a line are compared with the hub if the key has signed it; others are nobody's word.
    """

    number: int
    envelope: Envelope
    n_own: int
    findings: list[Finding]
    statement: dict[str, Any]


def _judged(envelope: Envelope, number: int, key: SSlibKey, root: Path) -> _Line:
    n_own = _n_signed(envelope, key)
    judge = judged_claims if n_own else judged_payload
    return _Line(number, envelope, n_own, *judge(envelope.payload, root, STATEMENT))


def _beside(line: _Line) -> Finding:
    """Return the remark on a line that is beside a good one, and says nothing about this hub."""
    first = line.findings[0]
    said = f"line {line.number} is not counted as a signature of this hub: its payload {first.message}"
    return finding_about(STATEMENT, "PM924", "$.payload", said)


def _refuse_within(root: Path, key: Path, what_to_do: str) -> None:
    if key.resolve().is_relative_to(root.resolve()):
        raise InputError(f"--key {key} lies in the hub {root}; {what_to_do}")


def _of_others(root: Path, keyid: str) -> list[Envelope]:
    """Return the envelopes that are there with signatures of other keys, and about the index as it is."""
    try:
        envelopes = _read(root)
    except MALFORMED:
        return []
    present, kept = sha256_file(root / INDEX), []
    for envelope in envelopes:
        envelope.signatures.pop(keyid, None)
        try:
            is_about_it = signed_digest(parse_json(envelope.payload.decode("utf-8"), STATEMENT)) == present
        except MALFORMED:
            continue
        if envelope.signatures and is_about_it:
            kept.append(envelope)
    return kept


def _read(root: Path) -> list[Envelope]:
    lines = read_regular(root / STATEMENT, MAX_BYTES).decode("utf-8").splitlines()
    if not lines:
        raise ValueError("it is empty")
    return [_envelope(line, root / STATEMENT) for line in lines]


def _envelope(line: str, path: Path) -> Envelope:
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import FormatError

    value = parse_json(line, path)
    try:
        envelope = Envelope.from_dict(value)
    except FormatError as error:
        raise ValueError(str(error)) from error
    if envelope.payload_type != PAYLOAD_TYPE:
        raise ValueError(f"its payloadType is {str(envelope.payload_type)[:80]!r}")
    return envelope


def _n_signed(envelope: Envelope, key: SSlibKey) -> int:
    """Return how many signatures are by a key, whatever id they say: ids are hints, and not signed."""
    from securesystemslib.exceptions import UnverifiedSignatureError
    from securesystemslib.signer import Signature

    n = 0
    for signature in envelope.signatures.values():
        try:
            key.verify_signature(Signature(key.keyid, signature.signature), envelope.pae())
        except UnverifiedSignatureError:
            continue
        n += 1
    return n


def _not_signed(envelopes: Sequence[Envelope], key: SSlibKey) -> Finding:
    ids = [str(keyid) for envelope in envelopes for keyid in envelope.signatures]
    if key.keyid in ids:
        said = f"the signature of the key {key.keyid[:16]}... does not fit: payload or signature was changed"
        return finding_about(STATEMENT, "PM915", "$.signatures", said)
    others = ", ".join(f"{keyid[:16]}..." for keyid in dict.fromkeys(ids)) or "no key"
    said = f"is not signed by the key {key.keyid[:16]}..., but by {others}"
    return finding_about(STATEMENT, "PM914", "$.signatures", said)
