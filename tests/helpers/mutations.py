"""Random single mutations of a manifest: of its value, of its text, and of what only a manifest of jobs has.

A mutation knows what it did and where, so that those which a checker does not find can be told apart by class.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Steps = tuple[str | int, ...]
Mutate = Callable[[Any, random.Random], "tuple[Any, Steps] | None"]
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-_./ "


@dataclass(frozen=True)
class Mutation:
    """A changed manifest: its text, the name of the change, and where (indices as `[*]`)."""

    text: str
    name: str
    place: str


def mutate(value: Any, text: str, rng: random.Random) -> Mutation:
    """Return a random mutation of a manifest that says something else than the manifest, or is no JSON."""
    while True:
        name = rng.choice(_NAMES)
        if name in _OF_TEXT:
            changed, place = _OF_TEXT[name](text, rng)
        else:
            done = _OF_VALUE[name](copy.deepcopy(value), rng)
            if done is None:
                continue
            changed, place = json.dumps(done[0], indent=2, ensure_ascii=False) + "\n", _path(done[1])
        if not _says_the_same(changed, value):
            return Mutation(changed, name, place)


def _says_the_same(text: str, value: Any) -> bool:
    """Tell whether a text is the same manifest, written in another way (space between its parts, 1.0 as 1e0)."""
    try:
        keys: list[str] = []

        def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
            keys.extend(key for key, _ in items)
            return dict(items)

        other = json.loads(text, object_pairs_hook=pairs)
    except ValueError:
        return False
    return len(keys) == _n_keys(value) and json.dumps(_plain(other)) == json.dumps(_plain(value))


def _plain(value: Any) -> Any:
    """Return a value with one form for equal numbers: 1 and 1.0, 0.0 and -0.0."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value + 0.0 if _is_number(value) and abs(value) < 2**53 else value


