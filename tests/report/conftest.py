"""The hub with a report that the tests of pages and pictures look at, made once, and a browser that shows one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ptyproof.report.page import write_report
from ptyproof.runs.folder import RunFolder
from tests.helpers.browser import Browser, browser
from tests.helpers.hostile_page import write_hostile_page
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

    return made_once(tmp_path_factory, "report/reported", made)


@pytest.fixture
def folder(reported: tuple[RunFolder, list[Path]], tmp_path: Path) -> RunFolder:
    """A copy of the hub with its report, to be changed."""
    shutil.copytree(reported[0].hub, tmp_path / "hub")
    return RunFolder(tmp_path / "hub")


@pytest.fixture(scope="session")
def page(reported: tuple[RunFolder, list[Path]]) -> str:
    return text_of(reported[0])


@pytest.fixture(scope="session")
def hostile_page(reported: tuple[RunFolder, list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with cells in every state and long words, and with markup in every name that may hold it."""
    return made_once(tmp_path_factory, "report/hostile", lambda root: write_hostile_page(reported[0].hub, root / "hub"))


@pytest.fixture(scope="session", name="browser")
def started_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A real browser."""
    with browser(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture
def opened(browser: Browser, hostile_page: Path) -> Browser:
    """The browser with the page as it is when it has just been opened on a wide screen."""
    browser.screen(1280)
    browser.open(hostile_page)
    return browser
