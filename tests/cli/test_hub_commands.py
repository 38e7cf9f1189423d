"""`ptyproof report` and `ptyproof hub verify`: what they write and say, and their exit statuses."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from ptyproof.cli import main
from ptyproof.cli.main import build_parser
from ptyproof.hub.index import Hub
from tests.helpers.hubs import kill_run, make_run
from tests.helpers.messages import names, numbers


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """A hub with a run and its summary."""
    hub = Hub(tmp_path / "ein hüb")
    make_run(hub, "red", "adding", accepted=True, outcomes={"failed": 1})
    assert main(["report", "--hub", str(hub.root)]) == 0
    return hub


@pytest.mark.parametrize("argv", [["report"], ["hub"]])
def test_help_has_examples(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*argv, "--help"])
    assert caught.value.code == 0
    examples = [line for line in capsys.readouterr().out.splitlines() if line.startswith(f"  ptyproof {argv[0]} ")]
    assert examples
    for line in examples:
        assert build_parser().parse_args(shlex.split(line, comments=True)[1:]).run is not None


def test_report_says_where_it_wrote_and_takes_stock(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    summary, skips = hub.root / "docs" / "summary.md", hub.root / "docs" / "skipped_views.jsonl"
    text = summary.read_text(encoding="utf-8")
    summary.unlink()
    (hub.root / "docs" / "report.html").write_text("another page")
    assert main(["report", "--hub", str(hub.root)]) == 0
    assert capsys.readouterr().out.endswith(f"{summary}\n{skips}\n")
    assert summary.read_text(encoding="utf-8") == text
    assert main(["hub", "verify", str(hub.root)]) == 0


def test_verify_says_that_a_hub_is_sound(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["hub", "verify", str(hub.root)]) == 0
    said = capsys.readouterr()
    assert (said.out.startswith(f"{hub.root}: "), said.out.count("\n"), said.err) == (True, 1, "")


def test_verify_has_a_line_for_each_problem(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    (hub.root / "red" / "run-0001.log").write_text("nicer")
    (hub.root / "dözu 1.txt").write_text("x")
    capsys.readouterr()
    assert main(["hub", "verify", str(hub.root)]) == 1
    said = capsys.readouterr()
    new, changed = said.out.splitlines()
    assert new.startswith("dözu 1.txt: error PM210 at $: ")
    assert changed.startswith("red/run-0001.log: error PM302 at $: ")
    assert {"5", "21"} <= set(changed.split())
    assert numbers(said.err).count(2) == 2


def test_report_does_not_make_a_changed_file_the_recorded_one(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    before = hub.index_path.read_bytes()
    (hub.root / "red" / "run-0001.log").write_text("nicer")
    assert main(["report", "--hub", str(hub.root)]) == 1
    assert "red/run-0001.log: error PM302 at $" in capsys.readouterr().err
    assert hub.index_path.read_bytes() == before


def test_a_hub_whose_run_was_killed_gets_its_report_and_is_not_sound(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    kill_run(hub)
    (hub.root / "red" / "run-0001.log").write_text("more than when the run was killed")
    assert main(["report", "--hub", str(hub.root)]) == 0
    assert "run-0002" in (hub.root / "docs" / "summary.md").read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(["hub", "verify", str(hub.root)]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("hub.json: error PM710 at $.runs[1].status: run-0002 ")


@pytest.mark.parametrize("command", [["report", "--hub"], ["hub", "verify"]])
def test_a_folder_that_is_no_hub_is_refused_and_left_alone(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in (tmp_path, tmp_path / "missing"):
        assert main([*command, str(place)]) == 2
        said = capsys.readouterr().err
        assert said.startswith("ptyproof: error: ")
        assert said.count("\n") == 1
        assert names(said, place, "hub.json")
    assert list(tmp_path.iterdir()) == []
