"""`ptyproof hub verify --key`: codes of a missing statement, of another key, and of what changed after a signature."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

import pytest

from ptyproof.cli.main import main
from ptyproof.hub.index import INDEX, STATEMENT, Hub
from ptyproof.report.summary import write_summary
from ptyproof.signing.statement import statement_of
from tests.helpers.hubs import make_run
from tests.helpers.signed_hubs import (
    STAMP,
    as_json,
    envelope_of,
    rewrite,
    signed,
    verified,
    warned,
)
from tests.helpers.signing_keys import Key
from tests.helpers.tested_hub import make_hub

pytest.importorskip("securesystemslib", reason="securesystemslib is not installed (it is part of the extra sign)")
pytest.importorskip("cryptography", reason="cryptography is not installed (it is part of the extra sign)")


def test_a_missing_statement_is_told(tmp_path: Path, key: Key, capsys: pytest.CaptureFixture[str]) -> None:
    assert verified(make_hub(tmp_path / "hub"), key.public, capsys) == (1, [(STATEMENT, "PM912")])


@pytest.mark.parametrize(
    "change",
    [
        lambda envelope: envelope.pop("signatures"),
        lambda envelope: envelope.update(payload="?"),
        lambda envelope: envelope.update(payloadType="text/plain"),
        lambda envelope: envelope.update(signatures=3),
    ],
)
def test_what_is_no_envelope_is_told(change: Any, hub: Path, key: Key, capsys: pytest.CaptureFixture[str]) -> None:
    envelope = envelope_of(hub)
    change(envelope)
    rewrite(hub, envelope)
    assert verified(hub, key.public, capsys) == (1, [(STATEMENT, "PM913")])


@pytest.mark.parametrize("text", ["", "{", "{}\n{}\n", "[]", "\x00"])
def test_a_file_that_is_no_statement_is_told(
    text: str, hub: Path, key: Key, capsys: pytest.CaptureFixture[str]
) -> None:
    (hub / STATEMENT).write_text(text)
    assert verified(hub, key.public, capsys) == (1, [(STATEMENT, "PM913")])


def test_a_signed_payload_that_is_no_statement_is_told(hub: Path, key: Key, capsys: pytest.CaptureFixture[str]) -> None:
    broken: list[dict[str, Any]] = [
        {"predicateType": "https://slsa.dev/provenance/v1"},
        {"subject": []},
        {"predicate": {}},
    ]
    for changes in broken:
        rewrite(hub, signed(statement_of(hub, STAMP) | changes, key))
        assert verified(hub, key.public, capsys) == (1, [(STATEMENT, "PM913")])


def test_another_key_is_told(hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verified(hub, Key(tmp_path / "others").public, capsys) == (1, [(STATEMENT, "PM914")])


@pytest.mark.parametrize("part", ["payload", "sig"])
def test_a_changed_payload_or_signature_is_told(
    part: str, hub: Path, key: Key, capsys: pytest.CaptureFixture[str]
) -> None:
    envelope = envelope_of(hub)
    holder = envelope if part == "payload" else envelope["signatures"][0]
    raw = bytearray(base64.b64decode(holder[part]))
    raw[5] ^= 1
    holder[part] = base64.b64encode(raw).decode()
    rewrite(hub, envelope)
    assert verified(hub, key.public, capsys) == (1, [(STATEMENT, "PM915")])


def test_an_id_of_a_key_proves_nothing(hub: Path, key: Key, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    envelope = envelope_of(hub)
    own = envelope["signatures"][0]["keyid"]
    envelope["signatures"][0]["keyid"] = "another name"
    rewrite(hub, envelope)
    assert verified(hub, key.public, capsys) == (0, [])
    other = Key(tmp_path / "others")
    (hub / STATEMENT).unlink()
    assert main(["hub", "sign", str(hub), "--key", str(other.private)]) == 0
    envelope = envelope_of(hub)
    envelope["signatures"][0]["keyid"] = own
    rewrite(hub, envelope)
    assert verified(hub, key.public, capsys) == (1, [(STATEMENT, "PM915")])


def test_a_hub_that_went_on_is_told_and_can_be_signed_again(
    hub: Path, key: Key, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(Hub(hub))
    Hub(hub).write(lambda: write_summary(hub))
    assert verified(hub, key.public, capsys) == (1, [(STATEMENT, "PM916")])
    assert main(["hub", "sign", str(hub), "--key", str(key.private)]) == 0
    assert verified(hub, key.public, capsys) == (0, [])
    assert len(envelope_of(hub)["signatures"]) == 1


def test_a_changed_byte_of_the_index_or_of_a_file_is_told(
    hub: Path, key: Key, capsys: pytest.CaptureFixture[str]
) -> None:
    index = (hub / INDEX).read_text()
    (hub / INDEX).write_text(index.replace("test_it.py", "test_if.py", 1))
    status, found = verified(hub, key.public, capsys)
    assert status == 1
    assert {(INDEX, "PM210"), (STATEMENT, "PM917")} <= set(found)  # the first run is not the one that was signed
    (hub / INDEX).write_text(index.replace('"exit_status": 0', '"exit_status": 5', 1))
    assert set(verified(hub, key.public, capsys)[1]) >= {(INDEX, "PM210"), (STATEMENT, "PM916")}
    (hub / INDEX).write_text(index)
    (hub / "docs" / "summary.md").write_text("nicer")
    assert verified(hub, key.public, capsys) == (1, [("docs/summary.md", "PM302")])


def test_a_statement_of_another_hub_is_told(
    hub: Path, key: Key, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ptyproof.clock.stamp", lambda: "2026-11-24T00:00:00Z")  # another second
    other = make_hub(tmp_path / "other")
    shutil.copy(hub / STATEMENT, other)
    assert verified(other, key.public, capsys) == (1, [(STATEMENT, "PM917")])


def test_a_line_that_others_added_hides_no_statement_and_a_broken_one_is_told(
    hub: Path, key: Key, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = make_hub(tmp_path / "other", {"passed": 1})
    Hub(other).update_run("run-0001", started="2026-11-24T00:00:00Z")
    Hub(other).write(lambda: write_summary(other))
    assert main(["hub", "sign", str(other), "--key", str(key.private)]) == 0
    own, foreign = ((root / STATEMENT).read_text() for root in (hub, other))
    for lines in (own + foreign, foreign + own):  # a statement of the same key about another hub
        (hub / STATEMENT).write_text(lines)
        assert verified(hub, key.public, capsys) == (0, [])
        assert warned(hub, key, capsys) == [(STATEMENT, "PM924")]
        (signature,) = as_json(hub, key, capsys)["signatures"]
        assert (signature["by_this_key"], signature["signatures"]) == (1, 1)
    (hub / STATEMENT).write_text(foreign)
    assert verified(hub, key.public, capsys) == (1, [(STATEMENT, "PM917")])
    (hub / STATEMENT).write_text(own + "{}\n")
    assert verified(hub, key.public, capsys) == (1, [(STATEMENT, "PM913")])
