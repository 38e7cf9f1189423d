"""What a test report has to carry to the process that records it: the test's own id, how long its phase took, its run.

With `--dist loadgroup`, pytest-xdist puts the name of a test's group behind its id. And pytest measures durations with
a clock that a tested session can freeze. All is taken down where the test runs, and travels with its report.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

from ptyproof import clock

_ID = pytest.StashKey[str]()
_CALLS = pytest.StashKey[int]()
_TEST, _SECONDS, _RUNS = "ptyproof_test", "ptyproof_s", "ptyproof_runs"  # attributes of a report


@pytest.hookimpl(tryfirst=True)  # the first to configure, as tests may be collected by the next
def pytest_configure(config: pytest.Config) -> None:
    """Watch the tests of this process where the run is recorded."""
    if config.getoption("--artifact-hub") is not None:
        config.stash[WATCHER] = Watcher()
        config.pluginmanager.register(config.stash[WATCHER], "ptyproof-own-reports")


class Watcher:
    """Keeps the ids of tests, measures their phases, and counts their calls."""

    def __init__(self) -> None:
        self._took_s = 0.0

    @pytest.hookimpl(tryfirst=True)  # before pytest-xdist renames
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the ids."""
        for item in items:
            item.stash[_ID] = item.nodeid

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Generator[None, object, object]:
        """Measure the phase."""
        began = clock.seconds()
        try:
            return (yield)
        finally:
            self._took_s = clock.seconds() - began

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Measure the phase, and count it: a plugin that runs a test again may report the last run alone."""
        item.stash[_CALLS] = item.stash.get(_CALLS, 0) + 1
        began = clock.seconds()
        try:
            return (yield)
        finally:
            self._took_s = clock.seconds() - began

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        """Measure the phase."""
        began = clock.seconds()
        try:
            return (yield)
        finally:
            self._took_s = clock.seconds() - began

    def label(self, report: pytest.TestReport, item: pytest.Item) -> int:
        """Put it all into a report, which a worker sends with further attributes; return how often its test ran."""
        n_runs = item.stash.get(_CALLS, 0)
        further = vars(report)
        further[_TEST], further[_SECONDS], further[_RUNS] = item.stash.get(_ID, item.nodeid), self._took_s, n_runs
        return n_runs


WATCHER = pytest.StashKey[Watcher]()


def runs_on(report: pytest.TestReport) -> int:
    """Return how often the test of a report had been called in its process; 0 for a report that pytest did not make."""
    runs: int = getattr(report, _RUNS, 0)
    return runs


def test_of(report: pytest.TestReport, dist: str) -> str:
    """Return the id of the test that a report is about, as it is without pytest-xdist; `dist` is its way to share."""
    own: str | None = getattr(report, _TEST, None)
    return without_group(report.nodeid, dist) if own is None else own


def seconds_of(report: pytest.TestReport) -> float:
    """Return how long a phase took, s; that of a process that died is pytest's."""
    measured: float = getattr(report, _SECONDS, report.duration)
    return measured


def without_group(test: str, dist: str) -> str:
    """Return a test's id without the group that pytest-xdist has put behind it, read as pytest-xdist reads it."""
    name, at, _ = test.rpartition("@")
    return name if dist == "loadgroup" and at and "::" in name and test.rfind("@") > test.rfind("]") else test
