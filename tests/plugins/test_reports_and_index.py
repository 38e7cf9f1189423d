"""What the index says of an accepted run is what the lines of its reports say, in every door of the judge."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import check_manifest
from ptyproof.checking.hub import verify_hub
from ptyproof.hub.index import Hub
from tests.helpers.known import known
from tests.helpers.projects import RIGHT, Project

Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub with an accepted red, green and collect run; the green one has a test that -k left out."""
    project = Project(tmp_path_factory.mktemp("project"))
    assert project.evidence("red").run["accepted"]
    project.write("calc.py", RIGHT)
    assert project.evidence("green", "-k", "one").run["accepted"]
    assert project.evidence("collect", "--collect-only").run["accepted"]
    return project.hub.root


@pytest.fixture
def hub(recorded: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    root = tmp_path / "hub"
    for path in recorded.rglob("*"):
        if path.is_file():
            (root / path.relative_to(recorded)).parent.mkdir(parents=True, exist_ok=True)
            (root / path.relative_to(recorded)).write_bytes(path.read_bytes())
    return root


def codes(root: Path) -> set[str]:
    """Return the codes that the hub's judge finds; the index alone has the same of them."""
    found = {finding.code for finding in verify_hub(root) if finding.severity == "error"}
    alone = {finding.code for finding in check_manifest(root / "hub.json").findings if finding.severity == "error"}
    assert ("PM911" in found) == ("PM911" in alone)
    return found


def change_lines(root: Path, number: int, change: Callable[[Lines], Lines]) -> None:
    """Change the lines of a run, and let the index take stock of the file."""
    index = Hub(root).read()
    assert index is not None
    path = root / known(index["runs"][number]["reports_path"])
    lines = [json.loads(line) for line in path.read_text().split("\n") if line]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in change(lines)))
    Hub(root).write(lambda: None)


def all_failed(lines: Lines) -> Lines:
    return [line | {"outcome": "failed"} for line in lines]


def all_passed(lines: Lines) -> Lines:
    return [line | {"outcome": "passed"} for line in lines]


def setup_twice(lines: Lines) -> Lines:
    return [*lines, *(line for line in lines if line.get("when") == "setup")]


def failed_teardown(lines: Lines) -> Lines:
    return [line | ({"outcome": "failed"} if line.get("when") == "teardown" else {}) for line in lines]


def hidden_module(lines: Lines) -> Lines:
    return [*lines, {"test": "test_more.py", "when": "collect", "outcome": "skipped", "reason": "no beam"}]


def shown_deselection(lines: Lines) -> Lines:
    return [line for line in lines if line.get("outcome") != "deselected"]


def no_line(lines: Lines) -> Lines:
    return []


def first_lines(n: int, lines: Lines) -> Lines:
    return lines[:n]


def without_calls(lines: Lines) -> Lines:
    return [line for line in lines if line["when"] != "call"]


def test_what_was_recorded_is_sound(recorded: Path) -> None:
    assert codes(recorded) == set()


@pytest.mark.parametrize(
    ("number", "change"),
    [
        *((0, change) for change in (all_passed, no_line, partial(first_lines, 3))),
        *((1, change) for change in (all_failed, setup_twice, failed_teardown, hidden_module, shown_deselection)),
        *((1, change) for change in (no_line, without_calls)),
        *((2, change) for change in (no_line, partial(first_lines, 1))),
    ],
)
def test_changed_lines_of_an_accepted_run_are_an_error(
    hub: Path, number: int, change: Callable[[Lines], Lines]
) -> None:
    change_lines(hub, number, change)
    assert codes(hub) == {"PM911"}


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        (0, {"outcomes": {"failed": 1}}),
        (0, {"n_collected": 3}),
        (0, {"reports_path": None}),
        (1, {"outcomes": {"passed": 2}, "n_collected": 2}),
        (1, {"deselected": []}),
        (1, {"evidence": "none", "topic": None, "red": None, "collect": None}),
        (2, {"n_collected": 1}),
    ],
)
def test_a_changed_index_of_an_accepted_run_is_an_error(hub: Path, number: int, changes: dict[str, Any]) -> None:
    index = Hub(hub).read()
    assert index is not None
    Hub(hub).update_run(index["runs"][number]["id"], **changes)
    assert "PM911" in codes(hub)


def test_a_line_that_is_no_json_is_an_error(hub: Path) -> None:
    index = Hub(hub).read()
    assert index is not None
    with (hub / known(index["runs"][1]["reports_path"])).open("a") as file:
        file.write("{\n")
    Hub(hub).write(lambda: None)
    assert codes(hub) == {"PM911"}
