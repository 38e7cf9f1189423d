"""What a green run must not have, and what the record says of it: skipped modules, reruns, tests left out, options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.known import known
from tests.helpers.messages import names
from tests.helpers.projects import RIGHT, Project, started

SKIPPED_BY = {
    "missing library": "import pytest\npytest.importorskip('no_such_library')\ndef test_a(): assert 0\n",
    "skip": "import pytest\npytest.skip('no_such_library', allow_module_level=True)\ndef test_a(): assert 0\n",
    "unittest": "import unittest\nraise unittest.SkipTest('no_such_library')\ndef test_a(): assert 0\n",
}
RUNS_AGAIN = """
import pytest
from _pytest.runner import runtestprotocol
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    for last in (False, False, True):
        item._initrequest()
        for report in runtestprotocol(item, nextitem=nextitem, log=False):
            if not last and report.when == "call":
                report.outcome = %r
            if last or %s:
                item.ihook.pytest_runtest_logreport(report=report)
    return True
"""
DESELECTS = """
def pytest_collection_modifyitems(config, items):
    config.hook.pytest_deselected(items=items[1:])
    del items[1:]
"""
REMOVES = "def pytest_collection_modifyitems(items):\n    del items[1:]\n"
REMOVES_MORE_THAN_IT_SAYS = """
def pytest_collection_modifyitems(config, items):
    config.hook.pytest_deselected(items=items[1:2])
    del items[1:]
"""
CRASHES = "import os\ndef test_a(): os._exit(3)\ndef test_b(): pass\n"
THREE = "".join(f"def test_{name}(): pass\n" for name in "abc")
XDIST = ("-p", "xdist", "-n", "2")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write("calc.py", RIGHT)
    made.write("pytest.ini", "[pytest]\nmarkers = slow\n")
    return made


def collected(project: Project, run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what the lines of a run say of tests and modules that were not selected."""
    lines = [line.split('"') for line in project.read(run["reports_path"]).splitlines() if '"when": "collect"' in line]
    return [(line[3], line[11]) for line in lines]


@pytest.mark.parametrize("args", [(), XDIST], ids=["one process", "two"])
@pytest.mark.parametrize("how", SKIPPED_BY)
def test_a_skipped_module_is_no_pass_and_is_in_the_record(project: Project, how: str, args: tuple[str, ...]) -> None:
    project.write("test_more.py", SKIPPED_BY[how])
    project.write("test_again.py", SKIPPED_BY[how])
    ended = project.evidence("green", *args)
    assert (ended.status, ended.run["accepted"], ended.run["outcomes"]) == (1, False, {"passed": 2})
    assert {one["module"] for one in ended.run["uncollected"]} == {"test_again.py", "test_more.py"}
    assert all("no_such_library" in one["reason"] for one in ended.run["uncollected"])
    assert sorted(collected(project, ended.run)) == [("test_again.py", "skipped"), ("test_more.py", "skipped")]


def test_a_skipped_module_is_no_red_and_is_said_of_a_collect_run(project: Project) -> None:
    project.write("calc.py", "def add(a, b):\n    return 0\n")
    project.write("test_more.py", SKIPPED_BY["skip"])
    assert project.evidence("red").run["accepted"] is False
    collect = project.evidence("collect", "--collect-only").run
    assert (collect["accepted"], len(collect["uncollected"])) == (True, 1)


@pytest.mark.parametrize(
    ("conftest", "counted"),
    [
        (RUNS_AGAIN % ("rerun", "True"), 2),
        (RUNS_AGAIN % ("retried", "True"), 2),
        (RUNS_AGAIN % ("rerun", "report.when != 'call'"), 2),
        (RUNS_AGAIN % ("rerun", "False"), 2),
    ],
    ids=["rerun", "another word", "calls unsaid", "unsaid"],
)
@pytest.mark.parametrize("args", [(), XDIST], ids=["one process", "two"])
def test_a_test_that_ran_again_is_counted_and_is_no_first_run(
    project: Project, conftest: str, counted: int, args: tuple[str, ...]
) -> None:
    project.write("conftest.py", conftest)
    ended = project.evidence("green", *args, "-k", "one")
    assert (ended.status, ended.run["accepted"], ended.run["outcomes"]) == (1, False, {"passed": 1})
    assert ended.run["reruns"] == [{"test": "test_calc.py::test_one", "count": counted}]
    assert names(ended.run["reason"], counted)


