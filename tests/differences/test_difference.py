"""What differs between two hubs or manifests, and which differences are a worsening."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import check_manifest
from ptyproof.cli.main import main
from ptyproof.differences.at_once import jobs_at_once
from ptyproof.differences.difference import difference_of
from ptyproof.differences.facts import percent
from ptyproof.differences.sides import Record, Side, read_side, read_sides
from ptyproof.differences.text import lines_of
from ptyproof.errors import InputError
from ptyproof.hub.index import STATEMENT, Hub
from ptyproof.hub.layout import COMPARISON, RECONSTRUCTION
from ptyproof.metrics.definitions import TIME, family
from ptyproof.provenance.revision import NO_FILES
from ptyproof.records.manifest import head
from tests.helpers.hubs import take_stock
from tests.helpers.known import known
from tests.helpers.messages import names, naming, numbers

CELL = "dose10000-baseline-gs1-test-{}"
TRAININGS = Path(__file__).parents[1] / "schemas" / "examples" / "training_manifest" / "valid"
ERROR = "complex_nrmse"

Change = Callable[[Any], object]


def changed(side: Side, record: Record, change: Change) -> Side:
    """Return a side, one of whose manifests is another."""
    manifest = copy.deepcopy(dict(side.manifests[record]))
    change(manifest)
    return replace(side, manifests={**side.manifests, record: manifest})


def with_replicates(values: Sequence[float | None]) -> Change:
    """Return a change that gives lsqml so many replicates with these errors; None is a replicate that failed."""

    def change(manifest: Any) -> None:
        cell = next(cell for cell in manifest["cells"] if cell["method"] == "lsqml")
        manifest["cells"] = []
        for number, value in enumerate(values, start=1):
            own = copy.deepcopy(cell) | ({} if number == 1 else {"replicate": number})
            own["measures"] = [entry for entry in own["measures"] if entry["metric"] == ERROR]
            own["measures"][0]["value"] = value
            if value is None:
                own |= {"status": "failed", "reason": "diverged"}
            manifest["cells"].append(own)

    return change


def score_of(found: Any, method: str | None = "lsqml", metric: str = ERROR) -> Any:
    """Return the score of a method in a metric."""
    (score,) = [entry for entry in found["metrics"] if (entry["method"], entry["metric"]) == (method, metric)]
    return score


@pytest.fixture
def side(old: Path) -> Side:
    """The old hub."""
    return read_side(old)


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


def test_a_noisier_method_is_worse_and_the_others_are_not(old: Path, noisier: Path) -> None:
    sides = read_sides(old, noisier)
    found = difference_of(*sides)
    assert found["is_worse"]
    assert {entry["method"] for entry in found["metrics"] if entry["is_worse"]} == {"lsqml"}
    score = score_of(found)
    assert (score["judged"]["outcome"], score["judged"]["n"], score["data"]) == ("undecided", 1, "same")
    (before,), (after,) = score["old"], score["new"]
    assert score["judged"]["relative"] == pytest.approx((before - after) / after)
    assert [(entry["cell"], entry["what"]) for entry in found["digests"]] == [(CELL.format("lsqml"), "arrays")]
    back = difference_of(sides[1], sides[0])
    assert not back["is_worse"]
    assert score_of(back)["judged"]["relative"] == -score["judged"]["relative"]


@pytest.mark.parametrize(
    ("old_values", "new_values", "outcome", "worse"),
    [
        ([0.10], [0.101], "undecided", False),
        ([0.10], [0.11], "undecided", True),
        ([0.10], [0.09], "undecided", False),
        ([0.10, 0.10], [0.11, 0.12], "undecided", True),
        ([0.10, 0.10, 0.10], [0.105, 0.106, 0.107], "behind", True),
        ([0.10, 0.10, 0.10], [0.101, 0.101, 0.101], "level", False),
        ([0.10, 0.10, 0.10], [0.12, 0.13, 0.09], "level", False),
        ([0.10, 0.10, 0.10], [0.08, 0.09, 0.07], "ahead", False),
        ([0.10, 0.10, 0.10], [0.11, None, 0.12], "undecided", True),
        ([0.10] * 9, [0.10 + 1e-4 * n for n in range(1, 10)], "behind", False),  # certain, and within the tolerance
    ],
)
def test_the_rule_decides_from_three_replicates_on_and_the_tolerance_below(
    side: Side, old_values: list[float], new_values: list[float | None], outcome: str, worse: bool
) -> None:
    sides = [changed(side, "comparison", with_replicates(values)) for values in (old_values, new_values)]
    score = score_of(difference_of(sides[0], sides[1]))
    assert (score["judged"]["outcome"], score["is_worse"]) == (outcome, worse)
    assert (score["old"], score["new"]) == (old_values, new_values)


def test_replicates_that_one_side_lacks_are_not_paired(side: Side) -> None:
    sides = [changed(side, "comparison", with_replicates(values)) for values in ([0.1], [0.1, 0.2, 0.3])]
    score = score_of(difference_of(sides[0], sides[1]))
    assert (score["replicates"], score["judged"]["reasons"]) == ([1], ["too_few_replicates"])


@pytest.mark.parametrize(("tolerance", "worse"), [(0.0, True), (0.05, True), (0.2, False)])
def test_the_tolerance_is_relative(side: Side, tolerance: float, worse: bool) -> None:
    sides = [changed(side, "comparison", with_replicates(values)) for values in ([0.1], [0.11])]
    assert difference_of(sides[0], sides[1], tolerance)["is_worse"] is worse


@pytest.mark.parametrize("tolerance", [-0.1, 1.0, float("nan")])
def test_a_tolerance_that_cannot_be_is_refused(side: Side, tolerance: float) -> None:
    with pytest.raises(InputError, match=naming("--tolerance", f"{tolerance:g}")):
        difference_of(side, side, tolerance)


def test_times_are_shown_and_never_worse(side: Side) -> None:
    def slower(manifest: Any) -> None:
        for cell in manifest["cells"]:
            for entry in cell["measures"]:
                if family(entry["metric"]) == TIME and entry["value"] is not None:
                    entry["value"] *= 100

    found = difference_of(side, changed(side, "comparison", slower))
    assert not found["is_worse"]
    times = [entry for entry in found["metrics"] if family(entry["metric"]) == TIME]
    assert times
    assert {(entry["judged"], entry["is_worse"]) for entry in times} == {(None, False)}
    assert any(entry["old"] != entry["new"] for entry in times)


def settings(method: str, value: float) -> Change:
    """Return a change of the settings of a method in the protocol."""

    def change(manifest: Any) -> None:
        for entry in manifest["protocols"]:
            own = {"options": {"momentum": value}, "budget": {"epochs": 1, "seconds": None}}
            entry["parts"]["methods"] = entry["parts"].get("methods", {}) | {method: own}

    return change


def test_metrics_of_other_protocols_are_not_compared(side: Side) -> None:
    def cropped(manifest: Any) -> None:
        with_replicates([9.0])(manifest)
        for entry in manifest["protocols"]:
            entry["parts"]["crop"]["illumination_at_least"] = 0.1

    found = difference_of(side, changed(side, "comparison", cropped))
    score = score_of(found)
    assert (score["protocol"], score["judged"], score["is_worse"], score["new"]) == ("other", None, False, [9.0])
    assert any(names(remark, "protocol", "lsqml") for remark in found["remarks"])


def test_settings_of_another_method_are_no_other_protocol(side: Side) -> None:
    sides = [changed(side, "comparison", settings("lsqml", value)) for value in (0.5, 0.9)]
    found = difference_of(sides[0], sides[1])
    protocols = {entry["method"]: entry["protocol"] for entry in found["metrics"]}
    assert protocols == {"start": "same", "lsqml": "other", "pinn": "same"}


def test_other_patterns_are_said(side: Side, tiny: Any) -> None:
    def other(manifest: Any) -> None:
        for cell in manifest["cells"]:
            cell["dataset"]["sha256"] = "9" * 64

    found = difference_of(side, changed(side, "comparison", other))
    assert {entry["data"] for entry in found["metrics"]} == {"other"}
    assert any("patterns" in remark for remark in found["remarks"])


def test_a_success_that_failed_is_worse_and_a_failure_that_succeeds_is_not(old: Path, failed: Path) -> None:
    sides = read_sides(old, failed)
    found = difference_of(*sides)
    assert found["states"] == [
        {
            "record": "reconstruction",
            "cell": CELL.format("pinn"),
            "old": "success",
            "new": "failed",
            "reason": "diverged",
            "is_worse": True,
        }
    ]
    assert found["is_worse"]
    assert not any(entry["is_worse"] or entry["method"] == "pinn" for entry in found["metrics"])
    back = difference_of(sides[1], sides[0])
    assert ([entry["is_worse"] for entry in back["states"]], back["is_worse"]) == ([False], False)


@pytest.mark.parametrize(
    ("status", "worse"), [("failed", True), ("lost", True), ("skipped", True), ("not_selected", False)]
)
def test_every_state_but_not_selected_is_worse_than_success(side: Side, status: str, worse: bool) -> None:
    alone = replace(side, manifests={"comparison": side.manifests["comparison"]})

    def change(manifest: Any) -> None:
        manifest["cells"][0] |= {"status": status, "reason": "why"}

    (state,) = difference_of(alone, changed(alone, "comparison", change))["states"]
    assert (state["record"], state["new"], state["is_worse"]) == ("comparison", status, worse)


def test_cells_appear_and_vanish(side: Side) -> None:
    def other(manifest: Any) -> None:
        manifest["jobs"][0]["method"] = "rpie"

    states = difference_of(side, changed(side, "reconstruction", other))["states"]
    assert [(entry["cell"], entry["old"], entry["new"], entry["is_worse"]) for entry in states] == [
        (CELL.format("rpie"), None, "success", False),
        (CELL.format("start"), "success", None, False),
    ]


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


def test_worse_scores_of_a_training_are_worse() -> None:
    side = read_side(TRAININGS / "whole-dose.json")

    def change(manifest: Any) -> None:
        job = next(job for job in manifest["jobs"] if job["scores"] is not None)
        job["scores"]["poisson_loss"]["network"] *= 1.1

    found = difference_of(side, changed(side, "training", change))
    assert [entry["metric"] for entry in found["metrics"] if entry["is_worse"]] == ["poisson_loss"]


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
