"""What pytest runs of these tests load."""

from __future__ import annotations

import pytest

from tests.helpers.documents import alone


@pytest.fixture(autouse=True)
def few_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pytest runs that are asked what they collect load this project's plugin alone: that is fast."""
    alone(monkeypatch)