def test_a_red_test_that_failed_each_time_is_red_and_its_reruns_are_counted(project: Project) -> None:
    project.write("calc.py", "def add(a, b):\n    return 0\n")
    project.write("conftest.py", RUNS_AGAIN % ("rerun", "True"))
    ended = project.evidence("red", "-k", "one")
    assert (ended.status, ended.run["accepted"], ended.run["reruns"][0]["count"]) == (0, True, 2)


@pytest.mark.parametrize(
    ("conftest", "reported", "silent"),
    [(DESELECTS, [2], []), (REMOVES, [], [2]), (REMOVES_MORE_THAN_IT_SAYS, [1], [1])],
    ids=["reported", "silent", "both"],
)
@pytest.mark.parametrize("args", [(), XDIST], ids=["one process", "two"])
def test_tests_that_a_conftest_leaves_out_are_counted_and_refused(
    project: Project, conftest: str, reported: list[int], silent: list[int], args: tuple[str, ...]
) -> None:
    project.write("test_calc.py", THREE)
    project.write("conftest.py", conftest)
    ended = project.evidence("green", *args)
    assert (ended.status, ended.run["accepted"], ended.run["n_collected"]) == (1, False, 1)
    assert [one["count"] for one in ended.run["deselected"] if one["by"] == "conftest.py"] == reported
    assert [one["count"] for one in ended.run["deselected"] if one["by"] != "conftest.py"] == silent
    assert not any(one["by_command"] for one in ended.run["deselected"])
    assert collected(project, ended.run) == [
        ("test_calc.py::test_b", "deselected"),
        ("test_calc.py::test_c", "deselected"),
    ]


@pytest.mark.parametrize(
    "options", ["-k test_a", "-m 'not slow'", "--deselect=test_calc.py::test_b --deselect=test_calc.py::test_c"]
)
@pytest.mark.parametrize("source", ["command line", "PYTEST_ADDOPTS", "pytest.ini"])
def test_what_the_command_line_leaves_out_is_fine_and_what_is_not_in_it_is_refused(
    project: Project, options: str, source: str
) -> None:
    project.write("test_calc.py", THREE.replace("def test_b", "import pytest\n@pytest.mark.slow\ndef test_b"))
    args = shlex.split(options) if source == "command line" else []
    if source == "pytest.ini":
        project.write("pytest.ini", f"[pytest]\nmarkers = slow\naddopts = {options}\n")
    variables = {"PYTEST_ADDOPTS": options} if source == "PYTEST_ADDOPTS" else {}
    ended = project.evidence("green", *args, **variables)
    typed = source == "command line"
    assert (ended.status, ended.run["accepted"]) == ((0, True) if typed else (1, False))
    assert [one["by_command"] for one in ended.run["deselected"]] == [typed]
    assert sum(one["count"] for one in ended.run["deselected"]) == 3 - ended.run["n_collected"] > 0
    assert [one["source"] for one in ended.run["options"]] == ([] if typed else [source])
    assert typed or source in ended.run["reason"]


def test_an_option_of_the_command_line_wins_over_one_of_the_ini_file(project: Project) -> None:
    project.write("pytest.ini", "[pytest]\naddopts = -k one\n")
    ended = project.evidence("green", "-k", "two")
    assert (ended.status, ended.run["options"]) == (0, [{"source": "pytest.ini", "options": ["-k", "one"]}])


def test_options_that_choose_no_tests_are_recorded_and_accepted(project: Project) -> None:
    project.write("pytest.ini", "[pytest]\naddopts = -ra --maxfail=1\n")
    ended = project.evidence("green", PYTEST_ADDOPTS="-v")
    assert (ended.status, ended.run["accepted"]) == (0, True)
    assert ended.run["options"] == [
        {"source": "PYTEST_ADDOPTS", "options": ["-v"]},
        {"source": "pytest.ini", "options": ["-ra", "--maxfail=1"]},
    ]


