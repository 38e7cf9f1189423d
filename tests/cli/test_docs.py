"""`ptyproof docs` on the command line: what it says, its exit statuses, and that `--check` writes nothing."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from ptyproof.cli import main
from ptyproof.cli.main import build_parser
from tests.helpers.commands import refused
from tests.helpers.documents import GUIDE, alone, make_project, record
from tests.helpers.folders import snapshot

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
    assert capsys.readouterr().out.splitlines() == [
        "docs/TESTING_GUIDE.md: line 3: block selectors is stale",
        "docs/development/TEST_SUITE_INDEX.md: line 3: block test-index is stale",
        "docs/fix_plan.md: line 3: block checklist is stale",
        "docs/fix_plan.md: line 10: block ledger is stale",
    ]
    assert snapshot(project) == before
    assert main(["docs", "sync", *HUB]) == 0
    assert "docs/fix_plan.md: line 10: block ledger rewritten\n" in capsys.readouterr().out
    after = snapshot(project)
    assert main(["docs", "sync", *HUB, "--check"]) == 0
    assert capsys.readouterr().out == "every block is up to date\n"
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
    assert [line.split(": block ")[-1] for line in lines] == [
        "selectors is stale",
        "test-index is stale",
        "ledger is stale",
        "run-0003 is under way: it is not in the ledger yet",
    ]


def test_a_selector_that_collects_nothing_fails(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "docs" / "TESTING_GUIDE.md").write_text(GUIDE.replace("pytest tests", "pytest tests/test_two.py"))
    before = snapshot(project)
    for more in ([], ["--check"]):
        assert main(["docs", "sync", *more]) == 1
        said = capsys.readouterr()
        assert said.out == ""
        assert "collects nothing: pytest tests/test_two.py (ERROR: file or directory not found" in said.err
    assert snapshot(project) == before


def test_wrong_marks_settings_and_hubs_are_refused_and_nothing_is_written(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["docs", "sync", *HUB]
    page, settings = project / "docs" / "fix_plan.md", project / "pyproject.toml"
    text, table = page.read_text(), settings.read_text()
    before = snapshot(project)
    page.write_text(text.replace("<!-- ptyproof:end ledger -->\n", ""))
    assert "docs/fix_plan.md: line 10: begins the block ledger, but no mark below it ends it" in refused(capsys, argv)
    page.write_text(text)
    settings.write_text(f"{table}tests = 'x'\n")
    assert "[tool.ptyproof.docs]: tests: is no key of this table" in refused(capsys, argv)
    settings.write_text(table)
    assert "--hub must be a folder with an index" in refused(capsys, ["docs", "sync", "--hub", "hub"])
    monkeypatch.chdir(tmp_path)
    assert "there is no pyproject.toml" in refused(capsys, ["docs", "sync"])
    assert snapshot(project) == before


def test_init_makes_what_is_missing_and_leaves_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    alone(monkeypatch)
    (tmp_path / "test_one.py").write_text('"""One."""\n\ndef test_one(): ...\n')
    record(tmp_path / "hub", topic="dose")
    assert main(["docs", "sync", "--init", "--hub", "hub"]) == 0
    assert capsys.readouterr().out.splitlines()[:4] == [
        "pyproject.toml: made",
        "docs/TESTING_GUIDE.md: made",
        "docs/development/TEST_SUITE_INDEX.md: made",
        "docs/fix_plan.md: made",
    ]
    assert "| `pytest` | 1 |" in (tmp_path / "docs/TESTING_GUIDE.md").read_text()
    assert "One." in (tmp_path / "docs/development/TEST_SUITE_INDEX.md").read_text()
    plan = (tmp_path / "docs/fix_plan.md").read_text()
    assert "- [x] dose (evidence: [run-0001](../hub/green/run-0001.log))" in plan
    assert "Attempt #1" in plan
    (tmp_path / "docs/TESTING_GUIDE.md").unlink()
    before = snapshot(tmp_path)
    assert main(["docs", "sync", "--init", "--hub", "hub"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "docs/TESTING_GUIDE.md: made"
    after = snapshot(tmp_path)
    assert {name: after[name] for name in before} == before


def test_init_does_not_go_with_check(project: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["docs", "sync", "--init", "--check"])
    assert caught.value.code == 2
