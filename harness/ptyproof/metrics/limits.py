"""What readers must know of the values of a method: worse than a control, not converged, worse with its epochs.

A method is held against the object without structure (`flat`) and, where it begins with a network, against the same
method without it. Methods stop after the epochs that they were given. A result that changed in the last fifth of them
had not converged; one whose error had been smaller by more than 2 % after fewer epochs got worse, as a method that fits
noise does, also where it changes no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ptyproof.metrics.paired import judge
from ptyproof.metrics.protocol import LARGEST_CHANGE
from ptyproof.metrics.ranking import FLAT, OWN_CONTROLS

if TYPE_CHECKING:
    from ptyproof.metrics.definitions import MetricDefinition

HEADLINE = "complex_nrmse"  # decides where a remark is on a method in a cell, and not on one metric
NOT_CONVERGED = "not converged"
GOT_WORSE = "got worse with more epochs"


class Course(NamedTuple):
    """How the epochs of a result went: whether the last ones changed little, and whether earlier ones were better."""

    converged: bool
    got_worse: bool


def course_of(cell: Mapping[str, Any]) -> Course:
    """Return how the epochs of a compared cell went, as its record has them; a method without epochs had no course."""
    found = cell.get("convergence")
    if found is None:
        return Course(True, False)
    errors = found.get("complex_nrmse")
    return Course(found["converged"], bool(errors) and errors[-1] * (1 - LARGEST_CHANGE) > min(errors))


def remark_on_courses(courses: Sequence[Course]) -> str | None:
    """Return the remark on the replicates of a method in a cell; None if all converged and none got worse."""
    n = len(courses)
    counts = {
        NOT_CONVERGED: sum(not course.converged for course in courses),
        GOT_WORSE: sum(course.got_worse for course in courses),
    }
    said = [text if found == n else f"{text}: {found} of {n}" for text, found in counts.items() if found]
    return ", ".join(said) or None


class Behind(NamedTuple):
    """A control that a method is worse than, and whether the rule for replicates says so."""

    control: str
    is_decided: bool

    def __str__(self) -> str:
        return self.by("")

    def by(self, label: str) -> str:
        """Return the remark with the name of the metric."""
        metric = f" by {label}" if label else ""
        return f"behind {self.control}{metric}" if self.is_decided else f"worse than {self.control}{metric}, undecided"


def behind_controls(
    method: str, values: Mapping[str, Sequence[float | None]], definition: MetricDefinition
) -> Iterator[Behind]:
    """Yield the controls that a method is behind, or worse than where the replicates are too few for the rule.

    Parameters
    ----------
    method
        The method.
    values
        Values of each method of a cell, in the same order of replicates; None where a method has no value.
    definition
        Of the metric.
    """
    for control in dict.fromkeys((FLAT, OWN_CONTROLS.get(method))):
        if control is None or control == method or control not in values or method not in values:
            continue
        judged = judge(values[method], values[control], definition)
        is_worse = judged.outcome == "undecided" and judged.relative is not None and judged.relative < 0
        if judged.outcome == "behind" or is_worse:
            yield Behind(control, not is_worse)


def remarks_in(remarks: Iterable[object]) -> str | None:
    """Return remarks as one text; None without one."""
    return ", ".join(str(remark) for remark in remarks if remark) or None
