"""Every rule of every schema holds in a valid example, and an example that breaks it is refused by exactly it."""

from __future__ import annotations

from typing import Any

import pytest

from ptyproof.io.schema import schema_errors
from ptyproof.io.schema_files import kinds
from tests.helpers.schema_rules import (
    JUDGED,
    KEYWORDS,
    KINDS,
    SCHEMAS,
    all_schemas,
    blamed,
    blamed_together,
    example,
    example_names,
    follow,
    parts,
    refusals,
    root_of,
    rules,
    sites,
)

SIMPLE_RULES = frozenset(rule for rule in rules() if rule.rpartition("/")[2] not in JUDGED)


def of(name: str, rule: str) -> bool:
    """Tell whether a rule stands in the schema of that name."""
    return rule.startswith(root_of(name))


def test_every_kind_has_examples() -> None:
    assert sorted(map(parts, SCHEMAS)) == kinds()


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in example_names(kind)])
def test_valid_example_is_accepted(kind: str, name: str) -> None:
    assert schema_errors(example(kind, name), *parts(kind)) == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_use_only_keywords_whose_rules_are_enumerated(name: str) -> None:
    unknown = {f"{where}/{key}" for where, schema in all_schemas(name) for key in schema if key not in KEYWORDS}
    assert unknown == set()


def test_every_rule_holds_in_a_valid_example() -> None:
    assert set(rules()) - set(sites()) == set()


def test_every_property_occurs_in_a_valid_example() -> None:
    places = {
        f"{where}/properties/{key}"
        for name in SCHEMAS
        for where, schema in all_schemas(name)
        for key in schema.get("properties", {})
    }
    assert places - set(sites()) == set()


def _is_described(where: str, schema: dict[str, Any]) -> bool:
    return "description" in schema or ("$ref" in schema and _is_described(*follow(where, schema["$ref"])))


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_value_is_described(name: str) -> None:
    silent = [
        f"{where}/{keyword}/{key}"
        for where, schema in all_schemas(name)
        for keyword, inner in (("properties", schema.get("properties", {})), ("", {"items": schema.get("items")}))
        for key, value in inner.items()
        if value is not None and not _is_described(where, value)
    ]
    assert silent == []


# one test a schema, which tells every rule that does not hold: there are some three thousand
@pytest.mark.parametrize("name", SCHEMAS)
def test_breaking_a_simple_rule_is_refused_by_exactly_it(name: str) -> None:
    said = blamed_together([sites()[rule] for rule in sorted(SIMPLE_RULES) if of(name, rule)])
    assert len(said) == sum(of(name, rule) for rule in SIMPLE_RULES)
    assert {rule: found for rule, found in said.items() if found is not None} == {}


@pytest.mark.parametrize("name", SCHEMAS)
def test_written_refusals_fail_by_exactly_their_rule(name: str) -> None:
    written = [refusal for refusal in refusals() if of(name, refusal.rule)]
    assert {refusal.rule for refusal in written} <= set(rules())
    said = {f"{one.rule}: {one.why}": blamed(one.kind, one.instance(), one.rule) for one in written}
    assert len(said) == len(written)
    assert {refusal: found for refusal, found in said.items() if found is not None} == {}


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_rule_that_needs_judgement_has_a_written_refusal(name: str) -> None:
    judged = {rule for rule in rules() if of(name, rule) and rule not in SIMPLE_RULES}
    assert judged - {refusal.rule for refusal in refusals()} == set()


def test_rules_and_refusals_are_each_of_one_schema() -> None:
    for found in (rules(), [refusal.rule for refusal in refusals()]):
        assert [sum(of(name, rule) for name in SCHEMAS) for rule in found] == [1] * len(found)
