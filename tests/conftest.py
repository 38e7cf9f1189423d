"""Data that many tests look at and none changes: the smoke study, made once."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.d_overlap.overlap import overlap
from ptyproof.study.builtin import builtin_study
from ptyproof.study.design import StudyDesign
from tests.helpers import batch
from tests.helpers.forked import start_server
from tests.helpers.phases import Phase
from tests.helpers.sharing import made_once, place_in_line

settings.register_profile("ptyproof", deadline=None, derandomize=True)
settings.load_profile("ptyproof")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a file in one process, so that what they share is made once, and take files as they come."""
    if config.getvalue("dist") != "load":
        return None
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False
    return LoadFileScheduling(config, log)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start what processes of tests fork from where nearly every process of a test run needs it: they share the tests.

    Bytecode is kept: to compile the project anew takes most of a second in each process.
    """
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if hasattr(session.config, "workerinput"):
        start_server()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let processes that share the tests begin with those files that take longest."""
    if hasattr(config, "workerinput"):
        items.sort(key=place_in_line)


def pytest_collection_finish() -> None:
    """Leave out of the search for garbage what was imported: each search through it takes a tenth of a second."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Let torch compute with one thread: on a busy machine, threads that wait for each other take many times longer."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session")
def smoke() -> StudyDesign:
    """The smoke study."""
    return builtin_study("fly64-smoke")


@pytest.fixture(scope="session")
def smoke_c(smoke: StudyDesign, tmp_path_factory: pytest.TempPathFactory) -> Phase:
    """Phase C of the smoke study, all doses."""
    return made_once(tmp_path_factory, "smoke/c", lambda root: Phase(root, _generated(smoke, root)))


def _generated(smoke: StudyDesign, root: Path) -> dict[str, Any]:
    return dict(generate(smoke, load_base(smoke, "builtin"), root))


@pytest.fixture(scope="session")
def smoke_d(smoke_c: Phase, tmp_path_factory: pytest.TempPathFactory) -> Phase:
    """Phase D of the smoke study, all doses."""
    return made_once(tmp_path_factory, "smoke/d", lambda root: Phase(root, dict(overlap(smoke_c.root, root))))


@pytest.fixture(scope="session")
def smoke_e(smoke_c: Phase, smoke_d: Phase, tmp_path_factory: pytest.TempPathFactory) -> Phase:
    """Phase E of the smoke study, trained for real on the CPU, all doses."""
    from ptyproof.console import Console
    from ptyproof.phases.e_train.train import TrainingPhase
    from ptyproof.study.jobs import JobFilters
    from ptyproof.training.device import RunOptions

    def trained(root: Path) -> Phase:
        phase = TrainingPhase.opened(smoke_c.root, smoke_d.root, root, RunOptions(accelerator="cpu", threads=1))
        filters = JobFilters()
        phase.run(phase.enumerate(filters), filters, False, Console.silent())
        manifest = phase.ledger.read()
        assert manifest is not None
        return Phase(root, manifest)

    return made_once(tmp_path_factory, "smoke/e", trained)


@pytest.fixture
def sbatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Commands `sbatch` and `scancel` that run batch scripts on this machine, and the folder with what they ran."""
    for name in ("dask_jobqueue", "cryptography"):
        pytest.importorskip(name, reason="needs the extra cluster")
    with batch.commands(tmp_path / "slurm") as path:
        monkeypatch.setenv("PATH", path)
        yield tmp_path / "slurm"
