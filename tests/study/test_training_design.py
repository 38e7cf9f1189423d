"""The design of trainings: code and schema allow the same numbers, and what is left out has its default."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from ptyproof.errors import DesignError
from ptyproof.io.schema_files import load_schema
from ptyproof.study.training import NetworkDesign, TrainingDesign, training_from_dict

TABLES: dict[tuple[str, ...], type[Any]] = {(): TrainingDesign, ("network",): NetworkDesign}
TRAINING = load_schema("study_design")["properties"]["training"]


def properties_of(where: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return the schema of each entry of a table."""
    found: dict[str, dict[str, Any]] = (TRAINING["properties"]["network"] if where else TRAINING)["properties"]
    return found


def numbers_of(where: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return the schema of each number of a table."""
    return {name: rule for name, rule in properties_of(where).items() if rule.get("type") in {"integer", "number"}}


def edges() -> Iterator[tuple[tuple[str, ...], Any, bool]]:
    """Yield (place, value, allowed) at and beyond the ends of each number."""
    for where in TABLES:
        for name, rule in numbers_of(where).items():
            whole = rule["type"] == "integer"
            place = (*where, name)
            if "minimum" in rule:
                yield place, rule["minimum"], True
                yield place, rule["minimum"] - (1 if whole else 1e-6), False
            if "exclusiveMinimum" in rule:
                yield place, rule["exclusiveMinimum"], False
                yield place, rule["exclusiveMinimum"] + 1e-6, True
            if "maximum" in rule:
                yield place, rule["maximum"], True
                yield place, rule["maximum"] * 2 + 1, False
            if whole:
                yield place, 2.5, False
            yield place, float("nan"), False
            yield place, "2", False
            yield place, True, False


def table_with(place: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return a table in which one number is another."""
    table: dict[str, Any] = {}
    inner = table
    for name in place[:-1]:
        inner = inner.setdefault(name, {})
    inner[place[-1]] = value
    return table


@pytest.mark.parametrize("where", TABLES)
def test_code_and_schema_know_the_same_entries(where: tuple[str, ...]) -> None:
    assert set(properties_of(where)) == {field.name for field in fields(TABLES[where])}
    assert len(numbers_of(where)) >= 5


@pytest.mark.parametrize(("place", "value", "allowed"), list(edges()), ids=str)
def test_the_ends_of_every_number_are_those_of_the_schema(place: tuple[str, ...], value: Any, allowed: bool) -> None:
    table = table_with(place, value)
    if allowed:
        found: Any = training_from_dict(table).as_dict()
        for name in place:
            found = found[name]
        assert found == value
    else:
        with pytest.raises(DesignError, match=f"training.{'.'.join(place)}"):
            training_from_dict(table)


def test_what_is_left_out_has_its_default() -> None:
    assert training_from_dict({}) == TrainingDesign()
    found = training_from_dict({"shown_fraction": 0.5, "network": {"n_stages": 7}})
    assert found.as_dict() == copy.deepcopy(TrainingDesign().as_dict()) | {
        "shown_fraction": 0.5,
        "network": NetworkDesign(n_stages=7).__dict__,
    }


def test_a_design_comes_back_from_its_table() -> None:
    sizes = NetworkDesign(n_stages=5, channels=3)
    made = TrainingDesign(restraint=0.25, shown_fraction=1, step_projections=4, network=sizes)
    assert training_from_dict(made.as_dict()) == made
    assert isinstance(made.shown_fraction, float)


@pytest.mark.parametrize("table", [{"stages": 2}, {"network": {"stages": 2}}], ids=str)
def test_unknown_names_are_refused(table: dict[str, Any]) -> None:
    with pytest.raises(DesignError, match="stages"):
        training_from_dict(table)
