"""The exit status of a recorded run: pytest's own, after all that other plugins and conftests do to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.messages import names
from tests.helpers.projects import RIGHT, Project

AT_THE_END = "def pytest_sessionfinish(session):\n    session.exitstatus = 7\n"
AROUND_ALL = """import pytest
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session):
    yield
    session.exitstatus = 7
"""
AT_UNCONFIGURE = """def pytest_sessionstart(session):
    session.config.its_session = session
def pytest_unconfigure(config):
    config.its_session.exitstatus = 7
"""
AROUND_MAIN = """import pytest
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config):
    yield
    return 7
"""
EXIT_AT_THE_END = "import pytest\ndef pytest_sessionfinish():\n    pytest.exit('enough', returncode=7)\n"
COUNTS_ONE_MORE = """import pytest
@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session):
    done = yield
    session.testsfailed += 1
    return done
"""
LEAVES = "def pytest_unconfigure():\n    raise RuntimeError('no more beam')\n"
MAKES_ZERO = "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n"
STOPS_LAST = """import pytest
def pytest_sessionfinish():
    pytest.exit('enough', returncode=0)
"""
STOPS_BETWEEN = """import pytest
def pytest_runtest_logfinish(nodeid):
    if 'two' in nodeid:
        pytest.exit('enough', returncode=0)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write("calc.py", RIGHT)
    return made


@pytest.mark.parametrize(
    ("conftest", "status"),
    [
        (AT_THE_END, 7),
        (AROUND_ALL, 7),
        (AT_UNCONFIGURE, 7),
        (AROUND_MAIN, 7),
        (EXIT_AT_THE_END, 7),
        (COUNTS_ONE_MORE, 1),
        (LEAVES, 1),
    ],
    ids=["finish", "around finish", "unconfigure", "around main", "exit", "counts one more", "error at the end"],
)
@pytest.mark.parametrize("kind", ["none", "green"])
def test_what_others_make_of_it_stays_and_is_recorded(project: Project, kind: str, conftest: str, status: int) -> None:
    project.write("conftest.py", conftest)
    ended = project.pytest() if kind == "none" else project.evidence(kind)
    assert (ended.status, ended.run["exit_status"]) == (status, status)
    assert (ended.run["status"], ended.run["accepted"]) == ("ended", None if kind == "none" else False)
    assert ended.run["outcomes"] == {"passed": 2}
    assert kind == "none" or names(ended.run["reason"], status) or "no more beam" in ended.run["reason"]


@pytest.mark.parametrize("conftest", [STOPS_LAST, STOPS_BETWEEN], ids=["at the end", "after the last test"])
def test_a_session_that_is_left_early_with_0_shows_nothing(project: Project, conftest: str) -> None:
    project.write("conftest.py", conftest)
    assert project.pytest().status == 0
    ended = project.evidence("green")
    assert (ended.status, ended.run["accepted"]) == (1, False)
    assert "enough" in ended.run["reason"]


def test_red_ends_with_0_only_if_its_failures_are_all_that_is_wrong(project: Project) -> None:
    project.write("calc.py", "def add(a, b):\n    return 0\n")
    found = {}
    for conftest in ("", AT_THE_END, COUNTS_ONE_MORE, MAKES_ZERO, LEAVES):
        project.write("conftest.py", conftest)
        ended = project.evidence("red")
        found[conftest] = (ended.status, ended.run["accepted"])
        assert ended.run["outcomes"] == {"failed": 2}
        assert ended.run["exit_status"] == ended.status
    assert found == {
        "": (0, True),
        AT_THE_END: (7, False),
        COUNTS_ONE_MORE: (1, False),
        MAKES_ZERO: (1, False),
        LEAVES: (1, False),
    }


def test_a_red_run_that_stops_at_a_failure_is_refused_though_it_was_the_last_test(project: Project) -> None:
    project.write("calc.py", "def add(a, b):\n    return 0\n")
    ended = project.evidence("red", "-x", "-k", "two")
    assert (ended.status, ended.run["accepted"]) == (1, False)
    assert names(ended.run["reason"], 1)


def test_an_internal_error_and_wrong_use_keep_their_status(project: Project) -> None:
    project.write("conftest.py", "def pytest_runtestloop():\n    raise RuntimeError('broken')\n")
    ended = project.evidence("green")
    assert (ended.status, ended.run["exit_status"], ended.run["accepted"]) == (3, 3, False)
    project.write("conftest.py", "")
    ended = project.evidence("green", "no_such_file.py")
    assert (ended.status, ended.run["exit_status"], ended.run["accepted"]) == (4, 4, False)


def test_a_run_without_a_hub_is_left_alone(project: Project) -> None:
    project.write("conftest.py", AT_THE_END)
    assert project.pytest(hub=False).status == 7


def test_collected_evidence_needs_pytests_own_0(project: Project) -> None:
    project.write("conftest.py", AT_THE_END)
    ended = project.evidence("collect", "--collect-only")
    assert (ended.status, ended.run["accepted"]) == (7, False)


def test_the_verdict_is_the_last_thing_that_is_said_and_is_in_the_log(project: Project) -> None:
    ended = project.evidence("green")
    log = project.read(ended.run["log_path"])
    assert log.index("2 passed") < log.index("ACCEPTED")
    assert "ACCEPTED" in ended.screen


@pytest.mark.parametrize("kind", ["red", "green"])
def test_a_refused_run_does_not_end_as_a_success_to_the_system(tmp_path: Path, kind: str) -> None:
    project = Project(tmp_path)
    project.write("calc.py", RIGHT)
    project.write("conftest.py", "def pytest_sessionfinish(session):\n    session.exitstatus = 256\n")
    ended = project.evidence(kind)
    assert (ended.status, ended.run["accepted"]) == (1, False)
