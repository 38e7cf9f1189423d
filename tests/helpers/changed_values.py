"""JSON values with one thing in them changed."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

WRONG: tuple[object, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    1e300,
    float("nan"),
    "",
    "a\n",
    [],
    {},
    [None],
    {"odd": 1},
    10**400,
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container in a value, with each key or index of it."""
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


def mutations(value: Any, n: int, numbers: random.Random) -> Iterator[Any]:
    """Yield copies of a value with one thing in it changed, dropped or added."""
    for _ in range(n):
        changed = copy.deepcopy(value)
        holder, key = numbers.choice(list(places(changed)))
        act = numbers.randrange(3)
        if act == 0:
            del holder[key]
        elif act == 1:
            holder[key] = numbers.choice(WRONG)
        elif isinstance(holder, dict):
            holder["odd"] = numbers.choice(WRONG)
        else:
            holder.append(numbers.choice((*WRONG, copy.deepcopy(holder[key]))))
        yield changed
