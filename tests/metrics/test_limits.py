"""What limits the values of a method: a better control, epochs that still changed it, epochs that made it worse."""

from __future__ import annotations

from typing import Any

import pytest

from ptyproof.metrics.definitions import MetricDefinition
from ptyproof.metrics.limits import Behind, Course, behind_controls, course_of, remark_on_courses

LOWER = MetricDefinition("complex NRMSE", "1", "lower")
HIGHER = MetricDefinition("phase SSIM", "1", "higher")


@pytest.mark.parametrize(
    ("values", "definition", "behind"),
    [
        ([0.5], LOWER, [Behind("flat", False)]),
        ([0.3], LOWER, []),
        ([0.5], HIGHER, []),
        ([0.3], HIGHER, [Behind("flat", False)]),
        ([0.5, 0.3], LOWER, []),  # their median is that of the control
        ([0.5, 0.6], LOWER, [Behind("flat", False)]),
        ([0.5, 0.5, 0.5], LOWER, [Behind("flat", True)]),
        ([0.401, 0.401, 0.401], LOWER, []),  # level by the rule
        ([0.5, 0.5, None], LOWER, [Behind("flat", False)]),
        ([None], LOWER, []),
    ],
)
def test_a_method_is_behind_the_object_without_structure_by_the_rule_or_by_its_value(
    values: list[float | None], definition: MetricDefinition, behind: list[Behind]
) -> None:
    all_values: dict[str, list[float | None]] = {"flat": [0.4] * len(values), "lsqml": values}
    assert list(behind_controls("lsqml", all_values, definition)) == behind
    assert list(behind_controls("flat", all_values, definition)) == []
    assert list(behind_controls("lsqml", {"lsqml": values}, definition)) == []


def test_a_network_is_held_against_its_own_start_as_well() -> None:
    values: dict[str, list[float | None]] = {"flat": [0.4], "start": [0.6], "pinn": [0.7]}
    found = {method: [one.control for one in behind_controls(method, values, LOWER)] for method in values}
    assert found == {"flat": [], "start": ["flat"], "pinn": ["flat", "start"]}


@pytest.mark.parametrize(
    ("errors", "got_worse"),
    [([0.417, 0.43, 0.494], True), ([0.5, 0.3, 0.305], False), ([0.5, 0.3, 0.32], True), ([0.3], False), ([], False)],
)
def test_a_result_whose_error_had_been_smaller_got_worse(errors: list[float], got_worse: bool) -> None:
    cell: Any = {"convergence": {"converged": True, "complex_nrmse": errors}}
    assert course_of(cell) == Course(True, got_worse)
    assert course_of({}) == Course(True, False)


def test_the_replicates_of_a_method_are_counted() -> None:
    assert remark_on_courses([Course(True, False)] * 2) is None
    (text,) = {remark_on_courses([Course(False, True), Course(False, False)])}
    assert text is not None
    assert "not converged," in text
    assert text.endswith("1 of 2")
