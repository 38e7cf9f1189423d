"""Sound hubs: of a real run, made once, and of two runs that show nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ptyproof.hub.index import Hub
from tests.helpers.hubs import (
    make_hub,
    make_run,
)
from tests.helpers.phases import Phase
from tests.helpers.sharing import made_once


@pytest.fixture(scope="session")
def pristine(smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound hub that no test changes, with a space and letters of other alphabets in its name."""
    name = "artefact hüb 実験"
    return made_once(
        tmp_path_factory, "checking/hub", lambda root: make_hub(root / name, smoke_c, smoke_d, smoke_e).root
    )


@pytest.fixture
def hub(pristine: Path, tmp_path: Path) -> Hub:
    """A sound hub, without its datasets."""
    root = tmp_path / pristine.name
    shutil.copytree(pristine, root, ignore=shutil.ignore_patterns("*.npz"))
    return Hub(root)


@pytest.fixture
def small(tmp_path: Path) -> Hub:
    """A hub of a red and a green run."""
    hub = Hub(tmp_path / "small")
    red = make_run(hub, "red", "adding", accepted=True, outcomes={"failed": 2})
    answer = {"run": red, "same_tests": True, "code_changed": True, "tests_changed": False}
    make_run(hub, "green", "adding", accepted=True, outcomes={"passed": 2}, red=answer)
    return hub
