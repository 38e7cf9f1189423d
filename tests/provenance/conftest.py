"""The small project without and with git, away from the settings of users."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.helpers.code_trees import committed, tree


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep git away from the settings of whoever runs the tests, and from repositories around `tmp_path`."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.resolve()))


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """The small project without git."""
    return tree(tmp_path / "plain")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The small project as a repository with one commit and no changes."""
    return committed(tmp_path / "repository")
