"""What is tried of options, in which order, which values are chosen, and that no truth and no hidden photon helps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptyproof.errors import DesignError, RunError
from ptyproof.methods.registry import Provider, method_order, registry
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction, run_method
from ptyproof.reconstruction.options import Option
from ptyproof.reconstruction.tuner import Tuned
from ptyproof.reconstruction.tuning import Tuning, search
from ptyproof.study.builtin import builtin_study
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.reconstruction import Value
from ptyproof.study.toml_form import load_study, study_to_toml
from tests.helpers.messages import naming
from tests.helpers.perfect_data import perfect_data

MINE = Provider("mine", "1.0")
VALUES = [1.0, 2.0, 3.0, 5.0, 8.0]


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=12, unique=True), st.data())
def test_the_bottom_of_a_valley_is_found_and_no_value_is_tried_twice(values: list[float], data: st.DataObject) -> None:
    values = sorted(values)
    bottom = data.draw(st.integers(0, len(values) - 1))
    asked: list[Value] = []

    def loss(options: dict[str, Value]) -> float:
        asked.append(options["weight"])
        return abs(values.index(float(options["weight"])) - bottom)

    found = Tuning(search({"weight": values}, loss), 0.9)
    assert found.chosen.options == {"weight": values[bottom]}
    assert [trial.options["weight"] for trial in found.trials] == asked
    assert len(set(asked)) == len(asked)


def test_neighbors_of_the_best_are_tried_and_others_are_not() -> None:
    trials = search({"weight": VALUES}, lambda options: (float(options["weight"]) - 3) ** 2)
    assert [trial.options["weight"] for trial in trials] == [3.0, 5.0, 2.0]
    assert [trial.loss for trial in trials] == [0, 4, 1]
    assert all(trial.seconds >= 0 for trial in trials)


@pytest.mark.parametrize(
    "values", [[True, False], ["random", "raster", "spiral", "hilbert"], [8.0, 1.0, 2.0, 4.0], [1, 2, 3]]
)
def test_values_without_an_order_and_short_lists_are_all_tried(values: list[Value]) -> None:
    trials = search({"order": values}, lambda options: values.index(options["order"]))
    assert sorted(map(str, (trial.options["order"] for trial in trials))) == sorted(map(str, values))
    assert Tuning(trials, 0.9).chosen.options == {"order": values[0]}


def test_options_are_tuned_one_after_the_other_with_the_best_of_those_before() -> None:
    table: dict[str, list[Value]] = {"rate": [0.1, 0.2], "batch": [1, 10, 100]}
    trials = search(table, lambda options: float(options["rate"]) + 1 / float(options["batch"]))
    assert [tuple(trial.options.values()) for trial in trials] == [(0.2, 10), (0.1, 10), (0.1, 1), (0.1, 100)]
    assert Tuning(trials, 0.9).chosen.options == {"rate": 0.1, "batch": 100}


def test_of_equal_losses_the_earlier_trial_is_chosen() -> None:
    assert Tuning(search({"weight": VALUES}, lambda _: 1.0), 0.9).chosen.options == {"weight": 3.0}


def test_a_trial_that_fails_is_recorded_and_never_chosen() -> None:
    def loss(options: dict[str, Value]) -> float:
        if options["rate"] == 0.2:
            raise RunError("it diverged")
        return 1.0

    found = Tuning(search({"rate": [0.1, 0.2]}, loss), 0.9)
    assert [(trial.loss, trial.error) for trial in found.trials] == [(None, "it diverged"), (1.0, None)]
    assert found.as_dict()["chosen"] == {"rate": 0.1}
    with pytest.raises(RunError, match=naming(1, "it diverged")):
        search({"rate": [0.2]}, loss)


class Blurred:
    """A method that knows the object, and scales it by its option: the photons know the right scale."""

    name = "blurred"
    needs = Needs(iterates=True)
    options: Mapping[str, Option] = {"scale": Option(1.0, low=0.0), "other": Option(3)}
    tuning: Mapping[str, list[Value]] = {"scale": [0.8, 0.9, 1.0, 1.1, 1.3]}
    seen: list[BlindScan]

    def __init__(self, scale: float = 1.0, other: int = 3, seen: list[BlindScan] | None = None) -> None:
        self.scale, self.other, self.seen = scale, other, [] if seen is None else seen

    def configured(self, options: Mapping[str, Any]) -> Blurred:
        return Blurred(**options, seen=self.seen)

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        self.seen.append(dataset)
        budget.on_epoch(1)
        return Reconstruction(
            (perfect_data().obj * np.float32(self.scale)).astype(np.complex64), dataset.probe, (1.0,), (0.1,)
        )


def noisy() -> BlindScan:
    scan = perfect_data().scan
    counts = np.random.default_rng(0).poisson(np.square(scan.amplitude, dtype=float))
    return replace(scan, amplitude=np.sqrt(counts).astype(np.float32))


def test_hidden_photons_choose_and_a_trial_does_not_see_them() -> None:
    method = Blurred()
    epochs: list[int] = []
    tuned = Tuned(method, {"other": 4}, Blurred.tuning)
    found = run_method(tuned, noisy(), Budget(7, on_epoch=epochs.append), np.random.default_rng(1))
    assert found.tuning is not None
    assert found.tuning.chosen.options == {"scale": 1.0}
    *trials, last = method.seen
    photons = [float(np.square(scan.amplitude, dtype=float).sum()) for scan in (*trials, last)]
    assert len(trials) == len(found.tuning.trials) >= 3
    np.testing.assert_allclose(photons[:-1], 0.9 * photons[-1], rtol=0.01)
    assert len(set(photons[:-1])) == 1
    assert epochs == [1]  # a trial is no epoch of the reconstruction
    assert set(found.steps_s) == {"tuning", "reconstruction"}
    again = run_method(Tuned(Blurred(), {}, Blurred.tuning), noisy(), Budget(7), np.random.default_rng(1))
    assert again.tuning is not None
    assert [trial.loss for trial in again.tuning.trials] == [trial.loss for trial in found.tuning.trials]


def test_patterns_without_known_counts_cannot_be_tuned_on() -> None:
    scan = replace(noisy(), counts_known=False)
    with pytest.raises(RunError, match=naming("blurred", "intensity_scale")):
        Tuned(Blurred(), {}, Blurred.tuning).reconstruct(scan, Budget(1), np.random.default_rng(0))


def study(**entry: Any) -> StudyDesign:
    """The smoke study with the method and its entry."""
    table: Any = builtin_study("fly64-smoke").as_dict()
    table["reconstruction"]["methods"] = [{"name": "flat"}, {"name": "blurred", **entry}]
    return design_from_dict(table)


def test_a_method_tries_its_own_values_those_of_the_study_or_none() -> None:
    own = registry(study(), [(Blurred, MINE)])["blurred"]
    assert (own.tuning, own.options) == ({"scale": [0.8, 0.9, 1.0, 1.1, 1.3]}, {"other": 3})
    asked = registry(study(tuning={"other": [1, 2]}), [(Blurred, MINE)])["blurred"]
    assert (asked.tuning, asked.options) == ({"other": [1, 2]}, {"scale": 1.0})
    fixed = registry(study(options={"scale": 0.9}), [(Blurred, MINE)])["blurred"]
    assert (fixed.tuning, fixed.options) == ({}, {"scale": 0.9, "other": 3})
    assert isinstance(fixed.method, Blurred)


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"tuning": {"scal": [1.0]}}, ("methods.blurred.tuning.scal", "other", "scale")),
        ({"tuning": {"scale": [-1.0]}}, ("methods.blurred.tuning.scale", "-1.0")),
        ({"tuning": {"scale": []}}, ("methods.blurred.tuning.scale", 1, 50)),
        ({"tuning": {"scale": 1.0}}, ("methods.blurred.tuning.scale", 1, 50)),
        ({"tuning": {"scale": [1.0, 1.0]}}, ("methods.blurred.tuning.scale",)),
        ({"tuning": [1]}, ("methods.blurred.tuning",)),
        ({"tuning": {"scale": [1.0]}, "options": {"scale": 2.0}}, ("methods.blurred", "scale")),
    ],
)
def test_values_that_cannot_be_tried_are_refused(entry: dict[str, Any], named: tuple[object, ...]) -> None:
    with pytest.raises(DesignError, match=naming(*named)):
        method_order(study(**entry), [(Blurred(), MINE)])


def test_a_study_file_holds_what_is_to_be_tried(tmp_path: Any) -> None:
    design = study(tuning={"scale": [0.5, 1.0], "other": [1, 2]}, epochs=3)
    path = tmp_path / "study.toml"
    path.write_text(study_to_toml(design), encoding="utf-8")
    assert load_study(str(path)).reconstruction == design.reconstruction
    assert design_from_dict(design.as_dict()) == design
