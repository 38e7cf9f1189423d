"""Another program finds what Process Run Crate 0.5 and RO-Crate 1.1 require; it has an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ptyproof.cli.main import main
from ptyproof.hub.index import CRATE
from ptyproof.hub.layout import COMPARISON
from tests.companions.environments import Builder
from tests.helpers.hubs import edit

pytestmark = pytest.mark.installs

SCRIPT = Path(__file__).parents[1] / "helpers" / "crate_validator.py"
Validate = Callable[[Path], list[str]]


@pytest.fixture(scope="module")
def faults_of(tmp_path_factory: pytest.TempPathFactory) -> Validate:
    """Return what roc-validator has against a research object."""
    kept = os.environ.get("PTYPROOF_ENVIRONMENTS")
    folder = Path(kept).resolve() if kept else tmp_path_factory.mktemp("environments")
    folder.mkdir(parents=True, exist_ok=True)
    lines = Path(__file__).with_name("validator.txt").read_text(encoding="utf-8").splitlines()
    try:
        environment = Builder(folder).made(*(line for line in lines if not line.startswith("#")))
    except AssertionError as error:
        pytest.skip(f"roc-validator could not be installed: {str(error).splitlines()[-1]}")

    def validate(crate: Path) -> list[str]:
        done = environment.run(str(SCRIPT), str(crate), str(crate.parent / "contexts"), cwd=crate.parent)
        assert done.returncode == 0, done.stderr
        found: list[str] = json.loads(done.stdout)
        return found

    return validate


@pytest.mark.parametrize("form", ["out", "out.zip"])
def test_another_program_finds_a_process_run_crate(form: str, made: Path, faults_of: Validate, tmp_path: Path) -> None:
    assert main(["hub", "export", str(made), "--format", "ro-crate", str(tmp_path / form)]) == 0
    assert faults_of(tmp_path / form) == []


def test_the_other_program_finds_what_is_missing(made: Path, faults_of: Validate, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["hub", "export", str(made), "--format", "ro-crate", str(out)]) == 0
    shutil.rmtree(out / "docs")
    (out / COMPARISON).unlink()
    edit(out / CRATE, lambda value: [entity.pop("instrument", None) for entity in value["@graph"]])
    assert {fault.partition(":")[0] for fault in faults_of(out)} == {"Action instrument", "Data Entity"}
