"""The verdict on a test run: whether it shows what was asked of it, and how it stands to the runs before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.hub.outcomes import ASYNC, UNKNOWN, Outcomes
from ptyproof.hub.session import MARKER_RULE, Session
from ptyproof.hub.tree_changes import Changes, Files, changes, read_files
from ptyproof.io.json_lines import read_lines
from ptyproof.provenance.file_kinds import CODE

if TYPE_CHECKING:
    from ptyproof.hub.index import Evidence
    from ptyproof_schemas.types.hub_index import Collect, Red, Revision, Run, Tree

_NAMED = 3
_STATUS = {2: "the run was interrupted", 3: "pytest had an internal error", 4: "pytest was used wrongly"}
_PYTEST = range(6)  # every other exit status is of a plugin
_WORDS = {"error": "had an error in a fixture", "crashed": "crashed its process", "not_run": "did not run"}
_CAUSES = {
    "import": "failed in an import",
    "missing fixture": "requested a missing fixture",
    "fixture": "had an error in a fixture",
    ASYNC: "is async, but no plugin runs it",
    "usage": "used pytest wrongly",
    "hook": "failed in a hook of a conftest.py or a plugin",
    "timeout": "ran out of time",
    UNKNOWN: "failed with an error that was not reported",
}


@dataclass(frozen=True)
class Verdict:
    """Whether a run is the requested evidence (None if no evidence was requested), and remarks on it."""

    accepted: bool | None
    exit_status: int
    remarks: tuple[str, ...]
    red: Red | None = None
    collect: Collect | None = None

    @property
    def reason(self) -> str | None:
        """The remarks as one text; None without a remark."""
        return "; ".join(self.remarks) or None

    def without(self, lost: Sequence[str]) -> Verdict:
        """Return the verdict where some of the record was lost: then a run is no evidence, and not a success."""
        if not lost:
            return self
        accepted = None if self.accepted is None else False
        return replace(self, accepted=accepted, exit_status=_failure(self.exit_status), remarks=(*lost, *self.remarks))


def judge(
    kind: Evidence, topic: str | None, outcomes: Outcomes, session: Session, past: Sequence[Run], hub: Path
) -> Verdict:
    """Return the verdict on a run.

    The exit status is never better than pytest's own, with one exception: a red run that is accepted ends with 0, where
    pytest's own status is 1 for the tests that failed and nothing else.

    Parameters
    ----------
    kind, topic
        Red, green, collect or none, and what it is about.
    outcomes
        Of its tests.
    session
        How its session went.
    past
        The runs before it in the hub's index, oldest first.
    hub
        Folder of the hub, where the reports of past runs are.
    """
    if kind == "none":
        return Verdict(None, session.exit_status, ())
    problems, remarks = _problems(kind, outcomes, session), _remarks(outcomes, session)
    if kind == "green":
        problems, remarks = [*problems, *remarks], []
    if not problems or session.exit_status not in _PYTEST:
        problems += _of_status(kind, session)
    accepted = not problems
    remarks = [*problems, *remarks, *_by_marker(session)]
    earlier = [run for run in past if run["topic"] == topic and run["status"] == "ended" and run["accepted"]]
    collect = None if kind == "collect" else _against_collect(outcomes, earlier, hub, remarks)
    red = _against_red(outcomes, earlier, hub, remarks) if kind == "green" else None
    return Verdict(accepted, 0 if accepted else _failure(session.exit_status), tuple(remarks), red, collect)


def _failure(status: int) -> int:
    """Return pytest's own exit status, or 1 where that is a success to the system, which looks at the last byte."""
    return status if isinstance(status, int) and status % 256 else 1


def with_revision(verdict: Verdict, past: Sequence[Run], hub: Path, revision: Revision, files: Files) -> Verdict:
    """Return a verdict on a green run with what changed since its red one, as far as both runs looked at the tree.

    Parameters
    ----------
    verdict, past, hub
        As `judge` gives and takes them.
    revision, files
        The state of the tree, and its files.
    """
    if verdict.red is None:
        return verdict
    before = next(run for run in past if run["id"] == verdict.red["run"])
    kept = before.get("files_path")
    found = changes(before["revision"], revision, {} if kept is None else read_files(hub / kept), files)
    red: Red = {**verdict.red, "code_changed": found.code, "tests_changed": found.tests}
    counts = found.counts()
    if counts is not None:
        red["changed"] = counts
    remarks = (*verdict.remarks, *_of_changes(found, red["run"]), *_limits(revision["tree"], found.where))
    return replace(verdict, remarks=remarks, red=red)


def _of_changes(found: Changes, red: str) -> Iterator[str]:
    if found.unknown is not None:
        yield f"changes after {red} are unknown: {found.unknown}"
        return
    if found.tests:
        yield f"the tests were changed after red ({red})"
    if not found.code:
        yield f"in {found.where}, no code but that of tests was changed after red ({red})"
    if found.names is not None and found.names.keys() - {CODE}:
        yield f"since {red}, in {found.where}: {found.sentence()}"


def _limits(tree: Tree, where: str) -> Iterator[str]:
    yield from (f"not looked at in {where}: {limit}" for limit in tree["limits"])


