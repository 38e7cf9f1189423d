"""Ids of tests are opaque: whatever stands in them is recorded, read back and compared as it is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.hub.index import Hub
from ptyproof.io.json_lines import one_line, read_lines
from tests.helpers.projects import quickly

SEPARATORS = ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
CONTROLS = ["\x00", "\x07", "\x1b[31m", "\x7f", "\x9b", "\u202e", "\ufeff", "\udce9"]
PLAIN = ["x" * 600, "a; b", "a | b", "`a`", "a::b", "a]b", "a@b", "[", "\\u2028", "\\", '"', "a/../b", "é", " "]
STRANGE = [f"a{mark}b" for mark in SEPARATORS + CONTROLS] + PLAIN

# a collector of its own gives its tests ids that pytest does not escape
CONFTEST = f"""
import pytest
NAMES = {STRANGE!r}
class Case(pytest.Item):
    def runtest(self):
        assert (self.path.parent / "right").exists()
    def reportinfo(self):
        return self.path, 0, "case"
class Cases(pytest.File):
    def collect(self):
        for name in NAMES:
            yield Case.from_parent(self, name=name)
def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".cases":
        return Cases.from_parent(parent, path=file_path)
"""
IDS = [f"test_a.cases::{name}" for name in STRANGE]


def run(folder: Path, *args: str) -> dict[str, Any]:
    """Run pytest; return what the index has of the run."""
    quickly([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--artifact-hub=hub", *args], folder)
    index = Hub(folder / "hub").read()
    assert index is not None
    return dict(index["runs"][-1])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (tmp_path / "test_a.cases").touch()
    return tmp_path


def test_red_and_green_with_strange_ids_have_the_same_tests(project: Path) -> None:
    red = run(project, "--evidence=red")
    assert red["outcomes"] == {"failed": len(IDS)}
    lines = list(read_lines(project / "hub" / red["reports_path"]))
    assert [line["test"] for line in lines if line["when"] == "call"] == IDS
    (project / "right").touch()
    green = run(project, "--evidence=green")
    assert (green["accepted"], green["outcomes"], green["red"]["same_tests"]) == (True, {"passed": len(IDS)}, True)
    assert verify_hub(project / "hub") == []


def test_collected_strange_ids_are_those_that_ran(project: Path) -> None:
    (project / "right").touch()
    run(project, "--evidence=collect", "--collect-only")
    green = run(project, "--evidence=green")
    assert (green["collect"]["n_not_run"], green["collect"]["n_not_collected"]) == (0, 0)


def test_reports_are_one_line_each_for_every_reader(project: Path) -> None:
    red = run(project, "--evidence=red")
    raw = (project / "hub" / red["reports_path"]).read_bytes()
    text = raw.decode("utf-8")
    assert len(text.splitlines()) == raw.count(b"\n") == 3 * len(IDS)
    assert {json.loads(line)["test"] for line in text.splitlines()} == set(IDS)


def test_the_summary_shows_strange_ids_on_one_line_and_whole(project: Path) -> None:
    (project / "conftest.py").write_text(
        CONFTEST.replace('        assert (self.path.parent / "right").exists()', "        pytest.skip('no beam')"),
        encoding="utf-8",
    )
    ended = run(project)
    assert [skip["test"] for skip in ended["skips"]] == [
        name.encode(errors="backslashreplace").decode() for name in IDS
    ]
    text = (project / "hub" / "docs" / "summary.md").read_text(encoding="utf-8")
    shown = [line for line in text.splitlines() if line.startswith("- run-0001 skipped ")]
    assert len(shown) == len(IDS)
    assert "x" * 600 in text
    assert not {char for char in text if not char.isprintable()} - {"\n"}


@pytest.mark.parametrize("group", ["g", "g]", "a@b"])
def test_a_group_of_xdist_is_no_part_of_an_id(tmp_path: Path, group: str) -> None:
    (tmp_path / "test_a.py").write_text(
        f"import pathlib, pytest\n@pytest.mark.xdist_group({group!r})\n@pytest.mark.parametrize('s', ['x@y', 'z'])\n"
        "def test_a(s):\n    assert pathlib.Path('right').exists()\n"
        "def test_b():\n    assert pathlib.Path('right').exists()\n"
    )
    red = run(tmp_path, "--evidence=red")
    (tmp_path / "right").touch()
    green = run(tmp_path, "--evidence=green", "-p", "xdist", "-n", "2", "--dist", "loadgroup")
    assert red["outcomes"] == {"failed": 3}
    assert (green["accepted"], green["outcomes"], green["red"]["same_tests"]) == (True, {"passed": 3}, True)
    tests = {line["test"] for line in read_lines(tmp_path / "hub" / green["reports_path"])}
    assert tests == {"test_a.py::test_a[x@y]", "test_a.py::test_a[z]", "test_a.py::test_b"}


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes('{"a": "\u2028\x85"}\n{"b"'.encode())
    assert list(read_lines(path)) == [{"a": "\u2028\x85"}]
    assert list(read_lines(tmp_path / "none")) == []


def test_one_line_keeps_the_value() -> None:
    value = {"test": "".join(SEPARATORS + CONTROLS[:-1])}
    text = json.dumps(value, ensure_ascii=False)
    assert json.loads(one_line(text)) == value
    assert len(one_line(text).splitlines()) == 1
