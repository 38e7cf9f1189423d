"""Commands of ptyproof as runs into a hub: what they said, how they ended, and why one could not go on."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.cli.main import main
from ptyproof.docs_sync.runs import read_runs
from ptyproof.errors import InputError, RunError
from ptyproof.hub.index import Hub
from ptyproof.runs.command import recorded
from tests.helpers.messages import names, naming, numbers
from tests.helpers.phases import Phase


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a hub that is not there yet, below the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "hub"


def runs(hub: Path) -> list[Mapping[str, Any]]:
    """Return the runs in a hub's index."""
    index = Hub(hub).read()
    assert index is not None
    return list(index["runs"])


def test_a_command_is_recorded_with_what_it_said(hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["generate", "--base-npz", "builtin", "--study", "fly64-smoke", "--dose", "1000"]
    command += ["--output-root", "hub/work/phase_c", "--artifact-hub", "hub"]
    assert main(command) == 0
    shown = capsys.readouterr().out
    (run,) = runs(hub)
    assert run["command"] == "ptyproof " + " ".join(command)
    assert (run["status"], run["exit_status"], run["evidence"], run["real_run"]) == ("ended", 0, "none", False)
    assert run["blocked_path"] is None
    assert any(numbers(line)[:3] == [1000, 120, 123] for line in shown.splitlines())
    assert (hub / run["log_path"]).read_text() == shown
    assert verify_hub(hub) == []


def test_a_command_that_cannot_go_on_leaves_a_record_that_leads_the_summary(
    hub: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["overlap", "--phase-c-root", "nowhere", "--output-root", "d", "--artifact-hub", "hub"]
    assert main(command) == 2
    sentence = capsys.readouterr().err.removeprefix("ptyproof: error: ").strip()
    assert "nowhere" in sentence
    (run,) = runs(hub)
    assert run["exit_status"] == 2
    record = (hub / run["blocked_path"]).read_text()
    assert names(record, f"`ptyproof {' '.join(command)}`")
    assert any(line.startswith("- ") and numbers(line) == [2] for line in record.splitlines())
    assert f"\n    {sentence}\n" in record
    assert record.endswith(f"    ptyproof: error: {sentence}\n")
    assert (hub / "docs/summary.md").read_text().splitlines()[2].startswith("**BLOCKED: ")
    assert [found.blocked for found in read_runs(hub)] == [hub / run["blocked_path"]]
    assert verify_hub(hub) == []
    assert sorted(path.name for path in hub.parent.iterdir()) == ["hub"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RunError("the disk broke"), 1),
        (KeyboardInterrupt(), 130),
        (MemoryError("8 GB"), 1),
        (ZeroDivisionError("x"), 1),
    ],
)
def test_every_error_is_recorded_and_raised_on(error: BaseException, status: int, hub: Path) -> None:
    with pytest.raises(type(error)), recorded(hub, ["train"]):
        raise error
    (run,) = runs(hub)
    assert (run["status"], run["exit_status"]) == ("ended", status)
    assert (hub / run["blocked_path"]).is_file()


def test_an_error_of_our_own_making_comes_with_the_way_to_it(hub: Path) -> None:
    with pytest.raises(ZeroDivisionError), recorded(hub, ["train"]):
        raise ZeroDivisionError("no steps")
    (run,) = runs(hub)
    record = (hub / run["blocked_path"]).read_text()
    assert "\n    ZeroDivisionError: no steps\n    Traceback (most recent call last):\n" in record


def test_a_hub_that_cannot_be_one_is_refused_before_the_command_runs(hub: Path) -> None:
    hub.write_text("mine")
    with pytest.raises(InputError, match=naming("--artifact-hub", hub)), recorded(hub, ["train"]):
        pytest.fail("the command ran")
    assert hub.read_text() == "mine"


def test_progress_bars_stay_out_of_the_log(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with recorded(hub, ["train"]):
        sys.stderr.write("\r 50%|#####")
        sys.stderr.write("a line\n")
    (run,) = runs(hub)
    assert (hub / run["log_path"]).read_text() == "a line\n"


def test_a_training_in_the_hub_is_a_real_run_and_a_dry_run_is_none(
    hub: Path, smoke_c: Phase, smoke_d: Phase, capsys: pytest.CaptureFixture[str]
) -> None:
    roots = [
        "--phase-c-root",
        str(smoke_c.root),
        "--phase-d-root",
        str(smoke_d.root),
        "--artifact-root",
        str(hub / "real_run"),
    ]
    only = ["--dose", "1000", "--view", "baseline", "--max-epochs", "1", "--artifact-hub", str(hub), "--quiet"]
    assert main(["train", *roots, *only, "--dry-run"]) == 0
    assert main(["train", *roots, *only]) == 0
    capsys.readouterr()
    assert [run["real_run"] for run in runs(hub)] == [False, True]
