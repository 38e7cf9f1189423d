"""The option `--ptyproof-method`: which methods `pytest --pyargs pytest_ptyproof.conformance` looks at, and the record.

The record of a method is written to the hub before its first check, when it says that no check was run, and at the end.
So a run that is cut off leaves no record of an earlier one. The controller of pytest-xdist alone writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest

from ptyproof.console import plain
from pytest_ptyproof.hub import hub_place, is_worker
from pytest_ptyproof.methods import registered_methods

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from ptyproof.conformance.record import Results
    from ptyproof.methods.registry import Registered

PROPERTY = "ptyproof_conformance"  # of a test's report
EVERY = "all"
_OPTION = "--ptyproof-method"
_TEST = "::test_method["


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("ptyproof").addoption(
        _OPTION,
        action="append",
        default=[],
        metavar="NAME",
        help=f"method that pytest_ptyproof.conformance checks, or {EVERY}; may be given more than once",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Listen to the checks of a run that names methods."""
    if config.getoption(_OPTION) and not is_worker(config):
        config.pluginmanager.register(_Listener(config))


def methods_to_check(config: pytest.Config) -> list[Registered]:
    """Return the methods of the option, with the options that they have by default.

    Raises
    ------
    pytest.UsageError
        If the option is missing, a method is not registered, or one declares impossible exceptions.
    """
    from ptyproof.conformance.exceptions import declared_exceptions
    from ptyproof.errors import InputError
    from ptyproof.methods.registry import known_methods
    from ptyproof.study.builtin import builtin_study

    names: list[str] = list(dict.fromkeys(config.getoption(_OPTION)))
    try:
        known = known_methods(builtin_study("fly64-smoke"), registered_methods(config))
        listed = ", ".join(sorted(known))
        if not names:
            raise pytest.UsageError(f"name the methods to check by {_OPTION}=NAME; there are {listed}, and {EVERY}")
        if names == [EVERY] and EVERY not in known:
            names = list(known)
        unknown = [name for name in names if name not in known]
        if unknown:
            raise pytest.UsageError(
                f"{_OPTION} must be {EVERY} or one of {listed}, got {unknown[0]}; a method of a package is registered "
                f"once the package is installed: pip install -e FOLDER"
            )
        for name in names:
            declared_exceptions(known[name].method)
    except InputError as error:
        raise pytest.UsageError(str(error)) from error
    return [known[name] for name in names]


class _Listener:
    """Takes down how each check ends, and writes the records."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._results: dict[str, Results] = {}
        self._writes = config.getoption("--artifact-hub") is not None and not config.option.collectonly

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Begin the record of each method of which a check was selected."""
        self._begin(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """Begin the records of what a worker of pytest-xdist selected."""
        self._begin(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take down the end of a check; what pytest says of it counts as well."""
        found: dict[str, Any] | None = dict(report.user_properties).get(PROPERTY)  # type: ignore[assignment]
        cell = self._cell(report.nodeid) if found is None else (found["method"], found["check"])
        if cell is None:
            return
        results, check = self._of(cell[0]), cell[1]
        if found is not None:
            results.add(found)
        if report.failed:
            results.fail(check, report.longreprtext.strip().rpartition("\n")[2] or "pytest reports a failure")
        elif report.skipped and found is None:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            results.skip(check, reason.removeprefix("Skipped: "))

    def pytest_sessionfinish(self) -> None:
        """Write the records, before the run's own record takes stock of the hub."""
        self._write(self._results)

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Say the verdict on each method."""
        from ptyproof.hub.conformance import counted, page_path

        for name, results in self._results.items():
            where = f": {hub_place(self._config) / page_path(name)}" if self._writes else ""
            record = results.record()
            terminalreporter.write_line(plain(f"conformance of {name}: {record['status']}, {counted(record)}{where}"))

    def _begin(self, ids: Iterable[str]) -> None:
        cells = [cell for cell in map(self._cell, ids) if cell is not None]
        new = [name for name in dict.fromkeys(method for method, _ in cells) if name not in self._results]
        for name in new:
            self._of(name)
        self._write(new)

    def _of(self, method: str) -> Results:
        from ptyproof.conformance.record import Results

        return self._results.setdefault(method, Results(method))

    def _cell(self, nodeid: str) -> tuple[str, str] | None:
        """Return method and check of a test's id; None for tests of others."""
        _, found, parameters = nodeid.partition(_TEST)
        if not found:
            return None
        from ptyproof.conformance.checks import CHECKS

        method, _, check = parameters.removesuffix("]").rpartition("-")
        return (method, check) if method and check in CHECKS else None

    def _write(self, names: Iterable[str]) -> None:
        if not self._writes:
            return
        from ptyproof.hub.conformance import page_path, record_path
        from ptyproof.io.atomic import write_text
        from ptyproof.provenance.redaction import redaction
        from ptyproof.records.manifest import write_manifest
        from ptyproof.report.page.conformance import page_of_conformance

        hub = hub_place(self._config)
        for name in names:
            record = redaction(hub).cleaned(self._results[name].record())
            try:
                (hub / record_path(name)).parent.mkdir(parents=True, exist_ok=True)
                write_manifest(hub / record_path(name), record)
                write_text(hub / page_path(name), page_of_conformance(record))
            except OSError as error:
                raise pytest.UsageError(f"{hub / record_path(name)} cannot be written: {error.strerror}") from error
