"""`pytest FILE.json`: an item for each group of checks, what users of pytest expect of items, and one clear failure."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ptyproof.checking import check_manifest  # so that the runs in this process find it loaded
from tests.helpers.hashed_files import remember_at_once
from tests.helpers.messages import names
from tests.helpers.runs import HEAVY

EXAMPLES = Path(__file__).parents[1] / "schemas" / "examples"
SOUND = (EXAMPLES / "run_manifest" / "valid" / "one-of-three-doses.json").read_text()  # its datasets may be gone
BROKEN = SOUND.replace('"run_manifest"', '"run_manifest", "colour": "red"', 1)
RunPytest = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester) -> RunPytest:
    """Run pytest in this process, in an empty folder."""

    def run(*args: str) -> pytest.RunResult:
        return pytester.runpytest_inprocess("-p", "no:benchmark", "-p", "no:randomly", *args)

    return run


@pytest.fixture
def sound(pytester: pytest.Pytester) -> Path:
    """A sound manifest in the folder."""
    return _write(pytester.path / "sound.json", SOUND)


@pytest.fixture
def broken(pytester: pytest.Pytester) -> Path:
    """A manifest with a key that its schema does not have."""
    return _write(pytester.path / "broken.json", BROKEN)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _items(result: pytest.RunResult) -> list[str]:
    """Return the ids that --collect-only -q shows."""
    return [line for line in result.outlines if "::" in line]


def test_every_group_of_checks_is_an_item(run: RunPytest, sound: Path) -> None:
    groups = check_manifest(sound).groups
    assert {"json", "schema"} <= set(groups)
    assert _items(run("sound.json", "--collect-only", "-q")) == [f"sound.json::{group}" for group in groups]
    result = run("sound.json", "-W", "error")
    result.assert_outcomes(passed=len(groups))
    assert result.ret == 0


def test_a_failure_shows_path_value_rule_and_no_traceback(run: RunPytest, sound: Path, broken: Path) -> None:
    result = run("sound.json", "broken.json")
    assert result.ret == 1
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(["*manifest: broken.json::schema*", "broken.json: *", "error PM* at $*colour*"])
    result.stdout.fnmatch_lines(["*ptyproof explain PM*", "FAILED broken.json::schema*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*manifests.py*")


@pytest.mark.parametrize(
    ("text", "group", "shown"),
    [
        ('{"dependencies": {}}', "schema", "error PM102 at $*"),
        ("[1, 2", "json", "error PM005 at $*1*6*$[[]0]*"),
        ("", "json", "error PM*"),
        ('{"a": 1, "a": 2}', "json", "error PM006 at $.a*'a'*1*10*"),
    ],
)
def test_another_file_that_is_named_is_one_clear_failure(
    run: RunPytest, pytester: pytest.Pytester, text: str, group: str, shown: str
) -> None:
    _write(pytester.path / "package.json", text)
    result = run("package.json", "-v")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["package.json::* FAILED*", shown])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_warning_is_one_of_pytest_and_can_be_an_error(run: RunPytest, pytester: pytest.Pytester) -> None:
    example = EXAMPLES / "legacy_reconstruction_skip_summary_f1" / "valid" / "filtered.json"
    path = _write(pytester.path / "f2.json", example.read_text())
    assert {(finding.code, finding.severity) for finding in check_manifest(path).findings} == {("PM503", "warning")}
    result = run("f2.json", "-W", "default")
    result.assert_outcomes(passed=len(check_manifest(path).groups), warnings=1)
    result.stdout.fnmatch_lines(["f2.json::times", "*ManifestWarning: warning PM503 at $.timestamp*"])
    for option in ("error", "error::pytest_ptyproof.manifests.ManifestWarning"):
        result = run("f2.json", "-W", option)
        result.assert_outcomes(passed=len(check_manifest(path).groups) - 1, failed=1)
        result.stdout.fnmatch_lines(["warning PM503 at $.timestamp*"])
        result.stdout.no_fnmatch_line("*manifests.py*")


def test_a_failure_tells_one_cause_once(run: RunPytest, pytester: pytest.Pytester) -> None:
    example = json.loads((EXAMPLES / "legacy_run_manifest_c" / "valid" / "two-doses.json").read_text())
    for record in example.values():
        record |= {key: f"/mnt/night/{record[key]}" for key in ("train", "test", "intermediate_dir")}
    _write(pytester.path / "c.json", json.dumps(example))
    result = run("c.json", "-rN")
    (line,) = [line for line in result.outlines if line.startswith("error PM401")]
    assert names(line, "error", "$.", 5, "/mnt/night")


def test_unnamed_files_are_left_alone(run: RunPytest, pytester: pytest.Pytester, sound: Path, broken: Path) -> None:
    _write(pytester.path / "package.json", '{"dependencies": {}}')
    _write(pytester.path / "data.json", "[1, 2")
    assert run().ret == run(".").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert {line.partition("::")[0] for line in _items(run("--check-manifests", "--collect-only", "-q"))} == {
        "sound.json",
        "broken.json",
    }
    assert run("--check-manifests", "package.json").parseoutcomes()["failed"] == 1


def test_folders_that_pytest_does_not_enter_and_links(run: RunPytest, pytester: pytest.Pytester, sound: Path) -> None:
    for folder in ("build", "node_modules", ".git", "deep/dist"):
        _write(pytester.path / folder / "sound.json", SOUND)
    _write(pytester.path / "deep" / "er" / "sound.json", SOUND)
    (pytester.path / "link.json").symlink_to(sound)
    (pytester.path / "nowhere.json").symlink_to("nothing.json")
    (pytester.path / "loop").symlink_to(pytester.path, target_is_directory=True)
    files = {line.partition("::")[0] for line in _items(run("--check-manifests", "--collect-only", "-q", "."))}
    # python files behave the same, as the next lines show
    assert {name for name in files if not name.startswith("loop")} == {"sound.json", "link.json", "deep/er/sound.json"}
    named = run("build/sound.json", "link.json", "--collect-only", "-q")
    assert {line.partition("::")[0] for line in _items(named)} == {"build/sound.json", "link.json"}


@pytest.mark.parametrize("args", [("{0}", "{0}"), ("{0}", "."), (".", "{0}"), ("{0}::{1}", "{0}"), ("./{0}", "{0}")])
def test_what_is_named_twice_is_collected_like_a_test_file(
    run: RunPytest, pytester: pytest.Pytester, sound: Path, args: tuple[str, str]
) -> None:
    groups = check_manifest(sound).groups
    _write(pytester.path / "test_it.py", "".join(f"def test_{group}(): pass\n" for group in groups))
    ours = run("--check-manifests", *(arg.format("sound.json", "schema") for arg in args), "--collect-only", "-q")
    theirs = run(*(arg.format("test_it.py", "test_schema") for arg in args), "--collect-only", "-q")
    assert [line.partition("::")[2] for line in _items(ours) if line.startswith("sound")] == [
        line.partition("::test_")[2] for line in _items(theirs) if line.startswith("test_it")
    ]


def test_k_and_ids_select_items(run: RunPytest, sound: Path, broken: Path) -> None:
    run("sound.json", "broken.json", "-k", "schema").assert_outcomes(
        passed=1, failed=1, deselected=len(check_manifest(sound).groups) + len(check_manifest(broken).groups) - 2
    )
    run("sound.json::schema").assert_outcomes(passed=1)
    assert run("sound.json::colour").ret == pytest.ExitCode.USAGE_ERROR


def test_lf_runs_what_failed_last(run: RunPytest, sound: Path, broken: Path) -> None:
    assert run("sound.json", "broken.json").ret == 1
    result = run("sound.json", "broken.json", "--lf", "-v")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["broken.json::schema FAILED*"])
    _write(broken, SOUND)
    assert run("sound.json", "broken.json", "--lf").ret == 0


def test_junit_and_xdist(run: RunPytest, pytester: pytest.Pytester, sound: Path, broken: Path) -> None:
    result = run("sound.json", "broken.json", "-n", "1", "--junitxml", "junit.xml")
    groups = [path.name for path in (sound, broken) for _ in check_manifest(path).groups]
    result.assert_outcomes(passed=len(groups) - 1, failed=1)
    cases = {
        (case.get("classname"), case.get("name")): case
        for case in ElementTree.parse(pytester.path / "junit.xml").iter("testcase")
    }
    assert len(cases) == len(groups)
    failure = cases["broken.json", "schema"].find("failure")
    assert failure is not None
    assert "colour" in (failure.text or "") + (failure.get("message") or "")
    assert "Traceback" not in (failure.text or "")


def test_a_line_break_in_a_name_is_none_in_an_id(run: RunPytest, pytester: pytest.Pytester) -> None:
    _write(pytester.path / "new\nline\x1b.json", BROKEN)
    result = run("new\nline\x1b.json", "-v", "--junitxml", "junit.xml")
    result.stdout.fnmatch_lines(["new\\nline\\x1b*.json::schema FAILED*"])
    assert "\x1b" not in result.stdout.str()
    cases = ElementTree.parse(pytester.path / "junit.xml").iter("testcase")
    assert all("\n" not in f"{case.get('classname')}{case.get('name')}" for case in cases)


def test_a_file_that_is_written_while_the_run_goes_on_is_judged_as_it_is(
    run: RunPytest, pytester: pytest.Pytester, sound: Path
) -> None:
    _write(
        pytester.path / "test_it.py",
        f"def test_it():\n    __import__('pathlib').Path('sound.json').write_text({BROKEN!r})\n",
    )
    run("test_it.py", "sound.json").assert_outcomes(failed=1, passed=len(check_manifest(sound).groups))


def test_a_named_hub_is_verified_once(run: RunPytest, pytester: pytest.Pytester) -> None:
    example = EXAMPLES / "hub_index" / "valid" / "no-runs-yet.json"
    _write(pytester.path / "hub" / "hub.json", example.read_text())
    for args in (("hub",), ("hub/hub.json",), ("hub", "--check-manifests")):
        assert [line for line in _items(run(*args, "--collect-only", "-q")) if line.endswith("::hub.json")] == [
            "hub/hub.json::hub.json"
        ]
        assert "hub/hub.json::schema" not in _items(run(*args, "--collect-only", "-q"))
    assert "hub/hub.json::schema" in _items(run("--check-manifests", "--collect-only", "-q"))


FIXTURE_TESTS = """\
import pytest

