"""Runs that many tests look at, made once: a real run costs seconds. Those tests change nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch  # noqa: F401 - it can be imported once alone, and pytester unloads what a run in this process imported

from tests.helpers.runs import DIVERGING, PLAIN, QUIET, STUDY_AS_TESTS, TINY, Run, ended, run_pytest
from tests.helpers.sharing import made_once

# cuts off the end of the dense view's train half as soon as Phase D has made it
DAMAGE = """\
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef):
    made = yield
    if fixturedef.argname == "ptyproof_phase_d":
        path = made.root / "dose_1000" / "dense" / "dense_train.npz"
        path.write_bytes(path.read_bytes()[:-1000])
    return made
"""


@pytest.fixture(scope="session")
def study_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TOML file of the tiny study."""
    path = tmp_path_factory.mktemp("studies") / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def whole(study_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The study as tests, from an empty folder, with a hub that is given relative to it; warnings are errors.

    Everything of it is imported and started anew, as on a command line.
    """
    args = (*STUDY_AS_TESTS, f"--ptyproof-study={study_file}", "-rs", "-v", "-W", "error")
    return made_once(
        tmp_path_factory, "whole", lambda root: run_pytest(root / "empty", *args, hub=Path("../hub"), fresh=True)
    )


@pytest.fixture(scope="session")
def parallel(study_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The study as tests in two processes, in a temporary hub."""
    args = (*STUDY_AS_TESTS, f"--ptyproof-study={study_file}", *PLAIN, "-p", "xdist", "-n", "2")
    return made_once(tmp_path_factory, "parallel", lambda root: run_pytest(root / "cwd", *args))


@pytest.fixture(scope="session")
def damaged(study_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The study as tests, with a dataset that is damaged before its training."""

    def run(root: Path) -> Run:
        cwd = root / "cwd"
        cwd.mkdir()
        (cwd / "damage.py").write_text(DAMAGE, encoding="utf-8")
        return run_pytest(
            cwd, *STUDY_AS_TESTS, f"--ptyproof-study={study_file}", "-p", "damage", *PLAIN, hub=root / "hub"
        )

    return made_once(tmp_path_factory, "damaged", run)


@pytest.fixture(scope="session")
def mended(damaged: Run, study_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run after the damaged one, on its hub, which was moved and lost its datasets; it keeps those it makes."""

    def run(root: Path) -> Run:
        shutil.copytree(damaged.hub, root / "hub", ignore=shutil.ignore_patterns("*.npz"))
        args = (
            *STUDY_AS_TESTS,
            f"--ptyproof-study={study_file}",
            "--ptyproof-keep-datasets",
            "--ptyproof-retry=failed",
            *PLAIN,
        )
        return run_pytest(root / "cwd", *args, hub=root / "hub")

    return made_once(tmp_path_factory, "mended", run)


@pytest.fixture(scope="session")
def diverged(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The baseline's cell alone, with a training that diverges, in a temporary hub."""

    def run(root: Path) -> Run:
        study = root / "diverging.toml"
        study.write_text(DIVERGING, encoding="utf-8")
        return run_pytest(root / "cwd", *STUDY_AS_TESTS, f"--ptyproof-study={study}", "-k", "baseline", *PLAIN)

    return made_once(tmp_path_factory, "diverged", run)


@pytest.fixture
def in_folder(pytester: pytest.Pytester) -> Callable[..., Run]:
    """A function that runs pytest in the test's own folder and process: for runs that train nothing."""

    def run(*args: str) -> Run:
        junit = pytester.path.with_name(f"{pytester.path.name}.xml")
        result = pytester.runpytest_inprocess(f"--junitxml={junit}", *QUIET, *args)
        return ended(int(result.ret), f"{result.stdout}\n{result.stderr}", junit, pytester.path, None)

    return run
