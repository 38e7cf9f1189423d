"""`ptyproof hub export --format ctrf`: every test of a run with its outcome, in the format of its schema."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from ptyproof.cli.main import main
from ptyproof.io.hashing import sha256_file
from tests.helpers.hubs import edit, make_run
from tests.helpers.messages import names
from tests.helpers.projects import RIGHT, Project

SCHEMA = Path(__file__).parent / "ctrf" / "ctrf-schema-0.0.json"
SHA256 = "742dee4cffda469902a9c30c4a87b0b7000d59d2ee502dcccb12ec471cea96a2"
TESTS = """
import pytest

class TestInside:
    @pytest.mark.parametrize("text", ["a::b", "[c]"])
    def test_passes(self, text): pass

def test_fails(): assert 1 == 2
def test_is_skipped(): pytest.skip("no beam")
@pytest.mark.xfail(reason="known")
def test_fails_as_expected(): assert 0
@pytest.mark.xfail(reason="known")
def test_passes_unexpectedly(): pass
@pytest.mark.xfail(reason="known", strict=True)
def test_passes_strictly(): pass
@pytest.fixture
def broken(): raise ValueError("no file")
def test_has_no_fixture(broken): pass
"""
STATUSES = {
    "test_passes[a::b]": ("passed", "passed"),
    "test_passes[[c]]": ("passed", "passed"),
    "test_fails": ("failed", "failed"),
    "test_is_skipped": ("skipped", "skipped"),
    "test_fails_as_expected": ("other", "xfailed"),
    "test_passes_unexpectedly": ("other", "xpassed"),
    "test_passes_strictly": ("failed", "xpassed"),
    "test_has_no_fixture": ("failed", "error"),
    "test_broken.py": ("failed", "collection error"),
}


def exported(hub: Path, out: Path, *more: str) -> int:
    """Export the report of a hub by the command; return its exit status."""
    return main(["hub", "export", str(hub), "--format", "ctrf", str(out), *more])


def read(out: Path) -> dict[str, Any]:
    """Return a report that obeys the schema."""
    report: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(report)
    return report


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose tests ended in every way, and then the two of a calculation, which passed."""
    made = Project(tmp_path_factory.mktemp("project"))
    made.write("calc.py", RIGHT)
    made.write("test_ways.py", TESTS)
    made.write("test_broken.py", "import no_such_module\n")
    made.pytest("test_ways.py", "test_broken.py", "--continue-on-collection-errors")
    made.pytest("test_calc.py")
    return made


def test_the_schema_is_the_one_of_the_package() -> None:
    assert sha256_file(SCHEMA) == SHA256


def test_equal_hubs_give_equal_reports(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert exported(project.hub.root, tmp_path / "a.json") == 0
    monkeypatch.setattr("ptyproof.clock.stamp", lambda: "2031-11-24T00:00:00Z")
    assert exported(project.hub.root, tmp_path / "b.json") == 0
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_every_test_has_its_outcome(project: Project, tmp_path: Path) -> None:
    assert exported(project.hub.root, tmp_path / "report.json", "--run", "run-0001") == 0
    results = read(tmp_path / "report.json")["results"]
    found = {test["name"]: (test["status"], test["rawStatus"]) for test in results["tests"]}
    assert found == STATUSES
    counts = Counter(status for status, _ in STATUSES.values())
    assert {key: results["summary"][key] for key in ("passed", "failed", "skipped", "other", "pending")} == {
        **counts,
        "pending": 0,
    }
    assert results["summary"]["tests"] == len(STATUSES)


def test_a_test_has_its_place_its_reason_and_its_text(project: Project, tmp_path: Path) -> None:
    assert exported(project.hub.root, tmp_path / "report.json", "--run", "run-0001") == 0
    tests = {test["name"]: test for test in read(tmp_path / "report.json")["results"]["tests"]}
    inside = tests["test_passes[a::b]"]
    assert (inside["suite"], inside["filePath"]) == (["test_ways.py", "TestInside"], "test_ways.py")
    assert inside["testId"] == "test_ways.py::TestInside::test_passes[a::b]"
    assert "no beam" in tests["test_is_skipped"]["message"]
    assert tests["test_fails"]["message"] == "AssertionError"
    assert "assert 1 == 2" in tests["test_fails"]["trace"]
    assert "no_such_module" in tests["test_broken.py"]["trace"]


def test_the_newest_run_is_reported_with_the_index_that_has_it(project: Project, tmp_path: Path) -> None:
    assert exported(project.hub.root, tmp_path / "report.json") == 0
    report = read(tmp_path / "report.json")
    assert {test["name"] for test in report["results"]["tests"]} == {"test_one", "test_two"}
    assert report["extra"]["run"] == "run-0002"
    assert report["extra"]["hub_index_sha256"] == sha256_file(project.hub.index_path)
    summary = report["results"]["summary"]
    assert summary["stop"] - summary["start"] == summary["duration"] >= 0


def test_tests_that_did_not_run_are_counted(project: Project, tmp_path: Path) -> None:
    run = project.pytest("test_ways.py", "-x", "-k", "not passes").run
    assert run["outcomes"] == {"failed": 1, "not_run": 3}
    assert exported(project.hub.root, tmp_path / "report.json", "--run", run["id"]) == 0
    summary = read(tmp_path / "report.json")["results"]["summary"]
    assert (summary["tests"], summary["failed"]) == (1, 1)
    assert summary["extra"]["tests_without_a_report"]["not_run"] == 3


def test_what_cannot_be_reported_is_refused(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = project.hub.root, tmp_path / "report.json"
    for more, said in ((("--run", "run-0099"), "run-0099"), (("--license", "CC0"), "--license")):
        assert exported(root, out, *more) == 2
        assert names(capsys.readouterr().err, said)
    assert exported(root, root / "report.json") == 2
    assert list(tmp_path.iterdir()) == []
    out.write_text("mine")
    assert exported(root, out) == 2
    assert out.read_text() == "mine"


def test_a_hub_without_tests_has_no_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = Project(tmp_path)
    make_run(made.hub)
    assert exported(made.hub.root, tmp_path / "report.json") == 2
    assert not (tmp_path / "report.json").exists()


def test_a_hub_with_errors_is_refused_unless_it_is_asked_for(tmp_path: Path) -> None:
    made = Project(tmp_path)
    made.pytest()
    edit(made.hub.index_path, lambda index: index["runs"][0].update(exit_status=0))
    assert exported(made.hub.root, tmp_path / "report.json") == 2
    assert exported(made.hub.root, tmp_path / "report.json", "--unsound") == 0
    assert read(tmp_path / "report.json")["extra"]["errors_of_hub"] > 0
