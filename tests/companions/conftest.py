"""Environments that are made once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.companions.environments import CLOCKS, NEWEST, OLDEST, PLUGINS, Builder, Environment


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """Makes environments; they stay where PTYPROOF_ENVIRONMENTS names a folder."""
    kept = os.environ.get("PTYPROOF_ENVIRONMENTS")
    folder = Path(kept).resolve() if kept else tmp_path_factory.mktemp("environments")
    folder.mkdir(parents=True, exist_ok=True)
    return Builder(folder)


@pytest.fixture(scope="session")
def oldest(builder: Builder) -> Environment:
    """The oldest versions that are declared, and pytest-subtests, which pytest 9 does not need."""
    return builder.made(*OLDEST, *CLOCKS, "pytest-subtests")


@pytest.fixture(scope="session")
def newest(builder: Builder) -> Environment:
    """The newest versions, and every plugin that is tried."""
    return builder.made(*NEWEST, *CLOCKS, *PLUGINS)
