"""What a test report has to carry to the process that records it: the test's own id, and how long its phase took.

With `--dist loadgroup`, pytest-xdist puts the name of a test's group behind its id. And pytest measures durations with
a clock that a tested session can freeze. Both are taken down where the test runs, and travel with its report.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

from ptyproof import clock

_ID = pytest.StashKey[str]()
_TEST, _SECONDS = "ptyproof_test", "ptyproof_s"  # attributes of a report


@pytest.hookimpl(tryfirst=True)  # the first to configure, as tests may be collected by the next
def pytest_configure(config: pytest.Config) -> None:
    """Watch the tests of this process where the run is recorded."""
    if config.getoption("--artifact-hub") is not None:
        config.pluginmanager.register(_Watcher(), "ptyproof-own-reports")


class _Watcher:
    """Keeps the ids of tests, measures their phases, and puts both into the reports."""

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
    def pytest_runtest_call(self) -> Generator[None, object, object]:
        """Measure the phase."""
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

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put both into the report; further attributes go with it from a worker to its controller."""
        report = yield
        vars(report).update({_TEST: item.stash.get(_ID, item.nodeid), _SECONDS: self._took_s})
        return report


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
