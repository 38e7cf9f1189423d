"""A small project of a user, with a hub, in which tests run pytest as on a command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ptyproof.hub.index import Hub
from tests.helpers import forked
from tests.helpers.processes import plugin_alone

RIGHT, WRONG = "def add(a, b):\n    return a + b\n", "def add(a, b):\n    return a - b\n"
TESTS = (
    "import calc\ndef test_one():\n    assert calc.add(1, 2) == 3\ndef test_two():\n    assert calc.add(2, 2) == 4\n"
)


def started(command: list[str], cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with further variables in its environment."""
    env = plugin_alone() | variables
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def quickly(command: list[str], cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python with a command to its end, in a fork of a process that has imported pytest and what trains.

    Without the extra `train`, it runs in a fresh process.
    """
    if find_spec("torch") is None:
        return started(command, cwd, **variables)
    return forked.run(command[1:], cwd, plugin_alone() | variables)


@dataclass(frozen=True)
class Ended:
    """A pytest run that has ended."""

    status: int
    screen: str
    run: Mapping[str, Any]


class Project:
    """A small project with two tests that fail, and a hub."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.hub = Hub(root / "hub")
        self.write("calc.py", WRONG)
        self.write("test_calc.py", TESTS)

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        (self.root / name).write_text(text, encoding="utf-8")

    def command(self, *args: str) -> list[str]:
        """Return a command line; bytecode is not kept, as files are changed within a second."""
        return [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:benchmark", *args]

    def pytest(self, *args: str, hub: bool = True, **variables: str) -> Ended:
        """Run pytest in the project, with further variables."""
        where = ["--artifact-hub", "hub"] if hub else []
        done = quickly(self.command(*where, *args), self.root, **variables)
        index = self.hub.read()
        return Ended(done.returncode, done.stdout + done.stderr, {} if index is None else index["runs"][-1])

    def evidence(self, kind: str, *args: str, **variables: str) -> Ended:
        """Run pytest in the project for a kind of evidence."""
        return self.pytest("--evidence", kind, *args, hub=True, **variables)

    def lines(self, ended: Ended) -> list[dict[str, Any]]:
        """Return the lines that were written about the reports of a run."""
        return [json.loads(line) for line in self.read(ended.run["reports_path"]).split("\n") if line]

    def read(self, name: str) -> str:
        """Return a text of the hub."""
        return (self.hub.root / name).read_text(encoding="utf-8")
