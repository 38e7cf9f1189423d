"""What tests read of signed hubs, and statements that they write beside an index."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ptyproof.cli.main import main
from ptyproof.hub.index import STATEMENT
from tests.helpers.signing_keys import Key

STAMP = "2026-11-24T00:00:00Z"


def verified(root: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[tuple[str, str]]]:
    """Return the exit status of `hub verify --key`, and file and code of each line."""
    capsys.readouterr()
    status = main(["hub", "verify", str(root), "--key", str(key)])
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if ": error " in line]
    return status, [(words[0].rstrip(":"), words[2]) for words in lines]


def envelope_of(root: Path) -> dict[str, Any]:
    """Return the envelope beside the index."""
    (envelope,) = envelopes_of(root)
    return envelope


def envelopes_of(root: Path) -> list[dict[str, Any]]:
    """Return the envelopes beside the index."""
    return [json.loads(line) for line in (root / STATEMENT).read_text().splitlines()]


def predicate_of(envelope: dict[str, Any]) -> dict[str, Any]:
    """Return the predicate of the statement in an envelope."""
    found: dict[str, Any] = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
    return found


def keyid_of(key: Key) -> str:
    """Return the id of a key."""
    from ptyproof.signing.keys import read_public

    return str(read_public(key.public).keyid)


def as_json(root: Path, key: Key, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return what `hub verify --key` says for programs."""
    capsys.readouterr()
    main(["hub", "verify", str(root), "--key", str(key.public), "--format", "json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def signed(statement: dict[str, Any], key: Key) -> dict[str, Any]:
    """Return an envelope with any statement, signed as `hub sign` signs."""
    from securesystemslib.dsse import Envelope

    from ptyproof.signing.keys import read_signer

    envelope = Envelope(json.dumps(statement).encode(), "application/vnd.in-toto+json", {})
    envelope.sign(read_signer(key.private))
    found: dict[str, Any] = envelope.to_dict()
    return found


def warned(root: Path, key: Key, capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """Return file and code of each warning about a signed hub."""
    found = as_json(root, key, capsys)["findings"]
    return [(one["file"], one["code"]) for one in found if one["severity"] == "warning"]


def rewrite(root: Path, envelope: dict[str, Any]) -> None:
    """Write another envelope beside the index."""
    (root / STATEMENT).write_text(json.dumps(envelope) + "\n")
