"""Where a description of a hub differs from the one that its records give, by entity and property."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Difference = tuple[str, str]  # place in the file, and a sentence
_SHOWN = 120
_BEFORE = 20  # of a long text that is equal before the difference
_GRAPH = "@graph"


def entities_in(described: Any) -> dict[str, Mapping[str, Any]]:
    """Return the entities of a description by their ids; any value is accepted, and what is no entity is left out."""
    graph = described.get(_GRAPH) if isinstance(described, Mapping) else None
    found = [entity for entity in (graph if isinstance(graph, list) else ()) if isinstance(entity, Mapping)]
    return {entity["@id"]: entity for entity in found if isinstance(entity.get("@id"), str)}


def differences(described: Any, expected: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield each difference of a description from the expected one; the order of entities does not count."""
    if not isinstance(described, Mapping):
        yield "$", "is not an object"
        return
    for key in sorted((described.keys() | expected.keys()) - {_GRAPH}):
        if not _same(described, expected, key):
            yield f"$.{key}", _said(key, described, expected)
    graph = described.get(_GRAPH)
    if not isinstance(graph, list):
        yield f"$.{_GRAPH}", "is not a list of entities"
        return
    yield from _of_entities(graph, {entity["@id"]: entity for entity in expected[_GRAPH]})


def _of_entities(graph: list[Any], expected: Mapping[str, Mapping[str, Any]]) -> Iterator[Difference]:
    seen: set[str] = set()
    for number, entity in enumerate(graph):
        place = f"$.{_GRAPH}[{number}]"
        key = entity.get("@id") if isinstance(entity, Mapping) else None
        if not isinstance(key, str):
            yield place, "is not an entity with an id"
            continue
        if key in seen:
            yield place, f"the entity {key[:_SHOWN]} occurs twice"
        elif key not in expected:
            yield place, f"the entity {key[:_SHOWN]} is in no record of the hub"
        else:
            for name in sorted(entity.keys() | expected[key].keys()):
                if not _same(entity, expected[key], name):
                    yield f"{place}.{name}", f"{key[:_SHOWN]}: {_said(name, entity, expected[key])}"
        seen.add(key)
    for key in expected.keys() - seen:
        yield f"$.{_GRAPH}", f"lacks the entity {key[:_SHOWN]}, which the records give"


def _same(one: Mapping[str, Any], other: Mapping[str, Any], name: str) -> bool:
    """Tell whether a property is in both with equal JSON: 1, 1.0 and true differ, the order of keys does not count."""
    return name in one and name in other and _json(one[name]) == _json(other[name])


def _said(name: str, described: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    shown = _json(described[name]) if name in described else "missing"
    given = _json(expected[name]) if name in expected else "none"
    same = next((at for at, pair in enumerate(zip(shown, given, strict=False)) if pair[0] != pair[1]), 0)
    first = max(0, same - _BEFORE) if min(len(shown), len(given)) > _SHOWN else 0
    texts = [f"{'...' if first else ''}{text[first : first + _SHOWN]}" for text in (shown, given)]
    return f"{name[:_SHOWN]} is {texts[0]}, but made again from the records and what was stated it is {texts[1]}"


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
