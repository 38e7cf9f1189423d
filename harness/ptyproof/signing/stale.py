"""Signed statements beside a hub's index that are about another index: seen without any key.

An index that was written again, as by a new run or by `ptyproof report`, is another one. Its signatures are then of the
index before, and who gives a hub on without looking gives on a signature that does not hold.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ptyproof.errors import InputError
from ptyproof.hub.index import BUNDLE, INDEX, STATEMENT
from ptyproof.io.hashing import sha256_file
from ptyproof.io.regular import read_regular
from ptyproof.io.strict_json import MAX_BYTES, parse_json
from ptyproof.signing.payload import MALFORMED
from ptyproof.signing.statement import signed_digest


def stale_statements(root: Path) -> Iterator[tuple[str, str]]:
    """Yield file and sentence of each statement beside the index of a hub that is about another index.

    Nothing is verified; what is no statement is left to those who verify it.
    """
    if not (root / INDEX).is_file():
        return
    present = sha256_file(root / INDEX)
    for name, payloads in ((STATEMENT, _of_envelopes), (BUNDLE, _of_bundle)):
        try:
            found = list(payloads(root)) if (root / name).is_file() else []
        except MALFORMED:
            continue
        for number, payload in enumerate(found, start=1):
            try:
                digest = signed_digest(parse_json(base64.b64decode(payload).decode("utf-8"), name))
            except MALFORMED:
                continue
            if digest != present:
                where = f"line {number} " if len(found) > 1 else ""
                told = f"{digest[:16]}..., but that of {INDEX} is {present[:16]}..."
                yield name, f"{where}is about an index with the sha256 {told}"


def refuse_stale(root: Path, why: str) -> None:
    """Refuse a hub with a statement about another index.

    Raises
    ------
    InputError
        Names the file and both digests, and says what to do.
    """
    for name, said in stale_statements(root):
        raise InputError(f"{root / name} {said}: {why}; sign the hub again (`ptyproof hub sign`), or remove the file")


def _of_envelopes(root: Path) -> Iterator[str]:
    for line in read_regular(root / STATEMENT, MAX_BYTES).decode("utf-8").splitlines():
        envelope: Any = parse_json(line, STATEMENT)
        yield envelope["payload"]


def _of_bundle(root: Path) -> Iterator[str]:
    bundle: Any = parse_json(read_regular(root / BUNDLE, MAX_BYTES).decode("utf-8"), BUNDLE)
    yield bundle["dsseEnvelope"]["payload"]
