"""Protocols: what is in the hash, and that rows of two of them cannot stand in one table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from ptyproof.errors import InputError
from ptyproof.metrics import protocol as protocol_module
from ptyproof.metrics.definitions import headline, metric_definitions
from ptyproof.metrics.protocol import Recipe, difference, one_protocol, protocol, protocol_sha256, recipe_of
from ptyproof.phases.g_compare.tables import table
from ptyproof.physics import frc
from ptyproof.study.design import StudyDesign, design_from_dict
from tests.helpers.messages import naming

RECIPE = Recipe()
OF_VERSION_1 = "76c2ea4d0d0dd1d59788823603bd770923b7d30c15f60b143711e28974b5bd35"
USUAL = protocol(RECIPE, "test", "true", "all of it")


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (protocol(RECIPE, "train", "true", "all of it"), ("split", "'test'", "'train'")),
        (protocol(RECIPE, "test", "estimated", "all of it"), ("probe", "'true'", "'estimated'")),
        (protocol(RECIPE, "test", "true", "with training"), ("timing_scope", "'all of it'", "'with training'")),
        (
            protocol(replace(RECIPE, crop_fraction=0.1), "test", "true", "all of it"),
            ("crop.illumination_at_least", "0.05", "0.1"),
        ),
        (
            protocol(replace(RECIPE, max_shift_px=3.0), "test", "true", "all of it"),
            ("alignment.max_shift_px", "8.0", "3.0"),
        ),
        (
            protocol(replace(RECIPE, ms_ssim_sigma_px=2.0), "test", "true", "all of it"),
            ("windows.ms_ssim_sigma_px", "1.0", "2.0"),
        ),
        (
            protocol(replace(RECIPE, frc_level=0.3), "test", "true", "all of it"),
            ("thresholds.frc30", "None", "{'level': 0.3}"),
        ),
        (protocol(replace(RECIPE, version="1"), "test", "true", "all of it"), ("version", "'1'", "'2'")),
        (protocol(replace(RECIPE, align="phase"), "test", "true", "all of it"), ("alignment.ramp", "'left in'")),
        (protocol(replace(RECIPE, slow_sigma_px=4.0), "test", "true", "all of it"), ("slow_sigma_px", "8.0", "4.0")),
        (
            protocol(replace(RECIPE, frc_lowest_nyquist=0.1), "test", "true", "all of it"),
            ("frc_lowest_nyquist", "0.05", "0.1"),
        ),
        (protocol(replace(RECIPE, rate_floor=0.1), "test", "true", "all of it"), ("rate_floor", "0.001", "0.1")),
        (USUAL | {"data_range": "255"}, ("data_range", "'255'")),
    ],
)
def test_rows_of_two_protocols_cannot_stand_in_one_table(other: Any, named: tuple[str, ...]) -> None:
    assert protocol_sha256(other) != protocol_sha256(USUAL)
    cells: list[Any] = [
        {"dose": 1e3, "view": "dense", "gridsize": 2, "split": "test", "method": method, "protocol": digest}
        | {"measures": []}
        for method, digest in (("flat", "a"), ("lsqml", "b"))
    ]
    assert table(cells, {"a": USUAL, "b": USUAL}, RECIPE)["parts"] == USUAL
    with pytest.raises(InputError, match=naming(*named)):
        table(cells, {"a": USUAL, "b": other}, RECIPE)


def test_equal_protocols_have_one_hash_whatever_their_order() -> None:
    again = dict(reversed(protocol(Recipe(), "test", "true", "all of it").items()))
    assert protocol_sha256(again) == protocol_sha256(USUAL)
    assert difference(again, USUAL) == []
    assert one_protocol([USUAL, cast("Any", again)]) is USUAL


def test_a_table_needs_a_row() -> None:
    with pytest.raises(InputError):
        one_protocol([])


def test_the_recipe_is_the_study_s(smoke: StudyDesign) -> None:
    study = replace(smoke, ms_ssim_sigma=2.5, frc_threshold=0.3)
    recipe = recipe_of(study, 0.2)
    assert (recipe.ms_ssim_sigma_px, recipe.frc_level, recipe.crop_fraction) == (2.5, 0.3, 0.2)
    assert list(recipe.thresholds) == ["frc30", "frc143", "frc_1bit", "frc_halfbit"]


def test_the_alignment_is_the_study_s_unless_a_call_says_so(smoke: StudyDesign) -> None:
    study = replace(smoke, align="phase")
    assert (recipe_of(smoke).align, recipe_of(study).align, recipe_of(study, align="full").align) == (
        "full",
        "phase",
        "full",
    )
    assert study.digest() == smoke.digest()  # data and trainings are the same
    assert "align" not in smoke.as_dict()
    assert design_from_dict(study.as_dict()) == study


def test_an_impossible_alignment() -> None:
    with pytest.raises(InputError, match=naming("align", "full", "phase", "'none'")):
        replace(RECIPE, align="none")  # type: ignore[arg-type]


def test_a_recipe_of_version_1_has_its_metrics_and_its_protocol() -> None:
    """The hash is that of a manifest that version 0.2.0 wrote."""
    first = Recipe(version="1")
    assert len(metric_definitions(first)) == 70
    assert "time_s" in headline(first)
    assert not {"align", "slow_sigma_px", "frc_lowest_nyquist"} & first.as_dict().keys()
    assert protocol_sha256(protocol(first, "test", "true", "s")) == OF_VERSION_1


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.5, float("nan")])
def test_an_impossible_crop(smoke: StudyDesign, fraction: float) -> None:
    with pytest.raises(InputError, match=naming("--crop-fraction", "(0, 1]", f"{fraction:g}")):
        recipe_of(smoke, fraction)


def test_the_ratios_of_the_thresholds_are_those_of_the_physics() -> None:
    assert (protocol_module.ONE_BIT, protocol_module.HALF_BIT) == (frc.ONE_BIT, frc.HALF_BIT)
