"""Attempts to train a job twice to the same bits, as a certificate has them: their words. Nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from ptyproof.certificate.divergence import Divergence

Mode = Literal["twice", "resume"]

MODES: tuple[Mode, ...] = ("twice", "resume")
REPRODUCED: Final = "reproduced"
DIVERGED: Final = "diverged"
FAILED: Final = "failed"


def describe(attempt: Mapping[str, Any]) -> str:
    """Return the line about an attempt: what is alike, or where it is not."""
    name, n_epochs = f"{attempt['job']} ({attempt['mode']})", len(attempt["epochs"])
    if attempt["status"] == FAILED:
        return f"{name}: NOT CERTIFIED: {attempt['error']}"
    if attempt["status"] == DIVERGED:
        return f"{name}: DIVERGED {Divergence(**attempt['divergence'])}; epochs alike before it: {n_epochs}"
    n_steps = sum(epoch["n_steps"] for epoch in attempt["epochs"])
    beside = "" if attempt["recorded_bundle"] is None else ", and the hub's bundle is the same"
    return f"{name}: reproduced bit for bit, {n_epochs} of {attempt['max_epochs']} epochs, {n_steps} steps{beside}"


def machines(attempt: Mapping[str, Any]) -> str:
    """Return on what the two trainings of an attempt ran, once where it was the same; nothing for a failure."""
    said = [
        f"{place['cpu']} ({place['cpu_capability']}), device {place['device']}, threads {place['threads']}, "
        f"torch {place['torch']}"
        for place in (training["environment"] for training in attempt["trainings"])
    ]
    return " and ".join(dict.fromkeys(said))
