"""The plugin as any pytest run on a machine meets it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.helpers.messages import names, numbers
from tests.helpers.runs import HEAVY, HUB_LINE, Run, run_pytest

InFolder = Callable[..., Run]

MODULE = """
import pytest

@pytest.mark.real_run
def test_real(): pass

@pytest.mark.real_run
@pytest.mark.parametrize("n", [1, 2])
def test_more(n): pass

@pytest.mark.mine
def test_mine(): pass

def test_plain(): pass
"""
REAL = {"test_real", "test_more[1]", "test_more[2]"}
OTHER = {"test_mine", "test_plain"}


def left_out(screen: str) -> list[int]:
    """Return the numbers of the lines that say how many tests `-m real_run` would add."""
    lines = [line for line in screen.splitlines() if line.startswith("ptyproof: ") and names(line, "-m real_run")]
    return [number for line in lines for number in numbers(line)]


@pytest.fixture
def module(pytester: pytest.Pytester) -> None:
    """A test module with three real runs and two other tests."""
    pytester.makeini("[pytest]\nmarkers =\n    mine: of the user\n    real_runs_of_mine: of the user, too\n")
    pytester.makepyfile(MODULE)


@pytest.mark.parametrize(
    "name",
    [
        "ptyproof",
        "pytest_ptyproof",
        "pytest_ptyproof.plugin",
        "pytest_ptyproof.hub",
        "pytest_ptyproof.study",
        "pytest_ptyproof.real_run.test_study",
        "ptyproof.cli",
    ],
)
def test_importing_loads_nothing_heavy(name: str) -> None:
    code = f"import sys, {name}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_run_without_a_study_loads_nothing_heavy(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(f"import sys\ndef test_it(): assert [name for name in {HEAVY!r} if name in sys.modules] == []")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "pytest_ptyproof.plugin"],
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        cwd=pytester.path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_installed_plugin_registers_its_marker(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.real_run\ndef test_it(): pass\n")
    result = pytester.runpytest_subprocess("--strict-markers", "-m", "real_run")
    result.assert_outcomes(passed=1)
    pytester.runpytest_subprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.real_run: *"])


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize(
    ("expression", "ran", "said"),
    [
        (None, OTHER, True),
        ("", OTHER, True),
        ("mine", {"test_mine"}, False),
        ("not mine", {"test_plain"}, True),
        ("real_run", REAL, False),
        ("real_run or mine", REAL | {"test_mine"}, False),
        ("not real_run", OTHER, False),
        ("not real_run and not mine", {"test_plain"}, False),
    ],
)
def test_real_runs_are_left_out_unless_m_speaks_of_them(
    expression: str | None, ran: set[str], said: bool, in_folder: InFolder
) -> None:
    run = in_folder(*([] if expression is None else ["-m", expression]))
    assert run.status == 0
    assert run.outcomes() == dict.fromkeys(ran, "passed")
    assert f"{5 - len(ran)} deselected" in run.screen
    assert left_out(run.screen) == ([3] if said else [])


@pytest.mark.usefixtures("module")
def test_real_runs_alone_are_no_tests_to_run(in_folder: InFolder) -> None:
    run = in_folder("-k", "test_more")
    assert run.status == pytest.ExitCode.NO_TESTS_COLLECTED
    assert left_out(run.screen) == [2]


@pytest.mark.usefixtures("module")
def test_the_line_counts_what_m_real_run_would_add(in_folder: InFolder) -> None:
    assert left_out(in_folder("-k", "test_real").screen) == [1]


@pytest.mark.usefixtures("module")
def test_a_run_that_trains_nothing_says_nothing_of_a_hub(in_folder: InFolder) -> None:
    assert HUB_LINE.search(in_folder("-m", "real_run").screen) is None


@pytest.mark.usefixtures("module")
def test_a_marker_that_begins_with_the_same_words_is_another_one(in_folder: InFolder) -> None:
    assert set(in_folder("-m", "not real_runs_of_mine").items) == OTHER


@pytest.mark.usefixtures("module")
def test_several_processes_say_what_was_left_out(pytester: pytest.Pytester) -> None:
    run = run_pytest(pytester.path, "-p", "xdist", "-n", "2")
    assert set(run.items) == OTHER
    assert left_out(run.screen) == [3]