def ran(reports: Path) -> set[str]:
    """Return the node ids of the tests that a file of reports tells of; a last line that was cut off is left out."""
    lines = (line for line in read_lines(reports) if isinstance(line, dict))
    return {str(line["test"]) for line in lines if line.get("when") != "collect" and "test" in line}


def _problems(kind: str, outcomes: Outcomes, session: Session) -> list[str]:
    """Return why a run is not the evidence that was asked for, whatever its exit status is."""
    problems = []
    if session.stopped is not None and not outcomes.collection_errors:
        problems.append(session.stopped)
    elif session.exit_status in _STATUS and not outcomes.collection_errors:
        problems.append(_STATUS[session.exit_status])
    problems += [f"worker {name} of pytest-xdist crashed" for name in session.crashed_workers]
    if outcomes.collection_errors:
        problems.append(f"{_listed(outcomes.collection_errors)} could not be collected")
    if not outcomes.tests and not outcomes.collection_errors:
        problems.append("no test was selected")
    if kind == "collect":
        return problems
    problems += [f"{name} was not collected: {reason}" for name, reason in session.uncollected.items()]
    if kind == "green" and session.without_assertions:
        problems.append("Python leaves out assertions (-O or PYTHONOPTIMIZE), so a test may pass without its own")
    wanted = {"red": "failed", "green": "passed"}[kind]
    for outcome, others in outcomes.grouped().items():
        if outcome != wanted:
            problems.append(f"{_listed(others)} {_WORDS.get(outcome, outcome)}{_why(outcomes, others)}")
    return problems + (_not_own(outcomes, session.accepted_errors) if kind == "red" else [])


def _why(outcomes: Outcomes, tests: Sequence[str]) -> str:
    """Return the reason that some skipped tests share, in brackets; empty without a reason, or with more than one."""
    others = set(tests)
    reasons = {skip["reason"] for skip in outcomes.skips() if skip["test"] in others}
    return f" ({reasons.pop()})" if len(reasons) == 1 else ""


def _not_own(outcomes: Outcomes, accepted: Sequence[str]) -> list[str]:
    """Return which tests failed, but not with an error of their own code."""
    found: dict[tuple[str, str], list[str]] = {}
    for test in outcomes.tests:
        causes = outcomes.causes(test)
        if outcomes.of(test) == "failed" and not any(cause.is_own(accepted) for cause in causes):
            found.setdefault((causes[0].kind, causes[0].type), []).append(test)
    return [f"{_listed(tests)} {_CAUSES.get(kind, kind)} ({name})" for (kind, name), tests in found.items()]


def _of_status(kind: str, session: Session) -> list[str]:
    """Return what pytest's own exit status tells of a run that seems to be what was asked for."""
    expected = 1 if kind == "red" else 0
    if session.exit_status != expected:
        return [f"pytest's own exit status is {session.exit_status}, not {expected}"]
    if kind == "red" and session.n_failures != session.n_reported:
        return [f"pytest counts {session.n_failures} failures, but {session.n_reported} were reported"]
    return []


def _remarks(outcomes: Outcomes, session: Session) -> list[str]:
    """Return what a green run must not have: tests chosen by something else than the recorded command, and reruns."""
    others = [one for one in session.left_out if not one.by_command and one.by != MARKER_RULE]
    said = [*session.chosen_by, *(f"{_listed(one.tests)} deselected by {one.by}" for one in others)]
    reruns = outcomes.reruns()
    if reruns:
        said.append(f"{_listed(list(reruns))} ran more than once (reruns: {sum(reruns.values())})")
    return said


def _by_marker(session: Session) -> list[str]:
    numbers = [len(one.tests) for one in session.left_out if one.by == MARKER_RULE]
    return [f"{number} tests left out: {MARKER_RULE}" for number in numbers]


def _against_red(outcomes: Outcomes, earlier: Sequence[Run], hub: Path, remarks: list[str]) -> Red | None:
    reds = [run for run in earlier if run["evidence"] == "red"]
    if not reds:
        remarks.append("there is no red before this green")
        return None
    newest = reds[-1]
    same = ran(_reports(newest, hub)) == set(outcomes.tests)
    if not same:
        remarks.append(f"the tests are not those of red ({newest['id']})")
    return {"run": newest["id"], "same_tests": same, "code_changed": None, "tests_changed": None}


def _against_collect(outcomes: Outcomes, earlier: Sequence[Run], hub: Path, remarks: list[str]) -> Collect | None:
    collects = [run for run in earlier if run["evidence"] == "collect"]
    if not collects:
        return None
    newest = collects[-1]
    before = ran(_reports(newest, hub))
    now = {test for test in outcomes.tests if outcomes.of(test) != "not_run"}
    if before - now:
        remarks.append(f"{_listed(sorted(before - now))} had been collected ({newest['id']}) but did not run")
    if now - before:
        remarks.append(f"{_listed(sorted(now - before))} had not been collected ({newest['id']})")
    return {"run": newest["id"], "n_not_run": len(before - now), "n_not_collected": len(now - before)}


def _reports(run: Run, hub: Path) -> Path:
    assert run["reports_path"] is not None  # a run that was accepted has reports
    return hub / run["reports_path"]


def _listed(names: Sequence[str]) -> str:
    """Return a number of things with the names of the first."""
    shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    return shown if len(names) == 1 else f"{len(names)} ({shown})"
