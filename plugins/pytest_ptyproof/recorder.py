"""The recorder of a run: what the terminal showed, a line for each test report, and the run in the hub's index.

It listens, and asks for the verdict when pytest has ended. Where something cannot be written, the tests go on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ptyproof.console import plain
from ptyproof.errors import PtyproofError
from ptyproof.hub.index import Evidence, Hub
from ptyproof.hub.outcomes import Outcomes, Phase
from ptyproof.hub.session import Session
from ptyproof.hub.verdict import Verdict, judge, with_revision
from ptyproof.io.json_lines import one_line
from ptyproof.provenance.anonymity import anonymity, is_anonymous
from ptyproof.provenance.environment import run_environment
from ptyproof.provenance.redaction import redaction
from pytest_ptyproof.baseline import baseline_of, record_of_baseline
from pytest_ptyproof.command_options import CommandOptions
from pytest_ptyproof.failures import causes_on, subtest_on
from pytest_ptyproof.hub import hub_in_use, hub_place, write_page_again
from pytest_ptyproof.junit import JunitLink
from pytest_ptyproof.log_files import Tee, new_files
from pytest_ptyproof.own_reports import runs_on, seconds_of, test_of, without_group
from pytest_ptyproof.selection import Selection
from pytest_ptyproof.skips import cell_of_skip
from pytest_ptyproof.tree_state import TreeState

if TYPE_CHECKING:
    from ptyproof_schemas.types.hub_index import Run

MARKER = "real_run"

_encode = json.JSONEncoder(ensure_ascii=False).encode


class Recorder:
    """Records one run: its log, its reports, its outcomes, its verdict, and its entry in the hub's index."""

    def __init__(self, config: pytest.Config, kind: Evidence, topic: str | None, selection: Selection) -> None:
        self._config = config
        self._kind = kind
        self._topic = topic
        self._dist: str = config.getoption("dist", "no")
        self._outcomes = Outcomes()
        self._guessed: dict[str, str] = {}  # ids of tests by those that pytest-xdist made with their groups
        self._selection = selection
        self._options = CommandOptions(config)
        self._chosen_by = self._options.chosen()
        self._session: pytest.Session | None = None
        self._n_reported = 0  # failures, as pytest counts them
        self._halted: str | None = None  # what ended the session early
        self._blocked_by: str | None = None  # the first error of a fixture of a real run, or what stopped the whole
        self._hub: Hub = Hub(hub_place(config))
        index = self._hub.read()
        self._past: list[Run] = [] if index is None else index["runs"]
        self._redaction = redaction(self._hub.root, config.rootpath)
        self._tree = TreeState(config.rootpath, self._hub.root, self._redaction.clean)
        command = ["pytest", *config.invocation_params.args]
        self._run = self._hub.open_run(command, kind, topic, run_environment(), self._tree.record, self._begun)
        self._is_anonymous = is_anonymous()  # which pytest has taken back when the run is judged
        self._index_error: Exception | None = None
        self._junit: JunitLink | None = None
        self._terminal = Tee(config.pluginmanager.getplugin("terminalreporter"), self._log)

    def _begun(self, name: str) -> dict[str, Any]:
        """Make the files of the run, and return what is recorded of it as it begins."""
        folder = self._hub.root / ("cli" if self._kind == "none" else self._kind)
        folder.mkdir(exist_ok=True)
        stem = f"pytest_{self._topic}_{self._kind}" if self._topic else f"pytest_{name}"
        self._log, self._lines = new_files(folder, stem, self._redaction.clean)
        self._files = [self._log, self._lines]
        if self._kind in ("red", "green"):
            self._files.append(self._tree.open_list(self._log.path))
        baseline = baseline_of(self._config)
        return ({} if baseline is None else {"baseline": baseline.as_dict()}) | {
            "log_path": self._name(self._log.path),
            "reports_path": self._name(self._lines.path),
            "files_path": self._name(self._files[2].path) if self._files[2:] else None,
            "options": self._options.others(),
            "accepted_errors": self._config.getoption("--evidence-accept-error"),
        }

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Keep the session, which counts failures and knows why it stops, and link its JUnit report to the hub."""
        self._session = session
        self._junit = JunitLink(self._config, self._hub, self._run)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Take down what was selected."""
        if session.items:  # a controller of pytest-xdist has none
            self._select([item.nodeid for item in session.items], {item.path for item in session.items})

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """Take down what a worker of pytest-xdist selected; all select the same."""
        if not self._outcomes.tests:
            tests = [without_group(name, self._dist) for name in ids]
            self._guessed = dict(zip(ids, tests, strict=True)) if self._dist == "loadgroup" else {}
            self._select(tests, {self._config.rootpath / name.partition("::")[0] for name in tests})

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take down what could not be collected."""
        if report.failed:
            self._n_reported += not hasattr(report, "wasxfail")
            self._outcomes.collection_errors.append(report.nodeid)
            text = self._redaction.clean(report.longreprtext)
            self._write({"test": report.nodeid, "when": "collect", "outcome": "failed", "text": text})

    @pytest.hookimpl(tryfirst=True)  # with pytest's own count, before a plugin makes of the report what it wants
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write a line about a phase of a test; a real run's steps are recorded in the index, too."""
        test = test_of(report, self._dist)
        if self._guessed:
            guess = self._guessed.pop(report.nodeid, test)
            if guess != test:  # the group's name has an @ or a ]
                self._outcomes.select([test if name == guess else name for name in self._outcomes.tests])
        expected_to_fail = hasattr(report, "wasxfail")
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else getattr(report, "wasxfail", None)
        reason = None if reason is None else str(reason)  # that of an expected failure may be anything
        causes, subtest = causes_on(report), subtest_on(report)
        when, outcome = str(report.when), str(report.outcome)
        self._n_reported += outcome == "failed" and not expected_to_fail
        line: dict[str, str | float] = {"test": test, "when": when, "outcome": outcome}
        line["duration_s"] = round(seconds_of(report), 6)
        if subtest is not None:
            line["subtest"] = self._redaction.clean(subtest)
        if causes:
            line["error"] = ", ".join(dict.fromkeys(cause.type for cause in causes))
        if reason is not None:
            line["reason"] = self._redaction.clean(reason)
        elif report.longrepr is not None:
            line["text"] = self._redaction.clean(report.longreprtext)
        self._write(line)
        self._outcomes.add(
            Phase(
                test,
                when,
                outcome,
                expected_to_fail,
                reason,
                subtest is not None,
                causes,
                runs_on(report),
                cell_of_skip(report),
            )
        )
        if MARKER in report.keywords:
            if report.failed and report.when == "setup" and self._blocked_by is None:
                self._blocked_by = f"{test}: {report.longreprtext}"
            if report.when == "teardown":
                self._update(**self._counts())

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Take down what stopped the run."""
        self._halted = _why_stopped(excinfo.value)
        self._stopped(f"stopped by {excinfo.typename}")

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Take down that pytest broke."""
        self._halted = "pytest had an internal error"
        self._stopped(str(excinfo.getrepr(style="short")))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, Any, Any]:
        """Take down a `pytest.exit` at the session's end, which is no error to pytest."""
        try:
            return (yield)
        except pytest.exit.Exception as error:
            self._halted = _why_stopped(error)
            raise

    def end(self, status: int, error: BaseException | None = None) -> int:
        """Judge the run, say and record what it shows, and return its exit status.

        Parameters
        ----------
        status
            pytest's own exit status, after all of its hooks.
        error
            What pytest is left by.
        """
        if error is not None and not isinstance(error, pytest.UsageError):
            self._halted = f"pytest was left by {type(error).__name__}: {error}"
        with anonymity(self._is_anonymous):
            return self._judged(status)

    def _judged(self, status: int) -> int:
        session = self._judged_session(status)
        self._write_selection(session)
        self._tree.write_list()
        self._update(**self._counts(), **session.record())
        verdict = judge(self._kind, self._topic, self._outcomes, session, self._past, self._hub.root)
        lost = self._lost()
        verdict = with_revision(verdict, self._past, self._hub.root, self._tree.record, self._tree.files())
        verdict = verdict.without(lost)
        self._say(verdict)
        self._terminal.close()
        self._lines.close()
        return self._record(verdict.without([one for one in self._lost() if one not in lost]))

    def _judged_session(self, status: int) -> Session:
        halted = self._halted
        if halted is None and self._session is not None:
            why = self._session.shouldfail or self._session.shouldstop
            halted = f"the run was stopped: {why}" if why else None
        return Session(
            exit_status=status,
            stopped=halted,
            n_failures=0 if self._session is None else self._session.testsfailed,
            n_reported=self._n_reported,
            crashed_workers=self._selection.crashed,
            uncollected=self._selection.uncollected(self._options),
            left_out=self._selection.left_out(self._options),
            chosen_by=self._chosen_by,
            accepted_errors=self._config.getoption("--evidence-accept-error"),
            without_assertions=self._selection.without_assertions,
        )

    def _write_selection(self, session: Session) -> None:
        for name, reason in self._redaction.cleaned(session.uncollected).items():
            line = {"test": self._redaction.clean(name), "when": "collect", "outcome": "skipped", "reason": reason}
            self._write(line)
        for one in session.left_out:
            for test in one.tests:
                self._write({"test": test, "when": "collect", "outcome": "deselected", "reason": one.by})

    def _say(self, verdict: Verdict) -> None:
        """Say what the run shows, and where that is kept."""
        terminal = self._config.pluginmanager.getplugin("terminalreporter")
        if terminal is None:
            return
        for lost in self._lost():
            terminal.write_line(f"ptyproof: {lost}", red=True)
        said = self._tree.said_by_git()
        if said is not None:
            terminal.write_line(f"ptyproof: {plain(said)}", yellow=True)
        if verdict.accepted is None:
            return
        terminal.write_sep("=", f"ptyproof: {self._kind} evidence of {self._topic}")
        number = len(self._outcomes.tests)
        what = {"red": "every selected test failed", "green": "every selected test passed", "collect": "collected"}
        answer = "ACCEPTED" if verdict.accepted else "REFUSED"
        shown = f", {what[self._kind]}" if verdict.accepted else ""
        terminal.write_line(f"{answer}: {number} test{'s' * (number != 1)}{shown}")
        for remark in verdict.remarks:
            terminal.write_line(f"  {plain(remark)}")
        terminal.write_line(f"log: {self._log.path}")

    def _record(self, verdict: Verdict) -> int:
        """Record the run's end and return its exit status: a run whose end cannot be recorded is not a success."""
        changes: dict[str, Any] = {"revision": self._tree.record, "environment": run_environment()}
        changes |= {key: getattr(verdict, key) for key in ("accepted", "reason", "red", "collect")}
        records = [self._hub.root / "real_run" / f"{name}_manifest.json" for name in ("training", "reconstruction")]
        changes["real_run"] = hub_in_use(self._config) is not None and any(path.is_file() for path in records)
        changes |= record_of_baseline(self._config, self._hub.root)
        try:
            if self._blocked_by is not None:
                changes["blocked_path"] = self._name(self._write_blocked(verdict.exit_status))
            self._hub.end_run(self._run, verdict.exit_status, **self._counts(), **changes)
            self._hub.write(self._write_summary)
            if self._junit is not None:
                self._junit.complete()
        except (PtyproofError, OSError) as error:  # the run stays without an end, or without a summary
            sys.stderr.write(f"ptyproof: the end of {self._run} could not be recorded: {_said(error)}\n")
            return verdict.exit_status or 1
        return verdict.exit_status

    def _write_summary(self) -> None:
        from ptyproof.report.summary import write_summary

        write_summary(self._hub.root)
        write_page_again(self._config)

    def _update(self, **changes: Any) -> None:
        """Record how far the run has come; what stands in the way is told at its end, and costs no test its report."""
        try:
            self._hub.update_run(self._run, **changes)
        except (PtyproofError, OSError) as error:
            self._index_error = self._index_error or error

    def _lost(self) -> list[str]:
        """Return what of the run could not be recorded, in sentences."""
        errors: dict[str, Exception | None] = {self._name(file.path): file.error for file in self._files}
        errors["the index"] = self._index_error
        return [f"{name} could not be written: {_said(error)}" for name, error in errors.items() if error is not None]

    def _stopped(self, why: str) -> None:
        if self._blocked_by is None and hub_in_use(self._config) is not None:
            self._blocked_by = why

    def _write_blocked(self, status: int) -> Path:
        from ptyproof.hub.blocked import write_blocked

        command = " ".join(["pytest", *self._config.invocation_params.args])
        log = self._log.path.read_text(encoding="utf-8", errors="replace")
        said = self._redaction.clean(str(self._blocked_by))
        return write_blocked(self._hub.root, self._redaction.clean(command), status, said, log)

    def _select(self, tests: list[str], files: set[Path]) -> None:
        self._outcomes.select(tests)
        self._tree.select(files)
        if self._kind == "collect":
            for test in tests:
                self._write({"test": test})
        self._update(revision=self._tree.record, n_collected=len(tests))

    def _counts(self) -> dict[str, Any]:
        reruns = [{"test": test, "count": number} for test, number in self._outcomes.reruns().items()]
        return {"outcomes": self._outcomes.counts(), "skips": self._outcomes.skips(), "reruns": reruns}

    def _write(self, line: dict[str, str | float]) -> None:
        self._lines.write(_json_line(line))

    def _name(self, path: Path) -> str:
        return path.relative_to(self._hub.root).as_posix()


def _json_line(fields: dict[str, str | float]) -> str:
    """Return a JSON object on a line; the encoder is quick with a text, and slow with an object of a few."""
    parts = [f'"{key}": {_encode(value) if isinstance(value, str) else repr(value)}' for key, value in fields.items()]
    return one_line(f"{{{', '.join(parts)}}}") + "\n"


def _why_stopped(error: BaseException) -> str:
    """Return what ended a session early: the keyboard, a `pytest.exit`, or pytest itself, as with -x."""
    said = str(error.msg) if isinstance(error, pytest.exit.Exception) else str(error)
    return f"the run was interrupted: {said}" if said else "the run was interrupted"


def _said(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
