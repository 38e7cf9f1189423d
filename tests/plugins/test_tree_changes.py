"""The record names what changed between red and green in the repository or project, by kind of file and by name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.hub.index import Hub
from ptyproof.hub.tree_changes import read_files
from tests.helpers.messages import names
from tests.helpers.projects import quickly

WRONG, RIGHT = "def add(a, b):\n    return a - b\n", "def add(a, b):\n    return a + b + 0\n"
INI = "[pytest]\npythonpath = ../src\n"
FILES = {
    "tests/pytest.ini": INI,
    "tests/test_add.py": "import calc\ndef test_add():\n    assert calc.add(1, 2) == 3\n",
    "tests/conftest.py": "",
    "src/calc.py": WRONG,
    "src/table.json": "{}\n",
    "README.md": "Adding\n",
}


class Project:
    """A project whose tests lie in a folder of their own, which is pytest's root, and whose code lies beside it."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.hub = Hub(top / "hub")
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def write_all(self, files: Mapping[str, str | None]) -> None:
        """Write files, and remove those without a text."""
        for name, text in files.items():
            if text is None:
                (self.top / name).unlink()
            else:
                self.write(name, text)

    def read(self, name: str) -> str | None:
        """Return a file's text, None where there is no such file."""
        path = self.top / name
        return path.read_text(encoding="utf-8") if path.exists() else None

    def git(self, *args: str) -> None:
        who = ("-c", "user.name=A", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", str(self.top), *who, *args], check=True, capture_output=True)

    def pytest(self, kind: str, *args: str) -> tuple[Mapping[str, Any], str]:
        """Run the tests as evidence; return the run's record and the screen."""
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests", "--artifact-hub=hub"]
        done = quickly([*command, f"--evidence={kind}", *args], self.top, PYTHONDONTWRITEBYTECODE="1")
        index = self.hub.read()
        assert index is not None
        return index["runs"][-1], done.stdout + done.stderr

    def green_after(self, change: dict[str, str]) -> tuple[Mapping[str, Any], str]:
        """Return green's run and screen, after a red one and a change."""
        self.pytest("red")
        for name, text in change.items():
            self.write(name, text)
        return self.pytest("green")


@pytest.fixture(params=["repository", "project"])
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project in a repository without a commit, or without git and with a pyproject.toml."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    made = Project(tmp_path / "calc")
    if request.param == "repository":
        made.git("init", "--quiet")
    else:
        made.write("pyproject.toml", "[project]\nname = 'calc'\n")
    return made


def test_code_outside_of_pytests_root_is_seen_to_change(project: Project) -> None:
    run, _ = project.green_after({"src/calc.py": RIGHT})
    assert run["red"] == {
        "run": "run-0001",
        "same_tests": True,
        "code_changed": True,
        "tests_changed": False,
        "changed": {"code": 1},
    }
    assert (run["accepted"], run["reason"]) == (True, None)
    assert run["revision"]["tree"]["root"] == ".."
    assert verify_hub(project.hub.root) == []


CHANGES: list[tuple[dict[str, str], dict[str, int], list[object] | None]] = [
    ({"src/table.json": "[]"}, {"code": 1, "data": 1}, [1, "src/table.json"]),
    ({"new.npz": ""}, {"code": 1, "data": 1}, [1, "new.npz"]),
    ({"a.csv": "", "b.csv": ""}, {"code": 1, "data": 2}, [2, "a.csv, b.csv"]),
    ({"README.md": ""}, {"code": 1, "documents": 1}, [1, "README.md"]),
    (
        {"tests/pytest.ini": "[pytest]\npythonpath = ../src .\n"},
        {"code": 1, "configuration": 1},
        [1, "tests/pytest.ini"],
    ),
    ({"tests/conftest.py": "# new\n"}, {"code": 1, "tests": 1}, [1, "tests/conftest.py"]),
    ({"tests/test_new.py": ""}, {"code": 1, "other_tests": 1}, [1, "tests/test_new.py"]),
    ({"lib/fast.c": "int x;\n"}, {"code": 2}, None),
]


def test_every_kind_of_file_is_counted_and_named(project: Project) -> None:
    project.pytest("red")
    project.write("src/calc.py", RIGHT)
    for change, counts, parts in CHANGES:
        before = {name: project.read(name) for name in change}
        project.write_all(change)
        run, screen = project.pytest("green")
        project.write_all(before)
        assert run["red"]["changed"] == counts, change
        assert run["red"]["tests_changed"] is ("tests" in counts)
        if parts is None:
            assert run["reason"] is None
        else:
            assert names(run["reason"], *parts)
            assert all(said in screen for said in run["reason"].split("; "))


def test_a_data_file_that_was_changed_alone_is_no_code(project: Project) -> None:
    project.write("src/calc.py", "import pathlib\ndef add(a, b):\n    return int(pathlib.Path('n.txt').read_text())\n")
    project.write("n.txt", "2")
    run, _ = project.green_after({"n.txt": "3"})
    assert (run["accepted"], run["red"]["code_changed"], run["red"]["changed"]) == (True, False, {"data": 1})
    assert names(run["reason"], 1, "n.txt")


def test_the_list_of_files_is_kept_and_has_neither_the_hub_nor_what_python_makes(project: Project) -> None:
    project.write("src/__pycache__/calc.pyc", "")
    run, _ = project.pytest("red")
    files = read_files(project.hub.root / run["files_path"])
    assert set(FILES) <= files.keys()
    assert len(files) == run["revision"]["tree"]["n_files"] == len(FILES) + (project.top / "pyproject.toml").exists()
    assert {path: kind for path, (kind, _) in files.items() if path in FILES} == {
        "tests/pytest.ini": "configuration",
        "tests/test_add.py": "tests",
        "tests/conftest.py": "tests",
        "src/calc.py": "code",
        "src/table.json": "data",
        "README.md": "documents",
    }


def test_a_commit_between_red_and_green_changes_no_file(tmp_path: Path) -> None:
    made = Project(tmp_path)
    made.git("init", "--quiet")
    made.pytest("red")
    made.write("src/calc.py", RIGHT)
    made.git("add", "src", "tests", "README.md")
    made.git("commit", "--quiet", "--message", "fixed")
    run, _ = made.pytest("green")
    assert run["red"]["changed"] == {"code": 1}
    assert run["revision"]["commit"] is not None


def test_a_red_of_another_tree_leaves_open_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    made = Project(tmp_path)
    made.pytest("red")
    made.git("init", "--quiet")
    made.write("src/calc.py", RIGHT)
    run, _ = made.pytest("green")
    assert (run["accepted"], run["red"]["code_changed"], run["red"]["tests_changed"]) == (True, None, None)
    assert "changed" not in run["red"]
    assert "run-0001" in run["reason"]
    assert verify_hub(made.hub.root) == []


def test_without_its_list_a_red_run_is_compared_by_digests(tmp_path: Path) -> None:
    made = Project(tmp_path)
    made.git("init", "--quiet")
    red, _ = made.pytest("red")
    (made.hub.root / red["files_path"]).unlink()
    made.write("src/calc.py", RIGHT)
    run, _ = made.pytest("green")
    assert (run["red"]["code_changed"], run["red"]["tests_changed"], "changed" in run["red"]) == (True, False, False)


def test_what_git_says_of_a_repository_that_it_refuses_is_said_and_recorded(tmp_path: Path) -> None:
    made = Project(tmp_path)
    made.git("init", "--quiet")
    (made.top / ".git" / "HEAD").write_text("nothing")
    run, screen = made.pytest("red")
    assert run["revision"]["commit"] is None
    assert run["revision"]["git_error"] in screen.replace(str(tmp_path), "{cwd}")
    assert str(tmp_path) not in made.hub.index_path.read_text()
    summary = (made.hub.root / "docs" / "summary.md").read_text()
    assert any(names(line, "run-0001", run["revision"]["git_error"]) for line in summary.splitlines())
    assert verify_hub(made.hub.root) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_repository_of_another_owner_is_told_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    made = Project(tmp_path / "calc")
    made.git("init", "--quiet")
    shutil.chown(made.top, 4321, 4321)
    shutil.chown(made.top / ".git", 4321, 4321)
    run, screen = made.pytest("red")
    assert "safe.directory" in run["revision"]["git_error"]
    assert "safe.directory" in screen
    made.write("src/calc.py", RIGHT)
    green, _ = made.pytest("green")
    assert green["red"]["changed"] == {"code": 1}


def test_two_processes_see_the_same_tree(project: Project) -> None:
    project.pytest("red")
    project.write("src/calc.py", RIGHT)
    run, _ = project.pytest("green", "-p", "xdist", "-n", "2")
    assert run["red"]["changed"] == {"code": 1}
