"""Sentences that compare a network with its initial estimate, from the `scores` of a training manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DECIDING = {"poisson_loss": "Poisson loss", "complex_error": "complex error"}


def beats_start(scores: Mapping[str, Any]) -> bool:
    """Tell whether the object of the network is better in every known metric."""
    known = [scores[metric]["improvement"] for metric in DECIDING]
    return all(value is None or value > 0 for value in known)


def verdict(scores: Mapping[str, Any]) -> str:
    """Return whether the network beats its initial estimate on the held-out half, and by how much in each metric."""
    parts = [
        f"{label} {by_how_much(scores[metric]['improvement'])}"
        for metric, label in DECIDING.items()
        if scores[metric]["start"] is not None
    ]
    return f"{'beats' if scores['beats_start'] else 'does NOT beat'} its initial estimate (held-out {', '.join(parts)})"


def by_how_much(improvement: float | None) -> str:
    """Return a relative improvement in words; None stands for a perfect initial estimate."""
    if improvement is None:
        return "no ratio: the initial estimate is perfect"
    return f"{abs(improvement):.1%} {'better' if improvement > 0 else 'worse'}"
