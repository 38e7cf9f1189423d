"""The Slurm that the tests of clusters share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import slurm as slurm_module
from tests.cluster.slurm import Slurm
from tests.cluster.studies import StudyRun


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A Slurm with two nodes; a test that kills a node starts it again."""
    reason = slurm_module.missing()
    if reason is not None:
        pytest.skip(reason)
    with _short_folder() as folder, slurm_module.running(Path(folder)) as one:
        yield one


@pytest.fixture(scope="session")
def alone(slurm: Slurm, tmp_path_factory: pytest.TempPathFactory) -> StudyRun:
    """The small study on this machine, one job after the other, undisturbed."""
    run = StudyRun.made(tmp_path_factory.mktemp("alone") / "run")
    with run.begun():
        run.end()
    return run


@pytest.fixture
def short_folder(slurm: Slurm) -> Iterator[Path]:
    """An empty folder for another Slurm."""
    with _short_folder() as folder:
        yield Path(folder)


def _short_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder outside those of pytest, whose names may be too long for sockets in them."""
    return tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp")
