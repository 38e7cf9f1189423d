"""A signature of an earlier index: told without a key, and not handed on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ptyproof.cli.main import main
from ptyproof.hub.index import INDEX, STATEMENT
from ptyproof.signing.stale import stale_statements
from tests.helpers.messages import names
from tests.helpers.signing_keys import Key
from tests.helpers.tested_hub import make_hub

pytest.importorskip("securesystemslib", reason="securesystemslib is not installed (it is part of the extra sign)")
pytest.importorskip("cryptography", reason="cryptography is not installed (it is part of the extra sign)")


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """A signed hub."""
    root = make_hub(tmp_path / "hub")
    assert main(["hub", "sign", str(root), "--key", str(Key(tmp_path / "keys").private)]) == 0
    return root


def warnings(hub: Path, capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """Return file and code of each warning of `hub verify` without a key."""
    capsys.readouterr()
    assert main(["hub", "verify", str(hub), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["findings"]
    return [(one["file"], one["code"]) for one in found if one["severity"] == "warning"]


def test_a_report_that_is_written_again_says_that_the_signature_is_of_the_index_before(
    hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (list(stale_statements(hub)), (STATEMENT, "PM924") in warnings(hub, capsys)) == ([], False)
    assert main(["report", "--hub", str(hub)]) == 0
    assert names(capsys.readouterr().err, STATEMENT, INDEX)
    assert [name for name, _ in stale_statements(hub)] == [STATEMENT]
    assert (STATEMENT, "PM924") in warnings(hub, capsys)
    out = tmp_path / "out.zip"
    assert main(["hub", "export", str(hub), "--format", "ro-crate", str(out)]) == 2
    assert names(capsys.readouterr().err, STATEMENT, "hub sign")
    assert not out.exists()


def test_it_is_handed_on_when_it_was_signed_again(hub: Path, tmp_path: Path) -> None:
    assert main(["report", "--hub", str(hub)]) == 0
    assert main(["hub", "sign", str(hub), "--key", str(Key(tmp_path / "others").private)]) == 0
    assert list(stale_statements(hub)) == []
    assert main(["hub", "export", str(hub), "--format", "ro-crate", str(tmp_path / "out.zip")]) == 0


@pytest.mark.parametrize("text", ["", "no JSON", '{"payload": 7}', '{"payload": "e30="}', "[]"])
def test_what_is_no_statement_is_left_to_those_who_verify_it(hub: Path, text: str) -> None:
    (hub / STATEMENT).write_text(text)
    assert list(stale_statements(hub)) == []
