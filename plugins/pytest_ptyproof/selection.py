"""What a process of a run collected, and what of it was not selected: by whom, and why.

A worker of pytest-xdist collects, and its controller does not: the worker sends what it saw when it ends.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Generator, Iterable
from fnmatch import fnmatch
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from ptyproof.hub.session import MARKER_RULE, LeftOut
from pytest_ptyproof.command_options import CommandOptions

_KEY, _ASSERTIONS = "ptyproof_selection", "ptyproof_without_assertions"
_OWN = Path(__file__).parent  # what is ignored here is so by the plugin's own options
_SILENT = "what did not report it: a conftest.py or a plugin"
_OPTIONS = {
    ("_pytest.mark", "deselect_by_keyword"): "-k",
    ("_pytest.mark", "deselect_by_mark"): "-m",
    ("_pytest.main", "pytest_collection_modifyitems"): "--deselect",
    ("pytest_ptyproof.plugin", "pytest_collection_modifyitems"): MARKER_RULE,
}
_MODULES = {"_pytest.cacheprovider": "--last-failed", "_pytest.stepwise": "--stepwise"}


class Selection:
    """What was collected by a process, or by the workers of a controller, who all collect the same."""

    def __init__(self, config: pytest.Config) -> None:
        self._root = config.rootpath
        self._files: list[str] = config.getini("python_files")
        self._not_entered: list[str] = config.getini("norecursedirs")
        self._collected: list[pytest.Item] = []
        self._by: dict[pytest.Item, str] = {}
        self.skipped: dict[str, str] = {}
        self._ignored: list[str] = []
        self._left_out: dict[str, list[str]] = {}
        self.crashed: list[str] = []
        self.without_assertions = sys.flags.optimize > 0

    def left_out(self, options: CommandOptions) -> list[LeftOut]:
        """Return the tests that were not selected, by whom they were left out."""
        return [
            LeftOut(by, True, tuple(tests)) if options.is_typed(by) else LeftOut(options.named(by), False, tuple(tests))
            for by, tests in self._left_out.items()
        ]

    def uncollected(self, options: CommandOptions) -> dict[str, str]:
        """Return the modules that were skipped, or ignored without the command line saying so, with the reason."""
        reasons = {path: options.ignores(path) for path in map(Path, self._ignored)}
        ignored = {
            path: reason for path, reason in reasons.items() if reason is not None and self._may_hold_tests(path)
        }
        return self.skipped | {_shown(path, self._root): reason for path, reason in ignored.items()}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_ignore_collect(self, collection_path: Path) -> Generator[None, bool | None, bool | None]:
        """Take down a file or folder that is ignored."""
        ignored = yield
        if ignored and not collection_path.is_relative_to(_OWN):
            self._ignored.append(str(collection_path))
        return ignored

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Take down a test, whose id may change until it runs."""
        self._collected.append(item)

    def pytest_deselected(self, items: Iterable[pytest.Item]) -> None:
        """Take down tests that are left out, and by whom."""
        by = _caller(self._root)
        self._by |= dict.fromkeys(items, by)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Take down a module that was not collected, and is called collected by a conftest or a plugin."""
        report = yield
        call = getattr(report, "call", None)  # until pytest has looked at it
        if report.passed and call is not None and call.excinfo is not None:
            self.skipped[report.nodeid] = f"its collection ended with {call.excinfo.typename}, reported as passed"
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take down a module that is skipped."""
        if report.skipped:
            longrepr = report.longrepr
            self.skipped[report.nodeid] = str(longrepr[2] if isinstance(longrepr, tuple) else longrepr)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Compare what was collected with what is left of it."""
        selected, collected = set(session.items), set(self._collected)
        replaced = Counter(item.nodeid for item in session.items if item not in collected)
        for item in self._collected:
            if item in selected:
                continue
            if replaced[item.nodeid]:
                replaced[item.nodeid] -= 1
                continue
            self._left_out.setdefault(self._by.get(item, _SILENT), []).append(item.nodeid)
        self._collected, self._by = [], {}

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send what a worker saw to its controller."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[_KEY] = [self.skipped, self._ignored, self._left_out]
            session.config.workeroutput[_ASSERTIONS] = self.without_assertions

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take what a worker saw; one that ends with an error has crashed."""
        if error is not None:
            self.crashed.append(str(node.gateway.id))
        output = getattr(node, "workeroutput", {})
        self.without_assertions |= output.get(_ASSERTIONS, False)
        self.skipped, self._ignored, self._left_out = output.get(_KEY, [self.skipped, self._ignored, self._left_out])

    def _may_hold_tests(self, path: Path) -> bool:
        if path.is_dir():
            names = (path.name, str(path))
            if path.name == "__pycache__" or any(fnmatch(name, one) for name in names for one in self._not_entered):
                return False
            if any((path / mark).is_file() for mark in ("pyvenv.cfg", "conda-meta/history")):
                return False
            return any(next(path.rglob(pattern), None) is not None for pattern in self._files)
        return any(fnmatch(path.name, pattern) for pattern in self._files)


def _caller(root: Path) -> str:
    """Return what called the hook: an option of pytest, a file of the project, or a module."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _module(frame).startswith((__name__, "pluggy", "_pytest.config")):
        frame = frame.f_back
    if frame is None:
        return _SILENT
    module = _module(frame)
    known = _OPTIONS.get((module, frame.f_code.co_name)) or _MODULES.get(module)
    if known is not None:
        return known
    path = Path(frame.f_code.co_filename)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else module


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
