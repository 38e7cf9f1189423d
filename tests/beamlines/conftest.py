"""A scan, and a command that imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.beamline_files import Scan, made_scan


@pytest.fixture(scope="session")
def scan() -> Scan:
    return made_scan()


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder
