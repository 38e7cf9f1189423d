"""The entry point of the plugin: the marker of tests that train for real, and which files hold the rest.

Every pytest run on a machine loads this module and those it names, so none of them imports anything heavy.
"""

from __future__ import annotations

import pytest

pytest_plugins = ["pytest_ptyproof.hub", "pytest_ptyproof.study"]

MARKER = "real_run"
_left_out = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker `real_run`."""
    config.addinivalue_line(
        "markers", f"{MARKER}: runs the phases of a study for real; not run unless asked for with -m {MARKER}"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out real runs unless the -m expression speaks of them."""
    if MARKER in config.option.markexpr:
        return
    real = [item for item in items if item.get_closest_marker(MARKER)]
    if real:
        config.stash[_left_out] = len(real)
        config.hook.pytest_deselected(items=real)
        items[:] = [item for item in items if not item.get_closest_marker(MARKER)]


def pytest_report_collectionfinish(config: pytest.Config) -> str | None:
    """Say how many real runs were left out, and how to run them."""
    number = config.stash.get(_left_out, 0)
    return f"ptyproof: {number} {MARKER} tests left out; run them with -m {MARKER}" if number else None
