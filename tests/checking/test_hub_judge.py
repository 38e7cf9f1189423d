"""Verification of a hub: a sound one has no problem; a changed, missing, added or linked file is found and named."""

from __future__ import annotations

import os
import posixpath
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import journals
from ptyproof.checking.hub import read_index, refuse_changed, verify_hub
from ptyproof.checking.model.document import finding_about
from ptyproof.checking.model.hub_files import HubFiles
from ptyproof.errors import InputError, RunError
from ptyproof.hub.index import Hub
from ptyproof.hub.layout import OVERLAP, RUN
from tests.helpers.hubs import (
    ENVIRONMENT,
    REVISION,
    edit,
    flip,
    kill_run,
    places,
    take_stock,
)
from tests.helpers.known import known
from tests.helpers.messages import names, naming


def all_files(root: Path) -> list[str]:
    """Return the name of every file."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_a_sound_hub_has_no_problem_with_and_without_its_datasets(pristine: Path, hub: Hub, small: Hub) -> None:
    assert len([name for name in all_files(pristine) if name.endswith(".npz")]) == 12
    assert verify_hub(pristine) == []
    assert verify_hub(hub.root) == []
    assert verify_hub(small.root) == []


def test_a_changed_byte_names_its_file(pristine: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(pristine, root)
    names = list(all_files(root))
    assert len(names) > 70
    numbers = random.Random(1)
    for name in names:
        path = root / name
        before = flip(path, numbers.randrange(path.stat().st_size))
        found = verify_hub(root)
        # a dataset is not in the index: its manifest names it
        named = {posixpath.join(posixpath.dirname(finding.file), finding.message.split()[0]) for finding in found}
        assert name in named | {finding.file for finding in found}, name
        path.write_bytes(before)
    assert verify_hub(root) == []


@pytest.mark.parametrize("name", [RUN, OVERLAP])
def test_a_changed_byte_of_a_phase_manifest_names_it(hub: Hub, name: str) -> None:
    path = hub.root / name
    flip(path, path.read_bytes().index(b'"timestamp": "20') + 32)  # a digit of the seconds
    assert {finding.file for finding in verify_hub(hub.root)} == {name}


def test_any_changed_byte_of_the_index_is_found(small: Hub) -> None:
    text = small.index_path.read_bytes()
    own = text.index(b'"index_sha256"')
    for place in sorted({*range(own, own + 90, 3), *range(0, len(text), 13)}):
        flip(small.index_path, place)
        assert read_index(small.root)[1] != [], place
        small.index_path.write_bytes(text)
    for place in [place for place, byte in enumerate(text) if byte == ord("\n")][::5]:
        small.index_path.write_bytes(text[:place] + b"\r" + text[place + 1 :])
        assert read_index(small.root)[1] != [], place


def test_missing_and_added_files_are_named(small: Hub) -> None:
    (small.root / "red" / "run-0001.log").unlink()
    (small.root / "grün und rot").mkdir()
    (small.root / "grün und rot" / "näme, mit Raum.txt").write_text("x")
    (small.root / ".left.part").write_text("x")
    found = verify_hub(small.root)
    assert places(found) == [
        (".left.part", "PM910", "$"),
        ("grün und rot/näme, mit Raum.txt", "PM210", "$"),
        ("hub.json", "PM301", "$.runs[0].log_path"),
        ("red/run-0001.log", "PM301", "$"),
    ]
    assert "21 bytes" in found[3].message


def test_file_names_of_any_kind_are_verified(small: Hub) -> None:
    path = small.root / "a b" / "größe 実験 #1%20.log"
    path.parent.mkdir()
    path.write_text("one")
    take_stock(small)
    assert verify_hub(small.root) == []
    path.write_text("two")
    assert places(verify_hub(small.root)) == [("a b/größe 実験 #1%20.log", "PM303", "$")]


def test_a_finding_is_one_line() -> None:
    finding = finding_about("a\nb", "PM901", "$.x", "holds \u2028 and \x1b[1m")
    assert names(str(finding), "a\\nb", "PM901", "$.x", "\\u2028", "\\x1b[1m")
    assert str(finding).isprintable()


def test_a_folder_without_an_index_is_no_hub(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match=r"hub\.json"):
            verify_hub(root)


def test_a_killed_run_that_was_done_again_is_no_fault(small: Hub) -> None:
    killed = small.open_run(["pytest", "-k", "slow"], "none", None, ENVIRONMENT, REVISION)
    small.update_run(killed, process={"host_sha256": "0" * 64, "pid": 1})
    assert places(verify_hub(small.root)) == [("hub.json", "PM710", "$.runs[2].status")]
    other = small.open_run(["pytest"], "none", None, ENVIRONMENT, REVISION)
    small.end_run(other, 0)
    assert places(verify_hub(small.root)) == [("hub.json", "PM710", "$.runs[2].status")]
    again = small.open_run(["pytest", "-k", "slow"], "none", None, ENVIRONMENT, REVISION)
    small.end_run(again, 0)
    assert verify_hub(small.root) == []


def test_a_run_that_was_killed_under_the_earlier_names_of_options_is_done_again_under_the_new_ones(small: Hub) -> None:
    killed = small.open_run(["pytest", "--study=tiny.toml", "--retry=failed"], "none", None, ENVIRONMENT, REVISION)
    small.update_run(killed, process={"host_sha256": "0" * 64, "pid": 1})
    other = small.open_run(["pytest", "--ptyproof-study=tiny.toml"], "none", None, ENVIRONMENT, REVISION)
    small.end_run(other, 0)
    assert places(verify_hub(small.root)) == [("hub.json", "PM710", "$.runs[2].status")]
    words = ["pytest", "--ptyproof-study=tiny.toml", "--ptyproof-retry=failed"]
    small.end_run(small.open_run(words, "none", None, ENVIRONMENT, REVISION), 0)
    assert verify_hub(small.root) == []


def test_links_out_of_the_hub_are_found_and_not_followed(small: Hub, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.json").write_text('{"kind": "model"}')
    (small.root / "file").symlink_to(outside / "secret.json")
    (small.root / "folder").symlink_to(outside)
    (small.root / "nothing").symlink_to("not there")
    take_stock(small)
    found = verify_hub(small.root)
    assert places(found) == [("file", "PM305", "$"), ("folder", "PM305", "$"), ("nothing", "PM909", "$")]
    assert [record["path"] for record in known(small.read())["files"] if record["path"] == "file"] == ["file"]


def test_a_link_within_the_hub_is_a_file(small: Hub) -> None:
    (small.root / "latest.log").symlink_to("red/run-0001.log")
    take_stock(small)
    assert verify_hub(small.root) == []


def test_runs_without_an_end_are_reported(small: Hub) -> None:
    kill_run(small)
    small.open_run(["pytest"], "none", None, ENVIRONMENT, REVISION)
    killed, running = verify_hub(small.root)
    assert places([killed, running]) == [
        ("hub.json", "PM710", "$.runs[2].status"),
        ("hub.json", "PM710", "$.runs[3].status"),
    ]
    assert "run-0003" in killed.message
    assert "run-0004" in running.message
    assert str(os.getpid()) in running.message


def test_a_newer_index_is_not_read_on(small: Hub) -> None:
    edit(small.index_path, lambda index: index.update(schema_version="3.0.0", something={"new": 1}))
    assert places(verify_hub(small.root)) == [("hub.json", "PM103", "$.schema_version")]


def test_a_name_that_the_index_has_twice_is_found(small: Hub) -> None:
    edit(small.index_path, lambda index: index["files"].append(index["files"][0]))
    found = places(verify_hub(small.root))
    assert found == [("hub.json", "PM210", "$.index_sha256"), ("hub.json", "PM908", "$.files[4].path")]


def test_an_index_that_names_files_elsewhere_reads_none_of_them(small: Hub, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("x")
    edit(small.index_path, lambda index: index["files"][0].update(path="../outside.txt"))
    assert ("hub.json", "PM402", "$.files[0].path") in places(verify_hub(small.root))


def test_json_of_somebody_else_is_no_manifest(small: Hub) -> None:
    (small.root / "notes.json").write_text('["mine"]')
    (small.root / "broken.json").write_text("{")
    take_stock(small)
    assert verify_hub(small.root) == []


def test_nobody_takes_stock_of_changed_files_unless_a_run_has_no_end(small: Hub) -> None:
    refuse_changed(small.root)
    (small.root / "red" / "run-0001.log").write_text("nicer")
    with pytest.raises(RunError, match=naming("red/run-0001.log", "PM302")):
        refuse_changed(small.root)
    kill_run(small)
    (small.root / "red" / "run-0001.log").write_text("written before it was killed")
    refuse_changed(small.root)


@pytest.mark.parametrize("at", ["listed", "opened"])
def test_what_a_run_removes_while_its_hub_is_judged_is_not_there(
    at: str, small: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing = small.root / "real_run" / (".x.ptyproof.part" if at == "listed" else "job_state.json")
    passing.parent.mkdir()
    passing.write_text("{")
    assert [(found.file, found.code) for found in verify_hub(small.root)] != []
    holder, name = (Path, "is_symlink") if at == "listed" else (journals, "load")
    look = getattr(holder, name)

    def late(path: Path) -> Any:
        if path == passing:
            path.unlink(missing_ok=True)
        return look(path)

    monkeypatch.setattr(holder, name, late)
    assert verify_hub(small.root) == []
    assert not passing.exists()


def test_a_recorded_file_that_goes_while_its_hub_is_judged_is_missing(
    small: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def removed(files: HubFiles, name: str) -> int:
        files.paths[name].unlink(missing_ok=True)
        return size(files, name)

    size = HubFiles.size
    monkeypatch.setattr(HubFiles, "size", removed)
    assert {found.code for found in verify_hub(small.root)} >= {"PM301"}
