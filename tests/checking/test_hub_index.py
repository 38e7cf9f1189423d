"""The index of a hub: its own digest, and every file of the hub in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import check_manifest
from ptyproof.hub.index import Hub
from ptyproof.hub.session import MARKER_RULE


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """The index of a hub with one file."""
    root = tmp_path / "hub"
    root.mkdir()
    (root / "notes.md").write_text("seen")
    Hub(root).write(lambda: None)
    return root / "hub.json"


def found(path: Path) -> list[tuple[str, str]]:
    """Return code and JSON path of what was found."""
    return [(finding.code, finding.json_path) for finding in check_manifest(path).findings]


def test_a_sound_index(index: Path) -> None:
    assert check_manifest(index).kind == "hub_index"
    assert found(index) == []


def test_an_index_that_was_changed(index: Path) -> None:
    index.write_text(index.read_text().replace('"size_bytes": 4', '"size_bytes": 5'))
    assert found(index) == [("PM210", "$.index_sha256"), ("PM302", "$.files[0].size_bytes")]


def test_files_that_the_index_does_not_have(index: Path) -> None:
    for number in range(30):
        (index.parent / f"{number:02d}.txt").write_text("x")
    assert found(index) == [("PM210", "$.files")] * 21


def test_a_file_that_was_changed_or_removed(index: Path) -> None:
    notes = index.parent / "notes.md"
    notes.write_text("SEEN")
    assert found(index) == [("PM303", "$.files[0].sha256")]
    notes.unlink()
    assert found(index) == [("PM301", "$.files[0].path")]


def test_names_that_are_no_text_are_no_fault(index: Path) -> None:
    for name in (b"caf\xe9.txt", b"back\\slash", "Zürich.txt".encode()):
        Path(os.fsdecode(os.fsencode(index.parent) + b"/" + name)).write_text("x")
    Hub(index.parent).write(lambda: None)
    assert found(index) == []


SOUND: dict[str, Any] = {"evidence": "green", "outcomes": {"passed": 2}, "exit_status": 0}
LEFT_OUT = [{"by": "-k", "by_command": True, "count": 1}, {"by": MARKER_RULE, "by_command": False, "count": 3}]


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({}, []),
        ({"deselected": LEFT_OUT}, []),
        ({"evidence": "red", "outcomes": {"failed": 2}, "reruns": [{"test": "a", "count": 1}]}, []),
        ({"exit_status": 7}, ["accepted"]),
        ({"outcomes": {"passed": 2, "failed": 0, "not_run": 1}}, ["outcomes"]),
        ({"outcomes": {"passed": 1, "xpassed": 1}, "evidence": "red"}, ["outcomes"]),
        ({"reruns": [{"test": "a", "count": 1}]}, ["reruns"]),
        ({"uncollected": [{"module": "a.py", "reason": "no beam"}]}, ["uncollected"]),
        ({"deselected": [*LEFT_OUT, {"by": "conftest.py", "by_command": False, "count": 1}]}, ["deselected"]),
    ],
)
def test_an_accepted_run_with_what_none_can_have(index: Path, changes: dict[str, Any], places: list[str]) -> None:
    run = SOUND | changes
    hub = Hub(index.parent)
    environment = {"python": "3", "system": "Linux", "machine": "x86_64"}
    digests = {"code_sha256": "0" * 64, "tests_sha256": "0" * 64}
    revision = {"commit": None, "uncommitted_sha256": None, **digests}
    name = hub.open_run(["pytest"], run.pop("evidence"), "tests", environment, revision)
    hub.end_run(name, run.pop("exit_status"), accepted=True, **run)
    contradicted = [place for code, place in found(index) if code == "PM704"]
    assert contradicted == [f"$.runs[0].{place}" for place in places]


def test_files_of_the_index_are_counted(index: Path) -> None:
    (index.parent / "more.md").write_text("seen")
    Hub(index.parent).write(lambda: None)
    (index.parent / "more.md").unlink()
    named = check_manifest(index).named
    assert (named.n, named.there, named.absent, named.unseen) == (2, 1, 1, 0)
    index.write_text(index.read_text().replace('"more.md"', '"/etc/passwd"').replace('"notes.md"', '"../notes.md"'))
    named = check_manifest(index).named
    assert (named.n, named.unseen) == (2, 2)
