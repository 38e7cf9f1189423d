"""What the tests of the schemas share: every rule of a schema, where an example meets it, how to break it.

A schema is named by its kind, `run_manifest`, and from the second major version on by its file: `dataset_metadata_v2`.
A rule is named by its schema and a JSON pointer, `run_manifest:1#/$defs/half/properties/max_count/minimum`; an
entry of `required` by its name in place of its index: `run_manifest:1#/required/split`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

from ptyproof.io.schema_files import load_schema
from ptyproof.io.schema_verdict import validator

EXAMPLES = Path(__file__).parents[1] / "schemas" / "examples"
KINDS = tuple(sorted(folder.name for folder in EXAMPLES.iterdir() if folder.is_dir()))
SCHEMAS = ("common", "legacy_common", *KINDS)

ANNOTATIONS = frozenset({"$schema", "$id", "$comment", "title", "description", "version"})
STRUCTURE = frozenset({"$defs", "$ref", "properties", "items", "if", "then", "else"})
SIMPLE = frozenset(
    {"type", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}
    | {"minLength", "maxLength", "minItems", "maxItems", "uniqueItems"}
)
JUDGED = frozenset({"const", "enum", "pattern", "format", "anyOf"})
KEYWORDS = ANNOTATIONS | STRUCTURE | SIMPLE | JUDGED | {"required", "additionalProperties"}

APPLIES_TO: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"), (int, float)),
    **dict.fromkeys(("minLength", "maxLength", "pattern", "format"), str),
    **dict.fromkeys(("minItems", "maxItems", "uniqueItems"), list),
    **dict.fromkeys(("required", "additionalProperties"), dict),
}

ODD_KEY = "colour"  # which no schema describes

PathSteps = tuple[str | int, ...]


@dataclass(frozen=True)
class Site:
    """A value in a valid example that a rule, or a schema inside a schema (no keyword), speaks of."""

    rule: str
    keyword: str
    value: Any
    kind: str
    example: str
    path: PathSteps


def parts(name: str) -> tuple[str, int]:
    """Return the kind and the major version that the name of a schema states."""
    kind, _, major = name.rpartition("_v")
    return (kind, int(major)) if kind and major.isdigit() else (name, 1)


def root_of(name: str) -> str:
    """Return the first part of the names of the rules of a schema."""
    kind, major = parts(name)
    return f"{kind}:{major}#"


def own_rules(where: str, schema: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield (rule, keyword, value) of one schema object, without those of the schemas inside it."""
    for keyword, value in schema.items():
        if keyword == "required":
            for name in value:
                yield f"{where}/required/{name}", keyword, name
        elif keyword in SIMPLE | JUDGED or (keyword == "additionalProperties" and value is False):
            yield f"{where}/{keyword}", keyword, value


def inner_schemas(where: str, schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, schema) of the schemas inside a schema object; references are not followed."""
    for keyword in ("properties", "$defs"):
        for name, inner in schema.get(keyword, {}).items():
            yield f"{where}/{keyword}/{name}", inner
    for keyword in ("items", "additionalProperties", "then", "else"):  # `if` asks, and refuses nothing
        if isinstance(schema.get(keyword), dict):
            yield f"{where}/{keyword}", schema[keyword]
    for index, inner in enumerate(schema.get("anyOf", [])):
        yield f"{where}/anyOf/{index}", inner


def all_schemas(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, schema) of every schema object in a schema file."""
    waiting = [(root_of(name), load_schema(*parts(name)))]
    while waiting:
        where, schema = waiting.pop()
        yield where, schema
        waiting.extend(inner_schemas(where, schema))


@cache
def rules() -> tuple[str, ...]:
    """Return every rule of every schema file, sorted."""
    found = (own_rules(where, schema) for name in SCHEMAS for where, schema in all_schemas(name))
    return tuple(sorted(rule for group in found for rule, _, _ in group))


def follow(where: str, ref: str) -> tuple[str, dict[str, Any]]:
    """Return the place and the schema that a `$ref` at `where` leads to."""
    document, _, pointer = ref.partition("#")
    target = document.removeprefix("urn:ptyproof:schema:") or where.partition("#")[0]
    kind, _, major = target.partition(":")
    schema: Any = load_schema(kind, int(major))
    for step in pointer.split("/")[1:]:
        schema = schema[step]
    return f"{target}#{pointer}", schema


def example_names(kind: str) -> list[str]:
    """Return the names of the valid examples of a kind, sorted."""
    return sorted(path.name for path in (EXAMPLES / kind / "valid").glob("*.json"))


