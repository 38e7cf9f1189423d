"""The tests of evidence pass with the oldest and with the newest versions of what the package depends on."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.companions.environments import ROOT, Environment

pytestmark = pytest.mark.installs
PLUGIN_TESTS = ROOT / "tests" / "plugins"
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
ADDOPTS = "addopts=--import-mode=importlib"
LOADED = ("-p", "pytest_ptyproof.plugin", "-p", "xdist", "-p", "pytester", "-p", "no:cacheprovider")
OPTIONS = ("--noconftest", "-o", ADDOPTS, *LOADED, "-q", "-ra", "-n", "2")


def fixtures(*conftests: Path) -> set[str]:
    """Return the names of the fixtures of conftests."""
    found = set()
    for path in conftests:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any("fixture" in ast.unparse(one) for one in node.decorator_list):
                found.add(node.name)
    return found


def needs(path: Path) -> set[str]:
    """Return the fixtures that functions of a test file ask for, and the modules that it imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            found |= {argument.arg for argument in node.args.args}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return found


def without_torch() -> Iterator[Path]:
    """Yield the test files of the plugin that stand alone: they need no study, and nothing of a conftest."""
    theirs = fixtures(PLUGIN_TESTS / "conftest.py", ROOT / "tests" / "conftest.py")
    heavy = {"tests.helpers.runs", "tests.helpers.forked", "torch", "tests.helpers.killing", "tests.helpers.blocked"}
    for path in sorted(PLUGIN_TESTS.glob("test_*.py")):
        if not needs(path) & (theirs | heavy):
            yield path


def test_tests_that_stand_alone_are_found() -> None:
    found = {path.name for path in without_torch()}
    assert found >= {"test_evidence.py", "test_exit_status.py", "test_red.py", "test_clocks.py", "test_opaque_ids.py"}
    assert not found & {"test_real_run.py", "test_killed.py"}


@pytest.mark.parametrize("versions", ["oldest", "newest"])
def test_evidence_is_the_same(versions: str, request: pytest.FixtureRequest) -> None:
    environment: Environment = request.getfixturevalue(versions)
    done = environment.run("-m", "pytest", *OPTIONS, *map(str, without_torch()), cwd=ROOT, **ALONE)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert int(re.findall(r"(\d+) passed", done.stdout)[-1]) > 150
    assert not re.search(r"SKIPPED .*test_clocks\.py", done.stdout)  # what freezes clocks is here
