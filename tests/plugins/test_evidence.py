"""Red, green and collected evidence: what counts, what is kept, and what the index says of it."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ptyproof.hub.index import is_incomplete
from ptyproof.provenance.redaction import Redaction
from tests.helpers.known import known
from tests.helpers.messages import names, numbers
from tests.helpers.processes import plugin_alone
from tests.helpers.projects import RIGHT, TESTS, WRONG, Project, started

MANY = "import pytest\n@pytest.mark.parametrize('n', range(200))\ndef test_many(n):\n    pass\n"
SKIPPING = MANY.replace("pass\n", "pytest.skip(f'there is no beam for measurement {n}')\n")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def verdict(screen: str, word: str = "ACCEPTED") -> str:
    """Return the line of a screen that has the verdict on its run."""
    (line,) = [line for line in screen.splitlines() if names(line, word)]
    return line


def test_red_then_green(project: Project) -> None:
    red = project.pytest("--evidence", "red", "--evidence-topic", "adding")
    assert red.status == 0
    assert names(verdict(red.screen), 2)
    assert (red.run["accepted"], red.run["reason"], red.run["outcomes"]) == (True, None, {"failed": 2})
    project.write("calc.py", RIGHT)
    green = project.pytest("--evidence", "green", "--evidence-topic", "adding")
    assert green.status == 0
    assert green.run["outcomes"] == {"passed": 2}
    assert green.run["red"] == {
        "run": "run-0001",
        "same_tests": True,
        "code_changed": True,
        "tests_changed": False,
        "changed": {"code": 1},
    }
    assert (green.run["accepted"], green.run["reason"]) == (True, None)
    assert (green.run["n_collected"], green.run["exit_status"], green.run["status"]) == (2, 0, "ended")


def test_the_log_is_what_the_screen_showed_and_reports_are_lines_of_json(project: Project) -> None:
    ended = project.pytest("--evidence", "red")
    log = project.read(ended.run["log_path"])
    assert log == Redaction(project.hub.root, project.root).clean(ended.screen)
    assert "assert -1 == 3" in log
    assert "rootdir: {root}\n" in log
    lines = [json.loads(line) for line in project.read(ended.run["reports_path"]).splitlines()]
    assert [(line["test"], line["when"], line["outcome"]) for line in lines] == [
        (f"test_calc.py::{name}", when, "failed" if when == "call" else "passed")
        for name in ("test_one", "test_two")
        for when in ("setup", "call", "teardown")
    ]
    assert "assert -1 == 3" in lines[1]["text"]
    recorded = {file["path"] for file in project.hub.files()}
    evidence = {"red/pytest_tests_red.log", "red/pytest_tests_red.jsonl"}
    assert recorded == {*evidence, "red/pytest_tests_red.files.jsonl", "docs/summary.md", "docs/skipped_views.jsonl"}


def test_a_reason_that_is_no_text_is_a_text_in_its_line(project: Project) -> None:
    project.write(
        "test_more.py", "import pytest\n@pytest.mark.xfail(reason=('/home/mine', 2))\ndef test_no(): assert 0\n"
    )
    ended = project.pytest("--evidence", "green", "test_more.py")
    lines = [json.loads(line) for line in project.read(ended.run["reports_path"]).splitlines()]
    assert [line.get("reason") for line in lines] == [None, "('{elsewhere}/mine', 2)", None]


def test_nothing_is_written_over(project: Project) -> None:
    names = [project.pytest("--evidence", "red").run["log_path"] for _ in range(3)]
    assert names == ["red/pytest_tests_red.log", "red/pytest_tests_red_2.log", "red/pytest_tests_red_3.log"]
    index = project.hub.read()
    assert index is not None
    assert [run["id"] for run in index["runs"]] == ["run-0001", "run-0002", "run-0003"]


PASSING = "def test_passes():\n    pass\n"
FIXTURE = """import pytest
@pytest.fixture
def broken():
    raise RuntimeError("no beam")
def test_needs_it(broken):
    assert False
"""
TEARDOWN = """import pytest
@pytest.fixture
def broken():
    yield
    raise RuntimeError("no beam")
def test_needs_it(broken):
    assert False
