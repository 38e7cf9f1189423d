"""The record of a method's conformance: what the reports of tests say of each check, and the verdict."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ptyproof.conformance.checks import CHECKS
from ptyproof.hub.conformance import OUTCOMES, status_of
from ptyproof.provenance.environment import run_environment
from ptyproof.records.manifest import timed_head

if TYPE_CHECKING:
    from ptyproof_schemas.types.conformance import Account, Check, Conformance, Outcome, Provider


def holds(check: str) -> str:
    """Return the sentence that says what has to hold for a check to pass."""
    return (inspect.getdoc(CHECKS[check]) or check).partition("\n\n")[0].replace("\n", " ")


class Results:
    """The results of a method's checks so far; of several for one check, the worst counts."""

    def __init__(self, method: str) -> None:
        self._method = method
        self._provider: Provider | None = None
        self._options: dict[str, bool | float | str] = {}
        self._checks: dict[str, Check] = {name: _empty(name) for name in CHECKS}

    def add(self, found: Mapping[str, Any]) -> None:
        """Take what a test's report carries: see `trial.as_property`."""
        self._provider, self._options = found["provider"], found["options"]
        check: Check = {**self._checks[found["check"]]}
        for key in ("outcome", "said", "reason", "duration_s", "memory_before_bytes", "peak_memory_bytes"):
            check[key] = found[key]
        self._keep(check)

    def fail(self, name: str, sentence: str) -> None:
        """Take that pytest reports a failure of a check, whatever the check itself found."""
        earlier = self._checks[name]
        if earlier["outcome"] not in ("failed", "stale"):
            self._keep({**earlier, "outcome": "failed", "said": [*earlier["said"], sentence]})

    def skip(self, name: str, reason: str) -> None:
        """Take that a check was skipped."""
        self._keep({**self._checks[name], "outcome": "skipped", "reason": reason})

    def record(self) -> Conformance:
        """Return the record as it is now."""
        checks = list(self._checks.values())
        outcomes = [check["outcome"] for check in checks]
        return {
            **timed_head("conformance"),
            "method": self._method,
            "provider": self._provider,
            "options": self._options,
            "environment": {**run_environment(), "threads": "1, as the suite sets it"},
            "status": status_of(outcomes),
            "account": account_of(outcomes),
            "checks": checks,
        }

    def _keep(self, check: Check) -> None:
        earlier = self._checks[check["check"]]
        if OUTCOMES.index(check["outcome"]) >= OUTCOMES.index(earlier["outcome"]):
            self._checks[check["check"]] = check


def _empty(name: str) -> Check:
    return {
        "check": name,
        "holds": holds(name),
        "outcome": "not_run",
        "said": [],
        "reason": None,
        "duration_s": None,
        "memory_before_bytes": None,
        "peak_memory_bytes": None,
    }


def account_of(outcomes: list[Outcome]) -> Account:
    """Return how many checks there are, and how they ended."""
    count = Counter(outcomes)
    return {
        "n_checks": len(outcomes),
        "n_passed": count["passed"],
        "n_exception": count["exception"],
        "n_failed": count["failed"],
        "n_stale": count["stale"],
        "n_skipped": count["skipped"],
        "n_not_run": count["not_run"],
    }
