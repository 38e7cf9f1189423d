"""`ptyproof new-method`: the package that it writes passes the conformance suite, which is its tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ptyproof.conformance.checks import CHECKS
from ptyproof.errors import InputError
from ptyproof.new_method import write_package


@pytest.mark.parametrize("name", ["class 1", "1st", "lsqml/2", ""])
def test_an_impossible_name_is_refused_and_nothing_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_package(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="mine"):
        write_package("mine", tmp_path)
    assert not list((tmp_path / "mine").iterdir())


@pytest.mark.campaign
def test_a_new_package_passes_its_own_tests(tmp_path: Path) -> None:
    python = (sys.executable, "-m")
    made = subprocess.run([*python, "ptyproof", "new-method", "my-method"], cwd=tmp_path, check=False)
    assert made.returncode == 0
    options = ("-q", "--no-index", "--no-deps", "--no-build-isolation", "--target", str(tmp_path / "installed"))
    subprocess.run([*python, "pip", "install", "./my-method", *options], cwd=tmp_path, check=True)
    environment = {"PYTHONPATH": str(tmp_path / "installed"), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    words = [*python, "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        words, cwd=tmp_path / "my-method", env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(CHECKS)} passed" in done.stdout