"""
SKIPPED = "import pytest\ndef test_skipped():\n    pytest.skip('no detector')\n"
EXPECTED = "import pytest\n@pytest.mark.xfail\ndef test_expected():\n    assert False\n"


@pytest.mark.parametrize(
    ("more", "parts", "status"),
    [
        (PASSING, ["test_more.py::test_passes", "passed"], 1),
        (FIXTURE, ["test_more.py::test_needs_it", "error"], 1),
        (TEARDOWN, ["test_more.py::test_needs_it", "error"], 1),
        (SKIPPED, ["test_more.py::test_skipped", "skipped"], 1),
        (EXPECTED, ["test_more.py::test_expected", "xfailed"], 1),
        ("import nothing_of_that_name\n", ["test_more.py"], 2),
        ("def test_(:\n", ["test_more.py"], 2),
    ],
    ids=["passes", "fixture error", "teardown error", "skip", "xfail", "import error", "syntax error"],
)
def test_what_is_no_failure_in_the_call_is_no_red_evidence(
    project: Project, more: str, parts: list[str], status: int
) -> None:
    project.write("test_more.py", more)
    ended = project.pytest("--evidence", "red")
    assert ended.status == status  # pytest's own
    assert verdict(ended.screen, "REFUSED")
    assert names(ended.run["reason"], *parts)
    assert all(said in ended.screen for said in ended.run["reason"].split("; "))
    assert (ended.run["accepted"], ended.run["exit_status"]) == (False, status)


def test_nothing_selected_is_no_evidence(project: Project) -> None:
    for kind in ("red", "green"):
        ended = project.pytest("--evidence", kind, "-k", "nothing")
        assert (ended.status, ended.run["accepted"]) == (pytest.ExitCode.NO_TESTS_COLLECTED, False)
        assert ended.run["reason"]


def test_tests_that_did_not_run_are_no_evidence(project: Project) -> None:
    ended = project.pytest("--evidence", "red", "-x")
    assert ended.status == 1
    assert "test_calc.py::test_two" in ended.run["reason"]


@pytest.mark.parametrize("more", [SKIPPED, EXPECTED, FIXTURE, WRONG + "def test_fails():\n    assert False\n"])
def test_green_is_only_what_passed_whole(project: Project, more: str) -> None:
    project.write("calc.py", RIGHT)
    project.write("test_more.py", more)
    ended = project.pytest("--evidence", "green")
    assert (ended.status, ended.run["accepted"]) == (1, False)
    assert "test_more.py::test_" in ended.run["reason"]
    if more == SKIPPED:
        assert ended.run["skips"] == [{"test": "test_more.py::test_skipped", "reason": "Skipped: no detector"}]


def test_green_without_red_is_said(project: Project) -> None:
    project.write("calc.py", RIGHT)
    ended = project.pytest("--evidence", "green")
    assert (ended.status, ended.run["red"]) == (0, None)
    assert names(ended.run["reason"], "red", "green")
    assert ended.run["reason"] in ended.screen


def test_a_refused_red_and_one_of_another_topic_are_no_red_of_a_green(project: Project) -> None:
    project.write("test_more.py", PASSING)
    assert project.pytest("--evidence", "red").status == 1
    (project.root / "test_more.py").unlink()
    assert project.pytest("--evidence", "red", "--evidence-topic", "other").status == 0
    project.write("calc.py", RIGHT)
    assert project.pytest("--evidence", "green").run["red"] is None


def test_tests_that_were_changed_after_red_are_said(project: Project) -> None:
    project.pytest("--evidence", "red")
    project.write("test_calc.py", TESTS.replace("== 3", "== -1").replace("== 4", "== 0"))
    ended = project.pytest("--evidence", "green")
    changed = {"code_changed": False, "tests_changed": True, "changed": {"tests": 1}}
    assert ended.run["red"] == {"run": "run-0001", "same_tests": True} | changed
    said = ended.run["reason"].split("; ")
    assert len(said) == 3
    assert all(names(sentence, "run-0001") and sentence in ended.screen for sentence in said)
    assert sum(names(sentence, "test_calc.py") for sentence in said) == 1


def test_other_tests_than_those_of_red_are_said(project: Project) -> None:
    project.pytest("--evidence", "red")
    project.write("calc.py", RIGHT)
    ended = project.pytest("--evidence", "green", "-k", "one")
    assert ended.run["red"]["same_tests"] is False
    assert "run-0001" in ended.run["reason"]


def test_collected_tests_are_compared_with_those_that_ran(project: Project) -> None:
    collect = project.pytest("--evidence", "collect", "--collect-only", "-q")
    assert (collect.status, collect.run["n_collected"]) == (0, 2)
    assert project.read("collect/pytest_tests_collect.jsonl").splitlines() == [
        '{"test": "test_calc.py::test_one"}',
        '{"test": "test_calc.py::test_two"}',
    ]
    project.write("test_more.py", "def test_new():\n    assert False\n")
    ended = project.pytest("--evidence", "red", "--deselect", "test_calc.py::test_two")
    assert ended.run["collect"] == {"run": "run-0001", "n_not_run": 1, "n_not_collected": 1}
    said = ended.run["reason"].split("; ")
    assert any(names(sentence, "test_calc.py::test_two", "run-0001") for sentence in said)
    assert any(names(sentence, "test_more.py::test_new", "run-0001") for sentence in said)


def test_a_run_into_a_hub_without_evidence_is_recorded_with_its_own_exit_status(project: Project) -> None:
    ended = project.pytest("-q")
    assert ended.status == 1
    assert (ended.run["evidence"], ended.run["accepted"], ended.run["exit_status"]) == ("none", None, 1)
    assert ended.run["log_path"] == "cli/pytest_run-0001.log"
    assert ended.run["command"] == ("pytest -p no:cacheprovider -p no:benchmark --artifact-hub hub -q")


def test_two_processes_give_the_same_evidence_as_one(project: Project) -> None:
    project.write("calc.py", RIGHT)
    ended = project.pytest("--evidence", "green", "-p", "xdist", "-n", "2")
    assert (ended.status, ended.run["outcomes"], ended.run["n_collected"]) == (0, {"passed": 2}, 2)


@pytest.mark.parametrize(
    ("args", "hub", "parts"),
    [
        (["--evidence", "red"], False, ["--evidence red", "--artifact-hub DIR"]),
        (["--evidence", "blue"], True, ["--evidence", "red, green, collect", "'blue'"]),
        (["--evidence", "red", "-p", "xdist", "-n", "2"], True, ["--evidence red", "-n"]),
        (["--evidence", "collect"], True, ["--evidence collect", "--collect-only"]),
        (["--evidence", "green", "--collect-only"], True, ["--evidence collect", "--collect-only"]),
        (["--evidence", "red", "--evidence-topic", "../x"], True, ["--evidence-topic", "'../x'"]),
        (["--evidence-topic", "x"], True, ["--evidence-topic", "--evidence"]),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    project: Project, args: list[str], hub: bool, parts: list[str]
) -> None:
    ended = project.pytest(*args, hub=hub)
    assert ended.status == pytest.ExitCode.USAGE_ERROR
    (sentence,) = [line for line in ended.screen.splitlines() if line]
    assert names(sentence, "ERROR: ", *parts)
    assert project.hub.read() is None


def test_a_damaged_index_is_refused_and_left_alone(project: Project) -> None:
    project.pytest("--evidence", "red")
    damaged = project.hub.index_path.read_bytes().replace(b'"failed": 2', b'"failed": 3')
    project.hub.index_path.write_bytes(damaged)
    done = started(project.command("--artifact-hub", "hub", "--evidence", "red"), project.root)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert names(done.stderr, "hub.json", "index_sha256")
    assert project.hub.index_path.read_bytes() == damaged


def test_a_run_that_is_killed_stays_visible_and_is_never_green(project: Project) -> None:
    project.write("test_calc.py", "import time\ndef test_slow():\n    time.sleep(60)\n")
    command = project.command("--artifact-hub", "hub", "--evidence", "green")
    process = subprocess.Popen(command, cwd=project.root, env=plugin_alone(), stdout=subprocess.DEVNULL)
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        index = project.hub.read()
        if index is not None and index["runs"][0]["n_collected"] == 1:
            break
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    index = project.hub.read()
    assert index is not None
    (run,) = index["runs"]
    assert (run["status"], run["accepted"], run["ended"]) == ("running", None, None)
    assert is_incomplete(run)


def test_an_interrupted_run_is_refused(project: Project) -> None:
    project.write("calc.py", RIGHT)
    project.write("test_more.py", "def test_stops():\n    raise KeyboardInterrupt\n")
    ended = project.pytest("--evidence", "green")
    assert (ended.status, ended.run["accepted"], ended.run["status"]) == (2, False, "ended")
    assert ended.run["reason"]


def test_names_with_spaces_and_letters_of_other_scripts(tmp_path: Path) -> None:
    (tmp_path / "Прувинг ground").mkdir()
    project = Project(tmp_path / "Прувинг ground")
    project.write("test_больше.py", "def test_ä():\n    assert 'ß' == 'ss'\n")
    ended = project.pytest("--evidence", "red")
    assert ended.status == 0
    assert "test_больше.py::test_ä" in project.read(ended.run["reports_path"])


BLOCKED = """import pytest
pytestmark = pytest.mark.real_run

