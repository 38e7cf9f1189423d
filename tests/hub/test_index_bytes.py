"""The bytes of a hub's index: no change goes unseen, and a damaged index is refused and left alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.errors import ManifestError
from ptyproof.hub.index import Hub
from ptyproof.records.manifest import head
from tests.helpers.folders import snapshot
from tests.helpers.hub_index import index_of, open_run, run_of, sealed, sha256
from tests.helpers.messages import naming

EXAMPLES = sorted((Path(__file__).parents[1] / "schemas/examples/hub_index/valid").glob("*.json"))


# The digest


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_carry_their_own_digest(tmp_path: Path, example: Path) -> None:
    (tmp_path / "hub.json").write_bytes(example.read_bytes())
    assert Hub(tmp_path).read() == json.loads(example.read_bytes())


def test_the_digest_is_that_of_the_bytes_with_zeros_in_its_place(hub: Hub) -> None:
    raw = hub.index_path.read_bytes()
    zeroed, count = re.subn(rb'(?<="index_sha256": ")[0-9a-f]{64}', b"0" * 64, raw)
    assert count == 1
    assert index_of(hub)["index_sha256"] == sha256(zeroed)


def _changed(byte: int) -> set[int]:
    """Return other values of a byte: near ones, other cases, and, of white space, the other white space."""
    white = set(b" \t\r\n")
    return ({byte ^ 1, byte ^ 0x20, byte ^ 0x80} | (white if byte in white else set())) - {byte}


def test_a_change_of_any_byte_is_detected(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    (tmp_path / "é.log").write_text("1 passed\n")
    hub.write(lambda: None)
    raw = hub.index_path.read_bytes()
    unseen = []
    for place, byte in enumerate(raw):
        for value in _changed(byte):
            hub.index_path.write_bytes(raw[:place] + bytes([value]) + raw[place + 1 :])
            try:
                hub.read()
            except ManifestError:
                continue
            unseen.append((place, value))
    assert unseen == []


@settings(max_examples=60)
@given(st.data())
def test_bytes_that_are_changed_added_or_removed_are_detected(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    hub = Hub(tmp_path_factory.getbasetemp() / "hub of changes")
    hub.root.mkdir(exist_ok=True)
    raw = EXAMPLES[0].read_bytes()
    first = data.draw(st.integers(0, len(raw)))
    last = data.draw(st.integers(first, min(len(raw), first + 3)))
    changed = raw[:first] + data.draw(st.binary(max_size=3)) + raw[last:]
    hub.index_path.write_bytes(changed)
    if changed == raw:
        assert hub.read() == json.loads(raw)
    else:
        with pytest.raises(ManifestError, match=r"hub\.json"):
            hub.read()


def test_a_value_that_was_edited_is_reported_as_such(hub: Hub) -> None:
    raw = hub.index_path.read_bytes()
    hub.index_path.write_bytes(raw.replace(b'"exit_status": 0', b'"exit_status": 1'))
    with pytest.raises(ManifestError, match=naming("index_sha256")):
        hub.read()


def test_a_digest_in_a_text_is_not_taken_for_that_of_the_index(hub: Hub) -> None:
    name = open_run(hub, "pytest", '"index_sha256": "' + "0" * 64 + '"', "0" * 64)
    hub.end_run(name, 0)
    assert ("0" * 64) in run_of(hub, name)["command"]


# What is refused


def _truncated(raw: bytes) -> bytes:
    return raw[: len(raw) // 2]


def _other_kind(raw: bytes) -> bytes:
    return json.dumps(json.loads(raw) | {"kind": "skip_summary"}).encode()


def _next_major(raw: bytes) -> bytes:
    return sealed(json.loads(raw) | {"schema_version": "2.0.0", "rooms": []})


@pytest.mark.parametrize(
    "damage",
    [
        _truncated,
        _other_kind,
        _next_major,
        lambda raw: b"",
        lambda raw: b"\xef\xbb\xbf" + raw,
        lambda raw: raw.replace(b"pytest", b"pytes\xe9"),
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw + b"{}",
        lambda raw: b"[]\n",
    ],
    ids=["truncated", "other kind", "next major", "empty", "mark", "no UTF-8", "line ends", "trailing", "no object"],
)
def test_a_damaged_index_is_refused_and_left_alone(hub: Hub, damage: Callable[[bytes], bytes]) -> None:
    hub.index_path.write_bytes(damage(hub.index_path.read_bytes()))
    before = snapshot(hub.root)
    steps: list[Callable[[], object]] = [
        hub.read,
        lambda: open_run(hub),
        lambda: hub.end_run("run-0001", 0),
        lambda: hub.write(lambda: (hub.root / "made").touch()),
    ]
    for step in steps:
        with pytest.raises(ManifestError, match=r"hub\.json"):
            step()
    assert snapshot(hub.root) == before


def test_an_index_of_a_newer_minor_version_is_read_but_not_written_over(hub: Hub) -> None:
    newer = {**index_of(hub), "schema_version": "1.99.0", "rooms": ["a"]}
    hub.index_path.write_bytes(sealed(newer))
    before = snapshot(hub.root)
    assert dict(index_of(hub))["rooms"] == ["a"]
    for step in (lambda: open_run(hub), lambda: hub.update_run("run-0001", real_run=True)):
        with pytest.raises(ManifestError, match=naming("1.99.0")):
            step()
    assert snapshot(hub.root) == before


def test_an_index_of_another_patch_version_is_written_anew(hub: Hub) -> None:
    hub.index_path.write_bytes(sealed({**index_of(hub), "schema_version": "1.0.9"}))
    open_run(hub)
    assert index_of(hub)["schema_version"] == head("hub_index")["schema_version"]


def test_a_folder_in_place_of_the_index_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hub.json").mkdir()
    with pytest.raises(ManifestError, match=r"hub\.json"):
        open_run(Hub(tmp_path))


def test_a_file_in_place_of_the_hub_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hub").write_text("x")
    with pytest.raises(OSError, match="hub"):
        open_run(Hub(tmp_path / "hub"))
    assert (tmp_path / "hub").read_text() == "x"
