"""`ptyproof hub sign` and `hub verify --key`: what is signed, and what is told apart where something was changed."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.cli.main import main
from ptyproof.hub.index import CRATE, INDEX, PAGE, STATEMENT, Hub
from ptyproof.io.hashing import sha256_file
from ptyproof.provenance.revision import NO_FILES
from ptyproof.report.summary import write_summary
from ptyproof.signing.statement import PREDICATE_TYPE, STATEMENT_TYPE, statement_of
from tests.helpers.hubs import ENVIRONMENT, REVISION, make_run
from tests.helpers.messages import names
from tests.helpers.signing_keys import Key
from tests.helpers.tested_hub import make_hub

pytest.importorskip("securesystemslib", reason="securesystemslib is not installed (it is part of the extra sign)")
Change = Callable[[dict[str, Any]], object]
STAMP = "2026-11-24T00:00:00Z"
pytest.importorskip("cryptography", reason="cryptography is not installed (it is part of the extra sign)")


@pytest.fixture
def key(tmp_path: Path) -> Key:
    """A pair of keys."""
    return Key(tmp_path / "keys")


@pytest.fixture
def hub(tmp_path: Path, key: Key) -> Path:
    """A signed hub."""
    root = make_hub(tmp_path / "hub")
    assert main(["hub", "sign", str(root), "--key", str(key.private)]) == 0
    return root


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


def test_a_signed_hub_is_sound_and_its_index_is_as_it_was(
    tmp_path: Path, key: Key, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_hub(tmp_path / "hub")
    before = (root / INDEX).read_bytes()
    assert main(["hub", "sign", str(root), "--key", str(key.private)]) == 0
    assert (root / INDEX).read_bytes() == before
    assert verify_hub(root) == []
    assert verified(root, key.public, capsys) == (0, [])
    assert main(["hub", "verify", str(root), "--key", str(key.public)]) == 0
    assert names(capsys.readouterr().out, keyid_of(key), "WARNED", "2 passed", "1 skipped", "0 failed")


def test_the_statement_is_an_in_toto_test_result_over_the_index(hub: Path) -> None:
    envelope = envelope_of(hub)
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    statement = json.loads(base64.b64decode(envelope["payload"]))
    assert (statement["_type"], statement["predicateType"]) == (STATEMENT_TYPE, PREDICATE_TYPE)
    (subject,) = statement["subject"]
    assert (subject["name"], subject["digest"]) == (INDEX, {"sha256": sha256_file(hub / INDEX)})
    predicate = statement["predicate"]
    assert predicate["passedTests"] == ["test_it.py::test_passed_0", "test_it.py::test_passed_1"]
    assert (predicate["warnedTests"], predicate["failedTests"]) == (["test_it.py::test_skipped_0"], [])
    assert {"name": "code", "digest": {"sha256": "a" * 64}} in predicate["configuration"]


@pytest.mark.parametrize(
    ("outcomes", "status", "result"),
    [
        ({"passed": 1}, 0, "PASSED"),
        ({"passed": 1, "skipped": 1}, 0, "WARNED"),
        ({"passed": 1, "failed": 1}, 1, "FAILED"),
        ({"passed": 1}, 3, "FAILED"),
    ],
)
def test_the_result_is_that_of_the_newest_run_that_is_no_red_evidence(
    tmp_path: Path, outcomes: dict[str, int], status: int, result: str
) -> None:
    root = make_hub(tmp_path / "hub", outcomes, status)
    make_run(Hub(root), "red", "adding", accepted=True, outcomes={"failed": 1}, status=1)
    assert statement_of(root, STAMP)["predicate"]["result"] == result


def test_the_signature_is_one_by_the_rules_of_dsse(hub: Path, key: Key) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    envelope = envelope_of(hub)
    kind, payload = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"])
    signed = b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])
    public = load_pem_public_key(key.public.read_bytes())
    assert isinstance(public, Ed25519PublicKey)
    public.verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed)  # raises where it does not fit


def test_an_ssh_key_signs_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, key = make_hub(tmp_path / "hub"), Key(tmp_path / "keys", "ssh")
    assert key.public.read_text().startswith("ssh-ed25519 ")
    assert main(["hub", "sign", str(root), "--key", str(key.private)]) == 0
    assert verified(root, key.public, capsys) == (0, [])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_keys_of_the_documents_sign(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    root = make_hub(tmp_path / "hub")
    assert main(["hub", "sign", str(root), "--key", str(private)]) == 0
    assert verified(root, public, capsys) == (0, [])


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


def test_a_description_that_no_signature_covers_is_named(
    hub: Path, key: Key, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hub", "export", str(hub), "--format", "ro-crate", str(tmp_path / "crate")]) == 0
    said = {}
    for root in (hub, tmp_path / "crate"):
        capsys.readouterr()
        assert main(["hub", "verify", str(root), "--key", str(key.public)]) == 0
        said[root.name] = capsys.readouterr().out
    assert {name: CRATE in text for name, text in said.items()} == {"hub": False, "crate": True}


def test_two_people_sign_one_index(hub: Path, key: Key, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = Key(tmp_path / "others")
    assert main(["hub", "sign", str(hub), "--key", str(other.private)]) == 0
    assert len(envelopes_of(hub)) == 2
    for one in (key, other):
        assert verified(hub, one.public, capsys) == (0, [])
        assert main(["hub", "verify", str(hub), "--key", str(one.public)]) == 0
        assert names(capsys.readouterr().out, "1 of 2", keyid_of(one))
        (signature,) = as_json(hub, one, capsys)["signatures"]
        assert (signature["by"], signature["by_this_key"], signature["signatures"]) == (keyid_of(one), 1, 2)
    assert main(["hub", "sign", str(hub), "--key", str(key.private)]) == 0  # again: the earlier one is replaced
    assert len(envelopes_of(hub)) == 2


def test_one_envelope_with_the_signatures_of_two_people_is_read(
    hub: Path, key: Key, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from securesystemslib.dsse import Envelope

    from ptyproof.signing.keys import read_signer

    other = Key(tmp_path / "others")
    envelope = Envelope.from_dict(envelope_of(hub))
    envelope.sign(read_signer(other.private))
    rewrite(hub, envelope.to_dict())
    for one in (key, other):
        assert verified(hub, one.public, capsys) == (0, [])
        (signature,) = as_json(hub, one, capsys)["signatures"]
        assert (signature["by_this_key"], signature["signatures"]) == (1, 2)


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


# What the statement claims, held against the hub


def claiming(**changes: Any) -> Change:
    """Return a change of what a predicate claims."""
    return lambda predicate: predicate.update(changes)


def claiming_too(**changes: Any) -> Change:
    """Return a change of what the extension of a predicate claims."""
    return lambda predicate: predicate["ptyproof"].update(changes)


def adding(key: str, entry: Any) -> Change:
    """Return a change that adds an entry to a list of the predicate."""
    return lambda predicate: predicate[key].append(entry)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (claiming(result="PASSED"), "result"),
        (claiming(warnedTests=[]), "warnedTests"),
        (adding("passedTests", "tests/extra.py::test_never_ran"), "passedTests"),
        (lambda predicate: predicate["passedTests"].pop(), "passedTests"),
        (adding("passedTests", "test_it.py::test_passed_0"), "passedTests"),
        (adding("failedTests", {"not": "a name"}), "failedTests"),
        (adding("configuration", {"name": "commit", "digest": {"gitCommit": "0" * 40}}), "configuration"),
        (lambda predicate: predicate["configuration"].clear(), "configuration"),
        (claiming(configuration=3), "configuration"),
        (claiming_too(study="another"), "study"),
        (claiming_too(tests={"passed": 99}), "tests"),
        (claiming_too(revisions=[]), "revisions"),
        (lambda predicate: predicate["ptyproof"]["revisions"][0].update(commit="0" * 40), "revisions"),
    ],
)
def test_a_claim_that_the_records_do_not_give_is_an_error(
    change: Change, place: str, hub: Path, key: Key, capsys: pytest.CaptureFixture[str]
) -> None:
    statement = statement_of(hub, STAMP)
    change(statement["predicate"])
    rewrite(hub, signed(statement, key))
    status, errors = verified(hub, key.public, capsys)
    assert (status, set(errors)) == (1, {(STATEMENT, "PM923")})
    found = as_json(hub, key, capsys)
    assert {one["json_path"].rpartition(".")[2] for one in found["findings"]} == {place}
    assert [signature["predicate"] for signature in found["signatures"]] == [None]


def test_a_false_claim_beside_a_true_statement_of_the_same_key_is_an_error(
    hub: Path, key: Key, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    statement = statement_of(hub, STAMP)
    statement["predicate"]["result"] = "PASSED"
    true = (hub / STATEMENT).read_text()
    for signer, told in ((key, (1, [(STATEMENT, "PM923")])), (Key(tmp_path / "others"), (0, []))):
        false = json.dumps(signed(statement, signer)) + "\n"
        for lines in (true + false, false + true):
            (hub / STATEMENT).write_text(lines)
            assert verified(hub, key.public, capsys) == told


def test_what_a_statement_leaves_out_and_its_order_contradict_nothing(
    hub: Path, key: Key, capsys: pytest.CaptureFixture[str]
) -> None:
    statement = statement_of(hub, STAMP)
    statement["predicate"]["passedTests"].reverse()
    for left_out in ("ptyproof", "configuration", "warnedTests", "passedTests", "failedTests"):
        rewrite(hub, signed(statement, key))
        assert verified(hub, key.public, capsys) == (0, [])
        del statement["predicate"][left_out]
    rewrite(hub, signed(statement, key))
    assert verified(hub, key.public, capsys) == (0, [])


def test_no_digest_of_code_is_stated_where_no_file_with_code_was_recorded(
    tmp_path: Path, key: Key, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_hub(tmp_path / "hub")
    Hub(root).update_run("run-0001", revision=REVISION | {"code_sha256": NO_FILES})
    Hub(root).write(lambda: write_summary(root))
    statement = statement_of(root, STAMP)
    assert [entry["name"] for entry in statement["predicate"]["configuration"]] == []
    assert statement["predicate"]["ptyproof"]["revisions"][0]["codeSha256"] is None
    assert main(["hub", "sign", str(root), "--key", str(key.private)]) == 0
    assert verified(root, key.public, capsys) == (0, [])
    assert main(["hub", "verify", str(root), "--key", str(key.public)]) == 0
    out = capsys.readouterr().out
    assert NO_FILES[:8] not in out
    assert names(out, "no file with code")
    statement["predicate"]["configuration"] = [{"name": "code", "digest": {"sha256": NO_FILES}}]  # as it was stated
    statement["predicate"]["ptyproof"]["revisions"][0]["codeSha256"] = NO_FILES
    rewrite(root, signed(statement, key))
    assert verified(root, key.public, capsys) == (0, [])
    assert main(["hub", "verify", str(root), "--key", str(key.public)]) == 0
    assert NO_FILES[:8] not in capsys.readouterr().out


# What the statement says, and what it covers


def test_the_statement_has_time_study_revision_and_counts(
    hub: Path, key: Key, capsys: pytest.CaptureFixture[str]
) -> None:
    found = predicate_of(envelope_of(hub))["ptyproof"]
    assert set(found) == {"signedAt", "study", "revisions", "tests"}  # nobody is named who did not ask for it
    assert found["revisions"] == [{"commit": None, "hasUncommittedChanges": None, "codeSha256": "a" * 64}]
    assert found["tests"] == {"passed": 2, "skipped": 1}
    assert main(["hub", "verify", str(hub), "--key", str(key.public)]) == 0
    assert names(capsys.readouterr().out, found["signedAt"], "a" * 64)
    (signature,) = as_json(hub, key, capsys)["signatures"]
    assert signature["predicate"]["ptyproof"] == found


def test_commit_and_uncommitted_changes_are_stated(
    tmp_path: Path, key: Key, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_hub(tmp_path / "hub")
    Hub(root).update_run("run-0001", revision=REVISION | {"commit": "c" * 40, "uncommitted_sha256": "d" * 64})
    Hub(root).write(lambda: write_summary(root))
    assert main(["hub", "sign", str(root), "--key", str(key.private)]) == 0
    (found,) = predicate_of(envelope_of(root))["ptyproof"]["revisions"]
    assert (found["commit"], found["hasUncommittedChanges"]) == ("c" * 40, True)
    assert main(["hub", "verify", str(root), "--key", str(key.public)]) == 0
    assert "c" * 40 in capsys.readouterr().out


@pytest.mark.parametrize(
    ("said", "signer"),
    [
        ("Ada Lovelace <ada@example.org>", {"name": "Ada Lovelace", "email": "ada@example.org"}),
        ("J. Carberry <0000-0002-1825-0097>", {"name": "J. Carberry", "url": "https://orcid.org/0000-0002-1825-0097"}),
        ("Ada", {"name": "Ada"}),
    ],
)
def test_a_signer_who_wants_to_be_named_is_in_the_statement(
    said: str, signer: dict[str, str], hub: Path, key: Key, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hub", "sign", str(hub), "--key", str(key.private), "--signer", said]) == 0
    assert predicate_of(envelope_of(hub))["ptyproof"]["signer"] == signer
    assert main(["hub", "verify", str(hub), "--key", str(key.public)]) == 0
    assert names(capsys.readouterr().out, *signer.values())


def test_a_signer_who_is_no_person_is_refused_and_nothing_is_signed(
    hub: Path, key: Key, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (hub / STATEMENT).read_bytes()
    for said in ("", "Ada <nobody>", "J. Carberry <0000-0002-1825-0098>", "two\nlines"):
        assert main(["hub", "sign", str(hub), "--key", str(key.private), "--signer", said]) == 2
        assert names(capsys.readouterr().err, "--signer")
    assert (hub / STATEMENT).read_bytes() == before


def test_hostile_words_in_a_signed_statement_cannot_leave_their_line(
    hub: Path, key: Key, capsys: pytest.CaptureFixture[str]
) -> None:
    for extension, status in (
        ({"signer": {"name": "x\nhub: sound\x1b[31m"}, "signedAt": ["\n"]}, 0),
        ({"revisions": [3, {"commit": "\nhub: sound\x1b[31m"}], "signer": []}, 1),
        ({"tests": {"passed\nhub: sound\x1b[31m": "many"}, "study": {}}, 1),
    ):
        statement = statement_of(hub, STAMP)
        statement["predicate"]["ptyproof"] = extension
        rewrite(hub, signed(statement, key))
        assert main(["hub", "verify", str(hub), "--key", str(key.public)]) == status
        out = "".join(capsys.readouterr())
        assert "\x1b" not in out
        assert not any(line.startswith("hub: sound") for line in out.splitlines())


def test_what_is_covered_and_what_is_not_is_said(
    hub: Path, key: Key, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crate = tmp_path / "crate"
    assert main(["hub", "export", str(hub), "--format", "ro-crate", str(crate), "--agent", "Ada"]) == 0
    (crate / ".hub.json.ptyproof.lock").write_text("")
    (crate / "work").mkdir()
    (crate / "work" / ".a.npz.ptyproof.lock").write_text("")
    found = as_json(crate, key, capsys)
    assert found["covered"]["files"] == len(json.loads((hub / INDEX).read_text())["files"])
    beside = {CRATE, PAGE, STATEMENT, ".hub.json.ptyproof.lock", "work/.a.npz.ptyproof.lock"}
    assert {entry["file"] for entry in found["not_covered"]} == beside
    assert main(["hub", "verify", str(crate), "--key", str(key.public)]) == 0
    assert names(capsys.readouterr().out, *beside, "Ada")
    (crate / "docs" / "summary.md").write_text("nicer")
    found = as_json(crate, key, capsys)
    assert (found["is_sound"], found["covered"]) == (False, None)
    errors = [(one["file"], one["code"]) for one in found["findings"] if one["severity"] == "error"]
    assert errors == [("docs/summary.md", "PM302")]


def test_a_hub_that_cannot_be_signed_is_refused(tmp_path: Path, key: Key, capsys: pytest.CaptureFixture[str]) -> None:
    unsound, empty, running = (make_hub(tmp_path / name) for name in ("unsound", "empty", "running"))
    (unsound / "docs" / "summary.md").write_text("nicer")
    shutil.rmtree(empty)
    make_run(Hub(empty), "red", "adding", accepted=True, outcomes={"failed": 1}, status=1)
    no_hub = tmp_path / "no hub"
    no_hub.mkdir()
    Hub(running).open_run(["pytest"], "none", None, ENVIRONMENT, REVISION)
    for root, part in ((unsound, "docs/summary.md"), (empty, str(empty)), (running, "PM710"), (no_hub, INDEX)):
        capsys.readouterr()
        assert main(["hub", "sign", str(root), "--key", str(key.private)]) == 2, root
        assert names(capsys.readouterr().err, str(root), part)
        assert not (root / STATEMENT).exists()


def test_the_extra_is_named_where_it_is_missing(
    hub: Path, key: Key, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "securesystemslib", None)
    for action, path in (("sign", key.private), ("verify", key.public)):
        capsys.readouterr()
        assert main(["hub", action, str(hub), "--key", str(path)]) == 2
        assert names(capsys.readouterr().err, "securesystemslib", "pytest-ptyproof[sign]")
    assert main(["hub", "verify", str(hub)]) == 0


def test_a_key_that_cannot_be_used_is_refused(
    hub: Path, key: Key, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from cryptography.hazmat.primitives import serialization as as_bytes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    def written(name: str, own: Any, encryption: Any) -> Path:
        path = tmp_path / name
        path.write_bytes(own.private_bytes(as_bytes.Encoding.PEM, as_bytes.PrivateFormat.PKCS8, encryption))
        return path

    locked = written(
        "locked.pem", ed25519.Ed25519PrivateKey.generate(), as_bytes.BestAvailableEncryption(b"a passphrase")
    )
    other = written("other.pem", ec.generate_private_key(ec.SECP256R1()), as_bytes.NoEncryption())
    inside = Path(shutil.copy(key.private, hub / "docs" / "private.pem"))
    before = (hub / STATEMENT).read_bytes()
    for path in (locked, other, inside, key.public, tmp_path / "nowhere.pem", hub / INDEX):
        capsys.readouterr()
        assert main(["hub", "sign", str(hub), "--key", str(path)]) == 2, path
        assert names(capsys.readouterr().err, "--key", str(path))
    assert (hub / STATEMENT).read_bytes() == before
    inside.unlink()
    public = Path(shutil.copy(key.public, hub / "public.pem"))  # what travels with a hub proves nothing about it
    for path in (key.private, tmp_path / "nowhere.pem", hub / INDEX, public):
        capsys.readouterr()
        assert main(["hub", "verify", str(hub), "--key", str(path)]) == 2, path
        assert names(capsys.readouterr().err, "--key", str(path))
