"""The answer on top of a page and in a summary: tests by outcome, run, revision, machine, and how to verify."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from ptyproof.hub.index import STATEMENT, Hub
from ptyproof.hub.layout import REPORT, SUMMARY
from ptyproof.provenance.revision import NO_FILES
from ptyproof.report.page import write_report
from ptyproof.report.page.cells import CellRecord
from ptyproof.report.page.networks import network_marks
from ptyproof.report.remarks import remarks, worse_than_flat
from ptyproof.report.standing import FAILED, OPEN, PASSED, SKIPPED, standing
from ptyproof.report.summary import write_summary
from tests.helpers.hubs import ENVIRONMENT, REVISION, kill_run, make_run
from tests.helpers.known import known
from tests.helpers.messages import names
from tests.helpers.report_hub import Reader
from tests.helpers.schema_rules import example

_TESTS = str(REVISION["tests_sha256"])
SKIPS = [{"test": f"test_it.py::test_{n}", "reason": f"Skipped: {why}"} for n, why in enumerate(["far", "near", "far"])]


def answered(hub: Hub) -> Any:
    """Return what the runs of a hub show."""
    return standing(known(hub.read())["runs"])


@pytest.mark.parametrize(
    ("status", "outcomes", "skips", "result"),
    [
        (0, {"passed": 2}, [], PASSED),
        (0, {"passed": 2, "skipped": 3}, SKIPS, SKIPPED),
        (1, {"passed": 2, "failed": 1}, [], FAILED),
        (2, {"passed": 2}, [], FAILED),
    ],
)
def test_the_result_is_that_of_the_newest_real_run(
    tmp_path: Path, status: int, outcomes: dict[str, int], skips: list[Any], result: str
) -> None:
    hub = Hub(tmp_path)
    make_run(hub, real_run=True, outcomes={"failed": 9}, status=1)
    make_run(hub, real_run=True, outcomes=outcomes, status=status, skips=skips)
    found = answered(hub)
    assert (found.result, found.outcomes, [run["id"] for run in found.runs]) == (result, outcomes, ["run-0002"])
    assert found.reasons == ([("far", 2), ("near", 1)] if skips else [])


def test_a_run_without_an_end_shows_no_pass(tmp_path: Path) -> None:
    kill_run(Hub(tmp_path))
    assert answered(Hub(tmp_path)).result == OPEN
    assert standing([]) is None


def test_page_and_summary_show_no_digest_where_no_file_was_recorded(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    make_run(hub, real_run=True, outcomes={"passed": 2})
    hub.update_run("run-0001", revision=REVISION | {"code_sha256": NO_FILES, "tests_sha256": NO_FILES})
    write_report(tmp_path)
    write_summary(tmp_path)
    for name in (REPORT, SUMMARY):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert NO_FILES[:8] not in text
        assert "no file with code" in text


def test_page_and_summary_begin_with_the_answer(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    make_run(hub, real_run=True, outcomes={"passed": 2, "skipped": 3}, skips=SKIPS)
    write_report(tmp_path)
    write_summary(tmp_path)
    (run,) = known(hub.read())["runs"]
    page = (tmp_path / REPORT).read_text(encoding="utf-8")
    top = Reader(page.partition('<dl class="facts">')[2].partition("</dl>")[0]).words
    said = ("2 passed", "3 skipped", "2 skipped: far", "1 skipped: near", run["command"], run["started"], "WARNED")
    summary = (tmp_path / SUMMARY).read_text(encoding="utf-8")
    for text in (top, summary):
        for value in (
            *said,
            run["revision"]["tests_sha256"][:16],
            ENVIRONMENT["machine"],
            "ptyproof hub verify",
            STATEMENT,
        ):
            assert value in text, value


@pytest.mark.parametrize(("uncommitted", "word"), [("4" * 64, " with uncommitted"), (None, "without uncommitted")])
def test_a_commit_says_whether_it_was_changed(tmp_path: Path, uncommitted: str | None, word: str) -> None:
    hub = Hub(tmp_path)
    revision: Any = {**REVISION, "commit": "a" * 40, "uncommitted_sha256": uncommitted}
    make_run(hub, real_run=True, outcomes={"passed": 1}, revision=revision)
    write_report(tmp_path)
    assert word in (tmp_path / REPORT).read_text(encoding="utf-8")


def network(replicate: int, start: float, value: float) -> CellRecord:
    """Return a training whose errors are so."""
    found = {"start": start, "network": value, "improvement": (start - value) / start}
    scores = {"poisson_loss": found, "complex_error": found, "beats_start": value < start}
    return CellRecord(
        f"cell-{replicate}", 1e3, {"name": "dense", "gridsize": 2}, "success", {"scores": scores}, None, replicate
    )


@pytest.mark.parametrize(
    ("errors", "mark"),
    [
        ([0.9], None),  # one replicate decides nothing: no color
        ([1.1], "not_below"),
        ([0.9, 0.8, 0.9], "ahead"),
        ([1.1, 1.2, 1.1], "behind"),
        ([0.9, 0.8, 1.1], None),
    ],
)
def test_the_rule_alone_gives_a_network_its_color(errors: list[float], mark: str | None) -> None:
    cells = [network(number, 1.0, error) for number, error in enumerate(errors, start=1)]
    found = network_marks(cells)
    assert found.get("cell-1") == mark
    if errors[-1] == 1.1 and mark is None:
        assert found == {"cell-3": "not_below"}


def test_what_limits_a_method_is_remarked_with_its_cells() -> None:
    comparison: Any = copy.deepcopy(example("comparison_manifest", "every-status.json"))
    reconstruction: Any = copy.deepcopy(example("reconstruction_manifest", "whole-dose.json"))
    job = next(job for job in reconstruction["jobs"] if job["result"]["status"] == "success")
    job |= {"remedies": ["a remedy"], "not_told": ["mask"]}
    trials = [{"error": "diverged", "options": {"weight": 2.0}}, {"error": None, "options": {"weight": 1.0}}]
    job["result"]["tuning"] = {"trials": trials, "chosen": {"weight": 1.0}}
    found = remarks(comparison, reconstruction)
    left_out = [cell for cell in comparison["cells"] if cell["status"] != "success"]
    assert {method for one in found if one.text.startswith("left out") for method in one.methods} == {
        cell["method"] for cell in left_out
    }
    open_ones = [cell for cell in comparison["cells"] if not cell.get("convergence", {"converged": True})["converged"]]
    assert sum(len(one.cells) for one in found if one.text == "not converged") == len(open_ones)
    assert not any("flat" in one.methods for one in found if "flat" in one.text)
    own = [one.text for one in found if job["method"] in one.methods]
    for value in ("a remedy", "mask", "diverged", "smallest"):
        assert any(names(text, value) for text in own), value


def test_a_method_that_is_worse_than_a_control_or_got_worse_is_remarked() -> None:
    comparison: Any = copy.deepcopy(example("comparison_manifest", "every-status.json"))
    (cell, *_) = (cell for cell in comparison["cells"] if "convergence" in cell)
    cell["convergence"] |= {"complex_nrmse": [0.01, 0.6], "converged": True}
    control = copy.deepcopy(cell) | {"method": "flat"}
    del control["convergence"]
    for one, value in ((cell, 0.6), (control, 0.4)):
        measure = next(found for found in one["measures"] if found["metric"] == "complex_nrmse")
        one["measures"] = [measure | {"value": value}]
    comparison["cells"] = [control, cell]
    (got_worse, behind) = sorted(remarks(comparison, None), key=lambda one: one.text)
    assert (got_worse.methods, behind.methods) == ((cell["method"],), (cell["method"],))
    assert names(behind.text, "worse than flat", "complex NRMSE", "undecided")
    assert "got worse" in got_worse.text
    assert worse_than_flat(comparison) == {behind.cells[0]: [cell["method"]]}
    assert worse_than_flat(None) == {}
