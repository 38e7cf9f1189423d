"""Accounts of the matrix, as `ptyproof check` judges them: what a manifest counts is what it lists, each cell once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ptyproof.evidence.checking import account, cells
from ptyproof.evidence.checking.document import Document
from ptyproof.evidence.checking.kinds import Check
from ptyproof.evidence.verify.problem import Problem, Problems

_TRAINING: tuple[Check, ...] = (account.training, account.skipped, cells.once, cells.possible, cells.consistent)


def account_problems(name: str, training: Mapping[str, Any]) -> Problems:
    """Yield where the account of training manifest `name` does not add up, and cells there twice or of no study."""
    return _problems(name, training, "training_manifest", _TRAINING)


def overlap_account_problems(name: str, overlap: Mapping[str, Any]) -> Problems:
    """Yield where the account of overlap manifest `name` does not add up."""
    return _problems(name, overlap, "overlap_manifest", (account.overlap,))


def _problems(name: str, manifest: Mapping[str, Any], kind: str, checks: tuple[Check, ...]) -> Problems:
    doc = Document(dict(manifest), name, kind, "1")
    for check in checks:
        for finding in check(doc):
            yield Problem(name, finding.json_path, finding.message)