@cache
def example_text(kind: str, name: str) -> str:
    """Return the text of a valid example."""
    return (EXAMPLES / kind / "valid" / name).read_text(encoding="utf-8")


def example(kind: str, name: str) -> Any:
    """Return a fresh copy of a valid example."""
    return json.loads(example_text(kind, name))


@cache
def sites() -> dict[str, Site]:
    """Return for each rule, and for each schema inside a schema, the first value of a valid example under it.

    Short examples come first: they are judged fast.
    """
    found: dict[str, Site] = {}
    for kind in KINDS:
        for name in sorted(example_names(kind), key=lambda name: len(example_text(kind, name))):
            for site in _sites(root_of(kind), load_schema(*parts(kind)), example(kind, name), kind, name, ()):
                found.setdefault(site.rule, site)
    return found


def _sites(where: str, schema: dict[str, Any], value: Any, kind: str, name: str, path: PathSteps) -> Iterator[Site]:
    yield Site(where, "", None, kind, name, path)
    for rule, keyword, argument in own_rules(where, schema):
        applies_to: Any = APPLIES_TO.get(keyword, object)
        if isinstance(value, applies_to) and (keyword != "required" or argument in value):
            yield Site(rule, keyword, argument, kind, name, path)
    for place, inner, deeper, step in _inner_values(where, schema, value):
        yield from _sites(place, inner, deeper, kind, name, (*path, *step))


def _alternatives(where: str, schema: dict[str, Any], value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, schema) of every schema that applies to the same value."""
    if "$ref" in schema:
        yield follow(where, schema["$ref"])
    if "if" in schema:
        branch = "then" if _fits(where, schema["if"], value) else "else"
        yield f"{where}/{branch}", schema[branch]
    for index, inner in enumerate(schema.get("anyOf", [])):
        if _fits(where, inner, value):
            yield f"{where}/anyOf/{index}", inner


def _inner_values(
    where: str, schema: dict[str, Any], value: Any
) -> Iterator[tuple[str, dict[str, Any], Any, PathSteps]]:
    """Yield (place, schema, value, steps to it) of every schema that applies to a valid value or its parts."""
    for place, inner in _alternatives(where, schema, value):
        yield place, inner, value, ()
    if isinstance(value, dict):
        known = schema.get("properties", {})
        for key, part in value.items():
            if key in known:
                yield f"{where}/properties/{key}", known[key], part, (key,)
            elif isinstance(schema.get("additionalProperties"), dict):
                yield f"{where}/additionalProperties", schema["additionalProperties"], part, (key,)
    if isinstance(value, list) and "items" in schema:
        for index, part in enumerate(value):
            yield f"{where}/items", schema["items"], part, (index,)


def _fits(where: str, schema: dict[str, Any], value: Any) -> bool:
    kind, _, major = where.partition("#")[0].partition(":")
    document: Validator = validator(kind, int(major))
    return document.evolve(schema=schema).is_valid(value)


def value_at(instance: Any, path: PathSteps) -> Any:
    """Return the value at the end of a path."""
    for step in path:
        instance = instance[step]
    return instance


def _changed(instance: Any, path: PathSteps, value: Any) -> Any:
    """Return an instance whose value at the end of a path was exchanged in place."""
    if not path:
        return value
    holder = value_at(instance, path[:-1])
    if value is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return instance


def broken(site: Site) -> Any:
    """Return a copy of the site's example that breaks the site's rule, one whose keyword says how."""
    return _break(example(site.kind, site.example), site)


def _break(instance: Any, site: Site) -> Any:
    if site.keyword == "required":
        return _changed(instance, (*site.path, site.value), ...)
    return _changed(instance, site.path, _wrong(site.keyword, site.value, value_at(instance, site.path)))


def _wrong(keyword: str, argument: Any, value: Any) -> Any:
    match keyword:
        case "type":
            return True if "boolean" not in argument else [7] if "number" in argument else 7
        case "additionalProperties":
            return {**value, ODD_KEY: "red"}
        case "minimum":
            return argument - 1
        case "maximum":
            return argument + 1
        case "exclusiveMinimum" | "exclusiveMaximum":
            return argument
        case "minLength" | "minItems":
            return value[: argument - 1]
        case "maxLength" | "maxItems":
            return value + (argument + 1 - len(value)) * value[-1:]
        case "uniqueItems":
            return [*value, value[0]]
    raise AssertionError(f"no way is known to break {keyword}; give an example in invalid.json")


def rule_of(kind: str, error: ValidationError) -> str:
    """Return the rule that an error speaks of: its path through the schemas, with references followed."""
    where = root_of(kind)
    schema: Any = load_schema(*parts(kind))
    *steps, keyword = error.absolute_schema_path  # jsonschema leaves "$ref" out of it
    for step in steps:
        while "$ref" in schema and step not in schema:
            where, schema = follow(where, schema["$ref"])
        where, schema = f"{where}/{step}", schema[step]
    while schema.get(keyword) != error.validator_value:
        where, schema = follow(where, schema["$ref"])
    where = f"{where}/{keyword}"
    if error.validator == "required":
        required: Any = error.validator_value
        missing = [name for name in required if f"{name!r} is a required" in error.message]
        where = f"{where}/{missing[0]}"
    return where


def fails_exactly_by(kind: str, rule: str, errors: list[ValidationError]) -> bool:
    """Tell whether the one error is the rule's, or an `anyOf` of which one alternative fails exactly by the rule."""
    if len(errors) != 1:
        return False
    if rule_of(kind, errors[0]) == rule:
        return True
    alternatives: dict[Any, list[ValidationError]] = {}
    for inner in errors[0].context or ():
        alternatives.setdefault(inner.schema_path[0], []).append(inner)
    return any(fails_exactly_by(kind, rule, found) for found in alternatives.values())