@pytest.fixture
def beam(artifact_hub):
    raise RuntimeError("no beam today")

def test_needs_a_beam(beam):
    pass

def test_needs_none(artifact_hub):
    pass
"""


def test_a_real_run_that_cannot_go_on_leaves_a_record(project: Project) -> None:
    project.write("test_calc.py", BLOCKED)
    ended = project.pytest("-m", "real_run")
    assert ended.status == 1
    (path,) = (project.hub.root / "red").glob("blocked_*.md")
    text = path.read_text()
    assert any(line.startswith("- ") and numbers(line) == [1] for line in text.splitlines())  # the exit status
    assert "--artifact-hub hub -m real_run" in text
    assert text.index("RuntimeError: no beam today") < text.rindex("\n## ") < text.index("1 passed, 1 error")
    project.pytest("-m", "real_run", "-k", "none")
    assert len(list((project.hub.root / "red").glob("blocked_*.md"))) == 1


def test_a_failed_test_of_a_real_run_is_not_blocked(project: Project) -> None:
    project.write(
        "test_calc.py",
        BLOCKED.replace("def test_needs_none(artifact_hub):\n    pass", "def test_f(artifact_hub):\n    assert False"),
    )
    project.pytest("-m", "real_run", "-k", "test_f")
    assert not (project.hub.root / "red").exists()


def with_room(limit_kib: int, command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command whose files cannot grow beyond a size, as on a disk that is full."""
    limited = ["bash", "-c", f'ulimit -f {limit_kib} && exec "$@"', "bash", *command]
    return started(limited, cwd)


