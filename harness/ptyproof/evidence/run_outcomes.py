"""What is known of the tests of a run: an outcome for each, as far as the run has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

OUTCOMES = ("passed", "failed", "error", "skipped", "xfailed", "xpassed", "not_run")


@dataclass(frozen=True)
class Outcomes:
    """What is known of a run's tests, by node id, as far as the run has come."""

    tests: list[str] = field(default_factory=list)
    found: dict[str, str] = field(default_factory=dict)
    skip_reasons: dict[str, str] = field(default_factory=dict)
    collection_errors: list[str] = field(default_factory=list)

    def select(self, tests: Iterable[str]) -> None:
        """Take down the tests that were selected, in place of those known before."""
        self.tests[:] = tests

    def add(self, test: str, when: str, outcome: str, expected_to_fail: bool, reason: str | None) -> None:
        """Take down a phase of a test: `when` is setup, call or teardown; `outcome` is passed, failed or skipped.

        An error of setup or teardown stays one, whatever the call did.
        """
        before = self.found.get(test)
        if outcome == "failed":
            self.found[test] = "failed" if when == "call" else "error"
        elif outcome == "skipped":
            self.found[test] = "xfailed" if expected_to_fail else "skipped"
            self.skip_reasons[test] = reason or "no reason was given"
        elif when == "call" and before is None:
            self.found[test] = "xpassed" if expected_to_fail else "passed"

    def of(self, test: str) -> str:
        """Return one of `OUTCOMES`."""
        return self.found.get(test, "not_run")

    def counts(self) -> dict[str, int]:
        """Return how many selected tests ended how; outcomes that did not occur are left out."""
        counted = Counter(self.of(test) for test in self.tests)
        return {name: counted[name] for name in OUTCOMES if counted[name]}

    def skips(self) -> list[dict[str, str]]:
        """Return every skipped test with its reason, in the order of the run."""
        return [{"test": test, "reason": self.skip_reasons[test]} for test in self.tests if self.of(test) == "skipped"]
