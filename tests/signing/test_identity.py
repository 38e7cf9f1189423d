"""`ptyproof hub sign --sigstore` and `hub verify --sigstore`: real bundles of an instance on this machine.

The exchange with the public instance is not tested: it needs the network and a login.
"""

from __future__ import annotations

import base64
import json
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ptyproof.cli.main import main
from ptyproof.hub.index import BUNDLE, INDEX, Hub
from ptyproof.report.summary import write_summary
from ptyproof.signing.statement import statement_of
from tests.helpers.hubs import make_run
from tests.helpers.messages import names
from tests.helpers.tested_hub import make_hub

if TYPE_CHECKING:
    from tests.helpers.sigstore_instance import Instance

ME = "me@example.org"
ISSUER = "https://accounts.example.org"


def new_instance() -> Instance:
    """Return the services of an instance with keys of its own."""
    pytest.importorskip("sigstore", reason="sigstore is not installed (it is the extra sigstore)")
    from tests.helpers.sigstore_instance import Instance

    return Instance()


def token_in(path: Path, identity: str = ME, **more: int) -> Path:
    """Write an OpenID token into a file."""
    from tests.helpers.sigstore_instance import token

    path.write_text(token(identity, ISSUER, **more))
    return path


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    """The services of an instance."""
    made = new_instance()
    yield made
    made.close()


@pytest.fixture(scope="module")
def config(instance: Instance, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its client trust configuration."""
    return instance.write_config(tmp_path_factory.mktemp("config") / "trust.json")


def signed(hub: Path, config: Path, identity: str = ME) -> int:
    """Sign a hub by an identity; return the exit status."""
    path = token_in(hub.parent / f"{hub.name}-token", identity)
    return main(["hub", "sign", str(hub), "--sigstore", "--identity-token", str(path), "--trust-config", str(config)])


@pytest.fixture(scope="module")
def made(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed hub, which stays as it is."""
    root = make_hub(tmp_path_factory.mktemp("made") / "hub")
    assert signed(root, config) == 0
    return root


@pytest.fixture
def hub(made: Path, tmp_path: Path) -> Path:
    """A signed hub."""
    return Path(shutil.copytree(made, tmp_path / "hub"))


def verified(
    root: Path, config: Path, capsys: pytest.CaptureFixture[str], identity: str = ME, issuer: str = ISSUER
) -> tuple[int, list[tuple[str, str]]]:
    """Return the exit status of `hub verify --sigstore`, and file and code of each error."""
    capsys.readouterr()
    who = ["--identity", identity, "--issuer", issuer]
    status = main(["hub", "verify", str(root), "--sigstore", *who, "--trust-config", str(config)])
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if ": error " in line]
    return status, [(words[0].rstrip(":"), words[2]) for words in lines]


def change(root: Path, do: Any) -> None:
    """Change the bundle of a hub."""
    bundle = json.loads((root / BUNDLE).read_text())
    do(bundle)
    (root / BUNDLE).write_text(json.dumps(bundle))


