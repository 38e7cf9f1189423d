"""Errors of real runs with one cause, shown once: a fixture that many tests share fails in the set-up of each of them.

pytest shows equal reasons of skips in one line with their number. This does the same for errors in the set-up of tests
with the marker `real_run`. Records and counts keep every test.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ptyproof.console import plain
from pytest_ptyproof.marker import MARKER

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

_ERROR, _CHAR = "error", "E"  # the key of pytest's terminal for errors outside of a test's call, and its letter for -r
_ALONE = pytest.StashKey[list[Any]]()  # reports whose errors no other report has


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: TerminalReporter, config: pytest.Config
) -> Generator[None, object, object]:
    """Let pytest show the first of the errors with one cause, and the cause in one line; with -vv it shows each."""
    reports: list[Any] = terminalreporter.stats.get(_ERROR, [])
    groups = _by_cause(reports)
    if config.option.verbose > 1 or len(groups) == len(reports):
        return (yield)
    config.stash[_ALONE] = [same[0] for same in groups if len(same) == 1]
    terminalreporter.stats[_ERROR] = [_first_of(same) for same in groups]
    try:
        return (yield)
    finally:
        terminalreporter.stats[_ERROR] = reports
        if _CHAR in terminalreporter.reportchars:
            for same in groups:
                if len(same) > 1:
                    terminalreporter.write_line(
                        f"ERROR [{len(same)}] {plain(_reason(same[0], terminalreporter.startpath))}", red=True
                    )


class BeforeTheShortSummary:
    """Takes the errors that have a line of their own from pytest's short summary, which is the last of this hook."""

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: TerminalReporter, config: pytest.Config) -> None:
        """Leave the errors that are alone."""
        if _ALONE in config.stash:
            terminalreporter.stats[_ERROR] = config.stash[_ALONE]


def pytest_configure(config: pytest.Config) -> None:
    """Register what comes before the short summary."""
    config.pluginmanager.register(BeforeTheShortSummary(), "ptyproof-before-the-short-summary")


def _by_cause(reports: Sequence[Any]) -> list[list[Any]]:
    groups: dict[Hashable, list[Any]] = {}
    for report in reports:
        groups.setdefault(_cause(report), []).append(report)
    return list(groups.values())


def _cause(report: Any) -> Hashable:
    """Return what reports of one cause share: place and message of the error; every other report is alone."""
    if report.when != "setup" or MARKER not in report.keywords:
        return id(report)
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(report.longrepr) if crash is None else (crash.path, crash.lineno, crash.message)


def _reason(report: Any, start: Path) -> str:
    """Return the place of an error, relative to where pytest runs if it is below, and the first line of its message."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is None:
        return str(report.longrepr).strip().splitlines()[-1]
    path = Path(crash.path)
    shown = path.relative_to(start) if path.is_relative_to(start) else path
    return f"{shown}:{crash.lineno}: {crash.message.strip().splitlines()[0]}"


def _first_of(same: Sequence[Any]) -> Any:
    """Return the first report, which the section of errors names as the first of so many."""
    if len(same) == 1:
        return same[0]
    first = copy.copy(same[0])
    path, line, name = first.location
    first.location = (path, line, f"{name}, the first of {len(same)} tests with this error")
    return first
