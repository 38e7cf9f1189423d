"""Metrics of two hubs: which differences are a worsening, by the rule of replicates and the tolerance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ptyproof.differences.difference import difference_of
from ptyproof.differences.sides import Side, read_side, read_sides
from ptyproof.errors import InputError
from ptyproof.metrics.definitions import TIME, family
from tests.helpers.differing import CELL, TRAININGS, Change, changed, score_of, with_replicates
from tests.helpers.messages import names, naming


def test_a_noisier_method_is_worse_and_the_others_are_not(old: Path, noisier: Path) -> None:
    sides = read_sides(old, noisier)
    found = difference_of(*sides)
    assert found["is_worse"]
    assert {entry["method"] for entry in found["metrics"] if entry["is_worse"]} == {"lsqml"}
    score = score_of(found)
    assert (score["judged"]["outcome"], score["judged"]["n"], score["data"]) == ("undecided", 1, "same")
    (before,), (after,) = score["old"], score["new"]
    assert score["judged"]["relative"] == pytest.approx((before - after) / after)
    assert [(entry["cell"], entry["what"]) for entry in found["digests"]] == [(CELL.format("lsqml"), "arrays")]
    back = difference_of(sides[1], sides[0])
    assert not back["is_worse"]
    assert score_of(back)["judged"]["relative"] == -score["judged"]["relative"]


@pytest.mark.parametrize(
    ("old_values", "new_values", "outcome", "worse"),
    [
        ([0.10], [0.101], "undecided", False),
        ([0.10], [0.11], "undecided", True),
        ([0.10], [0.09], "undecided", False),
        ([0.10, 0.10], [0.11, 0.12], "undecided", True),
        ([0.10, 0.10, 0.10], [0.105, 0.106, 0.107], "behind", True),
        ([0.10, 0.10, 0.10], [0.101, 0.101, 0.101], "level", False),
        ([0.10, 0.10, 0.10], [0.12, 0.13, 0.09], "level", False),
        ([0.10, 0.10, 0.10], [0.08, 0.09, 0.07], "ahead", False),
        ([0.10, 0.10, 0.10], [0.11, None, 0.12], "undecided", True),
        ([0.10] * 9, [0.10 + 1e-4 * n for n in range(1, 10)], "behind", False),  # certain, and within the tolerance
    ],
)
def test_the_rule_decides_from_three_replicates_on_and_the_tolerance_below(
    side: Side, old_values: list[float], new_values: list[float | None], outcome: str, worse: bool
) -> None:
    sides = [changed(side, "comparison", with_replicates(values)) for values in (old_values, new_values)]
    score = score_of(difference_of(sides[0], sides[1]))
    assert (score["judged"]["outcome"], score["is_worse"]) == (outcome, worse)
    assert (score["old"], score["new"]) == (old_values, new_values)


def test_replicates_that_one_side_lacks_are_not_paired(side: Side) -> None:
    sides = [changed(side, "comparison", with_replicates(values)) for values in ([0.1], [0.1, 0.2, 0.3])]
    score = score_of(difference_of(sides[0], sides[1]))
    assert (score["replicates"], score["judged"]["reasons"]) == ([1], ["too_few_replicates"])


@pytest.mark.parametrize(("tolerance", "worse"), [(0.0, True), (0.05, True), (0.2, False)])
def test_the_tolerance_is_relative(side: Side, tolerance: float, worse: bool) -> None:
    sides = [changed(side, "comparison", with_replicates(values)) for values in ([0.1], [0.11])]
    assert difference_of(sides[0], sides[1], tolerance)["is_worse"] is worse


@pytest.mark.parametrize("tolerance", [-0.1, 1.0, float("nan")])
def test_a_tolerance_that_cannot_be_is_refused(side: Side, tolerance: float) -> None:
    with pytest.raises(InputError, match=naming("--tolerance", f"{tolerance:g}")):
        difference_of(side, side, tolerance)


def test_times_are_shown_and_never_worse(side: Side) -> None:
    def slower(manifest: Any) -> None:
        for cell in manifest["cells"]:
            for entry in cell["measures"]:
                if family(entry["metric"]) == TIME and entry["value"] is not None:
                    entry["value"] *= 100

    found = difference_of(side, changed(side, "comparison", slower))
    assert not found["is_worse"]
    times = [entry for entry in found["metrics"] if family(entry["metric"]) == TIME]
    assert times
    assert {(entry["judged"], entry["is_worse"]) for entry in times} == {(None, False)}
    assert any(entry["old"] != entry["new"] for entry in times)


def settings(method: str, value: float) -> Change:
    """Return a change of the settings of a method in the protocol."""

    def change(manifest: Any) -> None:
        for entry in manifest["protocols"]:
            own = {"options": {"momentum": value}, "budget": {"epochs": 1, "seconds": None}}
            entry["parts"]["methods"] = entry["parts"].get("methods", {}) | {method: own}

    return change


def test_metrics_of_other_protocols_are_not_compared(side: Side) -> None:
    def cropped(manifest: Any) -> None:
        with_replicates([9.0])(manifest)
        for entry in manifest["protocols"]:
            entry["parts"]["crop"]["illumination_at_least"] = 0.1

    found = difference_of(side, changed(side, "comparison", cropped))
    score = score_of(found)
    assert (score["protocol"], score["judged"], score["is_worse"], score["new"]) == ("other", None, False, [9.0])
    assert any(names(remark, "protocol", "lsqml") for remark in found["remarks"])


def test_settings_of_another_method_are_no_other_protocol(side: Side) -> None:
    sides = [changed(side, "comparison", settings("lsqml", value)) for value in (0.5, 0.9)]
    found = difference_of(sides[0], sides[1])
    protocols = {entry["method"]: entry["protocol"] for entry in found["metrics"]}
    assert protocols == {"start": "same", "lsqml": "other", "pinn": "same"}


def test_other_patterns_are_said(side: Side, tiny: Any) -> None:
    def other(manifest: Any) -> None:
        for cell in manifest["cells"]:
            cell["dataset"]["sha256"] = "9" * 64

    found = difference_of(side, changed(side, "comparison", other))
    assert {entry["data"] for entry in found["metrics"]} == {"other"}
    assert any("patterns" in remark for remark in found["remarks"])


def test_worse_scores_of_a_training_are_worse() -> None:
    side = read_side(TRAININGS / "whole-dose.json")

    def change(manifest: Any) -> None:
        job = next(job for job in manifest["jobs"] if job["scores"] is not None)
        job["scores"]["poisson_loss"]["network"] *= 1.1

    found = difference_of(side, changed(side, "training", change))
    assert [entry["metric"] for entry in found["metrics"] if entry["is_worse"]] == ["poisson_loss"]
