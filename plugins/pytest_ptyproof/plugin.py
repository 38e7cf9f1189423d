"""The entry point of the plugin: the marker of tests that train for real, and which files hold the rest.

Every pytest run on a machine loads this module and those it names, so none of them imports anything heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_ptyproof.marker import MARKER, asks_for_real_runs

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

_PARTS = (
    "pytest_ptyproof.options",
    "pytest_ptyproof.hub",
    "pytest_ptyproof.methods",
    "pytest_ptyproof.conforming",
    "pytest_ptyproof.study",
    "pytest_ptyproof.reconstruction",
    "pytest_ptyproof.comparison",
    "pytest_ptyproof.certificate",
    "pytest_ptyproof.baseline",
    "pytest_ptyproof.missing",
    "pytest_ptyproof.same_errors",
    "pytest_ptyproof.stray",
    "pytest_ptyproof.own_reports",
    "pytest_ptyproof.evidence",
    "pytest_ptyproof.verify",
    "pytest_ptyproof.manifests",
)

_left_out = pytest.StashKey[int]()
_OUTPUT_KEY = "ptyproof_left_out"


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Load the other parts; named as `pytest_plugins`, each would make pytest read what every package here offers."""
    for part in _PARTS:
        pluginmanager.import_plugin(part)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker `real_run`."""
    config.addinivalue_line(
        "markers", f"{MARKER}: runs the phases of a study with real trainings; selected only by -m {MARKER}"
    )


@pytest.hookimpl(trylast=True)  # after -k, -m and --deselect, so that what they left out is not counted
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out real runs unless the -m expression speaks of them."""
    if asks_for_real_runs(config):
        return
    real = [item for item in items if item.get_closest_marker(MARKER)]
    if real:
        config.stash[_left_out] = len(real)
        config.hook.pytest_deselected(items=real)
        items[:] = [item for item in items if not item.get_closest_marker(MARKER)]


def pytest_report_collectionfinish(config: pytest.Config) -> str | None:
    """Say how many real runs were left out, and how to run them."""
    return _line(config)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the number to the controller of pytest-xdist, which collects nothing itself."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_OUTPUT_KEY] = session.config.stash.get(_left_out, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take the number from a worker of pytest-xdist that has ended; each has collected the same."""
    node.config.stash[_left_out] = getattr(node, "workeroutput", {}).get(_OUTPUT_KEY, 0)


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    """Say under pytest-xdist what `pytest_report_collectionfinish` says without it."""
    line = _line(config)
    if line is not None and config.getoption("numprocesses", None):
        terminalreporter.write_line(line)


def _line(config: pytest.Config) -> str | None:
    number = config.stash.get(_left_out, 0)
    return f"ptyproof: {number} {MARKER} tests left out; run them with -m {MARKER}" if number else None
