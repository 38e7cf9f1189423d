"""The quick test of a schema: a yes of it is a yes of jsonschema, and it says yes to all that is sound."""

from __future__ import annotations

import random

import pytest

from ptyproof.io.fast_schema import Compiler
from ptyproof.io.schema import obeys
from ptyproof.io.schema_verdict import validator
from tests.helpers.changed_values import mutations
from tests.schemas.schema_rules import KINDS, broken, example, example_names, refusals, sites

EXAMPLES = [(kind, name) for kind in KINDS for name in example_names(kind)]


@pytest.mark.parametrize(("kind", "name"), EXAMPLES)
def test_yes_to_every_valid_example(kind: str, name: str) -> None:
    assert obeys(kind)(example(kind, name))


@pytest.mark.parametrize("unknown_keys", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_verdict_as_jsonschema_on_changed_examples(kind: str, unknown_keys: bool) -> None:
    numbers = random.Random(kind)
    verdicts = set()
    for name in example_names(kind):
        for changed in mutations(example(kind, name), 20, numbers):
            expected = validator(kind, unknown_keys=unknown_keys).is_valid(changed)
            assert obeys(kind, unknown_keys=unknown_keys)(changed) == expected, changed
            verdicts.add(expected)
    assert False in verdicts


def test_no_to_everything_that_breaks_a_rule() -> None:
    for site in sites().values():
        if site.keyword in ("type", "required", "additionalProperties", "minimum", "maximum", "uniqueItems"):
            assert not obeys(site.kind)(broken(site)), site
    for refusal in refusals():
        assert not obeys(refusal.kind)(refusal.instance()), refusal


def test_a_keyword_that_is_not_known_is_not_passed_over() -> None:
    with pytest.raises(NotImplementedError, match="oneOf"):
        Compiler(lambda name: {}, {}, False).compile({"oneOf": []}, "urn:x")


def test_a_schema_may_speak_of_itself() -> None:
    tree = {"type": "object", "additionalProperties": {"$ref": "urn:tree#"}}
    test = Compiler(lambda name: tree, {}, False).compile(tree, "urn:tree")
    assert test({"a": {"b": {}}})
    assert not test({"a": {"b": 1}})
