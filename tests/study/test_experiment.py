"""The tables `detector` and `beam`, and `tells`: what they accept, what they refuse, and what they leave as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ptyproof.errors import DesignError
from ptyproof.io.knowledge import KNOWLEDGE, TELLS
from ptyproof.io.schema import schema_errors
from ptyproof.io.toml import read_toml
from ptyproof.metrics.protocol import protocol, protocol_sha256, recipe_of
from ptyproof.study.builtin import STUDY_NAMES, builtin_study
from ptyproof.study.design import design_from_dict
from ptyproof.study.experiment import BeamDesign, DetectorDesign
from ptyproof.study.toml_form import study_to_toml
from tests.helpers.messages import naming

SMOKE = builtin_study("fly64-smoke")
DETECTOR: dict[str, Any] = {
    "gap_rows": [[15, 2]],
    "gap_cols": [[3, 1], [20, 2]],
    "dead_pixel_fraction": 0.01,
    "saturation_counts": 100.0,
    "background_fraction": 0.05,
    "psf_sigma_px": 0.5,
}
BEAM: dict[str, Any] = {
    "mode_powers": [0.8, 0.15, 0.05],
    "coherence_length_px": 40.0,
    "fly_scan_blur_px": 1.0,
    "intensity_error": 0.03,
    "position_error_px": 0.5,
}
WHOLE = SMOKE.as_dict() | {"detector": DETECTOR, "beam": BEAM, "tells": ["psf", "mask"]}


def test_tables_come_back_from_json_and_toml(tmp_path: Any) -> None:
    design = design_from_dict(WHOLE)
    assert design.as_dict()["detector"] == DETECTOR
    assert design.as_dict()["beam"] == BEAM
    assert design.tells == ("mask", "psf")  # in the order of all words
    assert design_from_dict(design.as_dict()) == design
    assert schema_errors(design.as_dict(), "study_design") == []
    path = tmp_path / "study.toml"
    path.write_text(study_to_toml(design), encoding="utf-8")
    assert design_from_dict(read_toml(path, 1 << 18)) == design


def test_absent_tables_leave_designs_and_digests_as_they_are() -> None:
    """Digests of studies from before there were the tables."""
    known = {
        "fly64": "ba03150cdafe4b60c5bd1d627f2aa534137853410f702f17ceed29a5d6659361",
        "fly64-smoke": "06465148bc5760d2328b13fbd55f967057e7d9498102b55157ab0900e8752f63",
        "fly64-unseen": "7ced1fb343438d0e417ecb826467abba0656db554939a8edc6ed4e040960d34a",
    }
    for name, digest in known.items():
        design = builtin_study(name)
        assert not {"detector", "beam", "tells"} & set(design.as_dict())
        assert design.digest() == digest


def test_each_table_is_part_of_the_digest() -> None:
    digests = {SMOKE.digest()}
    for key, value in (("detector", DETECTOR), ("beam", BEAM), ("tells", ["mask"])):
        digests.add(design_from_dict(SMOKE.as_dict() | {key: value}).digest())
    assert len(digests) == 4


def test_what_methods_are_told_is_part_of_the_protocol() -> None:
    recipe = recipe_of(SMOKE)
    plain = protocol(recipe, "test", "true", "all")
    assert "tells" not in plain
    hashes = {
        protocol_sha256(protocol(recipe, "test", "true", "all", None, tells)) for tells in ((), ("mask",), KNOWLEDGE)
    }
    assert len(hashes) == 3
    assert protocol_sha256(plain) in hashes


def test_the_built_in_study_has_all_flaws_at_once() -> None:
    assert "fly64-real" in STUDY_NAMES
    real = builtin_study("fly64-real")
    assert real.tells == TELLS
    assert real.detector is not None
    assert real.beam is not None
    assert set(real.beam.as_dict()) == set(BEAM)
    clean = replace(real, name="fly64", detector=None, beam=None, tells=())
    assert clean == builtin_study("fly64")


REFUSED: list[tuple[str, dict[str, Any], tuple[object, ...]]] = [
    ("detector", {"gaps": []}, ("detector.gaps", "gap_rows")),
    ("detector", {}, ("detector",)),
    ("detector", {"gap_rows": [[31, 2]]}, ("detector.gap_rows", "N = 32")),
    ("detector", {"gap_rows": [[-1, 2]]}, ("detector.gap_rows", "-1")),
    ("detector", {"gap_rows": [[1, 0]]}, ("detector.gap_rows", 0)),
    ("detector", {"gap_rows": [3, 2]}, ("detector.gap_rows",)),
    ("detector", {"gap_cols": [[1, 2, 3]]}, ("detector.gap_cols",)),
    ("detector", {"gap_cols": 3}, ("detector.gap_cols", 3)),
    ("detector", {"gap_rows": [[1.5, 2]]}, ("detector.gap_rows", "1.5")),
    ("detector", {"dead_pixel_fraction": 0.7}, ("detector.dead_pixel_fraction", "0.5", "0.7")),
    ("detector", {"dead_pixel_fraction": 0}, ("detector.dead_pixel_fraction",)),
    ("detector", {"saturation_counts": 0.5}, ("detector.saturation_counts", "0.5")),
    ("detector", {"saturation_of_peak": 1.5}, ("detector.saturation_of_peak", "1.5")),
    ("detector", {"saturation_counts": 5, "saturation_of_peak": 0.5}, ("saturation_counts", "saturation_of_peak")),
    ("detector", {"background_counts": -1}, ("detector.background_counts", "-1")),
    ("detector", {"background_counts": 1, "background_fraction": 1}, ("background_counts", "background_fraction")),
    ("detector", {"psf_sigma_px": float("nan")}, ("detector.psf_sigma_px", "nan")),
    ("detector", {"psf_sigma_px": -0.5}, ("detector.psf_sigma_px", "-0.5")),
    ("detector", {"psf_sigma_px": "0.5"}, ("detector.psf_sigma_px", "'0.5'")),
    ("detector", {"psf_sigma_px": True}, ("detector.psf_sigma_px", "True")),
    ("beam", {"modes": 2}, ("beam.modes", "mode_powers")),
    ("beam", {}, ("beam",)),
    ("beam", {"mode_powers": [1.0]}, ("beam.mode_powers", 16)),
    ("beam", {"mode_powers": [0.4, 0.6]}, ("beam.mode_powers", "0.4", "0.6")),
    ("beam", {"mode_powers": [1.0, 0.0]}, ("beam.mode_powers",)),
    ("beam", {"mode_powers": [1.0] * 17}, ("beam.mode_powers", 16)),
    ("beam", {"mode_powers": 0.5}, ("beam.mode_powers", "0.5")),
    ("beam", {"coherence_length_px": 0.5}, ("beam.coherence_length_px", "0.5")),
    ("beam", {"fly_scan_blur_px": -1}, ("beam.fly_scan_blur_px", "-1")),
    ("beam", {"intensity_error": 2}, ("beam.intensity_error", "0.5", 2)),
    ("beam", {"position_error_px": 100}, ("beam.position_error_px", 16, 100)),
]


@pytest.mark.parametrize(("table", "values", "parts"), REFUSED)
def test_what_no_experiment_has(table: str, values: dict[str, Any], parts: tuple[object, ...]) -> None:
    with pytest.raises(DesignError, match=naming(*parts)):
        design_from_dict(SMOKE.as_dict() | {table: values})


@pytest.mark.parametrize("tells", ["mask", ["truth"], ["mask", "mask"], [1], {"mask": True}])
def test_what_no_method_can_be_told(tells: Any) -> None:
    with pytest.raises(DesignError, match=naming("tells")):
        design_from_dict(SMOKE.as_dict() | {"tells": tells})


def test_a_table_without_a_flaw_is_refused_in_python_too() -> None:
    for kind in (DetectorDesign, BeamDesign):
        with pytest.raises(DesignError):
            kind()
