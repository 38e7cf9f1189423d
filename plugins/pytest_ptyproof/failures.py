"""What a test failed with, put on its report where the error itself is still there; that of a worker is sent as it is.

Red evidence is a test whose own assertion or code failed while it ran. A failed import, a missing or broken fixture, an
async test that no plugin runs, a timeout and an unexpected pass fail in the call as well, and are told apart.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import pytest

from ptyproof.hub.outcomes import ASYNC, OWN, STRICT_XPASS, Cause
from pytest_ptyproof.own_reports import Watcher
from pytest_ptyproof.skips import name_cell

_CAUSES = "ptyproof_causes"
_raised: pytest.StashKey[BaseException | None] = pytest.StashKey()  # in the phase under way, whatever becomes of it
_STRICT = "[XPASS(strict)]"
_NOT_RUN = "async def functions are not natively supported"
_UNITTEST = {"_callSetUp", "_callTearDown", "_callCleanup"}


class Failures:
    """Puts on each report what failed, and what the watcher of the process has seen of its test.

    An error is seen as close to the test as a plugin can be: a wrapper further out may swallow it.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Take down what is raised."""
        return (yield from _watched(item))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Take down what is raised."""
        return (yield from _watched(item))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Take down what the test's function raises."""
        try:
            return (yield)
        except BaseException as error:
            pyfuncitem.stash[_raised] = error
            raise

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Take down what is raised."""
        return (yield from _watched(item))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Look at the error once every other plugin has made of the report what it wants."""
        report = yield
        n_runs = self._watcher.label(report, item)
        raised, item.stash[_raised] = item.stash.get(_raised, None), None
        causes: list[Cause] = []
        if report.outcome == "failed":
            causes = _causes(item, call, report)
        elif report.outcome == "passed":
            causes = _causes_of_a_pass(item, call, raised, n_runs)
        else:
            name_cell(report, call)
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


def _watched(item: pytest.Item) -> Generator[None, object, object]:
    """Take down what a phase of a test raises."""
    item.stash[_raised] = None
    try:
        return (yield)
    except BaseException as error:
        item.stash[_raised] = error
        raise


def _causes(item: pytest.Item, call: pytest.CallInfo[Any], report: pytest.TestReport) -> list[Cause]:
    if call.excinfo is not None:
        causes = list(_leaves(call.excinfo.value, frozenset()))
        if call.when == "call" and _is_of_a_hook(item, call.excinfo.value):
            return [replace(cause, kind="hook") if cause.kind == OWN else cause for cause in causes]
        return causes
    if call.when == "call" and str(report.longrepr).startswith(_STRICT):
        return [Cause("XPASS(strict)", STRICT_XPASS)]
    return []


def _causes_of_a_pass(
    item: pytest.Item, call: pytest.CallInfo[Any], raised: BaseException | None, n_runs: int
) -> list[Cause]:
    """Return why a pass does not count: unittest drops an async test, or a conftest turns a failure into a pass."""
    if raised is None and call.excinfo is not None and n_runs <= 1:
        raised = call.excinfo.value  # a plugin that runs a test again may keep the error of its first run
    if raised is not None:
        return list(_leaves(raised, frozenset()))
    return [Cause("coroutine", ASYNC)] if call.when == "call" and _is_dropped(item) else []


def _is_of_a_hook(item: pytest.Item, error: BaseException) -> bool:
    """Tell whether an error comes from a hook of a conftest or a plugin, and the test's own function had no part in it.

    A plugin that calls the test itself has the function below its hook.
    """
    function = getattr(item, "function", None)
    own = None if function is None else getattr(inspect.unwrap(function), "__code__", None)
    frames = list(_frames(error.__traceback__))
    if own is None or any(frame.f_code is own for frame in frames):
        return False
    modules = [_module(frame).partition(".")[0] for frame in frames]
    called = [after for before, after in pairwise(modules) if before == "pluggy" != after]
    return bool(called) and called[-1] != "_pytest"


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
