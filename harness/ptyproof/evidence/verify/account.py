"""Accounts of the matrix: what a manifest counts is what it lists, and every cell is one of its study, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ptyproof.evidence.ledger import STATUSES
from ptyproof.evidence.verify.problem import Problem, Problems
from ptyproof.study.jobs import cell_key, cell_of


def account_problems(name: str, training: Mapping[str, Any]) -> Problems:
    """Yield where the account of training manifest `name` does not add up, and cells there twice or of no study."""
    statuses = Counter(entry["result"]["status"] for entry in training["jobs"])
    counted = {f"n_{status}": statuses[status] for status in STATUSES}
    counted |= {"n_skipped": len(training["skipped_views"]), "n_not_selected": len(training["not_selected"])}
    yield from _count_problems(name, training["account"], {"n_enumerated": sum(counted.values()), **counted})
    if training["skipped_count"] != len(training["skipped_views"]):
        sentence = f"is {training['skipped_count']}, counted {len(training['skipped_views'])}"
        yield Problem(name, "$.skipped_count", sentence)
    design = training["design"]
    cells = {
        cell_key(dose, view["name"], view["gridsize"])
        for dose in design["doses_photons_per_pattern"]
        for view in design["views"]
    }
    seen = set()
    for key in ("jobs", "skipped_views", "not_selected"):
        for number, record in enumerate(training[key]):
            cell = cell_of(record)
            if cell in seen or cell not in cells:
                reason = "is there twice" if cell in seen else "is no cell of the study"
                yield Problem(name, f"$.{key}[{number}]", f"{cell} {reason}")
            if record.get("job", cell) != cell:
                yield Problem(name, f"$.{key}[{number}].job", f"{record['job']} is not the name of the cell {cell}")
            seen.add(cell)


def overlap_account_problems(name: str, overlap: Mapping[str, Any]) -> Problems:
    """Yield where the account of overlap manifest `name` does not add up."""
    views, rejected = len(overlap["views"]), len(overlap["rejected_views"])
    counted = {"n_cells": views + rejected, "n_accepted": views, "n_rejected": rejected}
    yield from _count_problems(name, overlap["account"], counted)


def _count_problems(name: str, recorded: Mapping[str, int], counted: Mapping[str, int]) -> Problems:
    for key, number in counted.items():
        if recorded[key] != number:
            yield Problem(name, f"$.account.{key}", f"is {recorded[key]}, counted {number}")
