"""The verdict on a test run: whether it shows what was asked of it, and how it stands to the runs before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ptyproof.evidence.run_outcomes import OUTCOMES, Outcomes
from ptyproof.io.json_lines import read_lines

_NAMED = 3
_STOPPED = {2: "the run was interrupted", 3: "pytest had an internal error", 4: "pytest was used wrongly"}


@dataclass(frozen=True)
class Verdict:
    """Whether a run is the evidence that it was to be (None where it was to be none), and what is to be said of it."""

    accepted: bool | None
    exit_status: int
    remarks: tuple[str, ...]
    red: dict[str, Any] | None = None
    collect: dict[str, Any] | None = None

    @property
    def reason(self) -> str | None:
        """The remarks as one text; None where there is none."""
        return "; ".join(self.remarks) or None

    def without(self, lost: Sequence[str]) -> Verdict:
        """Return the verdict where some of the record was lost: then a run is no evidence, and not a success."""
        if not lost:
            return self
        accepted = None if self.accepted is None else False
        return replace(self, accepted=accepted, exit_status=self.exit_status or 1, remarks=(*lost, *self.remarks))


def judge(
    kind: str, topic: str | None, outcomes: Outcomes, exit_status: int, past: Sequence[Mapping[str, Any]], hub: Path
) -> Verdict:
    """Return the verdict on a run.

    Parameters
    ----------
    kind, topic
        Red, green, collect or none, and what it is about.
    outcomes
        Of its tests.
    exit_status
        What pytest would exit with.
    past
        The runs before it in the hub's index, oldest first.
    hub
        Folder of the hub, where the reports of past runs are.
    """
    if kind == "none":
        return Verdict(None, exit_status, ())
    problems = _problems(kind, outcomes, exit_status)
    accepted = not problems
    remarks = list(problems)
    earlier = [run for run in past if run["topic"] == topic and run["status"] == "ended" and run["accepted"]]
    collect = None if kind == "collect" else _against_collect(outcomes, earlier, hub, remarks)
    red = _against_red(outcomes, earlier, hub, remarks) if kind == "green" else None
    return Verdict(accepted, 0 if accepted else 1, tuple(remarks), red, collect)


def with_revision(verdict: Verdict, past: Sequence[Mapping[str, Any]], revision: Mapping[str, Any]) -> Verdict:
    """Return a verdict on a green run with what changed since its red one."""
    if verdict.red is None:
        return verdict
    before = next(run for run in past if run["id"] == verdict.red["run"])["revision"]
    red = verdict.red | {
        "code_changed": before["code_sha256"] != revision["code_sha256"],
        "tests_changed": before["tests_sha256"] != revision["tests_sha256"],
    }
    remarks = list(verdict.remarks)
    if red["tests_changed"]:
        remarks.append(f"the tests were changed after red ({red['run']})")
    if not red["code_changed"]:
        remarks.append(f"no code but that of tests was changed after red ({red['run']})")
    return Verdict(verdict.accepted, verdict.exit_status, tuple(remarks), red, verdict.collect)


def ran(reports: Path) -> set[str]:
    """Return the node ids of the tests that a file of reports tells of; a last line that was cut off is left out."""
    lines = (line for line in read_lines(reports) if isinstance(line, dict))
    return {str(line["test"]) for line in lines if line.get("when") != "collect" and "test" in line}


def _problems(kind: str, outcomes: Outcomes, exit_status: int) -> list[str]:
    """Return why a run is not the evidence that it was to be."""
    problems = []
    if exit_status in _STOPPED and not outcomes.collection_errors:
        problems.append(_STOPPED[exit_status])
    if outcomes.collection_errors:
        problems.append(f"{_listed(outcomes.collection_errors)} could not be collected")
    if not outcomes.tests and not outcomes.collection_errors:
        problems.append("no test was selected")
    if kind == "collect":
        return problems
    wanted = {"red": "failed", "green": "passed"}[kind]
    words = {"error": "had an error in a fixture", "not_run": "did not run"}
    for outcome in OUTCOMES:
        others = [test for test in outcomes.tests if outcomes.of(test) == outcome]
        if others and outcome != wanted:
            problems.append(f"{_listed(others)} {words.get(outcome, outcome)}")
    return problems


def _against_red(
    outcomes: Outcomes, earlier: Sequence[Mapping[str, Any]], hub: Path, remarks: list[str]
) -> dict[str, Any] | None:
    reds = [run for run in earlier if run["evidence"] == "red"]
    if not reds:
        remarks.append("there is no red before this green")
        return None
    newest = reds[-1]
    same = ran(hub / newest["reports_path"]) == set(outcomes.tests)
    if not same:
        remarks.append(f"the tests are not those of red ({newest['id']})")
    return {"run": newest["id"], "same_tests": same}


def _against_collect(
    outcomes: Outcomes, earlier: Sequence[Mapping[str, Any]], hub: Path, remarks: list[str]
) -> dict[str, Any] | None:
    collects = [run for run in earlier if run["evidence"] == "collect"]
    if not collects:
        return None
    newest = collects[-1]
    before = ran(hub / newest["reports_path"])
    now = {test for test in outcomes.tests if outcomes.of(test) != "not_run"}
    if before - now:
        remarks.append(f"{_listed(sorted(before - now))} had been collected ({newest['id']}) and did not run")
    if now - before:
        remarks.append(f"{_listed(sorted(now - before))} had not been collected ({newest['id']})")
    return {"run": newest["id"], "n_not_run": len(before - now), "n_not_collected": len(now - before)}


def _listed(names: Sequence[str]) -> str:
    """Return a number of things with the names of the first."""
    shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    return shown if len(names) == 1 else f"{len(names)} ({shown})"
