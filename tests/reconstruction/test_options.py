"""Options of methods: declared as data, set by a study, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from ptyproof.errors import DesignError, InputError
from ptyproof.methods.registry import Provider, method_order, registry
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction
from ptyproof.reconstruction.options import Option, configured, settled
from ptyproof.study.builtin import builtin_study
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.reconstruction import Value
from tests.helpers.messages import naming

MINE = Provider("mine", "1.0")


class Stepping:
    """A method with one option of each type."""

    name = "stepping"
    needs = Needs(iterates=True)
    options: Mapping[str, Option] = {
        "step": Option(0.5, low=0.0, high=2.0),
        "n_batches": Option(1, low=1),
        "order": Option("random", choices=("random", "raster")),
        "fast": Option(False),
    }

    def __init__(self, **given: Value) -> None:
        self.given = given

    def configured(self, options: Mapping[str, Value]) -> Stepping:
        if options["step"] == 2.0 and options["order"] == "raster":
            raise ValueError("step 2 does not go with order raster")
        return Stepping(**options)

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        return Reconstruction(np.ones(dataset.object_shape, np.complex64), dataset.probe)


def study(name: str = "stepping", **options: Any) -> StudyDesign:
    """The smoke study with a method of that name and options."""
    table = builtin_study("fly64-smoke").as_dict()
    table["reconstruction"]["methods"] = [{"name": "flat"}, {"name": name, "epochs": 7, "options": options}]
    return design_from_dict(table)


def test_a_method_is_given_its_defaults_and_what_the_study_sets() -> None:
    known = registry(study(step=1, order="raster"), [(Stepping, MINE)])["stepping"]
    wanted = {"step": 1.0, "n_batches": 1, "order": "raster", "fast": False}
    assert known.options == wanted
    assert isinstance(known.method, Stepping)
    assert known.method.given == wanted
    assert type(known.options["step"]) is float  # whatever the study writes, the record has one form


def test_a_method_that_the_study_does_not_name_has_its_defaults() -> None:
    known = registry(builtin_study("fly64"), [(Stepping, MINE)])
    assert known["stepping"].options == {"step": 0.5, "n_batches": 1, "order": "random", "fast": False}
    assert known["flat"].options == {}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"stepp": 0.1}, naming("methods.stepping.options.stepp", "fast", "n_batches", "order", "step")),
        ({"step": 2.1}, naming("methods.stepping.options.step", "0", "2", "2.1")),
        ({"step": "0.1"}, naming("methods.stepping.options.step", "0.1")),
        ({"step": True}, naming("methods.stepping.options.step", "True")),
        ({"n_batches": 0}, naming("methods.stepping.options.n_batches", "1", "0")),
        ({"n_batches": 1.5}, naming("methods.stepping.options.n_batches", "1.5")),
        ({"order": "spiral"}, naming("methods.stepping.options.order", "random", "raster", "spiral")),
        ({"fast": 1}, naming("methods.stepping.options.fast", "true", "false", "1")),
        ({"step": 2.0, "order": "raster"}, naming("methods.stepping.options", "raster")),
    ],
)
def test_an_option_that_is_unknown_or_impossible_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DesignError, match=sentence):
        registry(study(**options), [(Stepping, MINE)])


def test_an_option_is_refused_before_any_method_is_made_ready() -> None:
    with pytest.raises(DesignError, match=naming("methods.stepping.options.stepp")):
        method_order(study(stepp=1), [(Stepping(), MINE)])


def test_a_method_without_options_takes_none() -> None:
    with pytest.raises(DesignError, match=naming("methods.start.options.step")):
        method_order(study("start", step=1), [])


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ("fast", "options"),
        ({"Step": 1}, "options"),
        ({"step": [1]}, "options.step"),
        ({"step": None}, "options.step"),
        ({"step": float("nan")}, "options.step"),
        ({"step": ""}, "options.step"),
        ({"step": {"low": 1}}, "options.step"),
    ],
)
def test_a_study_holds_only_options_that_json_and_toml_can_hold(options: Any, key: str) -> None:
    table = builtin_study("fly64").as_dict()
    table["reconstruction"]["methods"] = [{"name": "stepping", "options": options}]
    with pytest.raises(DesignError, match=naming(f"methods.stepping.{key}")):
        design_from_dict(table)


def test_a_study_without_options_has_the_form_that_it_had() -> None:
    entries = builtin_study("fly64-smoke").as_dict()["reconstruction"]["methods"]
    assert entries[:2] == [{"name": "flat"}, {"name": "start"}]
    table = study().as_dict()
    assert table["reconstruction"]["methods"] == [{"name": "flat"}, {"name": "stepping", "epochs": 7}]
    assert design_from_dict(table) == study()


class NoConfigured:
    name = "stepping"
    needs = Needs()
    options = {"step": Option(0.5)}  # noqa: RUF012

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        raise NotImplementedError


class NotOptions(NoConfigured):
    options: Any = {"step": 0.5}  # noqa: RUF012


class BadName(Stepping):
    options = {"Step": Option(0.5)}  # noqa: RUF012


class Other(Stepping):
    def configured(self, options: Mapping[str, Value]) -> Any:
        return None


@pytest.mark.parametrize("kind", [NoConfigured, NotOptions, BadName, Other])
def test_a_method_that_declares_no_usable_options_is_refused(kind: type) -> None:
    with pytest.raises(InputError):
        registry(builtin_study("fly64"), [(kind, MINE)])


@pytest.mark.parametrize(
    "wrong", [{"default": 3.0, "high": 2.0}, {"default": "a"}, {"default": "a", "choices": ("b",)}]
)
def test_an_option_whose_default_is_impossible_cannot_be_declared(wrong: dict[str, Any]) -> None:
    with pytest.raises(DesignError):
        Option(**wrong)


def test_a_whole_number_of_json_is_whole() -> None:
    assert settled(Stepping(), {"n_batches": 4.0})["n_batches"] == 4
    method, options = configured(Stepping(), {"n_batches": 4.0})
    assert isinstance(options["n_batches"], int)
    assert isinstance(method, Stepping)


def test_a_text_of_a_pattern_is_free_within_it() -> None:
    option = Option("none", pattern="none|[a-z]+[.]npz", allowed="none, or a name, *.npz")
    assert option.checked("a.key", "mask.npz") == "mask.npz"
    for wrong in ("mask", "mask.npz ", "", 5, True):
        with pytest.raises(DesignError, match=naming("a.key", "*.npz")):
            option.checked("a.key", wrong)
    with pytest.raises(DesignError):
        Option("wrong", pattern="none", allowed="none")


def test_options_are_recorded_as_the_method_found_them() -> None:
    class Reading(Stepping):
        def configured(self, options: Mapping[str, Value]) -> Stepping:
            made = Reading(**options)
            made.found_options = {**options, "order": "raster"}  # type: ignore[attr-defined]
            return made

    method, options = configured(Reading(), {"step": 1.0})
    assert isinstance(method, Reading)
    assert method.given["order"] == "random"
    assert options == {"step": 1.0, "n_batches": 1, "order": "raster", "fast": False}