def test_a_hub_signed_by_an_identity_is_verified_beside_its_index(
    made: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verified(made, config, capsys) == (0, [])
    assert main(["hub", "verify", str(made)]) == 0
    bundle = json.loads((made / BUNDLE).read_text())
    assert bundle["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    assert statement["subject"][0]["name"] == INDEX
    assert not [file for file in json.loads((made / INDEX).read_text())["files"] if file["path"] == BUNDLE]


def test_another_identity_or_issuer_is_told(made: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = (1, [(BUNDLE, "PM914")])
    assert verified(made, config, capsys, identity="you@example.org") == told
    assert verified(made, config, capsys, issuer="https://accounts.example.com") == told


def test_another_instance_is_told(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = new_instance()
    try:
        assert verified(made, other.write_config(tmp_path / "other.json"), capsys) == (1, [(BUNDLE, "PM915")])
    finally:
        other.close()


def test_a_missing_bundle_and_one_that_is_none_are_told(
    hub: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in ("", "{", "[]", "{}", "\x00"):
        (hub / BUNDLE).write_text(text)
        assert verified(hub, config, capsys) == (1, [(BUNDLE, "PM913")]), text
    (hub / BUNDLE).unlink()
    assert verified(hub, config, capsys) == (1, [(BUNDLE, "PM912")])


@pytest.mark.parametrize("part", ["payload", "sig", "time", "log"])
def test_a_changed_part_is_told(part: str, hub: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def do(bundle: dict[str, Any]) -> None:
        entry = bundle["verificationMaterial"]["tlogEntries"][0]
        if part == "time":
            entry["integratedTime"] = str(int(entry["integratedTime"]) - 1)
            return
        envelope = bundle["dsseEnvelope"]
        holder, key = {
            "payload": (envelope, "payload"),
            "sig": (envelope["signatures"][0], "sig"),
            "log": (entry, "canonicalizedBody"),
        }[part]
        raw = bytearray(base64.b64decode(holder[key]))
        raw[len(raw) // 2] ^= 1
        holder[key] = base64.b64encode(raw).decode()

    change(hub, do)
    assert verified(hub, config, capsys) == (1, [(BUNDLE, "PM915")])


def test_a_changed_byte_anywhere_is_told_or_changes_nothing(
    hub: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw, rng = (hub / BUNDLE).read_bytes(), random.Random(7)
    found = []
    for place in rng.sample(range(len(raw)), 40):
        (hub / BUNDLE).write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        found.append(verified(hub, config, capsys))
    assert all(one in ((0, []), (1, [(BUNDLE, "PM913")]), (1, [(BUNDLE, "PM915")])) for one in found)
    assert sum(status for status, _ in found) > 30


def test_a_hub_that_went_on_is_told_and_can_be_signed_again(
    hub: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(Hub(hub))
    Hub(hub).write(lambda: write_summary(hub))
    assert verified(hub, config, capsys) == (1, [(BUNDLE, "PM916")])
    assert signed(hub, config) == 0
    assert verified(hub, config, capsys) == (0, [])


def test_a_statement_of_another_hub_is_told(
    made: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ptyproof.clock.stamp", lambda: "2026-11-24T00:00:00Z")  # another second
    other = make_hub(tmp_path / "other")
    shutil.copy(made / BUNDLE, other)
    assert verified(other, config, capsys) == (1, [(BUNDLE, "PM917")])


def test_a_claim_that_the_records_do_not_give_is_an_error(
    hub: Path, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nicer(*args: Any) -> dict[str, Any]:
        found = statement_of(*args)
        found["predicate"] |= {"result": "PASSED", "warnedTests": []}
        return found

    monkeypatch.setattr("ptyproof.signing.identity.statement_of", nicer)  # of somebody who signs what they want
    assert signed(hub, config) == 0
    assert verified(hub, config, capsys) == (1, [(BUNDLE, "PM923"), (BUNDLE, "PM923")])


def test_the_bundle_travels_in_a_zip_file(
    made: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hub", "export", str(made), "--format", "ro-crate", str(tmp_path / "hub.zip")]) == 0
    shutil.unpack_archive(tmp_path / "hub.zip", tmp_path / "unpacked")
    assert verified(tmp_path / "unpacked", config, capsys) == (0, [])


# What cannot be signed or verified


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the one sentence that refuses a command."""
    capsys.readouterr()
    assert main(list(words)) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_without_the_package_an_identity_or_a_network_one_sentence_says_so(
    made: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI"):  # a job there has an identity
        monkeypatch.delenv(name, raising=False)
    before = (made / BUNDLE).read_bytes()
    sign, verify = (["hub", action, str(made), "--sigstore"] for action in ("sign", "verify"))
    assert names(refused(capsys, *sign), "--identity-token")
    for option, value in (("--identity", ME), ("--issuer", ISSUER)):
        assert names(refused(capsys, *verify, option, value), "--identity", "--issuer")
    bad, late = tmp_path / "bad", token_in(tmp_path / "late", lasts_s=-600)
    bad.write_text("no token")
    for path in (bad, late, tmp_path / "nowhere"):
        assert names(refused(capsys, *sign, "--identity-token", str(path)), "--identity-token", str(path))
    good = token_in(tmp_path / "good")
    assert names(refused(capsys, *sign, "--identity-token", str(good), "--trust-config", str(bad)), str(bad))
    gone = new_instance()
    gone.close()
    nobody = gone.write_config(tmp_path / "gone.json")
    said = refused(capsys, *sign, "--identity-token", str(good), "--trust-config", str(nobody))
    assert good.read_text() not in said
    monkeypatch.setitem(sys.modules, "sigstore", None)
    assert names(refused(capsys, *sign), "sigstore", "pytest-ptyproof[sigstore]")
    assert names(refused(capsys, *verify, "--identity", ME, "--issuer", ISSUER), "pytest-ptyproof[sigstore]")
    assert (made / BUNDLE).read_bytes() == before


def test_options_of_an_identity_are_refused_without_sigstore(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--identity", "--issuer", "--trust-config"):
        assert names(refused(capsys, "hub", "verify", str(made), option, "x"), option, "--sigstore")
    assert names(refused(capsys, "hub", "sign", str(made), "--key", "k", "--identity-token", "x"), "--identity-token")


def test_no_network_is_asked_without_sigstore(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def connect(*args: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", connect)
    assert main(["hub", "verify", str(made)]) == 0
