"""Options of the plugin: how wrong ones are refused, and what an option alone does not do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.messages import names
from tests.helpers.runs import BASELINE, DENSE, HUB_LINE, METHODS, SPARSE, STUDY_AS_TESTS, TINY, Run, run_pytest

HEAVY = ("torch", "lightning", "matplotlib")
InFolder = Callable[..., Run]


@pytest.mark.parametrize(
    ("option", "parts"),
    [
        (
            "--ptyproof-study=nope",
            ["'nope'", "fly64-groups, fly64-overlap, fly64-unseen, fly64-real, fly64-flaws, fly001", "TOML"],
        ),
        ("--ptyproof-study=missing.toml", ["missing.toml"]),
        ("--ptyproof-study=unknown_key.toml", ["unknown_key.toml", "colour", "doses_photons_per_pattern"]),
        ("--ptyproof-study=no_toml.toml", ["no_toml.toml"]),
        ("--ptyproof-study=bright.toml", ["bright.toml", "doses_photons_per_pattern", "> 0", "-1.0"]),
        ("--ptyproof-base-npz=missing.npz", ["--ptyproof-base-npz", "builtin", "missing.npz"]),
        ("--ptyproof-base-npz=folder", ["--ptyproof-base-npz", "builtin", "folder"]),
        ("--ptyproof-accelerator=tpu", ["--ptyproof-accelerator", "cpu, gpu, auto", "'tpu'"]),
        ("--artifact-hub=file", ["--artifact-hub", "file"]),
        ("--artifact-hub=file/deeper", ["--artifact-hub", "file/deeper"]),
        ("--artifact-hub=/proc/ptyproof", ["--artifact-hub", "/proc/ptyproof"]),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused_in_one_sentence(
    option: str, parts: list[str], pytester: pytest.Pytester, in_folder: InFolder
) -> None:
    pytester.makepyfile("def test_it(): pass")
    pytester.mkdir("folder")
    (pytester.path / "file").write_text("x")
    (pytester.path / "unknown_key.toml").write_text("colour = 3\n" + TINY)
    (pytester.path / "no_toml.toml").write_text("name = \n")
    (pytester.path / "bright.toml").write_text(TINY.replace("[1000.0]", "[-1.0]"))
    run = in_folder(option)
    assert run.status == pytest.ExitCode.USAGE_ERROR
    (sentence,) = [line for line in run.screen.splitlines() if line]
    assert sentence.startswith("ERROR: ")
    assert names(sentence, *parts)
    assert run.items == {}


@pytest.mark.parametrize("option", ["--ptyproof-study=nope", "--evidence=blue", "--ptyproof-base-npz=missing.npz"])
def test_no_hub_is_left_where_another_option_is_refused(
    option: str, pytester: pytest.Pytester, in_folder: InFolder
) -> None:
    for hub in (pytester.path / "new" / "hub", pytester.mkdir("old")):
        assert in_folder(option, f"--artifact-hub={hub}").status == pytest.ExitCode.USAGE_ERROR
    assert [path.name for path in pytester.path.iterdir()] == ["old"]


def test_a_gpu_that_is_not_there_is_refused_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    run = run_pytest(tmp_path / "cwd", "--ptyproof-accelerator=gpu")
    assert run.status == pytest.ExitCode.USAGE_ERROR
    (sentence,) = [line for line in run.screen.splitlines() if line]
    assert sentence.startswith("ERROR: ")
    assert names(sentence, "--ptyproof-accelerator", "gpu", "torch", "cpu", "auto")


def test_collecting_names_the_items_and_trains_nothing(
    in_folder: InFolder, study_file: Path, pytester: pytest.Pytester
) -> None:
    run = in_folder(*STUDY_AS_TESTS, f"--ptyproof-study={study_file}", "--collect-only", "-q")
    items = [line.rpartition("::")[2] for line in run.screen.splitlines() if "::" in line]
    training = [f"test_training[{cell}]" for cell in (BASELINE, DENSE, SPARSE)]
    methods = [f"test_reconstruction[{cell}-test-{name}]" for cell in (BASELINE, DENSE, SPARSE) for name in METHODS]
    compared = [f"test_comparison[{cell}-test]" for cell in (BASELINE, DENSE, SPARSE)]
    last = ["test_manifest", *methods, "test_reconstruction_manifest", *compared, "test_comparison_manifest"]
    assert items == ["test_phase_c", "test_phase_d", *training, *last]
    assert list(pytester.path.iterdir()) == []
    assert HUB_LINE.search(run.screen) is None


def test_collecting_makes_no_hub(in_folder: InFolder, study_file: Path, pytester: pytest.Pytester) -> None:
    run = in_folder(*STUDY_AS_TESTS, f"--ptyproof-study={study_file}", "--collect-only", "--artifact-hub=hub")
    assert run.status == 0
    assert list(pytester.path.iterdir()) == []


def test_collecting_loads_neither_torch_nor_matplotlib(study_file: Path, tmp_path: Path) -> None:
    args = [
        "-p",
        "pytest_ptyproof.plugin",
        "-p",
        "no:cacheprovider",
        "--collect-only",
        f"--ptyproof-study={study_file}",
    ]
    args += [arg for arg in STUDY_AS_TESTS if not arg.startswith("--ptyproof-accelerator")]
    loaded = f"print([name for name in {HEAVY!r} if name in sys.modules])"
    code = f"import pytest, sys; print(int(pytest.main({args!r}))); {loaded}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-2:] == ["0", "[]"]


def test_a_base_without_an_object_is_an_error_of_one_sentence(
    pytester: pytest.Pytester, in_folder: InFolder, study_file: Path
) -> None:
    (pytester.path / "empty.npz").write_bytes(b"no archive")
    pytester.makepyfile("import pytest\n@pytest.mark.real_run\ndef test_it(ptyproof_base_dataset): pass\n")
    run = in_folder("-m", "real_run", f"--ptyproof-study={study_file}", "--ptyproof-base-npz=empty.npz")
    assert run.status == 1
    assert run.outcomes() == {"test_it": "error"}
    assert "empty.npz" in run.items["test_it"].message
    assert "Traceback" not in run.screen
    assert "study.py" not in run.screen


def test_a_temporary_hub_outlives_the_retention_of_temporary_folders(
    pytester: pytest.Pytester, in_folder: InFolder
) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.real_run\ndef test_it(artifact_hub): pass\n")
    run = in_folder("-m", "real_run", "-o", "tmp_path_retention_policy=failed")
    assert run.status == 0
    assert run.hub.is_dir()


def test_a_relative_hub_is_relative_to_the_folder_that_pytest_was_started_in(
    pytester: pytest.Pytester, in_folder: InFolder
) -> None:
    pytester.makepyfile(
        """
        import os
        import pytest

        @pytest.fixture(scope="session", autouse=True)
        def elsewhere(tmp_path_factory):
            os.chdir(tmp_path_factory.mktemp("elsewhere"))

        @pytest.mark.real_run
        def test_it(elsewhere, artifact_hub):
            (artifact_hub / "evidence.txt").write_text("x")
        """
    )
    run = in_folder("-m", "real_run", "--artifact-hub=hub")
    assert run.status == 0
    assert (pytester.path / "hub" / "evidence.txt").is_file()
