"""What a run of tests has shown, read back from the index and the lines of its reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof.hub.outcomes import ASYNC, OWN, STRICT_XPASS, Cause, Outcomes, Phase
from ptyproof.io.json_lines import read_lines

if TYPE_CHECKING:
    from ptyproof_schemas.types.hub_index import Run

NOT_COLLECTED = {"failed": "collection error", "skipped": "not collected"}
_KINDS = {("failed", "XPASS(strict)"): STRICT_XPASS, ("passed", "coroutine"): ASYNC}


@dataclass
class RecordedTest:
    """A test, or a module that was not collected, as the record of its run has it.

    Parameters
    ----------
    test
        Node id.
    outcome
        One of `OUTCOMES`, or of the values of `NOT_COLLECTED`.
    duration_s
        Sum over setup, call and teardown, seconds.
    reason
        Of a skip or an expected failure.
    errors, texts
        Types of the errors, and what pytest showed of them.
    n_reruns
        How often it ran again.
    """

    test: str
    outcome: str
    duration_s: float = 0.0
    reason: str | None = None
    errors: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    n_reruns: int = 0


def runs_with_a_result(runs: Sequence[Run]) -> list[Run]:
    """Return the real runs, or without one the runs that are no red evidence and no list of tests, oldest first."""
    return [run for run in runs if run["real_run"]] or [run for run in runs if run["evidence"] in ("green", "none")]


def standing_runs(runs: Sequence[Run]) -> list[Run]:
    """Return the runs that say what a hub shows: the newest with a result, and in a merged hub the newest of each part.

    A run that was merged has seen the cells of its own hub alone. A run since the merge has seen those of all.
    """
    chosen = runs_with_a_result(runs)
    if not chosen or "merged_from" not in chosen[-1]:
        return chosen[-1:]
    return list({run["merged_from"]: run for run in chosen if "merged_from" in run}.values())


def tests_of(root: Path, run: Run) -> list[RecordedTest]:
    """Return the tests of a run in the order of their first reports; a run without reports has none."""
    if run["reports_path"] is None:
        return []
    lines = [line for line in read_lines(root / run["reports_path"]) if isinstance(line, dict) and "when" in line]
    skipped = {skip["test"] for skip in run["skips"]}
    outcomes, found = Outcomes(), dict(_not_collected(lines))
    for line in lines:
        if line["when"] != "collect":
            outcomes.add(_phase(line, line["test"] in skipped))
            _add(found.setdefault(line["test"], RecordedTest(line["test"], "not_run")), line)
    reruns = {one["test"]: one["count"] for one in run.get("reruns", ())}
    for test, recorded in found.items():
        recorded.n_reruns = reruns.get(test, 0)
        if recorded.outcome == "not_run":
            recorded.outcome = outcomes.of(test)
    return list(found.values())


def _not_collected(lines: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, RecordedTest]]:
    for line in lines:
        if line["when"] == "collect" and line["outcome"] in NOT_COLLECTED:
            found = RecordedTest(line["test"], NOT_COLLECTED[line["outcome"]])
            _add(found, line)
            yield line["test"], found


def _add(found: RecordedTest, line: Mapping[str, Any]) -> None:
    found.duration_s += line.get("duration_s", 0.0)
    found.reason = line.get("reason", found.reason)
    found.errors += line.get("error", "").split(", ") if line.get("error") else []
    found.texts += [line["text"]] if "text" in line else []


def _phase(line: Mapping[str, Any], is_skip: bool) -> Phase:
    """Return the report that a line is about; of a skip the index tells whether the test was expected to fail."""
    outcome, reason = line["outcome"], line.get("reason")
    expected_to_fail = reason is not None and (not is_skip if outcome == "skipped" else outcome == "passed")
    causes = [Cause(name, _KINDS.get((outcome, name), OWN)) for name in line.get("error", "").split(", ") if name]
    return Phase(line["test"], line["when"], outcome, expected_to_fail, reason, "subtest" in line, tuple(causes))
