"""The table `objects` of a study: what it allows, which views it gives, and which trainings cells share."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.errors import DesignError
from ptyproof.study.builtin import STUDY_NAMES, builtin_study
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.jobs import TrainingJob
from ptyproof.study.layout import phase_c_file
from ptyproof.study.objects import OBJECT_KINDS, ObjectDesign, ObjectsDesign
from ptyproof.study.views import AllPositions, View
from tests.helpers.known import known
from tests.helpers.messages import naming
from tests.helpers.study_files import assert_read_as_written, jobs_of

UNSEEN = builtin_study("fly64-unseen")
GRAINS = {"kind": "grains"}


@pytest.mark.parametrize("name", [name for name in STUDY_NAMES if builtin_study(name).objects is None])
def test_a_study_without_objects_has_none_of_their_keys(name: str) -> None:
    table = builtin_study(name).as_dict()
    assert "objects" not in table
    for view in table["views"]:
        assert "object" not in view
        assert builtin_study(name).experiments or not {"trained_as", "trained_at"} & view.keys()


def entries() -> st.SearchStrategy[ObjectDesign]:
    """Objects of every kind, with names of their own."""
    drawn = st.builds(
        ObjectDesign, st.sampled_from(["grains", "siemens", "camera", "brick"]), st.integers(0, 2**63 - 1)
    )
    file = st.builds(lambda seed: ObjectDesign("file", seed, "data/chip.npz"), st.integers(0, 9))
    return drawn | file


@st.composite
def designs(draw: st.DrawFn) -> StudyDesign:
    """Studies whose views share trainings, over objects and doses."""
    objects = draw(st.lists(entries(), min_size=2, max_size=5, unique_by=lambda entry: entry.image or entry))
    cut = draw(st.integers(1, len(objects) - 1))
    test = tuple(replace(entry, name=f"{entry.name}-{n}") for n, entry in enumerate(objects[cut:]))
    doses = tuple(draw(st.lists(st.sampled_from([1e2, 1e3, 1e4]), min_size=1, unique=True)))
    views = [
        View("plain", draw(st.integers(1, 2)), AllPositions(), trained_at=draw(st.none() | st.sampled_from(doses)))
    ]
    if draw(st.booleans()):
        views.append(replace(views[0], name="again", trained_as="plain", trained_at=doses[0]))
    return StudyDesign(
        name="any",
        pattern_size_px=32,
        doses_photons_per_pattern=doses,
        views=tuple(views),
        base=known(UNSEEN.base),
        objects=ObjectsDesign(tuple(objects[:cut]), test),
        replicates=draw(st.integers(1, 2)),
    )


@given(designs())
def test_a_study_with_objects_is_read_as_it_was_written(design: StudyDesign) -> None:
    assert_read_as_written(design)


@settings(max_examples=30)
@given(designs())
def test_every_dose_view_object_and_replicate_is_one_cell_with_its_own_halves(design: StudyDesign) -> None:
    tests = known(design.objects).test_names
    jobs, root, _ = jobs_of(design)
    families = {view.name.removesuffix(f"-{view.object}") for view in design.views}
    assert len(jobs) == len(design.exposures) * len(families) * len(tests)
    assert len({job.artifact_dir for job in jobs}) == len(jobs)
    views = {view.name: view for view in design.views}
    for job in jobs:
        view = views[job.view]
        trained_at = view.training_dose(job.dose)
        assert job.test_data_path == phase_c_file(root, job.dose, "test", job.replicate, view.object)
        assert job.train_data_path == phase_c_file(root, trained_at, "train", job.replicate)
    by_training: dict[str, list[TrainingJob]] = {}
    for job in jobs:
        by_training.setdefault(job.trained.key, []).append(job)
    for sharing in by_training.values():
        assert len({job.train_data_path for job in sharing}) == 1  # one training has one dataset
        assert len(sharing) == 1 or all(job.shared is not None for job in sharing)


def test_fly64_unseen_trains_nine_networks_for_thirty_six_cells() -> None:
    groups = builtin_study("fly64-groups")
    assert (UNSEEN.base, UNSEEN.doses_photons_per_pattern) == (groups.base, groups.doses_photons_per_pattern)
    objects = known(UNSEEN.objects)
    assert [entry.kind for entry in objects.train] == ["grains"]
    assert [entry.kind for entry in objects.test] == ["camera", "brick", "siemens"]
    trained = Counter(
        (view.training_name, view.training_dose(dose))
        for dose in UNSEEN.doses_photons_per_pattern
        for view in UNSEEN.views
    )
    assert (len(trained), trained.total()) == (9, 36)
    assert trained["groups16", 1e4] == 3 + 9
    methods = {method.name for method in UNSEEN.reconstruction.methods}
    assert {"start", "lsqml", "start+lsqml", "map-tv", "pinn", "pinn+lsqml"} <= methods


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"train": [GRAINS], "test": []}, ("objects.test",)),
        ({"train": [GRAINS]}, ("objects.test",)),
        ({"train": [{"kind": "cells"}], "test": [{"kind": "camera"}]}, ("objects.kind", "cells", *OBJECT_KINDS)),
        ({"train": [GRAINS], "test": [{"kind": "camera", "path": "a.npz"}]}, ("objects.path", "a.npz")),
        ({"train": [GRAINS], "test": [{"kind": "file"}]}, ("objects.path",)),
        ({"train": [GRAINS], "test": [{"kind": "file", "path": "/home/me/a.npz"}]}, ("objects.path", "/home/me/a.npz")),
        ({"train": [GRAINS], "test": [{"kind": "file", "path": "a.png"}]}, ("objects.path", "a.png")),
        ({"train": [GRAINS], "test": [{"kind": "grains"}]}, ("objects.train", "grains", 7)),
        ({"train": [{"kind": "camera"}], "test": [{"kind": "camera", "seed": 1}]}, ("objects.train", "camera")),
        ({"train": [GRAINS], "test": [{"kind": "brick"}, {"kind": "brick", "seed": 1}]}, ("objects.test", "brick")),
        ({"train": [{"kind": "grains", "size": 3}], "test": [{"kind": "brick"}]}, ("objects.train[0].size",)),
    ],
)
def test_impossible_objects_are_refused(table: dict[str, Any], said: tuple[object, ...]) -> None:
    with pytest.raises(DesignError, match=naming(*said)):
        design_from_dict({**builtin_study("fly64-groups").as_dict(), "objects": table})


@pytest.mark.parametrize(
    ("view", "said"),
    [
        ({"object": "moon"}, ("views.single.object", "moon")),
        ({"object": "camera", "trained_at": 5.0}, ("views.single.trained_at", 5.0)),
        ({"object": "camera", "trained_as": "a b"}, ("views.single.trained_as", "a b")),
    ],
)
def test_impossible_views_of_objects_are_refused(view: dict[str, Any], said: tuple[object, ...]) -> None:
    table: dict[str, Any] = {
        **UNSEEN.as_dict(),
        "views": [{"name": "single", "gridsize": 1, "selection": "all"} | view],
    }
    with pytest.raises(DesignError, match=naming(*said)):
        design_from_dict(table)


def test_an_object_of_a_view_needs_the_table_of_objects() -> None:
    with pytest.raises(DesignError, match=naming("views.a.object", "camera")):
        replace(builtin_study("fly64"), views=(View("a", 1, AllPositions(), object="camera"),))


def test_views_that_share_a_training_have_the_same_groups() -> None:
    one = View("a", 2, AllPositions(), trained_as="t", neighbor_count=8)
    with pytest.raises(DesignError, match=naming("views.b", "neighbor_count", "'a'", "'t'")):
        replace(builtin_study("fly64"), views=(one, replace(one, name="b", neighbor_count=9)))
