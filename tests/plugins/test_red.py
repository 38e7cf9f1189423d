"""Red evidence: a test whose own assertion or code failed while it ran; other failures are refused by name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.helpers.messages import names
from tests.helpers.projects import Project

NOT_OWN = """
import contextlib, importlib, unittest
import pytest

@pytest.mark.xfail(strict=True, reason="known")
def test_strict():
    assert 1 == 1

class TestOfUnittest(unittest.TestCase):
    @unittest.expectedFailure
    def test_expected(self):
        pass

class TestSetUp(unittest.TestCase):
    def setUp(self):
        raise RuntimeError("no beam")
    def test_set_up(self):
        assert False

async def test_async():
    assert False

def test_missing_fixture(request):
    request.getfixturevalue("no_such")

@pytest.fixture
def broken():
    raise RuntimeError("no beam")

def test_broken_fixture(request):
    request.getfixturevalue("broken")

def test_import():
    import no_such_module

def test_name():
    from calc import no_such_name

def test_syntax():
    import half_written

def test_body():
    import stops_early

def test_group():
    raise ExceptionGroup("both", [ImportError("a"), ExceptionGroup("more", [ModuleNotFoundError("b")])])

def test_raised_from():
    try:
        import no_such_module
    except ImportError as error:
        raise RuntimeError("no library") from error

def test_usage():
    raise pytest.UsageError("no such option")
"""
OWN = """
import ast, unittest
import pytest

def test_assertion():
    assert 1 == 2

def test_error():
    {}["no such key"]

def test_said():
    pytest.fail("not yet")

def test_syntax_of_a_text():
    ast.parse("def")

def test_text_that_is_run():
    exec("raise ValueError(1)")

def test_group():
    raise ExceptionGroup("both", [ImportError("a"), ValueError("b")])

def test_raised_from():
    try:
        {}["no such key"]
    except KeyError as error:
        raise RuntimeError("no key") from error

def test_after_an_import():
    try:
        import no_such_module
    except ImportError:
        assert 1 == 2

@pytest.mark.xfail(strict=True, raises=KeyError)
def test_other_than_expected():
    assert 1 == 2

@pytest.fixture
def make():
    def it():
        raise ValueError("no")
    return it

def test_function_of_a_fixture(make):
    make()

class TestOfUnittest(unittest.TestCase):
    def test_parts(self):
        for i in range(2):
            with self.subTest(i=i):
                self.assertEqual(i, 1)
    def test_skipped_part(self):
        with self.subTest(i=1):
            self.assertEqual(1, 2)
        with self.subTest(i=2):
            self.skipTest("no beam")
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    (tmp_path / "test_calc.py").unlink()
    made.write("half_written.py", "def (\n")
    made.write("stops_early.py", "raise ValueError('half of it')\n")
    return made


def test_what_is_not_the_tests_own_failure_is_told_apart_by_name(project: Project) -> None:
    project.write("test_a.py", NOT_OWN)
    ended = project.evidence("red")
    assert (ended.status, ended.run["accepted"]) == (1, False)
    reasons = ended.run["reason"].split("; ")
    assert sum(names(reason, "xpassed", "test_strict", "test_expected") for reason in reasons) == 1
    assert [sum(f"::{name} " in reason for reason in reasons) for name in ("test_async", "test_usage")] == [1, 1]
    for name, error in {
        "test_missing_fixture": "FixtureLookupError",
        "test_broken_fixture": "RuntimeError",
        "test_import": "ModuleNotFoundError",
        "test_name": "(ImportError)",
        "test_syntax": "SyntaxError",
        "test_body": "ValueError",
    }.items():
        assert any(name in reason and error in reason for reason in reasons), name
    states = {
        line["test"].rpartition("::")[2]: line["outcome"] for line in project.lines(ended) if line["when"] == "call"
    }
    assert states["test_async"] in {"failed", "skipped"}  # skipped by pytest before 8.4
    assert ended.run["outcomes"] == dict(Counter(["failed"] * 10 + [states["test_async"]] + ["xpassed"] * 2))
    errors = {
        line["test"].rpartition("::")[2]: line.get("error") for line in project.lines(ended) if line["when"] == "call"
    }
    assert errors["test_group"] == "ImportError, ModuleNotFoundError"
    assert errors["test_raised_from"] == "ModuleNotFoundError"
    assert errors["test_strict"] == "XPASS(strict)"


@pytest.mark.parametrize(
    "name", [line[4:].split("(")[0] for line in NOT_OWN.splitlines() if line.startswith("def test")]
)
def test_none_of_them_is_red_alone(project: Project, name: str) -> None:
    project.write("test_a.py", NOT_OWN)
    ended = project.evidence("red", "-k", name)
    assert (ended.status, ended.run["accepted"], ended.run["n_collected"]) == (1, False, 1)


def test_whatever_fails_by_its_own_code_is_red(project: Project) -> None:
    project.write("test_a.py", OWN)
    ended = project.evidence("red")
    assert (ended.run["reason"], ended.run["accepted"], ended.status) == (None, True, 0)
    assert ended.run["outcomes"] == {"failed": 12}


