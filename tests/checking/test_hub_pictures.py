"""Pictures that a hub or a manifest names: one that cannot be shown, or shows nothing, is an error at every door."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ptyproof.checking import check_manifest
from ptyproof.checking.hub import verify_hub
from ptyproof.cli.main import main
from ptyproof.hub.index import Hub
from ptyproof.hub.layout import SOURCES
from ptyproof.io.hashing import sha256_file
from tests.helpers.hubs import PICTURE, edit, make_hub, places, take_stock
from tests.helpers.phases import Phase
from tests.helpers.pictures import png

PIXEL = png(1, 1, bytes(2))


@pytest.fixture
def hub(smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path: Path) -> Path:
    """The hub of a real run of the smoke study."""
    return make_hub(tmp_path / "hub", smoke_c, smoke_d, smoke_e).root


def replace_picture(root: Path, name: str, content: bytes) -> None:
    """Let a hub have another picture under a name, with consistent records."""
    (root / name).write_bytes(content)
    digest = sha256_file(root / name)
    edit(root / SOURCES, lambda value: [one.update(sha256=digest) for one in value["pictures"]])
    take_stock(Hub(root))


def test_a_whole_picture_is_no_finding(hub: Path) -> None:
    replace_picture(hub, PICTURE, png(16, 16))
    assert verify_hub(hub) == []


@pytest.mark.parametrize("content", [PIXEL, png()[:-20], b"drawn", b""], ids=["pixel", "cut", "text", "empty"])
def test_a_picture_that_shows_nothing_is_an_error_at_every_door(content: bytes, hub: Path) -> None:
    replace_picture(hub, PICTURE, content)
    assert places(verify_hub(hub)) == [(PICTURE, "PM312", "$")]
    assert main(["hub", "verify", str(hub)]) == 1
    assert main(["check", str(hub)]) == 1
    assert main(["check", str(hub), "--no-hash"]) == 0  # reads no file but manifests
    alone = check_manifest(hub / SOURCES)
    assert [(found.code, found.json_path) for found in alone.findings] == [("PM312", "$.pictures[0].file")]


def test_a_picture_that_the_index_alone_names_is_looked_at(hub: Path) -> None:
    (hub / "docs" / "more.PNG").write_bytes(PIXEL)
    (hub / "docs" / "more.webp").write_bytes(b"RIFF")
    take_stock(Hub(hub))
    names = {record["path"] for record in json.loads((hub / "hub.json").read_text())["files"]}
    assert {"docs/more.PNG", "docs/more.webp"} <= names
    assert places(verify_hub(hub)) == [("docs/more.PNG", "PM312", "$"), ("docs/more.webp", "PM312", "$")]
