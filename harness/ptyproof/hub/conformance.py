"""The records of conformance in a hub: where they are, and the verdict that follows from the outcomes of checks."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ptyproof.hub.index import CONFORMANCE

if TYPE_CHECKING:
    from ptyproof_schemas.types.conformance import Conformance, Outcome, Status

# from the best to the worst, so that a check that was run twice counts as its worse end
OUTCOMES: tuple[Outcome, ...] = ("not_run", "skipped", "passed", "exception", "stale", "failed")


def record_path(method: str) -> str:
    """Return the record of a method by its name in the hub; its page has the suffix `.html`."""
    return f"{CONFORMANCE}/{method}.json"


def page_path(method: str) -> str:
    """Return the page of a method by its name in the hub."""
    return f"{CONFORMANCE}/{method}.html"


def status_of(outcomes: Collection[str]) -> Status:
    """Return the verdict on a method: a check that did not run is never a pass."""
    if {"failed", "stale"} & set(outcomes):
        return "failed"
    if not outcomes or {"skipped", "not_run"} & set(outcomes):
        return "incomplete"
    return "exceptions" if "exception" in outcomes else "passed"


def counted(record: Conformance) -> str:
    """Return how the checks ended, such as `14 passed, 3 failed of 17 checks`."""
    numbers = {key.removeprefix("n_").replace("_", " "): n for key, n in record["account"].items() if key != "n_checks"}
    listed = ", ".join(f"{n} {word}" for word, n in numbers.items() if n)
    return f"{listed} of {record['account']['n_checks']} checks"
