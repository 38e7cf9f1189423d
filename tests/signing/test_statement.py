"""What a signed statement says of a hub and its signer, and which files it covers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ptyproof.cli.main import main
from ptyproof.hub.index import CRATE, INDEX, PAGE, STATEMENT, Hub
from ptyproof.report.summary import write_summary
from ptyproof.signing.statement import statement_of
from tests.helpers.hubs import REVISION
from tests.helpers.messages import names
from tests.helpers.signed_hubs import (
    STAMP,
    as_json,
    envelope_of,
    predicate_of,
    rewrite,
    signed,
)
from tests.helpers.signing_keys import Key
from tests.helpers.tested_hub import make_hub

pytest.importorskip("securesystemslib", reason="securesystemslib is not installed (it is part of the extra sign)")
pytest.importorskip("cryptography", reason="cryptography is not installed (it is part of the extra sign)")


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
