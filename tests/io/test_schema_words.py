"""The words for a violation: one place for each, also in schemas of users with keywords that ptyproof's do not have."""

from __future__ import annotations

from typing import Any

import pytest

from ptyproof.io.schema_verdict import check_schema, violations_of
from ptyproof.io.schema_words import explained

NESTED = {"$defs": {"a/b": {"type": "number", "description": "Length in px."}}, "$ref": "#/$defs/a~1b"}


def told(value: Any, contents: dict[str, Any]) -> list[tuple[str, str]]:
    """Return JSON path and sentence of everything that a user's schema has against a value."""
    check_schema(contents, "mine")
    errors = violations_of(value, contents, 100)
    return [(said.json_path, said.sentence) for error in errors for said in explained(error, contents)]


@pytest.mark.parametrize(
    ("value", "contents", "places"),
    [
        ({}, {"required": ["a", "it's", 'say "b"']}, ["$.a", '$["it\'s"]', "$['say \"b\"']"]),
        (
            {"x1": 1, "y": 2, "odd": 3},
            {"properties": {"y": {}}, "patternProperties": {"^x": {}}, "additionalProperties": False},
            ["$.odd"],
        ),
        ({"a": "b"}, {"additionalProperties": {"type": "number"}}, ["$.a"]),
        ({"a": 1}, {"properties": {"a": {"not": {}}}}, ["$.a"]),
        ([1, 1], {"uniqueItems": True}, ["$"]),
        (["a"], {"prefixItems": [{"type": "number"}]}, ["$[0]"]),
        (5, {"maximum": -(10**300)}, ["$"]),
        ({"a": [{"b": 1}]}, {"properties": {"a": {"items": {"required": ["c"]}}}}, ["$.a[0].c"]),
        ({"a": 1}, {"unevaluatedProperties": False}, ["$"]),
        (True, {"oneOf": [{"type": "boolean"}, {"const": True}]}, ["$"]),
        ("x", {"anyOf": [{"type": "number"}, {"type": "string", "minLength": 2}]}, ["$"]),
    ],
    ids=str,
)
def test_every_violation_has_its_place(value: Any, contents: dict[str, Any], places: list[str]) -> None:
    assert [place for place, _ in told(value, contents)] == places


def test_a_sentence_has_the_value_and_what_the_schema_says_of_it() -> None:
    for contents in (NESTED, {**NESTED, "properties": {}}):
        ((place, sentence),) = told("wide", contents)
        assert place == "$"
        assert "'wide'" in sentence
    ((_, sentence),) = told({"a": -1}, {"properties": {"a": {"minimum": 1000000, "description": "Length in px."}}})
    assert "-1" in sentence
    assert "1000000" in sentence
    assert "Length in px" in sentence


def test_a_hostile_value_is_a_short_sentence() -> None:
    contents = {"additionalProperties": False, "properties": {"a": {"type": "number"}}}
    for value in ({"a": "x" * 10**6}, {"x" * 10**6: 1}, {"a": [[1] * 1000] * 1000}):
        ((_, sentence),) = told(value, contents)
        assert len(sentence) < 300