@pytest.mark.parametrize(
    ("conftest", "args", "variables", "status"),
    [
        ("collect_ignore = ['test_more.py']\n", (), {}, 1),
        ("collect_ignore_glob = ['test_m*']\n", (), {}, 1),
        ("collect_ignore = ['more']\n", (), {}, 1),
        ("def pytest_ignore_collect(collection_path):\n    return collection_path.name == 'more' or None\n", (), {}, 1),
        ("", (), {"PYTEST_ADDOPTS": "--ignore=test_more.py"}, 1),
        ("", (), {"PYTEST_ADDOPTS": "test_calc.py"}, 1),
        ("", ("--ignore=test_more.py",), {}, 0),
        ("", ("--ignore-glob=*more*",), {}, 0),
        ("", ("test_calc.py",), {}, 0),
        ("collect_ignore = ['setup.py']\n", (), {}, 0),
    ],
    ids=["file", "glob", "folder", "hook", "variable", "named", "option", "glob option", "named in command", "no test"],
)
def test_files_of_tests_that_are_not_looked_at_are_no_pass(
    project: Project, conftest: str, args: tuple[str, ...], variables: dict[str, str], status: int
) -> None:
    for folder in ("more", "build", ".venv"):  # pytest never enters the last two
        (project.root / folder).mkdir()
        project.write(f"{folder}/test_{folder.strip('.')}_deep.py", "def test_deep(): pass\n")
    project.write("test_more.py", "def test_more(): pass\n")
    project.write("setup.py", "")
    project.write("conftest.py", conftest)
    ended = project.evidence("green", *args, **variables)
    assert (ended.status, ended.run["accepted"]) == (status, status == 0)
    assert status == 0 or "more" in ended.run["reason"] or "test_calc.py" in ended.run["reason"]


def test_tests_that_the_last_run_chose_are_refused(project: Project) -> None:
    command = ["--artifact-hub", "hub", "-p", "cacheprovider"]
    project.write("calc.py", RIGHT.replace("a + b", "3"))
    project.pytest(*command, "-o", "cache_dir=kept")
    project.write("calc.py", RIGHT)
    ended = project.pytest("-p", "cacheprovider", "-o", "cache_dir=kept", "--lf", "--evidence", "green")
    assert (ended.status, ended.run["accepted"]) == (1, False)
    assert "--last-failed" in ended.run["reason"]


def test_real_runs_that_are_left_out_unless_asked_for_are_said_and_no_fault(project: Project) -> None:
    project.write("test_more.py", "import pytest\n@pytest.mark.real_run\ndef test_more(): pass\n")
    ended = project.evidence("green")
    assert (ended.status, ended.run["accepted"]) == (0, True)
    assert [(one["count"], one["by_command"]) for one in ended.run["deselected"]] == [(1, False)]
    assert "-m real_run" in ended.run["reason"]


def test_a_worker_that_crashes_is_called_that(project: Project) -> None:
    project.write("test_calc.py", CRASHES)
    ended = project.evidence("green", *XDIST)
    assert (ended.status, ended.run["accepted"]) == (1, False)
    assert ended.run["outcomes"] == {"crashed": 1, "passed": 1}
    assert re.search(r"\bgw\d", ended.run["reason"])


def test_a_worker_that_crashes_after_its_last_test_is_no_pass(project: Project) -> None:
    project.write("test_calc.py", "def test_a(): pass\n")
    project.write(
        "conftest.py",
        "import os\ndef pytest_sessionfinish(session):\n    if hasattr(session.config, 'workerinput'): os._exit(3)\n",
    )
    ended = project.evidence("green", *XDIST, "--max-worker-restart=0")
    assert ended.run["accepted"] is False
    assert ended.status != 0
    assert re.search(r"\bgw\d", ended.run["reason"])


def test_an_async_test_that_unittest_drops_did_not_run(project: Project) -> None:
    project.write(
        "test_calc.py",
        "import unittest\n"
        "class Plain(unittest.TestCase):\n    async def test_a(self): assert 0\n"
        "class Isolated(unittest.IsolatedAsyncioTestCase):\n    async def test_b(self): pass\n",
    )
    ended = project.evidence("green", "-W", "ignore")
    assert (ended.status, ended.run["accepted"]) == (1, False)
    assert ended.run["outcomes"] == {"passed": 1, "not_run": 1}
    assert "Plain::test_a" in ended.run["reason"]


def test_a_failure_that_a_conftest_calls_a_pass_is_a_failure(project: Project) -> None:
    project.write("calc.py", "def add(a, b):\n    return 3\n")
    project.write(
        "conftest.py",
        "import pytest\n@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport():\n"
        "    report = yield\n    report.outcome = 'passed'\n    return report\n",
    )
    assert project.pytest().status == 0
    for kind in ("green", "red"):
        ended = project.evidence(kind)
        assert (ended.status, ended.run["accepted"], ended.run["outcomes"]) == (1, False, {"passed": 1, "failed": 1})


def test_options_in_a_file_of_arguments_are_recorded_and_not_of_the_command_line(project: Project) -> None:
    project.write("args.txt", "-k\none\n")
    ended = project.evidence("green", "@args.txt")
    assert (ended.status, ended.run["accepted"]) == (1, False)
    assert ended.run["options"] == [{"source": "@args.txt", "options": ["-k", "one"]}]
    assert [(one["count"], one["by_command"]) for one in ended.run["deselected"]] == [(1, False)]


