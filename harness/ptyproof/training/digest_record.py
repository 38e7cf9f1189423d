"""What is kept of a training to compare it with another: digests of its steps and epochs. Nothing heavy is imported."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ptyproof.io.json_lines import read_lines


@dataclass(frozen=True)
class StepDigest:
    """A step: sha256 of its batch, its loss (nats per pixel), and sha256 of the weights after it."""

    batch: str
    loss: float
    weights: str


@dataclass(frozen=True)
class EpochDigest:
    """An epoch, from 1: its steps, its losses (nats per pixel), and sha256 of weights, optimizer and random generators.

    The generators are torch's, and Python's and numpy's if anything has drawn from them since the training began:
    those two are not seeded, so a training that draws from them differs from the next.
    """

    epoch: int
    steps: tuple[StepDigest, ...]
    loss: float
    validation_loss: float | None
    weights: str
    optimizer: str
    rng: str

    @property
    def steps_sha256(self) -> str:
        """One sha256 for all steps."""
        return hashlib.sha256(json.dumps([asdict(step) for step in self.steps]).encode()).hexdigest()


def read_digests(path: Path) -> list[EpochDigest]:
    """Return the digests that trainings wrote to a file, in the order of their epochs."""
    found = []
    for values in read_lines(path):
        found.append(EpochDigest(**values | {"steps": tuple(StepDigest(**step) for step in values["steps"])}))
    return found
