"""`ptyproof docs` on the command line: what it says, its exit statuses, and that `--check` writes nothing."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ptyproof.cli import main
from ptyproof.cli.main import build_parser
from tests.helpers.commands import refused
from tests.helpers.documents import GUIDE, alone, make_project, record
from tests.helpers.folders import snapshot
from tests.helpers.messages import names

HUB = ["--hub", "../hub"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that was never synced; the working folder is one below its own."""
    root = make_project(tmp_path / "project")
    monkeypatch.chdir(root / "docs")
    alone(monkeypatch)
    return root


@pytest.mark.parametrize("argv", [["docs"], ["docs", "sync"]])
def test_help_has_examples_that_parse(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*argv, "--help"])
    assert caught.value.code == 0
    lines = [line.split("#")[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ptyproof docs")]
    assert len(lines) == 4
    for line in lines:
        assert build_parser().parse_args(shlex.split(line)[1:]).run is not None


def test_check_names_what_is_stale_and_sync_mends_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = snapshot(project)
    assert main(["docs", "sync", *HUB, "--check"]) == 1
    stale = [
        ("docs/TESTING_GUIDE.md", 3, "selectors"),
        ("docs/development/TEST_SUITE_INDEX.md", 3, "test-index"),
        ("docs/fix_plan.md", 3, "checklist"),
        ("docs/fix_plan.md", 10, "ledger"),
    ]
    for line, parts in zip(capsys.readouterr().out.splitlines(), stale, strict=True):
        assert names(line, *parts)
    assert snapshot(project) == before
    assert main(["docs", "sync", *HUB]) == 0
    for line, parts in zip(capsys.readouterr().out.splitlines(), stale, strict=True):
        assert names(line, *parts)
    after = snapshot(project)
    assert main(["docs", "sync", *HUB, "--check"]) == 0
    assert ".md" not in capsys.readouterr().out
    assert snapshot(project) == after


def test_a_new_test_and_a_new_run_make_their_blocks_stale(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", "sync", *HUB]) == 0
    capsys.readouterr()
    with (project / "tests" / "test_one.py").open("a") as file:
        file.write("\n\ndef test_three(): ...\n")
    record(project / "hub", "red", "other")
    record(project / "hub", ended=False)
    assert main(["docs", "sync", *HUB, "--check"]) == 1
    lines = capsys.readouterr().out.splitlines()
    for line, name in zip(lines, ("selectors", "test-index", "ledger", "run-0003"), strict=True):
        assert names(line, name)


def test_a_selector_that_collects_nothing_fails(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "docs" / "TESTING_GUIDE.md").write_text(GUIDE.replace("pytest tests", "pytest tests/test_two.py"))
    before = snapshot(project)
    for more in ([], ["--check"]):
        assert main(["docs", "sync", *more]) == 1
        said = capsys.readouterr()
        assert said.out == ""
        assert names(said.err, "docs/TESTING_GUIDE.md", "pytest tests/test_two.py", "(ERROR: ")
    assert snapshot(project) == before


def test_wrong_marks_settings_and_hubs_are_refused_and_nothing_is_written(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["docs", "sync", *HUB]
    page, settings = project / "docs" / "fix_plan.md", project / "pyproject.toml"
    text, table = page.read_text(), settings.read_text()
    before = snapshot(project)
    page.write_text(text.replace("<!-- ptyproof:end ledger -->\n", ""))
    assert names(refused(capsys, argv), "docs/fix_plan.md", 10, "ledger")
    page.write_text(text)
    settings.write_text(f"{table}tests = 'x'\n")
    assert names(refused(capsys, argv), "pyproject.toml", "[tool.ptyproof.docs]", "tests")
    settings.write_text(table)
    assert names(refused(capsys, ["docs", "sync", "--hub", "hub"]), "--hub", "hub/hub.json")
    monkeypatch.chdir(tmp_path)
    assert names(refused(capsys, ["docs", "sync"]), "pyproject.toml")
    assert snapshot(project) == before


def test_init_makes_what_is_missing_and_leaves_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    alone(monkeypatch)
    (tmp_path / "test_one.py").write_text('"""One."""\n\ndef test_one(): ...\n')
    record(tmp_path / "hub", topic="dose")
    assert main(["docs", "sync", "--init", "--hub", "hub"]) == 0
    made = ["pyproject.toml", "docs/TESTING_GUIDE.md", "docs/development/TEST_SUITE_INDEX.md", "docs/fix_plan.md"]
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()[:4]] == made
    assert all((tmp_path / name).is_file() for name in made)
    assert "| `pytest` | 1 |" in (tmp_path / "docs/TESTING_GUIDE.md").read_text()
    assert "One." in (tmp_path / "docs/development/TEST_SUITE_INDEX.md").read_text()
    plan = (tmp_path / "docs/fix_plan.md").read_text()
    assert re.search(r"^- \[x\] dose \(.*\[run-0001\]\(\.\./hub/green/run-0001\.log\)\)", plan, re.MULTILINE)
    assert "<!-- ptyproof: run run-0001" in plan
    (tmp_path / "docs/TESTING_GUIDE.md").unlink()
    before = snapshot(tmp_path)
    assert main(["docs", "sync", "--init", "--hub", "hub"]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("docs/TESTING_GUIDE.md: ")
    after = snapshot(tmp_path)
    assert {name: after[name] for name in before} == before


def test_init_does_not_go_with_check(project: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["docs", "sync", "--init", "--check"])
    assert caught.value.code == 2
