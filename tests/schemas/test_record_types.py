"""The types of records are those that the schemas give, and the examples of the schemas fit them."""

from __future__ import annotations

import copy
import importlib
import subprocess
import sys
import types
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from ptyproof.io.schema_files import current_kinds
from tests.helpers.record_types import FOLDER, PACKAGE, camel, modules, singular
from tests.helpers.schema_rules import example, example_names

MADE = dict(modules())
EXAMPLES = [
    (kind, name)
    for kind in current_kinds()
    for name in example_names(kind)
    if "migrated" not in example(kind, name)  # readers refuse them, so they have no type
]


def fits(value: Any, wanted: Any) -> bool:
    """Tell whether a value of JSON has a type."""
    origin = get_origin(wanted)
    if origin in (types.UnionType, Union):
        return any(fits(value, one) for one in get_args(wanted))
    if origin is Literal:
        return any(value == one and type(value) is type(one) for one in get_args(wanted))
    if origin is list:
        return isinstance(value, list) and all(fits(item, get_args(wanted)[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(fits(item, get_args(wanted)[1]) for item in value.values())
    if is_typeddict(wanted):
        return isinstance(value, dict) and _has_the_keys(value, wanted)
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return value is None if wanted is type(None) else wanted is object or type(value) is wanted


def _has_the_keys(value: dict[str, Any], wanted: Any) -> bool:
    hints = get_type_hints(wanted)
    marked = get_type_hints(wanted, include_extras=True)
    needed = {key for key in marked if get_origin(marked[key]) is not NotRequired}
    return needed <= set(value) <= set(hints) and all(fits(value[key], hints[key]) for key in value)


def _root(kind: str) -> Any:
    return getattr(importlib.import_module(f"{PACKAGE}.{kind}"), camel(kind))


@pytest.mark.parametrize("kind", MADE)
def test_a_module_is_what_its_schema_gives(kind: str) -> None:
    assert (FOLDER / f"{kind}.py").read_text(encoding="utf-8") == MADE[kind], "run python -m tests.helpers.record_types"


def test_there_is_a_module_for_each_kind_and_no_other() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == {"__init__", *MADE}
    assert {*current_kinds(), "common"} == set(MADE)


@pytest.mark.parametrize(("kind", "name"), EXAMPLES)
def test_a_valid_example_fits_its_type(kind: str, name: str) -> None:
    assert fits(example(kind, name), _root(kind))


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in EXAMPLES}))
def test_another_value_does_not_fit(kind: str) -> None:
    value = example(kind, next(name for of, name in EXAMPLES if of == kind))
    assert not fits(value | {"no_such_key": 1}, _root(kind))
    assert not fits({key: value[key] for key in list(value)[1:]}, _root(kind))
    for key in value:
        other = copy.deepcopy(value)
        other[key] = b"a type that JSON does not have"
        assert not fits(other, _root(kind)), key


def test_names() -> None:
    assert camel("training_manifest") == "TrainingManifest"
    assert [singular(name) for name in ("Cells", "Summaries", "Best")] == ["Cell", "Summary", "Best"]


def test_programs_do_not_load_the_types() -> None:
    code = "import sys, ptyproof.checking, ptyproof.phases.g_compare.compare, ptyproof.hub.index, ptyproof.study.jobs\n"
    code += f"print({PACKAGE!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
