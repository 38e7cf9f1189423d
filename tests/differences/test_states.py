"""Cells of two hubs: which change of a state is a worsening."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ptyproof.differences.difference import difference_of
from ptyproof.differences.sides import Side, read_sides
from tests.helpers.differing import CELL, changed


def test_a_success_that_failed_is_worse_and_a_failure_that_succeeds_is_not(old: Path, failed: Path) -> None:
    sides = read_sides(old, failed)
    found = difference_of(*sides)
    assert found["states"] == [
        {
            "record": "reconstruction",
            "cell": CELL.format("pinn"),
            "old": "success",
            "new": "failed",
            "reason": "diverged",
            "is_worse": True,
        }
    ]
    assert found["is_worse"]
    assert not any(entry["is_worse"] or entry["method"] == "pinn" for entry in found["metrics"])
    back = difference_of(sides[1], sides[0])
    assert ([entry["is_worse"] for entry in back["states"]], back["is_worse"]) == ([False], False)


@pytest.mark.parametrize(
    ("status", "worse"), [("failed", True), ("lost", True), ("skipped", True), ("not_selected", False)]
)
def test_every_state_but_not_selected_is_worse_than_success(side: Side, status: str, worse: bool) -> None:
    alone = replace(side, manifests={"comparison": side.manifests["comparison"]})

    def change(manifest: Any) -> None:
        manifest["cells"][0] |= {"status": status, "reason": "why"}

    (state,) = difference_of(alone, changed(alone, "comparison", change))["states"]
    assert (state["record"], state["new"], state["is_worse"]) == ("comparison", status, worse)


def test_cells_appear_and_vanish(side: Side) -> None:
    def other(manifest: Any) -> None:
        manifest["jobs"][0]["method"] = "rpie"

    states = difference_of(side, changed(side, "reconstruction", other))["states"]
    assert [(entry["cell"], entry["old"], entry["new"], entry["is_worse"]) for entry in states] == [
        (CELL.format("rpie"), None, "success", False),
        (CELL.format("start"), "success", None, False),
    ]