def test_a_run_whose_reports_do_not_fit_goes_on_and_is_no_evidence(project: Project) -> None:
    project.write("test_calc.py", MANY)
    done = with_room(20, project.command("--artifact-hub", "hub", "--evidence", "green"), project.root)
    assert done.returncode == 1
    assert "200 passed" in done.stdout
    parts = "green/pytest_tests_green.jsonl", os.strerror(errno.EFBIG)
    assert any(line.startswith("ptyproof: ") and names(line, *parts) for line in done.stdout.splitlines())
    assert names(verdict(done.stdout, "REFUSED"), 200)
    index = project.hub.read()
    assert index is not None
    (run,) = index["runs"]
    assert (run["accepted"], run["exit_status"], run["status"]) == (False, 1, "ended")
    assert names(known(run["reason"]), *parts)
    assert run["outcomes"] == {"passed": 200}


def test_a_run_whose_index_does_not_fit_says_so_and_stays_without_an_end(project: Project) -> None:
    project.write("test_calc.py", SKIPPING)
    done = with_room(8, project.command("--artifact-hub", "hub"), project.root)
    assert done.returncode == 1
    full = os.strerror(errno.EFBIG)
    assert any(line.startswith("ptyproof: ") and names(line, full) for line in done.stdout.splitlines())
    assert any(line.startswith("ptyproof: ") and names(line, "run-0001", full) for line in done.stderr.splitlines())
    assert "Traceback" not in done.stderr
    index = project.hub.read()
    assert index is not None
    assert is_incomplete(index["runs"][0])


def test_a_hub_that_pytest_takes_for_the_project_is_refused(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hub = tmp_path_factory.mktemp("elsewhere")
    project.write("pyproject.toml", "[tool.pytest.ini_options]\nminversion = '6.0'\n")
    apart = started(project.command("--artifact-hub", str(hub)), project.root)
    assert apart.returncode == 4
    assert names(apart.stderr, f"--artifact-hub={hub}")
    assert list(hub.iterdir()) == []
    joined = started(project.command(f"--artifact-hub={hub}"), project.root)
    assert "2 failed" in joined.stdout
