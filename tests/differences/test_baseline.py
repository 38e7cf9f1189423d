"""A baseline: which states and metrics of a run's cells are worse than in an earlier hub."""

from __future__ import annotations

import copy
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ptyproof.differences.baseline import Baseline, open_baseline
from ptyproof.differences.cells import CellState
from ptyproof.differences.held import held_against
from ptyproof.differences.sides import manifests_in
from ptyproof.errors import InputError
from ptyproof.hub.layout import COMPARISON
from ptyproof.records.manifest import read_manifest
from ptyproof.study.design import StudyDesign
from tests.helpers.messages import names, naming

NAME, CALLED = "dose10000-baseline-gs1-test-{}", "dose10000-baseline-gs1-test"


def comparison_with(root: Path, errors: list[float]) -> Any:
    """Return the comparison of a hub with so many replicates of lsqml, with these errors."""
    manifest: Any = copy.deepcopy(read_manifest(root / COMPARISON, "comparison_manifest"))
    cell = next(cell for cell in manifest["cells"] if cell["method"] == "lsqml")
    cell["measures"] = [entry for entry in cell["measures"] if entry["metric"] == "complex_nrmse"]
    others = [other for other in manifest["cells"] if other is not cell]
    for number, value in enumerate(errors, start=1):
        own = copy.deepcopy(cell) | ({} if number == 1 else {"replicate": number})
        own["measures"][0]["value"] = value
        others.append(own)
    return manifest | {"cells": others}


@pytest.fixture
def baseline(old: Path) -> Baseline:
    """The old hub."""
    return open_baseline(old)


def test_results_are_worse_better_or_level(baseline: Baseline, old: Path, noisier: Path, failed: Path) -> None:
    assert held_against(baseline, manifests_in(old)) == {"n_worse": 0, "n_better": 0, "n_level": 3, "changes": []}
    found = held_against(baseline, manifests_in(noisier))
    assert (found["n_worse"], found["n_better"], found["n_level"]) == (1, 0, 2)
    assert [(one["result"], one["outcome"]) for one in found["changes"]] == [(NAME.format("lsqml"), "worse")]
    back = held_against(open_baseline(noisier), manifests_in(old))
    assert [(one["result"], one["outcome"]) for one in back["changes"]] == [(NAME.format("lsqml"), "better")]
    lost = held_against(baseline, manifests_in(failed))
    assert (lost["n_worse"], lost["n_level"]) == (1, 2)
    assert names(lost["changes"][0]["reason"], "success", "failed", "diverged")


def test_a_packed_baseline_is_the_baseline(baseline: Baseline, old: Path, tmp_path: Path) -> None:
    packed = open_baseline(Path(shutil.make_archive(str(tmp_path / "october"), "zip", old)))
    assert (packed.name, packed.side.sha256) == ("october.zip", baseline.side.sha256)
    assert packed.side.manifests == baseline.side.manifests


@pytest.mark.parametrize(
    ("status", "worse"),
    [("failed", True), ("lost", True), ("skipped", True), ("not_selected", False), ("success", False), (None, False)],
)
def test_a_success_that_has_no_result_any_more_is_worse(baseline: Baseline, status: str | None, worse: bool) -> None:
    name = NAME.format("pinn")
    state = None if status is None else CellState(status, "diverged", {})
    sentence = baseline.worse_state("reconstruction", name, state)
    assert (sentence is not None) is worse
    assert sentence is None or names(sentence, name, "success", str(status), "october", "diverged")
    assert baseline.worse_state("reconstruction", NAME.format("rpie"), state) is None


def test_the_worst_metric_of_the_cells_is_named_with_both_values(baseline: Baseline, noisier: Path) -> None:
    manifest = read_manifest(noisier / COMPARISON, "comparison_manifest")
    members = [NAME.format(method) for method in ("start", "lsqml", "pinn")]
    assert names(baseline.worse_scores("comparison", manifest, members, CALLED) or "", "lsqml", CALLED, "october")
    assert baseline.worse_scores("comparison", manifest, [NAME.format("none")], CALLED) is None
    assert replace(baseline, tolerance=0.9).worse_scores("comparison", manifest, members, CALLED) is None


@pytest.mark.parametrize(
    ("errors", "worse"), [([0.11, 0.12, 0.13], True), ([0.11, 0.12, 0.09], False), ([0.09, 0.08, 0.09], False)]
)
def test_replicates_are_judged_together(old: Path, baseline: Baseline, errors: list[float], worse: bool) -> None:
    earlier = {**baseline.side.manifests, "comparison": comparison_with(old, [0.1, 0.1, 0.1])}
    held = replace(baseline, side=replace(baseline.side, manifests=earlier))
    sentence = held.worse_scores("comparison", comparison_with(old, errors), [NAME.format("lsqml")], CALLED)
    assert (sentence is not None) is worse
    assert sentence is None or names(sentence, "0.1", "0.12", "median of 3")


def test_a_baseline_needs_a_cell_of_the_study(baseline: Baseline, tiny: StudyDesign, tmp_path: Path) -> None:
    baseline.check(tiny)
    assert not baseline.is_of(replace(tiny, neighbor_count=5))
    other = replace(tiny, name="other", doses_photons_per_pattern=(1e3,))
    with pytest.raises(InputError, match=naming("--baseline", str(baseline.side.path), "other")):
        baseline.check(other)
    with pytest.raises(InputError, match=naming("--baseline", str(tmp_path / "nowhere"))):
        open_baseline(tmp_path / "nowhere")
