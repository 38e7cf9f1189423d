"""Study designs: what is possible, what is refused and how, and the way through TOML and back."""

from __future__ import annotations

import copy
import pickle
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from ptyproof.errors import DataError, DesignError
from ptyproof.io.schema import schema_errors
from ptyproof.study.builtin import STUDY_NAMES, builtin_study
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.layout import dose_folder
from ptyproof.study.toml_form import load_study, study_to_toml
from ptyproof.study.views import Spacing
from tests.helpers.ledgers import study_of
from tests.helpers.messages import naming
from tests.strategies.designs import designs

FLY64 = builtin_study("fly64").as_dict()


def changed(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """Return the fly64 study as a table with one value changed; `...` removes the key."""
    table: Any = copy.deepcopy(FLY64)
    inner = table
    for key in path[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return dict(table)


@given(designs())
def test_a_design_survives_toml_and_json(design: StudyDesign) -> None:
    assert design_from_dict(tomllib.loads(study_to_toml(design))) == design
    assert design_from_dict(design.as_dict()) == design
    assert design_from_dict(design.as_dict()).digest() == design.digest()


@given(designs())
def test_every_possible_design_obeys_the_schema(design: StudyDesign) -> None:
    assert schema_errors(design.as_dict(), "study_design") == []


@given(designs())
def test_doses_never_share_a_folder(design: StudyDesign) -> None:
    folders = {dose_folder(dose) for dose in design.doses_photons_per_pattern}
    assert len(folders) == len(design.doses_photons_per_pattern)
    assert all(float(folder.removeprefix("dose_")) in design.doses_photons_per_pattern for folder in folders)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("colour",), 1, ["colour", "not a key", "doses_photons_per_pattern"]),
        (("views", 1, "overlap"), 0.5, ["views[1].overlap", "not a key", "overlap_fraction"]),
        (("views", 0, "overlap_fraction"), 0.5, ["views[0].overlap_fraction", "not a key"]),
        (("base", "size"), 3, ["base.size", "not a key", "step_px"]),
        (("seeds", "noise"), 3, ["seeds.noise", "not a key", "simulation"]),
        (("name",), ..., ["name", "missing"]),
        (("views", 1, "overlap_fraction"), ..., ["views[1].overlap_fraction", "missing"]),
        (("name",), "../etc", ["name", "'../etc'"]),
        (("pattern_size_px",), "64", ["pattern_size_px", "'64'", ">= 8"]),
        (("pattern_size_px",), True, ["pattern_size_px", "True"]),
        (("pattern_size_px",), 7, ["pattern_size_px", "got 7"]),
        (("neighbor_count",), 3, ["neighbor_count", "dense", ">= gridsize^2 = 4", "got 3"]),
        (("views", 1, "neighbor_count"), 3, ["neighbor_count", "dense", "got 3"]),
        (("views", 1, "gridsize"), 0, ["views.dense.gridsize", "got 0"]),
        (("views", 1, "gridsize"), 3, ["neighbor_count", ">= gridsize^2 = 9", "got 7"]),
        (("views", 1, "overlap_fraction"), 1.0, ["views[1].overlap_fraction", "[0, 1)", "1.0"]),
        (("views", 1, "overlap_fraction"), -0.1, ["overlap_fraction", "[0, 1)", "-0.1"]),
        (("views", 1, "overlap_fraction"), float("nan"), ["overlap_fraction", "[0, 1)", "nan"]),
        (("views", 1, "selection"), "some", ["views[1].selection", "all, spacing, sampling", "'some'"]),
        (("views", 1, "name"), "Baseline", ["views", "'baseline'"]),
        (("views",), [], ["views", "got []"]),
        (("views",), "dense", ["views", "'dense'"]),
        (("doses_photons_per_pattern",), [], ["doses_photons_per_pattern", "got []"]),
        (("doses_photons_per_pattern",), [0], ["doses_photons_per_pattern", "> 0", "got 0"]),
        (("doses_photons_per_pattern",), [-1.0], ["doses_photons_per_pattern", "> 0", "got -1.0"]),
        (("doses_photons_per_pattern",), [float("nan")], ["doses_photons_per_pattern", "nan"]),
        (("doses_photons_per_pattern",), [float("inf")], ["doses_photons_per_pattern", "inf"]),
        (("doses_photons_per_pattern",), [1e300], ["doses_photons_per_pattern", "<= 1e+15", "1e+300"]),
        (("doses_photons_per_pattern",), [10**400], ["doses_photons_per_pattern", "<= 1e+15"]),
        (("doses_photons_per_pattern",), ["1000"], ["doses_photons_per_pattern", "'1000'"]),
        (
            ("doses_photons_per_pattern",),
            [1000, 1000.0],
            ["doses_photons_per_pattern", "dose_1000", "[1000, "],
        ),
        (("min_acceptance_rate",), 0, ["min_acceptance_rate", "(0, 1]"]),
        (("seeds", "simulation"), -1, ["seeds.simulation", ">= 0", "-1"]),
        (("base", "jitter_px"), 5.0, ["base.jitter_px", "step_px / 2", "5.0"]),
        (("base", "object"), "cat", ["base.object", "grains", "'cat'"]),
        (("base", "scan_rows"), 0, ["base.scan_rows", ">= 1"]),
        (("base",), 3, ["base", "got 3"]),
    ],
)
def test_an_impossible_design_is_refused_with_key_value_and_what_is_allowed(
    path: tuple[str | int, ...], value: Any, words: list[str]
) -> None:
    with pytest.raises(DesignError) as caught:
        design_from_dict(changed(path, value))
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_canonical_study_is_the_published_one() -> None:
    design = builtin_study("fly64")
    assert design.doses_photons_per_pattern == (1e3, 1e4, 1e5)
    assert [(view.name, view.gridsize) for view in design.views] == [("baseline", 1), ("dense", 2), ("sparse", 2)]
    thresholds = [v.selection.spacing_px(64, 26.0) for v in design.views if isinstance(v.selection, Spacing)]
    assert thresholds == pytest.approx([19.2, 51.2])
    assert (design.seeds.simulation, design.seeds.grouping, design.seeds.subsampling) == (42, 123, 456)
    assert (design.neighbor_count, design.ms_ssim_sigma, design.frc_threshold) == (7, 1.0, 0.5)


