"""Stray logs move into the hub on request, under a name that was free, and are never deleted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.messages import names
from tests.helpers.runs import Run

InFolder = Callable[..., Run]


@pytest.fixture
def folder(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile("def test_it(): pass")
    (pytester.path / "train_debug.log").write_text("first")
    (pytester.path / "other.log").write_text("other")
    return pytester


def test_stray_logs_are_moved_on_request(folder: pytest.Pytester, in_folder: InFolder) -> None:
    run = in_folder("--artifact-hub=hub", "--ptyproof-collect-stray")
    assert run.status == 0
    assert any(
        names(line, "ptyproof", "train_debug.log", "cli/stray/train_debug.log") for line in run.screen.splitlines()
    )
    assert not (folder.path / "train_debug.log").exists()
    (folder.path / "train_debug.log").write_text("second")
    in_folder("--artifact-hub=hub", "--ptyproof-collect-stray")
    stray = folder.path / "hub" / "cli" / "stray"
    assert {path.name: path.read_text() for path in stray.iterdir()} == {
        "train_debug.log": "first",
        "train_debug_2.log": "second",
    }
    assert (folder.path / "other.log").read_text() == "other"


def test_a_log_that_another_run_has_moved_is_left_to_it(
    folder: pytest.Pytester, in_folder: InFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = shutil.move

    def late(path: Path, target: Path) -> object:
        path.unlink()
        return move(path, target)

    monkeypatch.setattr(shutil, "move", late)
    run = in_folder("--artifact-hub=hub", "--ptyproof-collect-stray")
    assert run.status == 0
    assert not (folder.path / "train_debug.log").exists()
    assert not any("cli/stray" in line for line in run.screen.splitlines())


def test_nothing_is_moved_without_request(folder: pytest.Pytester, in_folder: InFolder) -> None:
    in_folder("--artifact-hub=hub")
    assert (folder.path / "train_debug.log").read_text() == "first"


def test_names_are_a_setting(folder: pytest.Pytester, in_folder: InFolder) -> None:
    folder.makeini("[pytest]\nptyproof_stray = other.log absent.log\n")
    in_folder("--artifact-hub=hub", "--ptyproof-collect-stray")
    assert [path.name for path in (folder.path / "hub" / "cli" / "stray").iterdir()] == ["other.log"]
    assert (folder.path / "train_debug.log").exists()


@pytest.mark.parametrize(
    ("setting", "options", "parts"),
    [
        ("train_debug.log", [], ["--ptyproof-collect-stray", "--artifact-hub DIR"]),
        ("../x.log", ["--artifact-hub=hub"], ["ptyproof_stray", "'../x.log'"]),
    ],
)
def test_what_cannot_be_meant_is_refused(
    folder: pytest.Pytester, in_folder: InFolder, setting: str, options: list[str], parts: list[str]
) -> None:
    folder.makeini(f"[pytest]\nptyproof_stray = {setting}\n")
    run = in_folder("--ptyproof-collect-stray", *options)
    assert run.status == pytest.ExitCode.USAGE_ERROR
    (sentence,) = [line for line in run.screen.splitlines() if line]
    assert names(sentence, "ERROR: ", *parts)
    assert (folder.path / "train_debug.log").exists()
