"""The fixture `metrics_snapshot`, and what the report says of the comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pytest_regressions.common import perform_regression_check

from tests.regression.snapshots import Check, Metrics, Snapshot, compare

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

_APPLIED = "snapshot compared"


@pytest.fixture
def metrics_snapshot(
    lazy_datadir: Any, original_datadir: Path, request: pytest.FixtureRequest, record_property: Any
) -> Check:
    """A function of (metrics, fingerprint, tolerances) that compares with the test's snapshot file."""

    def check(metrics: Metrics, fingerprint: Mapping[str, Any], tolerances: Mapping[str, float]) -> None:
        source = original_datadir / f"{request.node.name}.json"

        def dump(path: Path) -> None:
            Snapshot.read(source).with_set(fingerprint, metrics).write(path)

        def judge(_: Path, expected: Path) -> None:
            exact, wanted = Snapshot.read(expected).chosen(fingerprint)
            found = compare(metrics, wanted, exact, tolerances)
            record_property(_APPLIED, found.applied)
            assert found.same, found.table()

        perform_regression_check(
            datadir=lazy_datadir,
            original_datadir=original_datadir,
            request=request,
            check_fn=judge,
            dump_fn=dump,
            extension=".json",
        )

    return check


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say by which rule each snapshot was compared."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    said = [
        f"{report.nodeid}: {value}"
        for report in reports
        if report.when == "call"
        for name, value in report.user_properties
        if name == _APPLIED
    ]
    if said:
        terminalreporter.section("snapshots")
        for line in said:
            terminalreporter.write_line(line)