def test_the_canonical_constants_at_128_px() -> None:
    design = builtin_study("fly001")
    assert design.base is None
    thresholds = [v.selection.spacing_px(128, 26.0) for v in design.views if isinstance(v.selection, Spacing)]
    assert thresholds == pytest.approx([38.4, 102.4])


@pytest.mark.parametrize("name", STUDY_NAMES)
def test_a_built_in_study_can_be_started_from(name: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(study_to_toml(load_study(name)), encoding="utf-8")
    assert load_study(str(file)) == builtin_study(name)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name = ", ["TOML"]),
        (b"", ["doses_photons_per_pattern"]),
        (b"\xff\xfe", ["UTF-8", "byte 0"]),
        (b"x" * ((1 << 18) + 1), [str(1 << 18)]),
        (b'name = "a"\nname = "b"\n', ["TOML", "line 2"]),
    ],
)
def test_a_damaged_study_file_is_refused(content: bytes, words: list[str], tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_bytes(content)
    with pytest.raises((DataError, DesignError)) as caught:
        load_study(str(file))
    assert all(word in str(caught.value) for word in [str(file), *words])


def test_unknown_names_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match=naming("'fly65'", "fly64", "fly001", "TOML")):
        load_study("fly65")
    with pytest.raises(DataError, match=naming("none.toml", "No such file")):
        load_study(str(tmp_path / "none.toml"))


def test_jobs_carry_a_design_that_is_packed_once_and_small() -> None:
    design = study_of(10_000)
    first, second = (pickle.dumps(design) for _ in range(2))
    assert first == second
    assert len(first) < 3_000
    there = pickle.loads(first)
    assert (there, there.digest(), hash(there)) == (design, design.digest(), hash(design))
    assert pickle.loads(pickle.dumps(replace(there, name="another"))).name == "another"


def test_the_design_of_the_reconstructions_is_no_part_of_the_studys_digest() -> None:
    design = builtin_study("fly64")
    old = design.as_dict()
    del old["reconstruction"]
    assert design_from_dict(old).digest() == design.digest()
    other = replace(design, reconstruction=replace(design.reconstruction, seed=1))
    assert other.digest() == design.digest()
    assert other.reconstruction.digest() != design.reconstruction.digest()
