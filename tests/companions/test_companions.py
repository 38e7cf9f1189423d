"""Sessions with plugins that people have beside ours: each is the real one, and its word counts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.hub.index import Hub
from ptyproof.io.json_lines import read_lines
from tests.companions.environments import Environment

pytestmark = pytest.mark.installs

CODE = "def half(x):\n    if x:\n        return 1\n    return 2\n"
TESTS = "import code_of\ndef test_one():\n    assert code_of.half(0) == 2\ndef test_two(): pass\n"
FLAKY = "n = []\ndef test_flaky():\n    n.append(1)\n    assert len(n) > 1\n"
SLOW = "import time\ndef test_slow(): time.sleep(30)\ndef test_quick(): pass\n"
ASYNC = "import asyncio, pytest\n@pytest.mark.asyncio\nasync def test_async(): await asyncio.sleep(0)\n"
FAILING = "def test_fails():\n    assert 0\n"
PARTS = (
    "def test_parts(subtests):\n    for i in range(3):\n        with subtests.test(i=i):\n            assert i != 1\n"
)
# plugin, its options, the tests, pytest's exit status, whether green is accepted, outcomes, a word of the reason
SESSIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str, int, bool, dict[str, int], str]] = {
    "cov": (("pytest_cov.plugin",), ("--cov=code_of",), TESTS, 0, True, {"passed": 2}, ""),
    "cov, missed": (
        ("pytest_cov.plugin",),
        ("--cov=code_of", "--cov-fail-under=99"),
        TESTS,
        1,
        False,
        {"passed": 2},
        "exit status",
    ),
    "reruns, not needed": (("pytest_rerunfailures",), ("--reruns=2",), TESTS, 0, True, {"passed": 2}, ""),
    "reruns": (("pytest_rerunfailures",), ("--reruns=2",), FLAKY, 1, False, {"passed": 1}, "test_flaky"),
    "reruns, flaky": (
        ("pytest_rerunfailures",),
        ("--reruns=2", "--fail-on-flaky"),
        FLAKY,
        7,
        False,
        {"passed": 1},
        "exit status is 7",
    ),
    "randomly": (("pytest_randomly",), (), TESTS, 0, True, {"passed": 2}, ""),
    "timeout": (("pytest_timeout",), ("--timeout=1",), SLOW, 1, False, {"passed": 1, "failed": 1}, "test_slow"),
    "html": (
        ("pytest_metadata.plugin", "pytest_html.plugin"),
        ("--html=report.html", "--self-contained-html"),
        TESTS,
        0,
        True,
        {"passed": 2},
        "",
    ),
    "sugar": (("pytest_sugar",), (), TESTS, 0, True, {"passed": 2}, ""),
    "sugar, failing": (("pytest_sugar",), (), FAILING, 1, False, {"failed": 1}, "test_fails"),
    "asyncio": (("pytest_asyncio.plugin",), (), ASYNC, 0, True, {"passed": 1}, ""),
    "no asyncio": ((), (), ASYNC, 1, False, {"failed": 1}, "test_async"),
    "repeat": (("pytest_repeat",), ("--count=3",), TESTS, 0, True, {"passed": 6}, ""),
    "allure": (("allure_pytest.plugin",), ("--alluredir=allure",), TESTS, 0, True, {"passed": 2}, ""),
    "parts of pytest 9": ((), (), PARTS, 1, False, {"failed": 1}, "test_parts"),
}


def session(environment: Environment, folder: Path, *args: str, kind: str = "green", **variables: str) -> Any:
    """Run pytest as evidence; return how it ended, and the run's record."""
    words = ["-m", "pytest", "-p", "no:cacheprovider", "--artifact-hub=hub", f"--evidence={kind}", *args]
    done = environment.run(*words, cwd=folder, **variables)
    index = Hub(folder / "hub").read()
    assert index is not None, done.stdout + done.stderr
    assert verify_hub(folder / "hub") == []
    return done, index["runs"][-1]


def loaded(*plugins: str) -> tuple[str, ...]:
    return tuple(word for plugin in ("pytest_ptyproof.plugin", *plugins) for word in ("-p", plugin))


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_with_one_other_plugin(newest: Environment, tmp_path: Path, name: str) -> None:
    plugins, args, tests, status, is_accepted, outcomes, words = SESSIONS[name]
    (tmp_path / "code_of.py").write_text(CODE)
    (tmp_path / "test_a.py").write_text(tests)
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done, run = session(newest, tmp_path, *loaded(*plugins), *args, **alone)
    assert (done.returncode, run["exit_status"]) == (status, status), done.stdout
    assert (run["accepted"], run["outcomes"]) == (is_accepted, outcomes)
    assert words in run["reason"]
    ids = {line["test"] for line in read_lines(tmp_path / "hub" / run["reports_path"])}
    assert len(ids) == sum(outcomes.values())


def test_all_of_them_together_as_they_are_installed(newest: Environment, tmp_path: Path) -> None:
    (tmp_path / "code_of.py").write_text(CODE)
    (tmp_path / "test_a.py").write_text(TESTS.replace("== 2", "== 3"))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    _, red = session(newest, tmp_path, "-k", "one", kind="red")
    assert red["accepted"], red["reason"]
    (tmp_path / "test_a.py").write_text(TESTS)
    _, green = session(newest, tmp_path, "-k", "one", "--cov=code_of", "--html=report.html", "--alluredir=allure")
    assert (green["accepted"], green["red"]["same_tests"]) == (True, True)
    _, spread = session(newest, tmp_path, "-n", "2", "--dist=loadgroup")
    assert (spread["accepted"], spread["outcomes"]) == (True, {"passed": 2})


def test_a_process_that_a_timeout_ends_leaves_a_run_without_an_end(newest: Environment, tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text(SLOW)
    words = ["-m", "pytest", "--artifact-hub=hub", "--evidence=green", "--timeout=1", "--timeout-method=thread"]
    done = newest.run(*words, cwd=tmp_path)
    index = Hub(tmp_path / "hub").read()
    assert index is not None
    assert (done.returncode, index["runs"][0]["status"], index["runs"][0]["accepted"]) == (1, "running", None)
    assert verify_hub(tmp_path / "hub")


@pytest.mark.parametrize(("kind", "status"), [("green", 1), ("red", 0)])
def test_parts_of_pytest_subtests_on_pytest_8(oldest: Environment, tmp_path: Path, kind: str, status: int) -> None:
    (tmp_path / "test_a.py").write_text(PARTS)
    done, run = session(oldest, tmp_path, kind=kind)
    assert (done.returncode, run["accepted"], run["outcomes"]) == (status, status == 0, {"failed": 1})


def test_this_interpreter_is_that_of_the_environments(newest: Environment, tmp_path: Path) -> None:
    done = newest.run("-c", "import sys; print(sys.version_info[:2])", cwd=tmp_path)
    assert done.stdout.strip() == str(sys.version_info[:2])
