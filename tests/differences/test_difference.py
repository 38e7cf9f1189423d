"""What differs between two hubs: runs, revisions, files, environments and designs; equal hubs are identical."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ptyproof.cli.main import main
from ptyproof.differences.at_once import jobs_at_once
from ptyproof.differences.difference import difference_of
from ptyproof.differences.facts import percent
from ptyproof.differences.sides import Side, read_side, read_sides
from ptyproof.differences.text import lines_of
from ptyproof.hub.index import STATEMENT, Hub
from ptyproof.hub.layout import COMPARISON
from ptyproof.provenance.revision import NO_FILES
from tests.helpers.differing import CELL, changed
from tests.helpers.known import known
from tests.helpers.messages import names, numbers


def test_a_hub_does_not_differ_from_itself(side: Side) -> None:
    found = difference_of(side, side)
    assert not found["is_worse"]
    assert (found["states"], found["digests"], found["environment"], found["design"]) == ([], [], [], [])
    assert (found["n_states_same"], found["n_digests_same"], found["remarks"]) == (3, 6, [])
    relative = {entry["judged"]["relative"] for entry in found["metrics"] if entry["judged"] is not None}
    assert relative == {0.0}
    assert {entry["method"] for entry in found["metrics"]} == {"start", "lsqml", "pinn"}


def test_two_equal_hubs_are_identical_and_say_of_which_kinds_all_is_equal(old: Path, tmp_path: Path) -> None:
    copied = Path(shutil.make_archive(str(tmp_path / "again"), "zip", old))
    found = difference_of(*read_sides(old, copied))
    assert found["differs"] == []
    assert found["hashes"] == [
        {"record": "reconstruction", "what": what, "n_same": 3, "n_other": 0} for what in ("arrays", "dataset")
    ]
    assert found["files"] is not None
    assert (found["files"]["changed"], found["files"]["only_old"], found["files"]["only_new"]) == ([], [], [])
    for form in ("text", "markdown"):
        lines = list(lines_of(found, form))
        assert "dentical" in lines[0]
        assert any(names(line, "archives", "datasets") for line in lines)
        assert not any("Times" in line for line in lines)


def test_both_sides_have_command_dates_and_revision_of_their_runs(old: Path, noisier: Path) -> None:
    found = difference_of(*read_sides(old, noisier))
    for root, side in ((old, found["old"]), (noisier, found["new"])):
        (run,) = known(Hub(root).read())["runs"]
        assert side["runs"] == [
            {key: run[key] for key in ("id", "command", "started", "ended", "environment")}
            | {key: run["revision"][key] for key in ("commit", "uncommitted_sha256", "code_sha256", "tests_sha256")}
        ]
        shown = "\n".join(lines_of(found, "text"))
        assert all(value in shown for value in (run["command"], run["started"], run["revision"]["tests_sha256"]))
    found["old"]["runs"][0]["code_sha256"] = NO_FILES
    assert not any(NO_FILES in line for line in lines_of(found, "text"))  # the digest of nothing is no digest of code
    assert {"metrics", "hashes", "files"} <= set(found["differs"])
    assert found["files"] is not None
    assert COMPARISON in found["files"]["changed"]


def with_revision(side: Side, **changes: Any) -> Side:
    """Return a side whose run has another revision."""
    (run,) = side.runs
    return replace(side, runs=[{**run, "revision": {**run["revision"], **changes}}])


TREE = {"kind": "folder", "root": ".", "n_files": 3, "limits": [], "digests": {}}


@pytest.mark.parametrize(
    ("before", "after", "states"),
    [
        ({}, {}, ("same", "same")),
        ({"code_sha256": "1" * 64}, {"code_sha256": "2" * 64}, ("other", "same")),
        ({"code_sha256": NO_FILES}, {"code_sha256": "2" * 64}, ("unknown", "same")),
        ({"code_sha256": NO_FILES}, {"code_sha256": NO_FILES}, ("unknown", "same")),
        ({"tests_sha256": "1" * 64}, {"tests_sha256": NO_FILES}, ("same", "unknown")),
        (
            {"code_sha256": "1" * 64, "tree": TREE},
            {"code_sha256": "2" * 64, "tree": TREE | {"kind": "repository"}},
            ("unknown", "same"),
        ),
    ],
)
def test_whether_code_and_tests_changed_is_said_or_that_it_cannot_be_known(
    side: Side, before: dict[str, Any], after: dict[str, Any], states: tuple[str, str]
) -> None:
    found = difference_of(with_revision(side, **before), with_revision(side, **after))
    assert tuple(source["state"] for source in known(found.get("sources"))) == states
    assert [source["reason"] is None for source in found["sources"]] == [state != "unknown" for state in states]
    for form in ("text", "markdown"):
        lines = "\n".join(lines_of(found, form))
        assert ("cannot be known" in lines) is ("unknown" in states)
        assert NO_FILES[:8] not in lines


def test_code_and_tests_that_differ_are_a_difference_of_the_revision(side: Side) -> None:
    (run,) = side.runs
    revision = run["revision"] | {"tests_sha256": "5" * 64}
    found = difference_of(side, replace(side, runs=[{**run, "revision": revision}]))
    assert found["differs"] == ["revision"]
    assert [entry["key"] for entry in found["environment"]] == ["tests_sha256"]


def test_other_dates_and_files_leave_the_results_identical(side: Side) -> None:
    (run,) = side.runs
    assert side.files is not None
    files = {name: digest for name, digest in side.files.items() if name != COMPARISON} | {"docs/more.md": "4" * 64}
    found = difference_of(side, replace(side, runs=[{**run, "started": "2026-01-01T00:00:00Z"}], files=files))
    assert found["differs"] == ["runs", "files"]
    assert found["files"] is not None
    assert (found["files"]["only_old"], found["files"]["only_new"]) == ([COMPARISON], ["docs/more.md"])
    lines = list(lines_of(found, "text"))
    assert "dentical" in lines[0]
    assert any("docs/more.md" in line for line in lines)


def test_a_new_side_that_is_older_is_told(side: Side) -> None:
    (run,) = side.runs
    later = replace(side, runs=[{**run, "started": "2100-01-01T00:00:00Z"}])
    exchanged, right = difference_of(later, side), difference_of(side, later)
    assert [names(remark, "2100-01-01T00:00:00Z", run["started"]) for remark in exchanged["remarks"]] == [True]
    assert right["remarks"] == []
    assert names(next(lines_of(right, "text")), "2100-01-01T00:00:00Z", run["started"])


def test_another_state_of_the_tool_is_told_by_the_forms_of_its_records(side: Side) -> None:
    assert side.index is not None
    earlier = replace(side, index={**side.index, "schema_version": "1.0.0"})
    kind, version = side.index["kind"], side.index["schema_version"]
    found = difference_of(earlier, side)
    assert [found[which]["schemas"][kind] for which in ("old", "new")] == ["1.0.0", version]
    assert any(names(line, f"{kind} 1.0.0", version) for line in lines_of(found, "text"))
    assert not any(kind in line for line in lines_of(difference_of(side, side), "text"))


def test_which_side_is_signed_and_on_which_machine_it_ran_is_recorded(old: Path, tmp_path: Path, side: Side) -> None:
    copied = Path(shutil.copytree(old, tmp_path / "signed"))
    (copied / STATEMENT).write_text("{}\n")
    found = difference_of(side, read_side(copied))
    assert (found["old"]["signed"], found["new"]["signed"], found["same_host"]) == ([], [STATEMENT], True)
    assert any(names(line, STATEMENT, "hub verify", "--key") for line in lines_of(found, "text"))
    (run,) = side.runs
    elsewhere = replace(side, runs=[{**run, "process": {"host_sha256": "0" * 64, "pid": 1}}])
    assert difference_of(side, elsewhere)["same_host"] is False


@pytest.mark.parametrize(
    ("times", "most"),
    [
        ([("00", "10"), ("10", "20"), ("20", "30")], 1),
        ([("00", "10"), ("05", "20"), ("09", "30")], 3),
        ([("00", "10"), ("05", "20"), ("10", "30")], 2),
        ([], None),
    ],
)
def test_the_most_jobs_at_one_moment_are_counted(times: list[tuple[str, str]], most: int | None) -> None:
    stamps = [tuple(f"2026-01-01T00:00:{second}Z" for second in pair) for pair in times]
    jobs: list[Any] = [{"result": {"started": started, "finished": finished}} for started, finished in stamps]
    jobs.append({"result": {"started": None, "finished": None}})
    assert jobs_at_once([{"jobs": jobs}, {"cells": []}]) == most


def test_the_result_and_what_is_not_bit_identical_are_said(old: Path, noisier: Path) -> None:
    found = difference_of(*read_sides(old, noisier))
    lines = list(lines_of(found, "text"))
    (counted,) = [line for line in lines if line.startswith("Metrics: ")]
    judged = [score for score in found["metrics"] if score["judged"] is not None]
    n_worse = sum(score["is_worse"] for score in judged)
    assert numbers(counted)[0] == n_worse
    assert sum(numbers(counted)[:5]) == len(judged)
    assert names(counted, "time of the reconstruction")  # which metrics were not judged
    assert any(names(line, "bit-identical", CELL.format("lsqml")) for line in lines)
    assert "The design is equal." in lines


@pytest.mark.parametrize("relative", [0.0, 0.0216, -0.5, 2.2e-6, -1e-9])
def test_a_small_change_is_not_shown_as_none(relative: float) -> None:
    assert float(percent(relative).removesuffix(" %")) == pytest.approx(100 * relative, rel=0.03)


def test_every_part_of_a_merged_hub_has_its_environment(old: Path, tmp_path: Path) -> None:
    parts = [tmp_path / name for name in ("a", "b")]
    for part in parts:
        shutil.copytree(old, part)
    machine = {"python": "3.11.1", "system": "Linux", "machine": "aarch64"}
    Hub(parts[0]).update_run("run-0001", environment=machine)
    assert main(["hub", "merge", str(tmp_path / "whole"), *map(str, parts)]) == 0
    whole = read_side(tmp_path / "whole")
    found = difference_of(read_side(parts[1]), whole)
    own = read_side(parts[1]).runs[0]["environment"]
    assert sorted(run["environment"]["machine"] for run in found["new"]["runs"]) == sorted(["aarch64", own["machine"]])
    (entry,) = [entry for entry in found["environment"] if (entry["record"], entry["key"]) == (None, "machine")]
    assert (entry["old"], entry["new"]) == ([own["machine"]], sorted(["aarch64", own["machine"]]))


def test_environment_and_design_are_compared_key_by_key(side: Side) -> None:
    def change(manifest: Any) -> None:
        for job in manifest["jobs"]:
            job["environment"] = job["environment"] | {"threads": 8}
        manifest["jobs"][1]["provider"] = {"name": "ptychi", "version": "2.3"}
        manifest["design"]["training"]["max_epochs"] = 99
        manifest["design"]["views"][0]["neighbor_count"] = 5
        manifest["design_digest"] = "7" * 64

    found = difference_of(side, changed(side, "reconstruction", change))
    assert [(entry["record"], entry["key"], entry["old"], entry["new"]) for entry in found["environment"]] == [
        ("reconstruction", "threads", ["1"], ["8"]),
        ("reconstruction", "code of lsqml", ["tests"], ["ptychi 2.3"]),
    ]
    before = str(side.first["design"]["training"]["max_epochs"])
    assert found["design"] == [
        {"key": "training.max_epochs", "old": before, "new": "99"},
        {"key": "views.baseline.neighbor_count", "old": None, "new": "5"},
    ]
    assert any("design" in remark for remark in found["remarks"])


def test_what_only_one_hub_has_is_said(side: Side) -> None:
    less = replace(side, manifests={"reconstruction": side.manifests["reconstruction"]})
    for sides, which in (((side, less), "new"), ((less, side), "old")):
        found = difference_of(*sides)
        assert any(names(remark, which, "comparison") for remark in found["remarks"])
        assert found["metrics"] == []