def blamed(kind: str, instance: Any, rule: str) -> str | None:
    """Return None if an instance fails exactly by a rule, and otherwise what it fails by."""
    errors = list(validator(*parts(kind)).iter_errors(instance))
    if fails_exactly_by(kind, rule, errors):
        return None
    return "; ".join(f"{rule_of(kind, error)} at {error.json_path}" for error in errors) or "it is valid"


def blamed_together(sites: Sequence[Site]) -> dict[str, str | None]:
    """Return for each rule what `blamed` returns for its broken site; many rules are broken in one copy of an example.

    A rule that is not told apart from the others there is broken again in a copy of its own.
    """
    said: dict[str, str | None] = {}
    for group in _apart(sites):
        instance = example(group[0].kind, group[0].example)
        for site in group:
            instance = _break(instance, site)
        errors = validator(*parts(group[0].kind)).iter_errors(instance)
        found = Counter((rule_of(group[0].kind, error), tuple(error.absolute_path)) for error in errors)
        others = [path for _, path in (found - Counter((site.rule, site.path) for site in group)).elements()]
        strange = any(not any(_overlap(path, site.path) for site in group) for path in others)
        for site in group:
            sure = found[site.rule, site.path] == 1 and not strange
            sure = sure and not any(_overlap(path, _place(site)) for path in others)
            said[site.rule] = None if sure else blamed(site.kind, broken(site), site.rule)
    return said


def _apart(sites: Sequence[Site]) -> Iterator[list[Site]]:
    """Yield groups of sites in one example; what is broken for one is not in what is broken for another."""
    groups: dict[tuple[str, str], list[list[Site]]] = {}
    for site in sites:
        of_example = groups.setdefault((site.kind, site.example), [])
        for group in of_example:
            if not any(_overlap(_place(site), _place(other)) for other in group):
                group.append(site)
                break
        else:
            of_example.append([site])
    for of_example in groups.values():
        yield from of_example


def _place(site: Site) -> PathSteps:
    """Return the path to what is changed where a rule is broken: a key that goes or comes, or the value."""
    key = {"required": (site.value,), "additionalProperties": (ODD_KEY,)}.get(site.keyword, ())
    return (*site.path, *key)


def _overlap(one: PathSteps, other: PathSteps) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


@dataclass(frozen=True)
class Refusal:
    """An entry of an invalid.json: a valid example with one value changed, which breaks exactly one rule."""

    kind: str
    rule: str
    example: str
    path: PathSteps
    value: Any
    why: str

    def instance(self) -> Any:
        """Return the changed example."""
        return _changed(example(self.kind, self.example), self.path, self.value)


@cache
def refusals() -> tuple[Refusal, ...]:
    """Return the entries of every invalid.json."""
    found = []
    for kind in KINDS:
        for entry in json.loads((EXAMPLES / kind / "invalid.json").read_text(encoding="utf-8")):
            value = ... if entry.get("remove") else entry["value"]
            path = _path_steps(example(kind, entry["from"]), entry["path"])
            found.append(Refusal(kind, entry["rule"], entry["from"], path, value, entry["why"]))
    return tuple(found)


def _path_steps(instance: Any, pointer: str) -> PathSteps:
    """Return the steps of a JSON pointer; its last may name a key that is not there yet."""
    steps: PathSteps = ()
    for text in pointer.split("/")[1:]:
        step = int(text) if isinstance(instance, list) else text
        steps = (*steps, step)
        instance = instance[step] if not isinstance(instance, dict) else instance.get(step)
    return steps
