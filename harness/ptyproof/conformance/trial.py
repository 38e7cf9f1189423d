"""A check that is tried on a method: its outcome, with the exception that the method declares, its time and memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ptyproof.conformance.checks import CHECKS
from ptyproof.conformance.subject import Subject
from ptyproof.conformance.watching import measured
from ptyproof.errors import PtyproofError
from ptyproof.methods.registry import Registered

Outcome = Literal["passed", "exception", "failed", "stale"]


@dataclass(frozen=True, eq=False)
class Trial:
    """How a check ended.

    Parameters
    ----------
    check
        Its name.
    outcome
        `exception`: it fails, as the method declares; `stale`: the method declares that it fails, and it passes.
    said
        What is wrong, one sentence each.
    reason
        Why the method declares that it fails; None where it does not.
    seconds, memory_before_bytes, peak_memory_bytes
        What it took; memory is None where the system does not say.
    crash
        The error of another kind than ptyproof's that ended it.
    """

    check: str
    outcome: Outcome
    said: tuple[str, ...]
    reason: str | None
    seconds: float
    memory_before_bytes: int | None
    peak_memory_bytes: int | None
    crash: Exception | None = None


def try_check(subject: Subject, check: str, exceptions: Mapping[str, str]) -> Trial:
    """Return how a check of a method ended; a method that refuses a scan of the suite fails, too."""
    reason, crash = exceptions.get(check), None
    with measured() as cost:
        try:
            said = CHECKS[check](subject)
        except PtyproofError as error:
            said = [f"the method refused the scan: {error}"]
        except Exception as error:  # noqa: BLE001 - a method may raise anything, and the suite goes on
            said, crash = [f"the method ended by {type(error).__name__}: {error}"], error
    return Trial(
        check,
        _outcome(bool(said), crash is not None, reason is not None),
        tuple(said),
        reason,
        cost.seconds,
        cost.memory_before_bytes,
        cost.peak_memory_bytes,
        crash,
    )


def _outcome(is_wrong: bool, has_crashed: bool, is_declared: bool) -> Outcome:
    """Return the outcome; a crash is not what an exception is for."""
    if is_declared and not is_wrong:
        return "stale"
    if is_declared and not has_crashed:
        return "exception"
    return "failed" if is_wrong else "passed"


def as_property(found: Registered, trial: Trial) -> dict[str, Any]:
    """Return what a test's report carries of a trial, between processes, too."""
    return {
        "method": found.name,
        "provider": found.provider.as_dict(),
        "options": dict(found.options),
        "check": trial.check,
        "outcome": trial.outcome,
        "said": list(trial.said),
        "reason": trial.reason,
        "duration_s": round(trial.seconds, 3),
        "memory_before_bytes": trial.memory_before_bytes,
        "peak_memory_bytes": trial.peak_memory_bytes,
    }