@pytest.mark.parametrize(
    ("accepted", "status"),
    [
        (["ModuleNotFoundError"], 0),
        (["ImportError"], 0),
        (["KeyError", "ImportError"], 0),
        (["KeyError"], 1),
        (["errors.Missing"], 1),
    ],
)
def test_a_type_of_error_that_is_expected_is_accepted_with_its_bases(
    project: Project, accepted: list[str], status: int
) -> None:
    project.write("test_a.py", "def test_a():\n    import no_such_module\n")
    args = [f"--evidence-accept-error={name}" for name in accepted]
    ended = project.evidence("red", *args)
    assert (ended.status, ended.run["accepted_errors"]) == (status, accepted)


def test_an_accepted_type_excuses_no_fixture_of_a_setup_and_no_pass(project: Project) -> None:
    project.write(
        "test_a.py", "import pytest\n@pytest.fixture\ndef beam():\n    import no_such\ndef test_a(beam): pass\n"
    )
    assert project.evidence("red", "--evidence-accept-error=ImportError").status == 1
    project.write("test_a.py", "def test_a(): pass\n")
    assert project.evidence("red", "--evidence-accept-error=ImportError").status == 1


@pytest.mark.parametrize("args", [["--evidence=green"], [], ["--evidence=red", "--evidence-accept-error=no type"]])
def test_types_of_errors_are_names_and_are_about_red(project: Project, args: list[str]) -> None:
    ended = project.pytest(*args, "--evidence-accept-error=ImportError")
    assert ended.status == pytest.ExitCode.USAGE_ERROR
    assert "--evidence-accept-error" in ended.screen
    assert ended.run == {}


def test_parts_of_a_test_decide_whatever_comes_after_them(project: Project) -> None:
    project.write(
        "test_a.py",
        """
import pytest, unittest
class T(unittest.TestCase):
    def test_skipped_part(self):
        with self.subTest(i=1):
            self.skipTest("no beam")
    def test_failed_part(self):
        with self.subTest("first", i=1):
            self.assertEqual(1, 2)
        with self.subTest(i=2):
            self.skipTest("no beam")
    def test_whole(self):
        for i in range(3):
            with self.subTest(i=i):
                self.assertEqual(1, 1)
""",
    )
    ended = project.evidence("green")
    assert ended.status == 1
    assert ended.run["outcomes"] == {"passed": 1, "failed": 1, "skipped": 1}
    assert ended.run["reruns"] == []
    if pytest.version_tuple >= (9,):  # before, parts of a unittest have no reports of their own
        parts = [(line["test"], line["outcome"]) for line in project.lines(ended) if "subtest" in line]
        assert ("test_a.py::T::test_failed_part", "failed") in parts


def test_a_doctest_fails_by_its_own_code_or_by_an_import(project: Project) -> None:
    project.write("test_a.py", 'def f():\n    """\n    >>> {}["no such key"]\n    >>> 1 + 1\n    3\n    """\n')
    assert project.evidence("red", "--doctest-modules", "test_a.py").status == 0
    project.write("test_a.py", 'def f():\n    """\n    >>> import no_such_module\n    """\n')
    for args in ((), ("--doctest-continue-on-failure",)):
        ended = project.evidence("red", "--doctest-modules", "test_a.py", *args)
        assert (ended.status, ended.run["accepted"]) == (1, False)
        assert "ModuleNotFoundError" in ended.run["reason"]


@pytest.mark.parametrize("name", ["ptyproof-recorder", "ptyproof-ending", "ptyproof-failures", "ptyproof-selection"])
def test_no_part_of_the_verdict_can_be_left_out(project: Project, name: str) -> None:
    project.write("test_a.py", "def test_a(): pass\n")
    assert project.evidence("red", "-p", f"no:{name}").run["accepted"] is False


HOOKS_THAT_FAIL = {
    "before the call": "def pytest_runtest_call(item):\n    raise RuntimeError('no beam')\n",
    "in place of the call": "def pytest_pyfunc_call(pyfuncitem):\n    assert False\n",
    "after the call": (
        "import pytest\n@pytest.hookimpl(wrapper=True)\n"
        "def pytest_runtest_call(item):\n    yield\n    raise RuntimeError('no beam')\n"
    ),
}


@pytest.mark.parametrize("hook", HOOKS_THAT_FAIL)
def test_an_error_of_a_hook_is_not_of_the_test(tmp_path: Path, hook: str) -> None:
    project = Project(tmp_path)
    project.write("test_calc.py", "def test_one():\n    assert True\n")
    project.write("conftest.py", HOOKS_THAT_FAIL[hook])
    ended = project.evidence("red")
    assert (ended.status, ended.run["accepted"], ended.run["outcomes"]) == (1, False, {"failed": 1})
    error = "AssertionError" if "assert False" in HOOKS_THAT_FAIL[hook] else "RuntimeError"
    assert names(ended.run["reason"], "test_calc.py::test_one", "conftest.py", error)


def test_a_plugin_that_calls_the_test_itself_leaves_red_as_it_is(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("conftest.py", "def pytest_pyfunc_call(pyfuncitem):\n    pyfuncitem.obj()\n    return True\n")
    assert project.evidence("red").run["accepted"] is True
