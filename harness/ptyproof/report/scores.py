"""Scores of a training beside its network-free start: measures, units, and the change between both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ptyproof.metrics.improvement import by_how_much
from ptyproof.report.markup import row_of, safe, score, table

LOWER = "lower is better"
MEASURES = {
    "poisson_loss": ("Poisson loss of the object", "nats per pixel"),
    "complex_error": ("complex error of the object", "no unit"),
    "patch_poisson_loss": ("Poisson loss of single patches", "nats per pixel"),
    "patch_complex_error": ("complex error of single patches", "no unit"),
}


def scores_table(scores: Mapping[str, Any]) -> str:
    head = ["measure", "unit", "direction", "network-free start", "network", "change"]
    rows = [
        row_of(
            head,
            [
                label,
                unit,
                LOWER,
                score(scores[name]["start"]),
                score(scores[name]["network"]),
                change(scores[name]),
            ],
        )
        for name, (label, unit) in MEASURES.items()
    ]
    note = ""
    if scores["no_truth_because"] is not None:
        note = f"<p>Complex errors are not known: {safe(scores['no_truth_because'])}.</p>"
    return table(f"Scores on the held-out half, {scores['n_patterns']} patterns", head, rows) + note


def change(values: Mapping[str, Any]) -> str:
    return "–" if values["start"] is None else safe(by_how_much(values["improvement"]))
