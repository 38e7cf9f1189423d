"""Whether a session runs tests, and those with the marker of studies with real trainings."""

from __future__ import annotations

import re

import pytest

MARKER = "real_run"
# options with which pytest shows something in place of running tests
_SHOWING = (
    "help",
    "version",
    "collectonly",
    "showfixtures",
    "show_fixtures_per_test",
    "markers",
    "cacheshow",
    "setupplan",
)


def asks_for_real_runs(config: pytest.Config) -> bool:
    """Tell whether the expression of `-m` names real runs, which are left out otherwise."""
    return re.search(rf"\b{MARKER}\b", config.option.markexpr) is not None


def runs_tests(config: pytest.Config) -> bool:
    """Tell whether a session runs tests."""
    return not any(getattr(config.option, name, None) for name in _SHOWING)
