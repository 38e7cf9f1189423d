"""Red, green and collected evidence: the options, and when a run is judged.

A red run shows that its tests fail, a green one that they pass, a collect run which there are. The verdict comes last,
after every hook of pytest, and makes no exit status better than pytest's own, but that of a red run that is accepted.
The controller of pytest-xdist alone records.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_ptyproof.hub import is_worker

if TYPE_CHECKING:
    from pytest_ptyproof.recorder import Recorder

KINDS = ("red", "green", "collect")
_TOPIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_TYPE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_RECORDER: pytest.StashKey[Recorder] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the options of evidence."""
    pluginmanager.register(_Ending())  # without a name, as are the others here: a name can be blocked with -p
    group = parser.getgroup("ptyproof")
    group.addoption(
        "--evidence",
        dest="ptyproof_evidence",
        metavar="|".join(KINDS),
        help="record the run as evidence in the hub: red (the selected tests fail), green (they pass) or, with "
        "--collect-only, collect (their list); the exit status is 0 only if the run is this evidence",
    )
    group.addoption(
        "--evidence-accept-error",
        dest="ptyproof_evidence_accept_error",
        metavar="TYPE",
        action="append",
        default=[],
        help="error type, such as ModuleNotFoundError, that counts as failure of a red test although it is not from "
        "the test's own code (repeatable)",
    )
    group.addoption(
        "--evidence-topic",
        dest="ptyproof_evidence_topic",
        metavar="NAME",
        help="topic that red and green runs share (default: tests)",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, Any, Any]:
    """Let the run's end be judged around what conftests do there: the hook that is registered last is the outermost."""
    result = yield
    manager = early_config.pluginmanager
    manager.register(manager.unregister(next(one for one in manager.get_plugins() if isinstance(one, _Ending))))
    return result


@pytest.hookimpl(trylast=True)  # after the terminal reporter and the hub
def pytest_configure(config: pytest.Config) -> None:
    """Refuse options that do not go together, then begin to record the run."""
    kind, topic = config.getoption("--evidence"), config.getoption("--evidence-topic")
    problem = _problem(config, kind, topic)
    if problem is not None:
        raise pytest.UsageError(problem)
    named = config.getoption("--artifact-hub") is not None
    if not named or config.option.help or (config.option.collectonly and kind is None):
        return
    from ptyproof.errors import PtyproofError
    from pytest_ptyproof.failures import Failures
    from pytest_ptyproof.own_reports import WATCHER
    from pytest_ptyproof.recorder import Recorder
    from pytest_ptyproof.selection import Selection

    selection = Selection(config)
    config.pluginmanager.register(selection)
    config.pluginmanager.register(Failures(config.stash[WATCHER]))
    if is_worker(config):
        return
    try:
        recorder = Recorder(config, kind or "none", topic or ("tests" if kind else None), selection)
    except (PtyproofError, OSError) as error:
        raise pytest.UsageError(str(error)) from error
    config.pluginmanager.register(recorder)
    config.stash[_RECORDER] = recorder


def _problem(config: pytest.Config, kind: str | None, topic: str | None) -> str | None:
    """Return what is wrong with the options, in one sentence."""
    accepted = config.getoption("--evidence-accept-error")
    if accepted and kind != "red":
        return "--evidence-accept-error needs --evidence red"
    for name in accepted:
        if not _TYPE.fullmatch(name):
            return (
                f"--evidence-accept-error must be the name of an error type, such as ModuleNotFoundError, got {name!r}"
            )
    if kind is None:
        return None if topic is None else "--evidence-topic needs --evidence"
    if kind not in KINDS:
        return f"--evidence must be one of {', '.join(KINDS)}, got {kind!r}"
    if config.getoption("--artifact-hub") is None and not is_worker(config):
        return f"--evidence {kind} needs --artifact-hub DIR, the folder of the evidence"
    if topic is not None and not _TOPIC.fullmatch(topic):
        return f"--evidence-topic must be letters, digits, dots, dashes and underscores, got {topic!r}"
    if (kind == "collect") != bool(config.option.collectonly):
        return "--evidence collect needs --collect-only, and --collect-only excludes other kinds of evidence"
    if kind == "red" and config.getoption("numprocesses", None):
        return "--evidence red runs in one process: leave out -n"
    return None


class _Ending:
    """Judges a run when pytest has done with it: when every hook has had its say, and what it opened is closed."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> Generator[None, Any, Any]:
        """Return the exit status of the verdict in place of pytest's own."""
        try:
            status = yield
        except BaseException as error:
            recorder = config.stash.get(_RECORDER, None)
            if recorder is not None:
                recorder.end(_status_of(error), error)
            raise
        recorder = config.stash.get(_RECORDER, None)
        return status if recorder is None else recorder.end(status)


def _status_of(error: BaseException) -> int:
    """Return what pytest exits with if it is left by an error."""
    if isinstance(error, pytest.UsageError):
        return int(pytest.ExitCode.USAGE_ERROR)
    code = error.code if isinstance(error, SystemExit) else None
    return code if isinstance(code, int) else 1
