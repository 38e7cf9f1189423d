"""The tutorial of red and green, run as it is written, from an empty folder to a hub that verifies."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.hub.index import INDEX, Hub
from tests.helpers import forked
from tests.helpers.processes import plain_pictures
from tests.helpers.runs import TINY
from tests.helpers.tutorials import TUTORIALS, path_with_commands

PAGE = (TUTORIALS / "red-and-green.md").read_text(encoding="utf-8")


def block(name: str) -> str:
    """Return a marked block of the tour."""
    (found,) = re.findall(rf"^<!-- tour: {name} -->\n```sh\n(.*?)```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    return str(found)


def small(command: str, study: Path) -> str:
    """Return a command of the tour with a smaller study in place of the one for real runs."""
    return command.replace("--ptyproof-study fly64-smoke", f"--ptyproof-study {study}")


def tour(root: Path, commands: list[str], environment: dict[str, str], forking: str | None = None) -> Path:
    """Run the tour's files and commands in an empty folder in `root`; return the folder.

    A command with the word `forking` is that of a process that has imported what it needs.
    """
    environment = environment | {"PATH": path_with_commands(root / "bin"), "OMP_NUM_THREADS": "1"}
    here = root / "empty"
    here.mkdir()
    assert len(commands) == 7
    for command in [block("files"), *commands]:
        if forking is not None and forking in command.split():
            done = forked.run(["-m", *shlex.split(command)], here, environment)
        else:
            words = ["bash", "-euc", command]
            done = subprocess.run(words, cwd=here, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return here


@pytest.fixture(scope="module")
def toured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder after the tour, with a study that trains within a second."""
    root = tmp_path_factory.mktemp("tour")
    study = root / "tiny.toml"
    study.write_text(TINY, encoding="utf-8")
    written = block("commands").splitlines()
    commands = [small(command, study) for command in written]
    assert sum(a != b for a, b in zip(commands, written, strict=True)) == 1
    return tour(root, commands, plain_pictures(), forking="real_run")


@pytest.mark.campaign
def test_the_tour_as_it_is_written(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    here = tour(tmp_path, block("commands").splitlines(), environment)
    test_the_hub_has_the_whole_story(here)
    test_nothing_but_what_was_asked_for_is_left_behind(here)
    assert verify_hub(here / "hub") == []


def test_the_hub_has_the_whole_story(toured: Path) -> None:
    index = Hub(toured / "hub").read()
    assert index is not None
    assert [run["evidence"] for run in index["runs"]] == ["red", "green", "collect", "none"]
    assert [run["accepted"] for run in index["runs"]] == [True, True, True, None]
    assert index["runs"][1]["red"] == {
        "run": "run-0001",
        "same_tests": True,
        "code_changed": True,
        "tests_changed": False,
        "changed": {"code": 1},
    }
    assert index["runs"][3]["real_run"]
    assert re.search(r"- \[x\] spacing \(.*\[run-0002\]", (toured / "docs/fix_plan.md").read_text())
    assert (toured / "hub/docs/report.html").is_file()


def test_nothing_but_what_was_asked_for_is_left_behind(toured: Path) -> None:
    names = {path.name for path in toured.iterdir()} - {".pytest_cache", "__pycache__", ".benchmarks"}
    assert names == {"hub", "docs", "pyproject.toml", "spacing.py", "test_spacing.py"}


@pytest.mark.campaign  # test_hub_judge changes a byte of each file of another hub
def test_one_changed_byte_in_any_file_is_named(toured: Path) -> None:
    hub = toured / "hub"
    files = sorted(path for path in hub.rglob("*") if path.is_file())
    assert len(files) > 40
    for path in files:
        raw = path.read_bytes()
        at = len(raw) // 2
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :] if raw else b"x")
        found = {finding.file for finding in verify_hub(hub)}
        path.write_bytes(raw)
        name = path.relative_to(hub).as_posix()
        assert name in found or (name == INDEX and found), f"{name} was changed, and verify named {found or 'nothing'}"
    assert verify_hub(hub) == []