def test_the_summary_says_what_was_not_collected_and_what_ran_again(project: Project) -> None:
    project.write("test_more.py", SKIPPED_BY["skip"])
    project.write("conftest.py", RUNS_AGAIN % ("rerun", "True"))
    project.pytest()
    summary = project.read("docs/summary.md")
    assert any(names(line, "run-0001", "`test_more.py`") for line in summary.splitlines())
    assert any(names(line, "run-0001", "`test_calc.py::test_one`", 2) for line in summary.splitlines())


FAILS_IN = {
    "setup": "import pytest\n@pytest.fixture(autouse=True)\ndef beam():\n    assert 0\ndef test_a(): pass\n",
    "call": "def test_a(): assert 0\n",
    "teardown": "import pytest\n@pytest.fixture\ndef beam():\n    yield\n    assert 0\ndef test_a(beam): pass\n",
}
SWALLOWS = """
import pytest
@pytest.hookimpl(wrapper=True)
def pytest_runtest_%s(item):
    try:
        return (yield)
    except AssertionError:
        return None
"""
SWALLOWS_OF_FUNCTION = """
import pytest
@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    try:
        return (yield)
    except AssertionError:
        return True
"""
RELABELS = """
import pytest
@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    report.outcome, report.longrepr = "passed", None
    return report
"""
REPORTS_WITHOUT_A_CALL = """
import pytest
def pytest_runtest_protocol(item, nextitem):
    for when in ("setup", "call", "teardown"):
        report = pytest.TestReport(item.nodeid, item.location, {}, "passed", None, when)
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""
RELABELS_MODULES = """
import pytest
@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    if report.failed:
        report.outcome, report.longrepr, report.result = "passed", None, []
    return report
"""


@pytest.mark.parametrize("how", ["swallowed", "relabelled"])
@pytest.mark.parametrize("phase", FAILS_IN)
def test_a_failure_that_a_conftest_hides_is_no_pass(project: Project, phase: str, how: str) -> None:
    project.write("test_calc.py", FAILS_IN[phase])
    project.write("conftest.py", SWALLOWS % phase if how == "swallowed" else RELABELS)
    assert project.pytest("-q").status == 0
    ended = project.evidence("green")
    outcome = "failed" if phase == "call" else "error"
    assert (ended.status, ended.run["accepted"], ended.run["outcomes"]) == (1, False, {outcome: 1})


def test_a_failure_that_is_swallowed_around_the_function_is_no_pass(project: Project) -> None:
    project.write("test_calc.py", FAILS_IN["call"])
    project.write("conftest.py", SWALLOWS_OF_FUNCTION)
    ended = project.evidence("green")
    assert (ended.status, ended.run["accepted"], ended.run["outcomes"]) == (1, False, {"failed": 1})


def test_a_report_of_a_test_that_pytest_did_not_call_is_no_pass(project: Project) -> None:
    project.write("conftest.py", REPORTS_WITHOUT_A_CALL)
    ended = project.evidence("green")
    assert (ended.status, ended.run["accepted"], ended.run["outcomes"]) == (1, False, {"not_run": 2})


@pytest.mark.parametrize("args", [(), XDIST], ids=["one process", "two"])
def test_a_module_that_failed_and_is_called_collected_is_in_the_record(project: Project, args: tuple[str, ...]) -> None:
    project.write("conftest.py", RELABELS_MODULES)
    project.write("test_more.py", "import no_such_library\n")
    ended = project.evidence("green", *args)
    assert (ended.status, ended.run["accepted"]) == (1, False)
    assert [one["module"] for one in ended.run["uncollected"]] == ["test_more.py"]


@pytest.mark.parametrize("args", [("--assert=plain",), ("--assert=plain", *XDIST), ()])
def test_green_without_assertions_is_refused(project: Project, args: tuple[str, ...]) -> None:
    project.write("test_calc.py", "def test_a(): assert 1\n")
    assert project.evidence("green", *args).run["accepted"] is True
    command = project.command("--artifact-hub", "hub", "--evidence", "green", *args)
    done = started(command, project.root, PYTHONOPTIMIZE="1")  # which a forked process does not read again
    run = known(project.hub.read())["runs"][-1]
    assert (done.returncode, run["accepted"], run["outcomes"]) == (1, False, {"passed": 1})
    assert "PYTHONOPTIMIZE" in known(run["reason"])
