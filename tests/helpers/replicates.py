"""Replicates for tests: the noise of each method's result, and what makes the hub of a replicate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.strategies.reconstructions import Maker, noisy

MakeHub = Callable[..., Path]
LEVELS = {"start": 0.3, "lsqml": 0.05, "pinn": 0.04}


def methods_of(levels: Mapping[str, float], replicate: int) -> dict[str, Maker]:
    """Return methods whose results have noise of these levels, drawn anew for each replicate."""
    return {name: noisy(level, 100 * replicate + number) for number, (name, level) in enumerate(levels.items())}
