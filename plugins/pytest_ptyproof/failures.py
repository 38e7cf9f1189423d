"""What a test failed with, put on its report where the error itself is still there; that of a worker is sent as it is.

Red evidence is a test whose own assertion or code failed while it ran. A failed import, a missing or broken fixture, an
async test that no plugin runs, a timeout and an unexpected pass fail in the call as well, and are told apart.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import pytest

from ptyproof.evidence.run_outcomes import ASYNC, OWN, STRICT_XPASS, Cause
from pytest_ptyproof.own_reports import Watcher

_CAUSES = "ptyproof_causes"
_STRICT = "[XPASS(strict)]"
_NOT_RUN = "async def functions are not natively supported"
_UNITTEST = {"_callSetUp", "_callTearDown", "_callCleanup"}


class Failures:
    """Puts on each report what failed, and what the watcher of the process has seen of its test.

    One hook does both, as it is called three times for each test.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Look at the error once every other plugin has made of the report what it wants."""
        report = yield
        n_runs = self._watcher.label(report, item)
        causes: list[Cause] = []
        if report.outcome == "failed":
            causes = _causes(call, report)
        elif call.when == "call" and report.outcome == "passed":
            causes = _causes_of_a_pass(item, call, n_runs)
        if causes:
            setattr(report, _CAUSES, [vars(cause) for cause in causes])
        return report


def causes_on(report: pytest.TestReport) -> tuple[Cause, ...]:
    """Return what a report failed with; nothing where that is not known."""
    causes = getattr(report, _CAUSES, ())
    return tuple(Cause(one["type"], one["kind"], tuple(one["names"])) for one in causes) if causes else ()


def subtest_on(report: pytest.TestReport) -> str | None:
    """Return which part of its test a report is about; None where it is about the whole.

    Parts are pytest's own from version 9 on, and pytest-subtests' before.
    """
    context = getattr(report, "context", None)
    values, said = getattr(context, "kwargs", None), getattr(context, "msg", None)
    if values is None:
        return None
    shown = ", ".join(f"{name}={value if isinstance(value, str) else repr(value)}" for name, value in values.items())
    return " ".join(part for part in (said and str(said), shown) if part)


def _causes(call: pytest.CallInfo[Any], report: pytest.TestReport) -> list[Cause]:
    if call.excinfo is not None:
        return list(_leaves(call.excinfo.value, frozenset()))
    if call.when == "call" and str(report.longrepr).startswith(_STRICT):
        return [Cause("XPASS(strict)", STRICT_XPASS)]
    return []


def _causes_of_a_pass(item: pytest.Item, call: pytest.CallInfo[Any], n_runs: int) -> list[Cause]:
    """Return why a pass is none: unittest calls an async test and drops it, or a conftest makes a pass of a failure."""
    if call.excinfo is not None and n_runs <= 1:  # a plugin that runs a test again may keep the error of its first run
        return list(_leaves(call.excinfo.value, frozenset()))
    return [Cause("coroutine", ASYNC)] if _is_dropped(item) else []


def _is_dropped(item: pytest.Item) -> bool:
    plain = getattr(sys.modules.get("unittest"), "TestCase", None)
    if plain is None or not isinstance(item, pytest.Function) or item.cls is None or not issubclass(item.cls, plain):
        return False
    if not inspect.iscoroutinefunction(item.function):
        return False
    methods = ("__call__", "run", "_callTestMethod")  # one that runs coroutines has its own
    return all(getattr(item.cls, name, None) is getattr(plain, name, None) for name in methods)


def _leaves(error: BaseException, seen: frozenset[int]) -> Iterator[Cause]:
    """Yield the causes of an error: those of a group, and those that it was raised from if no test has them."""
    inner = _inner(error)
    if inner:
        for one in inner:
            yield from _leaves(one, seen)
        return
    kind = _kind(error)
    reason = error.__cause__
    if kind == OWN and reason is not None and id(reason) not in seen:
        reasons = list(_leaves(reason, seen | {id(error)}))
        if reasons and all(one.kind != OWN for one in reasons):
            yield from reasons
            return
    names = [_name(one) for one in type(error).__mro__] + [one.__name__ for one in type(error).__mro__]
    yield Cause(_name(type(error)), kind, tuple(dict.fromkeys(names)))


def _inner(error: BaseException) -> Sequence[BaseException]:
    """Return the errors of a group; an error in a doctest is wrapped, and several are joined."""
    if isinstance(error, BaseExceptionGroup):
        return error.exceptions
    doctest = sys.modules.get("doctest")
    if doctest is not None and isinstance(error, doctest.UnexpectedException):
        return [error.exc_info[1]]
    failures: Sequence[BaseException] = getattr(error, "failures", ())
    return failures if type(error).__name__ == "MultipleDoctestFailures" else ()


def _kind(error: BaseException) -> str:
    if isinstance(error, pytest.FixtureLookupError):
        return "missing fixture"
    if isinstance(error, ImportError) or _is_of_a_file(error):
        return "import"
    if isinstance(error, pytest.UsageError):
        return "usage"
    frames = list(_frames(error.__traceback__))
    if isinstance(error, pytest.fail.Exception):
        kind = _kind_of_failure(str(error.msg), {_module(frame) for frame in frames})
        if kind is not None:
            return kind
    if any(_is_import(frame) for frame in frames):
        return "import"
    if any(_is_fixture(frame) for frame in frames):
        return "fixture"
    return OWN


def _kind_of_failure(said: str, modules: set[str]) -> str | None:
    """Return what another's `pytest.fail` is about; None for one of the test."""
    if said.startswith(_NOT_RUN):
        return ASYNC
    if "_pytest.unittest" in modules and said.startswith("Unexpected success"):
        return STRICT_XPASS
    return "timeout" if "pytest_timeout" in modules else None


def _is_of_a_file(error: BaseException) -> bool:
    """Tell whether an error is of the syntax of a file, which an import has met; that of a text is the test's own."""
    return isinstance(error, SyntaxError) and error.filename is not None and Path(error.filename).is_file()


def _is_import(frame: FrameType) -> bool:
    """Tell whether a frame is the body of a module that is being imported, and not that of a script or a text."""
    if frame.f_code.co_name != "<module>":
        return False
    spec = frame.f_globals.get("__spec__")
    return spec is not None and (spec.name, spec.origin) == (_module(frame), frame.f_code.co_filename)


def _is_fixture(frame: FrameType) -> bool:
    if _module(frame).startswith("unittest."):
        return frame.f_code.co_name in _UNITTEST
    return _module(frame) == "_pytest.fixtures"


def _frames(traceback: TracebackType | None) -> Iterator[FrameType]:
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
