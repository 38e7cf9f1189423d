"""jsonschema-rs and jsonschema judge by ptyproof's schemas alike: verdicts, and what a checker finds with either."""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example as with_example
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.checking import check_value
from ptyproof.io import schema
from ptyproof.io.schema import quick_judge, schema_errors
from ptyproof.io.schema_files import kinds, load_schema
from ptyproof.io.schema_verdict import validator
from ptyproof.io.strict_json import MAX_DEPTH
from tests.helpers.changed_values import mutations, places
from tests.helpers.legacy_cases import LEGACY_CASES
from tests.helpers.manifest_cases import CASES as OF_TODAY
from tests.helpers.mutations import mutate
from tests.helpers.schema_rules import (
    KINDS,
    SIMPLE,
    broken,
    example,
    example_names,
    example_text,
    parts,
    refusals,
    sites,
)

EXAMPLES = [(kind, name) for kind in KINDS for name in example_names(kind)]
HOSTILE: tuple[Any, ...] = (
    *(10**400, -(10**400), 2**53 + 1, 2**63, 2**64, 1e300, 1.0, -0.0, 5e-324),
    *(float("nan"), float("inf"), float("-inf")),
    *("", "..\n", "a\n", "a\n/../b", "\ud800", "\U0001f600", "\x85\u2028", "١", "1.2.3\n", "9999-99-99T99:99:99Z"),
    *("2026-02-30T00:00:00Z", "2026-02-28T00:00:00Z", "a" * 20_000, "../" * 5_000),
    *([], {}, (), ("a", 1), [[]] * 3, {"\ud800": 1}, {"": None}, None, True, False),
)


def nested(depth: int) -> Any:
    """Return lists in objects in lists, `depth` of them."""
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    pytest.importorskip("jsonschema_rs", reason="jsonschema-rs is not installed (it is the extra fast)")


def agrees(value: Any, kind: str, unknown_keys: bool = False) -> bool:
    """Return the verdict on a value, after a comparison of both; a refusal to judge is no yes."""
    quick = quick_judge(*parts(kind), unknown_keys)
    assert quick is not None
    expected: bool = validator(*parts(kind), unknown_keys).is_valid(value)
    try:
        found = quick(value)
    except ValueError:
        return expected  # half a surrogate pair, say, or a type that JSON does not have: left to jsonschema
    assert found == expected, value
    return expected


@pytest.mark.parametrize(("kind", "name"), EXAMPLES)
def test_every_valid_example_is_accepted(kind: str, name: str) -> None:
    assert agrees(example(kind, name), kind)


def refused(value: Any, kind: str) -> bool:
    """Return whether jsonschema-rs refuses a value, or leaves it to jsonschema."""
    quick = quick_judge(*parts(kind))
    assert quick is not None
    try:
        return not quick(value)
    except ValueError:
        return True


def test_everything_that_breaks_a_rule_is_refused() -> None:
    """What jsonschema says of the same values is tested in tests/schemas."""
    assert {site.keyword for site in sites().values()} & SIMPLE
    for site in sites().values():
        if site.keyword in SIMPLE | {"required", "additionalProperties"}:
            assert refused(broken(site), site.kind), site
    for refusal in refusals():
        assert refused(refusal.instance(), refusal.kind), refusal


@pytest.mark.parametrize("unknown_keys", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_changed_examples(kind: str, unknown_keys: bool) -> None:
    numbers = random.Random(kind)
    verdicts = set()
    for name in example_names(kind):
        for changed in mutations(example(kind, name), 8, numbers):
            verdicts.add(agrees(changed, kind, unknown_keys))
    assert False in verdicts


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_values_anywhere(kind: str) -> None:
    numbers = random.Random(kind)
    for name in example_names(kind)[:2]:
        for hostile in (*HOSTILE, nested(MAX_DEPTH)):
            value = example(kind, name)
            holder, key = numbers.choice(list(places(value)))
            holder[key] = hostile
            agrees(value, kind)
            agrees(hostile, kind)


def _patterns(rule: Any) -> Iterator[str]:
    if isinstance(rule, dict):
        if isinstance(rule.get("pattern"), str):
            yield rule["pattern"]
        rule = list(rule.values())
    for inner in rule if isinstance(rule, list) else ():
        yield from _patterns(inner)


PATTERNS = sorted({pattern for known in kinds() for pattern in _patterns(load_schema(*known))})
PIECES = [*"/.-_:$\\A0a", "..", "/..", "../", "\n", "\r", "\x00", "\x85", "\u2028", "é", "٣", "\U0001f600"]
WORDS = ["1.", "dose", "dose_1", "run-0001", "PM123", "e-1", "-gs1", ".png", "2026-01-01T00:00:00Z", "$.a[*]"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_says_the_same_in_both_dialects(pattern: str) -> None:
    import jsonschema_rs

    found = jsonschema_rs.Draft202012Validator({"pattern": pattern}).is_valid
    expected = re.compile(pattern).search

    @settings(max_examples=200)
    @with_example(pieces=["..", "\n"])
    @with_example(pieces=["a/", "..", "\n"])
    @given(pieces=st.lists(st.sampled_from([*PIECES, *WORDS]), max_size=6))
    def check(pieces: list[str]) -> None:
        text = "".join(pieces)
        assert found(text) == (expected(text) is not None)

    check()


@pytest.fixture
def with_either(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], tuple[Any, Any]]:
    """Return what calls a function with jsonschema-rs and without."""

    def call(judged: Callable[[], Any]) -> tuple[Any, Any]:
        first = judged()
        with monkeypatch.context() as patched:
            patched.setattr(schema, "quick_judge", lambda *_: None)
            return first, judged()

    return call


@pytest.mark.parametrize("kind", KINDS)
def test_paths_and_codes_of_mutated_manifests(kind: str, with_either: Callable[..., tuple[Any, Any]]) -> None:
    rng = random.Random(kind)
    found = set()
    for name in example_names(kind)[:3]:
        text = example_text(kind, name)
        for _ in range(4):
            value = mutate(example(kind, name), text, rng)
            try:
                changed = json.loads(value.text)
            except ValueError:
                continue
            quick, plain = with_either(lambda changed=changed: [str(one) for one in check_value(changed).findings])
            assert quick == plain
            quick, plain = with_either(
                lambda changed=changed: [one.json_path for one in schema_errors(changed, *parts(kind))]
            )
            assert quick == plain == sorted(plain)
            found.add(bool(plain))
    assert found


@pytest.mark.parametrize("case", [*OF_TODAY, *LEGACY_CASES], ids=lambda case: f"{case.code}-{case.place}")
def test_findings_of_every_case(case: Any, with_either: Callable[..., tuple[Any, Any]]) -> None:
    quick, plain = with_either(lambda: [str(one) for one in check_value(case.value()).findings])
    assert quick == plain


class AcceptsAll:
    """What versions before 0.49 say of NaN."""

    def __init__(self, _: Any) -> None: ...

    def is_valid(self, _: Any) -> bool:
        return True


@pytest.mark.parametrize("module", [None, SimpleNamespace(Draft202012Validator=AcceptsAll)])
def test_there_is_no_quick_judge_without_jsonschema_rs_or_with_an_old_one(
    module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema_rs", module)
    assert quick_judge.__wrapped__("run_manifest") is None
