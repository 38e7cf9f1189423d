"""What is known of the tests of a run: an outcome for each, how often it ran, and what it failed with."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

OUTCOMES = ("passed", "failed", "error", "crashed", "skipped", "xfailed", "xpassed", "not_run")
_WORST_FIRST = ("crashed", "error", "failed", "not_run", "skipped", "xfailed", "xpassed", "passed")
_PHASES = ("setup", "call", "teardown")
_KNOWN = ("passed", "failed", "skipped")

OWN, STRICT_XPASS, ASYNC, UNKNOWN = "own", "strict xpass", "async", "unknown"


@dataclass(frozen=True)
class Cause:
    """An error that a test failed with.

    Parameters
    ----------
    type
        Name of the error's type, with its module unless that is `builtins`.
    kind
        `OWN` where the test's own assertion or code failed, else what kept it from running as it should.
    names
        Names of the type and its bases, each with and without its module.
    """

    type: str
    kind: str = OWN
    names: tuple[str, ...] = ()

    def is_own(self, accepted: Collection[str]) -> bool:
        """Tell whether the error is of the test's own code, or of a type that is accepted."""
        return self.kind == OWN or not set(accepted).isdisjoint(self.names)


class Phase(NamedTuple):
    """A report about a test.

    Parameters
    ----------
    test
        Node id.
    when
        setup, call or teardown; anything else where the test's process died.
    outcome
        passed, failed or skipped; anything else is what a plugin calls a run that is followed by another.
    expected_to_fail
        Whether the test is marked so.
    reason
        Of a skip or an expected failure.
    is_subtest
        Whether the report is about a part of the call.
    causes
        What failed; empty where that is not known.
    n_runs
        How often the test had been called in its process; 0 where a plugin reports on a test that pytest did not call.
    cell
        The cell of the study whose skip has skipped the test; None for other reports.
    """

    test: str
    when: str
    outcome: str
    expected_to_fail: bool = False
    reason: str | None = None
    is_subtest: bool = False
    causes: tuple[Cause, ...] = ()
    n_runs: int = 1
    cell: str | None = None


@dataclass
class _Test:
    outcomes: set[str] = field(default_factory=set)
    phases: dict[str, int] = field(default_factory=dict)
    n_again: int = 0
    n_runs: int = 1
    reason: str | None = None
    cell: str | None = None
    causes: list[Cause] = field(default_factory=list)

    def add(self, phase: Phase) -> None:
        self.n_runs = max(self.n_runs, phase.n_runs)
        if not phase.is_subtest:
            self.phases[phase.when] = self.phases.get(phase.when, 0) + 1
        if phase.outcome not in _KNOWN:
            self.n_again += 1
            return
        outcome = _outcome(phase)
        if outcome is not None:
            self.outcomes.add(outcome)
        if outcome == "failed":
            self.causes += phase.causes
        elif outcome == "skipped":
            self.reason, self.cell = phase.reason, phase.cell

    def n_reruns(self) -> int:
        return max(self.n_again, self.n_runs - 1, max(self.phases.values(), default=1) - 1)


def _outcome(phase: Phase) -> str | None:
    """Return what a report makes of its test; None where it decides nothing."""
    if phase.outcome == "failed":
        if phase.when not in _PHASES:
            return "crashed"
        if any(cause.kind == STRICT_XPASS for cause in phase.causes):
            return "xpassed"
        return "failed" if phase.when == "call" else "error"
    if phase.outcome == "skipped":
        return "xfailed" if phase.expected_to_fail else "skipped"
    if phase.causes:
        if phase.causes[0].kind == ASYNC:
            return "not_run"
        return "failed" if phase.when == "call" else "error"
    if phase.when == "call" and not phase.is_subtest and phase.n_runs:
        return "xpassed" if phase.expected_to_fail else "passed"
    return None


@dataclass(frozen=True)
class Outcomes:
    """What is known of a run's tests, by node id, as far as the run has come."""

    tests: list[str] = field(default_factory=list)
    collection_errors: list[str] = field(default_factory=list)
    _found: dict[str, _Test] = field(default_factory=dict)

    def select(self, tests: Iterable[str]) -> None:
        """Take down the tests that were selected, in place of those known before."""
        self.tests[:] = tests

    def add(self, phase: Phase) -> None:
        """Take down a report about a test; the worst of all that are known decides its outcome."""
        found = self._found.get(phase.test)
        if found is None:
            found = self._found[phase.test] = _Test()
        found.add(phase)

    def of(self, test: str) -> str:
        """Return one of `OUTCOMES`."""
        found = self._found.get(test)
        return (
            "not_run" if found is None else next((name for name in _WORST_FIRST if name in found.outcomes), "not_run")
        )

    def grouped(self) -> dict[str, list[str]]:
        """Return the selected tests by outcome, in the order of `OUTCOMES`; those that did not occur are left out."""
        found: dict[str, list[str]] = {outcome: [] for outcome in OUTCOMES}
        for test in self.tests:
            found[self.of(test)].append(test)
        return {outcome: tests for outcome, tests in found.items() if tests}

    def causes(self, test: str) -> tuple[Cause, ...]:
        """Return what a test failed with in its call; an unknown cause where no report says it."""
        found = self._found.get(test)
        return tuple(found.causes) if found is not None and found.causes else (Cause("unknown", UNKNOWN),)

    def counts(self) -> dict[str, int]:
        """Return how many selected tests ended how; outcomes that did not occur are left out."""
        return {outcome: len(tests) for outcome, tests in self.grouped().items()}

    def skips(self) -> list[dict[str, str]]:
        """Return every skipped test with its reason, and its cell if it is that of a skip, in the order of the run."""
        skips = []
        for test in self.tests:
            if self.of(test) == "skipped":
                found = self._found[test]
                skip = {"test": test, "reason": found.reason or "no reason was given"}
                skips.append(skip if found.cell is None else {**skip, "cell": found.cell})
        return skips

    def reruns(self) -> dict[str, int]:
        """Return how often each test ran again; those that ran once are left out."""
        counted = {test: found.n_reruns() for test, found in self._found.items()}
        return {test: number for test, number in counted.items() if number}
