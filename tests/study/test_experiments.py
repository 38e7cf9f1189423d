"""The tables `experiments` of a study: what they allow, and which cells, halves and trainings their views give."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.errors import DesignError
from ptyproof.io.knowledge import KNOWLEDGE, Tell
from ptyproof.io.schema import schema_errors
from ptyproof.study.builtin import STUDY_NAMES, builtin_study
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.experiment import BeamDesign, DetectorDesign, ExperimentDesign
from ptyproof.study.layout import phase_c_file
from ptyproof.study.objects import ObjectDesign, ObjectsDesign
from ptyproof.study.views import AllPositions, View
from tests.helpers.known import known
from tests.helpers.messages import naming
from tests.helpers.study_files import assert_read_as_written, jobs_of

SMOKE = builtin_study("fly64-smoke")
FLAWS = builtin_study("fly64-flaws")
KEYS = ("experiment", "tells")


@pytest.mark.parametrize("name", [name for name in STUDY_NAMES if not builtin_study(name).experiments])
def test_a_study_without_experiments_has_none_of_their_keys(name: str) -> None:
    table = builtin_study(name).as_dict()
    assert "experiments" not in table
    for view in table["views"]:
        assert not set(KEYS) & view.keys()


def experiments() -> st.SearchStrategy[ExperimentDesign]:
    """Experiments with a detector, a beam, or both."""
    detector = st.builds(DetectorDesign, psf_sigma_px=st.floats(0.1, 4.0), dead_pixel_fraction=st.floats(0.01, 0.2))
    beam = st.builds(BeamDesign, intensity_error=st.floats(0.01, 0.3))
    both = st.tuples(detector, beam) | st.tuples(detector, st.none()) | st.tuples(st.none(), beam)
    return both.map(lambda tables: ExperimentDesign("any", *tables))


@st.composite
def designs(draw: st.DrawFn) -> StudyDesign:
    """Studies with views of their own test half and of experiments, told and untold, which share trainings or not."""
    found = draw(st.lists(experiments(), min_size=1, max_size=4))
    named = tuple(replace(one, name=f"flaw{n}") for n, one in enumerate(found))
    clean = View("clean", draw(st.integers(1, 2)), AllPositions())
    views = [clean]
    for one in named:
        for tells in draw(st.lists(st.sampled_from(TELLS), unique=True, max_size=3)):
            view = clean.of_experiment(one.name, tells)
            views.append(replace(view, name=f"{view.name}-{len(views)}", trained_as=draw(st.sampled_from(SHARED))))
    return replace(
        SMOKE,
        name="any",
        doses_photons_per_pattern=tuple(draw(st.lists(st.sampled_from([1e2, 1e3, 1e4]), min_size=1, unique=True))),
        views=tuple(views),
        experiments=named,
        tells=draw(st.sampled_from([(), KNOWLEDGE])),
        replicates=draw(st.integers(1, 2)),
    )


SHARED = ("clean", None)
TELLS: tuple[tuple[Tell, ...] | None, ...] = (None, (), ("mask",), ("psf", "positions"))


@given(designs())
def test_a_study_with_experiments_is_read_as_it_was_written(design: StudyDesign) -> None:
    assert_read_as_written(design)


@settings(max_examples=30)
@given(designs())
def test_every_dose_view_and_replicate_is_one_cell_with_the_half_of_its_experiment(design: StudyDesign) -> None:
    jobs, root, n_halves = jobs_of(design)
    assert n_halves == len(design.exposures) * (2 + len(design.experiments))  # one training half for all
    assert len(jobs) == len(design.exposures) * len(design.views)
    views = {view.name: view for view in design.views}
    for job in jobs:
        view = views[job.view]
        assert job.test_data_path == phase_c_file(root, job.dose, "test", job.replicate, view.experiment)
        assert job.train_data_path == phase_c_file(root, job.dose, "train", job.replicate)
        assert design.tells_in(view.name) == (design.tells if view.tells is None else view.tells)
    shared = [job for job in jobs if views[job.view].training_name == "clean"]
    assert {job.trained.key for job in shared} == {job.key for job in jobs if job.view == "clean"}


def test_fly64_flaws_has_each_flaw_alone_told_and_untold_and_trains_once() -> None:
    fly64 = builtin_study("fly64")
    assert (FLAWS.base, FLAWS.training, FLAWS.seeds) == (fly64.base, fly64.training, fly64.seeds)
    assert (FLAWS.detector, FLAWS.beam, FLAWS.doses_photons_per_pattern) == (None, None, (1e4,))
    flaws = [
        key
        for one in FLAWS.experiments
        for table in (one.detector, one.beam)
        if table is not None
        for key in table.as_dict()
    ]
    assert len(flaws) == len(FLAWS.experiments)  # each alone
    assert set(flaws) == {
        *("gap_rows", "dead_pixel_fraction", "saturation_of_peak", "background_fraction", "psf_sigma_px"),
        *("mode_powers", "coherence_length_px", "fly_scan_blur_px", "intensity_error", "position_error_px"),
    }
    names = [one.name for one in FLAWS.experiments]
    assert [view.name for view in FLAWS.views[1:]] == [f"{name}{end}" for name in names for end in ("", "-untold")]
    assert {FLAWS.tells_in(view.name) for view in FLAWS.views if view.name.endswith("-untold")} == {()}
    told = {view.name: FLAWS.tells_in(view.name) for view in FLAWS.views if not view.name.endswith("-untold")}
    assert told.pop("positions") == ("positions",)
    assert set(told.values()) == {KNOWLEDGE}
    assert {view.training_name for view in FLAWS.views} == {"clean"}
    assert {"start", "map-tv", "lsqml", "start+lsqml", "pinn"} == {m.name for m in FLAWS.reconstruction.methods}


def test_experiments_and_what_a_view_tells_are_part_of_the_digest() -> None:
    clean = View("clean", 1, AllPositions())
    one = ExperimentDesign("blur", DetectorDesign(psf_sigma_px=1.0))
    designs = [
        replace(SMOKE, views=(clean,)),
        replace(SMOKE, views=(clean,), experiments=(one,)),
        replace(SMOKE, views=(clean, clean.of_experiment("blur")), experiments=(one,)),
        replace(SMOKE, views=(clean, replace(clean.of_experiment("blur"), tells=())), experiments=(one,)),
        replace(SMOKE, views=(clean, replace(clean.of_experiment("blur"), tells=("psf",))), experiments=(one,)),
    ]
    assert len({design.digest() for design in designs}) == len(designs)


BLUR: dict[str, Any] = {"name": "blur", "detector": {"psf_sigma_px": 1.0}}
VIEW: dict[str, Any] = {"name": "one", "gridsize": 1, "selection": "all"}
REFUSED: list[tuple[dict[str, Any], tuple[object, ...]]] = [
    ({"experiments": []}, ("experiments",)),
    ({"experiments": BLUR}, ("experiments",)),
    ({"experiments": [{"name": "blur"}]}, ("experiments.blur", "detector", "beam")),
    ({"experiments": [{"detector": {"psf_sigma_px": 1.0}}]}, ("experiments[0].name",)),
    ({"experiments": [{**BLUR, "dose": 1}]}, ("experiments[0].dose",)),
    ({"experiments": [{**BLUR, "name": "a/b"}]}, ("experiments.name", "a/b")),
    ({"experiments": [BLUR, {**BLUR, "name": "Blur"}]}, ("experiments", "'blur'")),
    ({"experiments": [{"name": "x", "detector": {"psf_sigma_px": -1}}]}, ("experiments[0].detector.psf_sigma_px", -1)),
    ({"experiments": [{"name": "x", "detector": {"gap_rows": [[31, 2]]}}]}, ("experiments.x.detector.gap_rows", 31)),
    ({"views": [{**VIEW, "experiment": "blur"}]}, ("views.one.experiment", "blur")),
    ({"experiments": [BLUR], "views": [{**VIEW, "experiment": "gap"}]}, ("views.one.experiment", "gap", "blur")),
    ({"views": [{**VIEW, "tells": ["truth"]}]}, ("views.one.tells", "truth")),
    ({"views": [{**VIEW, "tells": "mask"}]}, ("views.one.tells", "mask")),
]


@pytest.mark.parametrize(("tables", "said"), REFUSED)
def test_impossible_experiments_are_refused(tables: dict[str, Any], said: tuple[object, ...]) -> None:
    with pytest.raises(DesignError, match=naming(*said)):
        design_from_dict(SMOKE.as_dict() | tables)


def test_experiments_with_objects_are_refused() -> None:
    objects = ObjectsDesign((ObjectDesign("grains"),), (ObjectDesign("siemens"),))
    with pytest.raises(DesignError, match=naming("experiments", "objects")):
        replace(SMOKE, objects=objects, experiments=(ExperimentDesign("blur", DetectorDesign(psf_sigma_px=1.0)),))


def test_the_schema_of_studies_asks_an_experiment_for_a_name() -> None:
    design = replace(SMOKE, experiments=(ExperimentDesign("blur", known(FLAWS.experiments[0].detector)),)).as_dict()
    assert schema_errors(design, "study_design") == []
    for broken in ({"detector": {"psf_sigma_px": 1.0}}, {**BLUR, "dose": 1.0}):
        assert schema_errors({**design, "experiments": [broken]}, "study_design") != []
