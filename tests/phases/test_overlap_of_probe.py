"""Views by the overlap of the probe: distances follow its measured diameter, and the built-in study skips nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ptyproof.checking import check_manifest, check_value
from ptyproof.errors import DesignError
from ptyproof.phases.base import make_base
from ptyproof.phases.d_overlap.overlap import overlap
from ptyproof.phases.d_overlap.selection import ViewPlan, select_view
from ptyproof.physics.probes import encircled_diameter_px
from ptyproof.physics.split import split_halves
from ptyproof.study.builtin import builtin_study
from ptyproof.study.exposures import Exposure
from ptyproof.study.layout import HALVES
from ptyproof.study.views import Spacing, View
from tests.helpers.messages import naming
from tests.helpers.phases import Phase

STUDY = builtin_study("fly64-overlap")


def test_every_view_of_the_built_in_study_is_possible() -> None:
    base = make_base(STUDY)
    split = split_halves(base.positions_px, base.probe, STUDY.illumination_fraction)
    diameter = encircled_diameter_px(base.probe, 0.9)
    for view in STUDY.views:
        plan = ViewPlan(
            Exposure(1e3), view, 64, STUDY.neighbors_of(view), STUDY.min_acceptance_rate, STUDY.seeds, diameter, "given"
        )
        for half, index in zip(HALVES, (split.train, split.test), strict=True):
            found = select_view(plan, half, base.positions_px[index])
            assert found.rejection is None, view.name
            assert found.record["grouping"]["n_groups_actual"] >= 50


def test_distances_follow_the_diameter_that_is_recorded(smoke_c: Phase, tmp_path: Path) -> None:
    study = builtin_study("fly64-smoke")
    views = tuple(View(f"o{f:g}", 1, Spacing(f, "probe")) for f in (0.5, 0.8))
    made = overlap(smoke_c.root, tmp_path / "d", design=replace(study, views=views, min_acceptance_rate=0.01))
    assert len(made["views"]) == 6
    for cell in made["views"]:
        selection, diameter = cell["test"]["selection"], cell["test"]["overlap"]["probe_diameter_px"]
        assert selection["kind"] == "spacing"
        assert selection["threshold_px"] == pytest.approx((1 - selection["overlap_fraction"]) * diameter)
        least = cell["test"]["spacing_after_selection"]["min_px"]
        assert least is not None
        assert least >= selection["threshold_px"]
    path = tmp_path / "d" / "overlap_manifest.json"
    assert [str(found) for found in check_manifest(path).findings if found.severity == "error"] == []
    changed = json.loads(path.read_text())
    changed["views"][0]["test"]["selection"]["reference"] = "window"
    assert "PM618" in {found.code for found in check_value(changed).findings}


def test_another_reference_is_refused() -> None:
    with pytest.raises(DesignError, match=naming("reference", "window, probe", "detector")):
        Spacing(0.5, "detector")  # type: ignore[arg-type]
