"""What a signed statement claims is compared with the records of the hub."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ptyproof.cli.main import main
from ptyproof.hub.index import STATEMENT, Hub
from ptyproof.provenance.revision import NO_FILES
from ptyproof.report.summary import write_summary
from ptyproof.signing.statement import statement_of
from tests.helpers.hubs import REVISION
from tests.helpers.messages import names
from tests.helpers.signed_hubs import (
    STAMP,
    as_json,
    rewrite,
    signed,
    verified,
)
from tests.helpers.signing_keys import Key
from tests.helpers.tested_hub import make_hub

pytest.importorskip("securesystemslib", reason="securesystemslib is not installed (it is part of the extra sign)")
pytest.importorskip("cryptography", reason="cryptography is not installed (it is part of the extra sign)")

Change = Callable[[dict[str, Any]], object]


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
