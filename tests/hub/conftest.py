"""A hub with one run."""

from __future__ import annotations

from pathlib import Path

import pytest

from ptyproof.hub.index import Hub
from tests.helpers.hub_index import open_run


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """A hub with one run that has ended and one file."""
    found = Hub(tmp_path / "hub")
    run = open_run(found)
    (found.root / "a.log").write_text("1 passed\n")
    found.end_run(run, 0)
    return found
