"""What the tests of a hub show: how many ended how, in which run, of which code and on which machine.

The answer is that of the newest run with a result, and of a merged hub that of the newest run of each of its parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ptyproof.hub.layout import cell_and_reason
from ptyproof.hub.results import standing_runs
from ptyproof.provenance.revision import NO_CODE, digest_of_files

Run = Mapping[str, Any]
PASSED, SKIPPED, FAILED, OPEN = "passed", "passed with skips", "failed", "no end recorded"
MEANINGS = {
    PASSED: "every selected test passed; a signed statement calls this PASSED",
    SKIPPED: "no test failed, and some did not run, for the reasons below; a signed statement calls this WARNED",
    FAILED: "a test failed, or the run ended with another exit status than 0; a signed statement calls this FAILED",
    OPEN: "the run still runs, or was stopped before its end was recorded",
}
_FAILED = ("failed", "error", "crashed")
_MACHINE = ("n_cpus", "threads", "device", "python", "torch", "pytest-ptyproof")


@dataclass(frozen=True)
class Standing:
    """The runs that say what a hub shows, their result, tests by outcome, and reasons of skips with their numbers."""

    runs: Sequence[Run]
    result: str
    outcomes: Mapping[str, int]
    reasons: Sequence[tuple[str, int]]

    @property
    def meaning(self) -> str:
        """What the result means, as a sentence."""
        meaning = MEANINGS[self.result]
        return f"{meaning[:1].upper()}{meaning[1:]}."

    @property
    def counted(self) -> str:
        """The number of tests by outcome."""
        return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in self.outcomes.items()) or "no test"


def standing(runs: Sequence[Run]) -> Standing | None:
    """Return what the runs of an index show; None without a run that shows a result."""
    chosen: Sequence[Run] = standing_runs(runs)  # type: ignore[arg-type]
    if not chosen:
        return None
    outcomes: Counter[str] = Counter()
    for run in chosen:
        outcomes.update(run["outcomes"])
    reasons = Counter(str(cell_and_reason(skip)[1]) for run in chosen for skip in run["skips"])
    return Standing(chosen, _result(chosen, outcomes), outcomes, reasons.most_common())


def revision_of(run: Run) -> str:
    """Return which code and tests a run was of: commit, whether there were uncommitted changes, and digests."""
    revision = run["revision"]
    code, tests = (digest_of_files(revision[key]) for key in ("code_sha256", "tests_sha256"))
    digests = f"{NO_CODE if code is None else f'code {code[:16]}'}, "
    digests += "no test file" if tests is None else f"tests {tests[:16]}"
    if revision["commit"] is None:
        return f"no git commit; {digests}"
    changed = "with" if revision["uncommitted_sha256"] else "without"
    return f"commit {revision['commit'][:16]} {changed} uncommitted changes; {digests}"


def machine_of(run: Run) -> str:
    """Return the class of the machine of a run, and the versions that matter most."""
    environment = run["environment"]
    words = [f"{environment['system']} {environment['machine']}", environment.get("cpu"), environment.get("gpu")]
    words += [f"{key} {environment[key]}" for key in _MACHINE if key in environment]
    return ", ".join(filter(None, words))


def dates_of(run: Run) -> str:
    """Return when a run started and ended."""
    return f"{run['started']} to {run['ended'] or 'no recorded end'}"


def baseline_of(run: Run) -> tuple[str, list[str]] | None:
    """Return what a run was held against and how its results stand to it, and each change; None without a baseline."""
    found = run.get("baseline")
    if found is None:
        return None
    name = f"{found['name']} (hub.json sha256 {found['index_sha256'][:16]}), tolerance {found['tolerance']:.3g}"
    outcome = found.get("outcome")
    if outcome is None:
        return f"{name}: no comparison of the results is recorded", []
    counts = ", ".join(f"{outcome[f'n_{word}']} {word}" for word in ("worse", "better", "level"))
    changes = [f"{one['outcome']}: {one['result']}: {one['reason']}" for one in outcome["changes"]]
    left = outcome["n_worse"] + outcome["n_better"] - len(changes)
    return f"{name}: {counts}", changes + ([f"{left} more changes are not recorded"] if left else [])


def _result(runs: Sequence[Run], outcomes: Mapping[str, int]) -> str:
    if any(run["exit_status"] not in (0, None) for run in runs) or any(outcomes.get(name) for name in _FAILED):
        return FAILED
    if any(run["status"] != "ended" for run in runs):
        return OPEN
    return SKIPPED if outcomes.get("skipped") else PASSED
