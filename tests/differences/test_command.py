"""`ptyproof diff`: hubs or manifests, its forms and exit statuses, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import check_manifest
from ptyproof.cli.main import main
from ptyproof.differences.difference import difference_of
from ptyproof.differences.sides import read_sides
from ptyproof.differences.text import lines_of
from ptyproof.errors import InputError
from ptyproof.hub.index import Hub
from ptyproof.hub.layout import COMPARISON, RECONSTRUCTION
from ptyproof.records.manifest import head
from tests.helpers.differing import TRAININGS, score_of
from tests.helpers.hubs import take_stock
from tests.helpers.messages import names, naming


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_people_see_what_got_worse(old: Path, noisier: Path, form: Any) -> None:
    found = difference_of(*read_sides(old, noisier))
    lines = list(lines_of(found, form))
    assert names(lines[0], "october", "november")
    (row,) = [
        line
        for line in lines
        if names(line, "lsqml", "complex NRMSE") and "unaligned" not in line and "without" not in line
    ]
    (new,) = score_of(found)["new"]
    assert names(row, f"{new:.4g}", "undecided")
    assert (row[0] == "|") == (form == "markdown")


def test_the_command_writes_every_form_and_its_exit_status_says_whether_it_is_worse(
    old: Path, noisier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", str(old), str(old)]) == 0
    assert main(["diff", str(old), str(noisier), "--tolerance", "0.9"]) == 0
    assert main(["diff", str(noisier), str(old)]) == 0
    paths = [tmp_path / f"difference.{suffix}" for suffix in ("json", "md", "txt")]
    for path in paths:
        assert main(["diff", str(old), str(noisier), "--output", str(path)]) == 1
    record = json.loads(paths[0].read_text())
    assert (record["kind"], record["is_worse"]) == ("hub_difference", True)
    assert [finding.code for finding in check_manifest(paths[0]).findings] == []
    capsys.readouterr()
    assert main(["diff", str(old), str(noisier), "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out) == record
    assert main(["diff", str(old), str(noisier)]) == 1
    assert capsys.readouterr().out == paths[2].read_text()


@pytest.mark.parametrize("name", [COMPARISON, RECONSTRUCTION])
def test_two_manifests_are_compared_without_their_files(old: Path, noisier: Path, tmp_path: Path, name: str) -> None:
    paths = []
    for hub in (old, noisier):
        paths.append(tmp_path / hub.name / Path(name).name)
        paths[-1].parent.mkdir()
        shutil.copy(hub / name, paths[-1])
    assert main(["diff", *map(str, paths)]) == (1 if name == COMPARISON else 0)
    found = difference_of(*read_sides(*paths))
    assert (found["old"]["what"], bool(found["metrics"])) == (Path(name).stem, name == COMPARISON)
    assert [entry["what"] for entry in found["digests"]] == ["arrays"]


def test_two_training_manifests_are_compared() -> None:
    whole, ended = TRAININGS / "whole-dose.json", TRAININGS / "failed-and-lost.json"
    found = difference_of(*read_sides(whole, whole))
    assert {(entry["method"], entry["metric"]) for entry in found["metrics"]} == {
        (None, "poisson_loss"),
        (None, "complex_error"),
    }
    worse = difference_of(*read_sides(whole, ended))
    states = {(entry["old"], entry["new"], entry["is_worse"]) for entry in worse["states"]}
    assert states & {("success", "failed", True), ("success", "lost", True)}
    assert main(["diff", str(whole), str(ended)]) == 1


def test_what_is_not_sound_is_refused(
    old: Path, noisier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(noisier, damaged)
    (damaged / "docs" / "summary.md").write_text("nicer")
    output = tmp_path / "difference.json"
    assert main(["diff", str(old), str(damaged), "--output", str(output)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert names(line, str(damaged), "docs/summary.md")
    manifest = tmp_path / "comparison_manifest.json"
    record = json.loads((old / COMPARISON).read_text())
    record["account"]["n_success"] += 1
    manifest.write_text(json.dumps(record))
    assert main(["diff", str(manifest), str(manifest)]) == 2
    assert names(capsys.readouterr().err, str(manifest), "PM201")
    assert not output.exists()


def test_what_cannot_be_compared_is_refused(old: Path, tmp_path: Path) -> None:
    empty = Hub(tmp_path / "empty")
    take_stock(empty)
    other = tmp_path / "other.json"
    other.write_text(json.dumps(head("skip_summary")))
    for pair, parts in (
        ((old, empty.root), (str(empty.root),)),
        ((old, old / COMPARISON), (str(old), "hub", "comparison manifest")),
        ((old / RECONSTRUCTION, old / COMPARISON), ("reconstruction manifest", "comparison manifest")),
        ((old, tmp_path / "nowhere"), (str(tmp_path / "nowhere"),)),
        ((old, tmp_path), (str(tmp_path),)),
        ((old, other), (str(other),)),
        ((old, TRAININGS / "migrated-e6-bundles.json"), ("migrated",)),
    ):
        with pytest.raises(InputError, match=naming(*parts)):
            read_sides(*pair)