def test_sound(ptyproof_assert_manifest_ok):
    assert ptyproof_assert_manifest_ok("sound.json").kind == "run_manifest"

def test_broken(ptyproof_assert_manifest_ok):
    ptyproof_assert_manifest_ok("broken.json")

def test_ignored(ptyproof_assert_manifest_ok):
    checked = ptyproof_assert_manifest_ok("broken.json", ignore={"PM101"})
    assert [finding.code for finding in checked.findings] == ["PM101"]

def test_another_ignored(ptyproof_assert_manifest_ok):
    with pytest.raises(pytest.fail.Exception, match="colour"):
        ptyproof_assert_manifest_ok("broken.json", ignore=["PM102"])
"""


def test_the_fixture(run: RunPytest, pytester: pytest.Pytester, sound: Path, broken: Path) -> None:
    _write(pytester.path / "test_it.py", FIXTURE_TESTS)
    result = run("test_it.py")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["FAILED test_it.py::test_broken*", "*1 failed*"])
    result.stdout.fnmatch_lines(["error PM101 at $*colour*"])
    result.stdout.no_fnmatch_line("*manifests.py*")


CHANGED = """\
from pathlib import Path

def test_it_as_it_was(ptyproof_assert_manifest_ok):
    ptyproof_assert_manifest_ok("sound.json")

