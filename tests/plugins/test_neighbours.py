"""Beside a project, or a plugin, that has options and fixtures of the names that ptyproof's could have had."""

from __future__ import annotations

from pathlib import Path

import pytest

import pytest_ptyproof.certificate
import pytest_ptyproof.comparison
import pytest_ptyproof.hub
import pytest_ptyproof.manifests
import pytest_ptyproof.reconstruction
import pytest_ptyproof.study
from tests.helpers.runs import BASELINE, OLD_NAMES, PLAIN, STUDY_AS_TESTS, run_pytest

FIXTURES = (
    *("base_dataset", "matrix_run", "study_design", "phase_c", "phase_d", "training_job", "train_job"),
    *("training_manifest", "validate_manifest", "reconstruct", "reconstruction_job", "reconstruction_manifest"),
    *(
        "reconstruction_method",
        "compare",
        "comparison_cell",
        "comparison_manifest",
        "certify_job",
        "assert_manifest_ok",
    ),
)
PARTS = ("hub", "study", "reconstruction", "comparison", "certificate", "manifests")

NEIGHBOUR = "import pytest\n\ndef pytest_addoption(parser):\n"
NEIGHBOUR += "".join(f'    parser.addoption("--{name}", default="theirs")\n' for name in (*OLD_NAMES, "logger"))
NEIGHBOUR += "".join(
    f'\n@pytest.fixture(scope="session")\ndef {name}():\n    return "theirs"\n' for name in (*FIXTURES, "artifact_hub")
)
THEIRS = f"""
import pytest

@pytest.mark.parametrize("name", {FIXTURES!r})
def test_fixture(name, request):
    assert request.getfixturevalue(name) == "theirs"

@pytest.mark.real_run
@pytest.mark.parametrize("name", {(*OLD_NAMES, "logger")!r})
def test_option(name, pytestconfig):
    assert pytestconfig.getoption("--" + name) == ("gpu" if name == "accelerator" else "theirs")
"""


@pytest.mark.parametrize("place", ["conftest", "plugin"])
def test_a_neighbour_keeps_what_it_has_and_the_study_runs(place: str, study_file: Path, tmp_path: Path) -> None:
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    (cwd / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    (cwd / {"conftest": "conftest.py", "plugin": "neighbour.py"}[place]).write_text(NEIGHBOUR)
    (cwd / "test_theirs.py").write_text(THEIRS)
    loaded = () if place == "conftest" else ("-p", "neighbour")  # plugins of -p are loaded before ptyproof
    run = run_pytest(
        cwd,
        *loaded,
        "test_theirs.py",
        *STUDY_AS_TESTS[:2],
        f"--ptyproof-study={study_file}",
        "--ptyproof-accelerator=cpu",
        "--accelerator=gpu",
        *("-k", "theirs or (baseline and (training or flat)) or manifest and not certificate"),
        *("-m", "real_run or not real_run"),
        *PLAIN,
        hub=tmp_path / "hub",
    )
    assert run.status == 0, run.screen
    assert run.outcomes().pop(f"test_training[{BASELINE}]") == "passed"
    assert {f"test_fixture[{name}]": "passed" for name in FIXTURES}.items() <= run.outcomes().items()
    assert {f"test_option[{name}]": "passed" for name in OLD_NAMES}.items() <= run.outcomes().items()


def test_every_name_has_the_prefix_but_the_hub() -> None:
    found = {
        name
        for part in PARTS
        for name, value in vars(getattr(pytest_ptyproof, part)).items()
        if type(value).__name__ in {"FixtureFunctionDefinition", "function"}
        and (hasattr(value, "_pytestfixturefunction") or type(value).__name__ == "FixtureFunctionDefinition")
    }
    assert found == {f"ptyproof_{name}" for name in (*FIXTURES, "artifact_hub")} | {"artifact_hub"}
