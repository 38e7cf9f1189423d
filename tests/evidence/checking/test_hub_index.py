"""The index of a hub: its own digest, and every file of the hub in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ptyproof.evidence.checking import check_manifest
from ptyproof.evidence.hub import Hub


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
