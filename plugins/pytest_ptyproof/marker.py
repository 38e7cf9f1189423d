"""The marker of tests that run a study with real trainings."""

from __future__ import annotations

import re

import pytest

MARKER = "real_run"


def asks_for_real_runs(config: pytest.Config) -> bool:
    """Tell whether the expression of `-m` names real runs, which are left out otherwise."""
    return re.search(rf"\b{MARKER}\b", config.option.markexpr) is not None