def _n_keys(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (len(value) if isinstance(value, dict) else 0) + sum(_n_keys(part) for part in inner)


def _nodes(value: Any, at: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    yield at, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _nodes(inner, (*at, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _nodes(inner, (*at, number))


def _pick(value: Any, rng: random.Random, wanted: Callable[[Any], bool]) -> Steps | None:
    found = [at for at, inner in _nodes(value) if at and wanted(inner)]
    return rng.choice(found) if found else None


def _get(value: Any, at: Steps) -> Any:
    for step in at:
        value = value[step]
    return value


def _set(value: Any, at: Steps, new: Any) -> tuple[Any, Steps]:
    _get(value, at[:-1])[at[-1]] = new
    return value, at


def _path(at: Steps) -> str:
    return "$" + "".join("[*]" if isinstance(step, int) else f".{step}" for step in at)


def _is_leaf(value: Any) -> bool:
    return not isinstance(value, (dict, list))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _drop(value: Any, rng: random.Random) -> tuple[Any, Steps] | None:
    at = _pick(value, rng, lambda inner: True)
    if at is None:
        return None
    del _get(value, at[:-1])[at[-1]]
    return value, at


def _repeat(value: Any, rng: random.Random) -> tuple[Any, Steps] | None:
    at = _pick(value, rng, lambda inner: isinstance(inner, list) and len(inner) > 0)
    if at is None:
        return None
    listed = _get(value, at)
    listed.append(copy.deepcopy(rng.choice(listed)))
    return value, at


def _reorder(value: Any, rng: random.Random) -> tuple[Any, Steps] | None:
    at = _pick(value, rng, lambda inner: isinstance(inner, list) and len(inner) > 1)
    if at is None:
        return None
    listed = _get(value, at)
    first, second = rng.sample(range(len(listed)), 2)
    listed[first], listed[second] = listed[second], listed[first]
    return value, at


def _change_type(value: Any, rng: random.Random) -> tuple[Any, Steps] | None:
    at = _pick(value, rng, lambda inner: inner is not None)
    if at is None:
        return None
    old = _get(value, at)
    others = [str(old), [old], {"value": old}, None, True, 1, "x"]
    return _set(value, at, rng.choice([new for new in others if type(new) is not type(old)]))


def _fill_null(value: Any, rng: random.Random) -> tuple[Any, Steps] | None:
    at = _pick(value, rng, lambda inner: inner is None)
    return None if at is None else _set(value, at, rng.choice([0, 1, 0.5, "x", True, [], {}]))


def _change_number(value: Any, rng: random.Random) -> tuple[Any, Steps] | None:
    at = _pick(value, rng, _is_number)
    if at is None:
        return None
    old = _get(value, at)
    new = rng.choice([old + 1, old - 1, -old, old * 2, old * 10, old / 2, 0, old * 1.01, old + 0.5])
    return _set(value, at, int(new) if isinstance(old, int) and float(new).is_integer() else new)


def _change_text(value: Any, rng: random.Random) -> tuple[Any, Steps] | None:
    at = _pick(value, rng, lambda inner: isinstance(inner, str) and inner != "")
    if at is None:
        return None
    old = _get(value, at)
    spot = rng.randrange(len(old))
    letter = rng.choice(_LETTERS)
    new = [old[:spot] + letter + old[spot + 1 :], old[:spot] + old[spot + 1 :], old[:spot] + letter + old[spot:], ""]
    return _set(value, at, rng.choice(new))


def _flip(value: Any, rng: random.Random) -> tuple[Any, Steps] | None:
    at = _pick(value, rng, lambda inner: isinstance(inner, bool))
    return None if at is None else _set(value, at, not _get(value, at))


def _swap_equal_keys(value: Any, rng: random.Random) -> tuple[Any, Steps] | None:
    """Swap the values of one key in two objects: two jobs' digests, say."""
    by_key: dict[Any, list[Steps]] = {}
    for at, _ in _nodes(value):
        if at and isinstance(at[-1], str):
            by_key.setdefault(at[-1], []).append(at)
    known = [found for found in by_key.values() if len(found) > 1]
    if not known:
        return None
    first, second = rng.sample(rng.choice(known), 2)
    if first == second[: len(first)] or second == first[: len(second)]:
        return None
    one, two = _get(value, first), _get(value, second)
    _set(value, first, two)
    return _set(value, second, one)


def _swap_texts(value: Any, rng: random.Random) -> tuple[Any, Steps] | None:
    found = [at for at, inner in _nodes(value) if at and isinstance(inner, str)]
    if len(found) < 2:
        return None
    first, second = rng.sample(found, 2)
    one, two = _get(value, first), _get(value, second)
    _set(value, first, two)
    return _set(value, second, one)


def _swap_bundles(value: Any, rng: random.Random) -> tuple[Any, Steps] | None:
    jobs = value.get("jobs") if isinstance(value, dict) else None
    results = [job.get("result") if isinstance(job, dict) else None for job in (jobs if isinstance(jobs, list) else ())]
    trained = [at for at, result in enumerate(results) if isinstance(result, dict) and "bundle_sha256" in result]
    if len(trained) < 2:
        return None
    assert isinstance(jobs, list)
    one, two = (jobs[at]["result"] for at in rng.sample(trained, 2))
    for key in ("bundle_path", "bundle_sha256", "bundle_size_bytes"):
        one[key], two[key] = two.get(key), one.get(key)
    return value, ("jobs",)


def _rename_key(value: Any, rng: random.Random) -> tuple[Any, Steps] | None:
    at = _pick(value, rng, lambda inner: True)
    if at is None or isinstance(at[-1], int):
        return None
    holder = _get(value, at[:-1])
    holder[rng.choice([at[-1] + "s", at[-1].upper(), at[-1][:-1]])] = holder.pop(at[-1])
    return value, at


def _add_key(value: Any, rng: random.Random) -> tuple[Any, Steps] | None:
    objects = [at for at, inner in _nodes(value) if isinstance(inner, dict)]
    at = rng.choice(objects)
    _get(value, at)["note"] = "added"
    return value, (*at, "note")


def _cut(text: str, rng: random.Random) -> tuple[str, str]:
    return text[: rng.randrange(len(text.rstrip()))], "anywhere"


def _repeat_key(text: str, rng: random.Random) -> tuple[str, str]:
    keys = list(re.finditer(r'"(\w+)": (?=[^\[{])[^,\n]*,', text))
    if not keys:
        return _cut(text, rng)
    found = rng.choice(keys)
    return text[: found.start()] + found[0] + " " + text[found.start() :], "anywhere"


def _change_byte(text: str, rng: random.Random) -> tuple[str, str]:
    spot = rng.randrange(len(text))
    new = rng.choice(['"', "{", "}", ",", ":", "0", "9", "e", "-", "\x00", "NaN", "\\", ""])
    inside = re.search(r'"(\w+)": [^\n]*\Z', text[:spot])
    return text[:spot] + new + text[spot + 1 :], f"in the line of {inside[1]}" if inside else "between lines"


_OF_VALUE: dict[str, Mutate] = {
    "drop": _drop,
    "repeat an item": _repeat,
    "reorder": _reorder,
    "change a type": _change_type,
    "fill a null": _fill_null,
    "change a number": _change_number,
    "change a text": _change_text,
    "flip": _flip,
    "swap one key of two objects": _swap_equal_keys,
    "swap two texts": _swap_texts,
    "swap two bundles": _swap_bundles,
    "rename a key": _rename_key,
    "add a key": _add_key,
}
_OF_TEXT: dict[str, Callable[[str, random.Random], tuple[str, str]]] = {
    "cut": _cut,
    "repeat a key": _repeat_key,
    "change a character": _change_byte,
}
_NAMES = (*_OF_VALUE, *_OF_TEXT, "change a number", "change a number", "change a text", "cut")