def test_it_after_a_change(ptyproof_assert_manifest_ok):
    data = Path("dose_1000", "patched_train.npz")
    data.write_bytes(data.read_bytes()[::-1])
    ptyproof_assert_manifest_ok("sound.json")
"""


def test_the_fixture_reads_again_what_was_changed_since(
    run: RunPytest, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember_at_once(monkeypatch)
    value = json.loads(SOUND)
    record = value["datasets"][0]["train"]["file"]
    record |= {"sha256": hashlib.sha256(b"data").hexdigest(), "size_bytes": 4}
    _write(pytester.path / "sound.json", json.dumps(value))
    _write(pytester.path / record["path"], "data")
    _write(pytester.path / "test_it.py", CHANGED)
    run("test_it.py").assert_outcomes(passed=1, failed=1)


def test_a_manifest_of_the_project_passes_with_warnings_as_errors(
    run: RunPytest, pytester: pytest.Pytester, smoke_d: object
) -> None:
    root = getattr(smoke_d, "root")  # noqa: B009 - typed where it is defined
    result = run(str(root / "overlap_manifest.json"), "-W", "error", "-p", "no:cacheprovider")
    assert result.ret == 0, result.stdout.str()


def test_it_loads_nothing_heavy() -> None:
    heavy = [*HEAVY, "jsonschema", "ptyproof.phases"]
    code = f"import sys, pytest_ptyproof.manifests; print(*(name for name in {heavy!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_examples_of_this_test_are_what_they_are_meant_to_be(sound: Path, broken: Path) -> None:
    assert check_manifest(sound).findings == ()
    assert [finding.code for finding in check_manifest(broken).findings] == ["PM101"]
    assert json.loads(BROKEN)["colour"] == "red"
