"""Every rule of every schema holds in a valid example, and an example that breaks it is refused by exactly it."""

from __future__ import annotations

from typing import Any

import pytest

from ptyproof.io.schema import kinds, schema_errors
from tests.schemas.schema_rules import (
    JUDGED,
    KEYWORDS,
    KINDS,
    SCHEMAS,
    Refusal,
    all_schemas,
    blamed,
    broken,
    example,
    example_names,
    follow,
    refusals,
    rules,
    sites,
)

SIMPLE_RULES = tuple(rule for rule in rules() if rule.rpartition("/")[2] not in JUDGED)
JUDGED_RULES = tuple(rule for rule in rules() if rule not in SIMPLE_RULES)


def _refusal_id(refusal: Refusal) -> str:
    return f"{refusal.rule}-{refusal.why.replace(' ', '_')}"


def test_every_kind_has_examples() -> None:
    assert [(name, 1) for name in sorted(SCHEMAS)] == kinds()


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in example_names(kind)])
def test_valid_example_is_accepted(kind: str, name: str) -> None:
    assert schema_errors(example(kind, name), kind) == []


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


@pytest.mark.parametrize("rule", SIMPLE_RULES)
def test_breaking_a_simple_rule_is_refused_by_exactly_it(rule: str) -> None:
    site = sites()[rule]
    assert blamed(site.kind, broken(site), rule) is None


@pytest.mark.parametrize("refusal", refusals(), ids=_refusal_id)
def test_written_refusal_fails_by_exactly_its_rule(refusal: Refusal) -> None:
    assert refusal.rule in rules()
    assert blamed(refusal.kind, refusal.instance(), refusal.rule) is None


@pytest.mark.parametrize("rule", JUDGED_RULES)
def test_every_rule_that_needs_judgement_has_a_written_refusal(rule: str) -> None:
    assert rule in {refusal.rule for refusal in refusals()}
