"""`ptyproof hub sign --key`: what is signed, by which keys and how many, and what is refused."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.cli.main import main
from ptyproof.hub.index import INDEX, STATEMENT, Hub
from ptyproof.io.hashing import sha256_file
from ptyproof.signing.statement import PREDICATE_TYPE, STATEMENT_TYPE, statement_of
from tests.helpers.hubs import ENVIRONMENT, REVISION, make_run
from tests.helpers.messages import names
from tests.helpers.signed_hubs import (
    STAMP,
    as_json,
    envelope_of,
    envelopes_of,
    keyid_of,
    rewrite,
    verified,
)
from tests.helpers.signing_keys import Key
from tests.helpers.tested_hub import make_hub

pytest.importorskip("securesystemslib", reason="securesystemslib is not installed (it is part of the extra sign)")
pytest.importorskip("cryptography", reason="cryptography is not installed (it is part of the extra sign)")


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
