"""Options that a project already has, settings of the ini file, and the names that options had before."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from pytest_ptyproof import options
from tests.helpers.runs import OLD_NAMES, STUDY_AS_TESTS, TINY, Run

InFolder = Callable[..., Run]

# writes what a test sees of a setting beside the ini file
SEEN = """
import pytest
from pytest_ptyproof.options import value_of

def test_it(pytestconfig):
    (pytestconfig.rootpath / "seen.txt").write_text(repr(value_of(pytestconfig, {name!r})))
"""


@pytest.mark.parametrize("name", OLD_NAMES)
@pytest.mark.parametrize("form", ["--{}", "--{}=fly64", "--{} fly64"])
def test_an_old_name_is_refused_with_the_new_one(
    name: str, form: str, pytester: pytest.Pytester, in_folder: InFolder
) -> None:
    pytester.makepyfile("def test_it(): pass")
    run = in_folder(*form.format(name).split())
    assert run.status == pytest.ExitCode.USAGE_ERROR
    (sentence,) = [line for line in run.screen.splitlines() if line]
    assert sentence.startswith(f"ERROR: --{name} ")
    assert f" --ptyproof-{name} " in sentence
    assert run.items == {}


@pytest.mark.parametrize("place", ["environment", "ini file"])
def test_an_old_name_is_refused_wherever_it_comes_from(
    place: str, pytester: pytest.Pytester, in_folder: InFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "environment":
        monkeypatch.setenv("PYTEST_ADDOPTS", "--study=fly64")
    else:
        pytester.makeini("[pytest]\naddopts = --study=fly64")
    run = in_folder()
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert "--ptyproof-study" in run.screen


def test_other_unknown_options_are_refused_as_pytest_does(pytester: pytest.Pytester, in_folder: InFolder) -> None:
    for word in ("--studies", "--stud", "--no-such"):
        run = in_folder(word)
        assert run.status == pytest.ExitCode.USAGE_ERROR
        assert f"unrecognized arguments: {word}" in run.screen
        assert "ptyproof" not in run.screen.replace("ptyproof_", "")


@pytest.mark.parametrize("from_plugin", [False, True], ids=["conftest", "plugin"])
def test_a_project_keeps_the_options_that_it_defines(
    from_plugin: bool, pytester: pytest.Pytester, in_folder: InFolder
) -> None:
    definitions = "\n".join(
        f'    parser.addoption("--{name}", action="append", dest="its_{name}")' for name in OLD_NAMES
    )
    source = f"def pytest_addoption(parser):\n{definitions}\n"
    pytester.makepyfile(f"""
        def test_it(pytestconfig):
            assert all(pytestconfig.getoption("--" + name) == ["fly64"] for name in {OLD_NAMES!r})
            assert all(pytestconfig.getoption("its_" + name) == ["fly64"] for name in {OLD_NAMES!r})
    """)
    if from_plugin:
        pytester.makepyfile(its_plugin=source)
        pytester.syspathinsert()
    else:
        pytester.makeconftest(source)
    loaded = ["-p", "its_plugin"] if from_plugin else []
    run = in_folder(*loaded, *(f"--{name}=fly64" for name in OLD_NAMES))
    assert run.outcomes() == {"test_it": "passed"}


def test_destinations_have_the_prefix_too(pytestconfig: pytest.Config) -> None:
    for name in OLD_NAMES:
        assert hasattr(pytestconfig.option, f"ptyproof_{name.replace('-', '_')}")


def test_a_project_defines_options_and_runs_a_study(pytester: pytest.Pytester, in_folder: InFolder) -> None:
    pytester.makeconftest("""
        def pytest_addoption(parser):
            for name in ("study", "accelerator", "retry", "logger"):
                parser.addoption("--" + name, default="theirs", type=str)
    """)
    (pytester.path / "tiny.toml").write_text(TINY)
    run = in_folder(
        *STUDY_AS_TESTS,
        "--study=mine",
        "--accelerator=tpu",
        "--retry=3",
        "--ptyproof-study=tiny.toml",
        "--collect-only",
    )
    assert run.status == 0
    assert "dose1000-sparse-gs2" in run.screen


@pytest.mark.parametrize(
    ("setting", "written", "found"),
    [
        ("study", "sub/mine.toml", "{root}/sub/mine.toml"),
        ("study", "fly64-smoke", "fly64-smoke"),
        ("base-npz", "base.npz", "{root}/base.npz"),
        ("base-npz", "builtin", "builtin"),
        ("accelerator", "cpu", "cpu"),
        ("retry", "failed", ["failed"]),
        ("job-timeout", "1.5", 1.5),
        ("job-memory", "4G", "4G"),
        ("certify", "true", True),
        ("certify-mode", "resume", "resume"),
        ("certify-epochs", "2", 2),
        ("keep-datasets", "yes", True),
        ("anonymous", "no", False),
        ("collect-stray", "true", True),
    ],
)
@pytest.mark.parametrize("file", ["pytest.ini", "pyproject.toml"])
def test_a_project_sets_options_once(
    file: str, setting: str, written: str, found: object, pytester: pytest.Pytester, in_folder: InFolder
) -> None:
    head, quote = ("[pytest]", "") if file == "pytest.ini" else ("[tool.pytest.ini_options]", '"')
    name = f"ptyproof_{setting.replace('-', '_')}"
    (pytester.path / file).write_text(f"{head}\n{name} = {quote}{written}{quote}\n")
    folder = pytester.mkdir("tests")
    (folder / "test_it.py").write_text(SEEN.format(name=setting))
    pytester.chdir()
    run = in_folder("tests")
    assert run.outcomes() == {"test_it": "passed"}, run.screen
    expected = found.format(root=pytester.path) if isinstance(found, str) else found
    assert (pytester.path / "seen.txt").read_text() == repr(expected)


@pytest.mark.skipif(pytest.version_tuple < (9, 0), reason="native TOML settings came with pytest 9.0")
@pytest.mark.parametrize(
    ("setting", "written", "found"),
    [
        ("job-timeout", "30", 30.0),
        ("certify-epochs", "2", 2),
        ("retry", '["failed"]', ["failed"]),
        ("keep-datasets", "true", True),
        ("study", '"mine.toml"', "{root}/mine.toml"),
    ],
)
def test_settings_have_the_types_of_toml(
    setting: str, written: str, found: object, pytester: pytest.Pytester, in_folder: InFolder
) -> None:
    name = f"ptyproof_{setting.replace('-', '_')}"
    (pytester.path / "pyproject.toml").write_text(f"[tool.pytest]\n{name} = {written}\n")
    pytester.makepyfile(SEEN.format(name=setting))
    run = in_folder()
    assert run.status == 0, run.screen
    expected = found.format(root=pytester.path) if isinstance(found, str) else found
    assert (pytester.path / "seen.txt").read_text() == repr(expected)


@pytest.mark.parametrize(
    ("setting", "in_file", "on_line", "found"),
    [
        ("study", "fly64", ["--ptyproof-study=fly64-smoke"], "fly64-smoke"),
        ("study", "fly64", ["--ptyproof-study=fly64"], "fly64"),
        ("accelerator", "cpu", ["--ptyproof-accelerator=auto"], "auto"),
        ("base-npz", "none.npz", ["--ptyproof-base-npz=builtin"], "builtin"),
        ("job-timeout", "30", ["--ptyproof-job-timeout=1"], 1.0),
        ("keep-datasets", "false", ["--ptyproof-keep-datasets"], True),
        ("keep-datasets", "true", ["-o", "ptyproof_keep_datasets=false"], False),
    ],
)
def test_the_command_line_wins(
    setting: str, in_file: str, on_line: list[str], found: object, pytester: pytest.Pytester, in_folder: InFolder
) -> None:
    pytester.makeini(f"[pytest]\nptyproof_{setting.replace('-', '_')} = {in_file}\n")
    pytester.makepyfile(SEEN.format(name=setting))
    assert in_folder(*on_line).status == 0
    assert (pytester.path / "seen.txt").read_text() == repr(found)


@pytest.mark.parametrize(
    ("setting", "written"),
    [
        ("job_timeout", "soon"),
        ("certify_epochs", "1.5"),
        ("keep_datasets", "perhaps"),
        ("accelerator", "tpu"),
        ("retry", "all"),
        ("study", "nope"),
        ("base_npz", "missing.npz"),
        ("certify_mode", "once"),
        ("certify_epochs", "0"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_in_one_sentence(
    setting: str, written: str, pytester: pytest.Pytester, in_folder: InFolder
) -> None:
    certify = "ptyproof_certify = true\n" if setting.startswith("certify") else ""
    pytester.makeini(f"[pytest]\n{certify}ptyproof_{setting} = {written}\n")
    run = in_folder(*STUDY_AS_TESTS[:-1], "--collect-only")
    assert run.status == pytest.ExitCode.USAGE_ERROR, run.screen
    (sentence,) = [line for line in run.screen.splitlines() if line]
    assert sentence.startswith("ERROR: ")
    assert written in sentence


def test_settings_for_real_runs_are_not_looked_at_in_others(pytester: pytest.Pytester, in_folder: InFolder) -> None:
    pytester.makeini(
        "[pytest]\nptyproof_study = missing.toml\nptyproof_certify_mode = resume\nptyproof_collect_stray = true\n"
    )
    pytester.makepyfile("def test_it(): pass")
    assert in_folder().outcomes() == {"test_it": "passed"}


def test_a_run_records_the_settings_that_its_command_line_does_not_show(
    pytester: pytest.Pytester, in_folder: InFolder
) -> None:
    pytester.makeini(
        "[pytest]\naddopts = -q\nptyproof_study = fly64-smoke\nptyproof_retry = failed\nptyproof_anonymous = no\n"
        "ptyproof_keep_datasets = yes\nptyproof_job_timeout = 30\nptyproof_accelerator = auto\n"
    )
    pytester.makepyfile("def test_it(): pass")
    assert in_folder("--artifact-hub=hub", "--ptyproof-job-timeout=5").status == 0
    (run,) = json.loads((pytester.path / "hub" / "hub.json").read_text(encoding="utf-8"))["runs"]
    expected = ["-q", "--ptyproof-study=fly64-smoke", "--ptyproof-retry=failed", "--ptyproof-keep-datasets"]
    assert run["options"] == [{"source": "tox.ini", "options": expected}]


def test_a_destination_of_a_project_is_its_own(pytester: pytest.Pytester, in_folder: InFolder) -> None:
    names = ("artifact_hub", "evidence", "evidence_topic", "check_manifests", "study", "retry")
    definitions = "\n".join(f'    parser.addoption("--its-{name}", dest="{name}", default="its")' for name in names)
    pytester.makeconftest(f"def pytest_addoption(parser):\n{definitions}\n")
    pytester.makepyfile(f"""
        def test_it(pytestconfig):
            assert [getattr(pytestconfig.option, name) for name in {names!r}] == ["its"] * {len(names)}
    """)
    run = in_folder("--artifact-hub=hub", "--evidence=green", "--evidence-topic=it")
    assert "ACCEPTED" in run.screen
    assert run.outcomes() == {"test_it": "passed"}, run.screen
    assert (pytester.path / "hub" / "green").is_dir()


def test_sentences_of_commands_get_the_names_of_pytest() -> None:
    said = options.in_pytest_words("give --study, not --ptyproof-study or --my-study; --job-timeout: --studies")
    assert said == "give --ptyproof-study, not --ptyproof-study or --my-study; --ptyproof-job-timeout: --studies"
