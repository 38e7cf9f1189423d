"""What the page says on top: how the tests ended, in which run, on which machine; and the remarks on methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ptyproof.report.page.tables import Table, table
from ptyproof.report.remarks import Remark
from ptyproof.report.standing import (
    FAILED,
    OPEN,
    PASSED,
    SKIPPED,
    Standing,
    baseline_of,
    dates_of,
    machine_of,
    revision_of,
    standing,
)

_STATES = {PASSED: "tests_passed", SKIPPED: "tests_skipped", FAILED: "tests_failed", OPEN: "tests_open"}


@dataclass(frozen=True)
class RunFacts:
    """A run that the answer is from, in words."""

    name: str
    command: str
    dates: str
    revision: str
    machine: str
    baseline: tuple[str, list[str]] | None


@dataclass(frozen=True)
class Facts:
    """The answer of a hub: its result, as a key of `cells.TESTS`, and the runs that it is from."""

    standing: Standing
    state: str
    study: str | None
    runs: Sequence[RunFacts]


def facts(runs: Sequence[Mapping[str, Any]], training: Mapping[str, Any] | None) -> Facts | None:
    """Return what the runs of a hub show; None without a run that shows a result."""
    found = standing(runs)
    if found is None:
        return None
    shown = [_facts_of(run) for run in found.runs]
    return Facts(found, _STATES[found.result], None if training is None else str(training["study"]), shown)


def _facts_of(run: Mapping[str, Any]) -> RunFacts:
    return RunFacts(run["id"], run["command"], dates_of(run), revision_of(run), machine_of(run), baseline_of(run))


def remarks_table(found: Sequence[Remark]) -> Table | None:
    """Return the table of the remarks on methods; None without one."""
    rows = [[", ".join(remark.methods), remark.text, remark.counted] for remark in found]
    return table("Remarks on methods", ["method", "remark", "cells"], rows) if rows else None
