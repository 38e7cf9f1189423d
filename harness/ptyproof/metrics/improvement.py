"""Sentences that compare a network with its initial estimate, from the `scores` of a training manifest.

They state the errors of one training. Whether a method is ahead of another is said by replicates alone (`paired.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DECIDING = {"poisson_loss": "Poisson loss", "complex_error": "complex error"}


def beats_start(scores: Mapping[str, Any]) -> bool:
    """Tell whether the object of the network is better in every known metric."""
    known = [scores[metric]["improvement"] for metric in DECIDING]
    return all(value is None or value > 0 for value in known)


def verdict(scores: Mapping[str, Any]) -> str:
    """Return whether the held-out errors of the network are below those of its initial estimate, with each change."""
    parts = [
        f"{label} {by_how_much(scores[metric]['improvement'])}"
        for metric, label in DECIDING.items()
        if scores[metric]["start"] is not None
    ]
    return f"held-out errors {below(scores)} those of its initial estimate, one replicate ({', '.join(parts)})"


def below(scores: Mapping[str, Any]) -> str:
    """Return whether the errors that decide are below those of the initial estimate."""
    return "below" if scores["beats_start"] else "NOT below"


def by_how_much(improvement: float | None) -> str:
    """Return the relative change of an error in words; None stands for a perfect initial estimate."""
    if improvement is None:
        return "no ratio: the initial estimate is perfect"
    return f"{abs(improvement):.1%} {'lower' if improvement > 0 else 'higher'}"
