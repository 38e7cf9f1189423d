"""Sound examples of manifests, and how a case changes one."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from tests.helpers.schema_rules import example

WHOLE = ("training_manifest", "whole-dose")
FAILED = ("training_manifest", "failed-and-lost")
AGAIN = ("training_manifest", "trained-again")
MIGRATED = ("training_manifest", "migrated-e6-bundles")
DOSES = ("run_manifest", "one-of-three-doses")
EXPERIMENTS = ("run_manifest", "with-experiments")
ACCEPTED = ("overlap_manifest", "accepted-spacing")
REJECTED = ("overlap_manifest", "rejected-spacing")
SKIPS = ("skip_summary", "rejected")
MODEL = ("model", "groups")
HUB = ("hub_index", "green-answers-red")
DESIGN = ("study_design", "fly64-smoke")
METRICS = ("overlap_metrics", "spacing-direct")
E5 = ("legacy_training_manifest_e5", "first-form")
E6 = ("legacy_training_manifest_e6", "bundles")
E7 = ("legacy_training_manifest_e7", "two-frameworks")
F1 = ("legacy_reconstruction_manifest_f1", "two-halves")
F2 = ("legacy_reconstruction_manifest_f2", "missing-jobs")
F3 = ("legacy_reconstruction_manifest_f3", "with-selection")
F4 = ("legacy_reconstruction_manifest_f4", "unknown-selection")
G2 = ("legacy_comparison_manifest_g2", "one-job")
SCORES = ("legacy_metrics_summary_g", "one-method")
REPORT = ("legacy_verification_report_g", "two-tests")
D1 = ("legacy_spacing_metrics_d1", "some-rejected")
D2 = ("legacy_overlap_metrics_d2", "groups-with-bound")
SINGLE = ("legacy_overlap_metrics_d2", "single-images")
C = ("legacy_run_manifest_c", "two-doses")
F = ("reconstruction_manifest", "whole-dose")
ENDS = ("reconstruction_manifest", "failed-lost-and-reused")
G = ("comparison_manifest", "every-status")
PHASE = ("comparison_manifest", "phase-alone")
SUMMARY = ("metrics_summary", "one-protocol")
REPLICATES = ("metrics_summary", "three-replicates")
EIGHT = ("comparison_table", "eight-replicates")
STATE = ("job_state", "running")
DIFFERENCE = ("hub_difference", "three-replicates")
TWO_HUBS = ("hub_difference", "two-hubs")
OTHERWISE = ("hub_difference", "failed-and-other-protocol")
ASSESSED = ("assessment", "one-failed")
OWN = ("assessment", "own-networks")
CERTIFIED = ("certificate", "reproduced")
DIVERGED = ("certificate", "diverged")
CONFORMING = ("conformance", "exceptions")
NOT_CONFORMING = ("conformance", "failed")

HOME = "/home/somebody/study"
GONE = object()


@dataclass(frozen=True)
class Case:
    """A change of a sound example, and the finding that it leads to."""

    code: str
    place: str
    example: tuple[str, str]
    changes: dict[str, Any]

    def value(self) -> Any:
        """Return the changed example."""
        return changed(self.example, self.changes)


def changed(of: tuple[str, str], changes: dict[str, Any]) -> Any:
    """Return an example with other values at some pointers, `jobs/0/dose`; `GONE` removes."""
    value = copy.deepcopy(example(of[0], f"{of[1]}.json"))
    for pointer, new in changes.items():
        *steps, last = [int(step) if step.isdecimal() else step for step in pointer.split("/")]
        holder = value
        for step in steps:
            holder = holder[step]
        if new is GONE:
            del holder[last]
        else:
            holder[last] = new(holder[last]) if callable(new) else new
    return value


def case(code: str, place: str, of: tuple[str, str], **changes: Any) -> Case:
    """Return a case of one change; slashes in a pointer are written as two underscores."""
    return Case(code, place, of, {pointer.replace("__", "/"): new for pointer, new in changes.items()})


def twice(entries: list[Any]) -> list[Any]:
    """Return a list with its first entry again at its end."""
    return [*entries, copy.deepcopy(entries[0])]
