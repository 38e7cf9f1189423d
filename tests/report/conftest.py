"""The hub with a report that the tests of pages and pictures look at, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ptyproof.report.page import write_report
from ptyproof.runs.folder import RunFolder
from tests.helpers.phases import Phase
from tests.helpers.report_hub import (
    make_hub,
    text_of,
)
from tests.helpers.sharing import made_once


@pytest.fixture(scope="session")
def reported(
    smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunFolder, list[Path]]:
    """A hub with its report, and the paths that were returned; nobody changes it."""

    def made(root: Path) -> tuple[RunFolder, list[Path]]:
        folder = RunFolder(root / "hub")
        make_hub(folder, smoke_c, smoke_d, smoke_e)
        return folder, write_report(folder.hub)

    return made_once(tmp_path_factory, "report", made)


@pytest.fixture
def folder(reported: tuple[RunFolder, list[Path]], tmp_path: Path) -> RunFolder:
    """A copy of the hub with its report, to be changed."""
    shutil.copytree(reported[0].hub, tmp_path / "hub")
    return RunFolder(tmp_path / "hub")


@pytest.fixture(scope="session")
def page(reported: tuple[RunFolder, list[Path]]) -> str:
    return text_of(reported[0])
