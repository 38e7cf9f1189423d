"""Records of kind certificate as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ptyproof_schemas.types.common import Tool
from ptyproof_schemas.types.training_manifest import Environment


class Scope(TypedDict):
    """What the certificate says, and what it does not."""

    says: str
    does_not_say: list[str]


class Account(TypedDict):
    """Attempts; n_attempts is the sum of the others."""

    n_attempts: int
    n_reproduced: int
    n_diverged: int
    n_failed: int


class Training(TypedDict):
    """A training."""

    environment: Environment
    bundle_sha256: str
    n_processes: int
    duration_s: float


class Epoch(TypedDict):
    """An epoch, the same in both trainings."""

    epoch: int
    n_steps: int
    loss: float
    validation_loss: float | None
    steps_sha256: str
    weights_sha256: str
    optimizer_sha256: str
    rng_sha256: str


class Divergence(TypedDict):
    """Where two trainings part."""

    epoch: int | None
    step: int | None
    quantity: Literal[
        "epoch",
        "batch",
        "loss",
        "weights",
        "n_steps",
        "validation_loss",
        "optimizer",
        "rng",
        "n_epochs",
        "bundle",
        "recorded_bundle",
    ]
    first: str | float | None
    second: str | float | None


class RecordedBundle(TypedDict):
    """A bundle of the hub."""

    sha256: str


class Attempt(TypedDict):
    """A job, trained twice."""

    job: str
    dose: float
    replicate: NotRequired[int]
    view: str
    gridsize: int
    mode: Literal["twice", "resume"]
    status: Literal["reproduced", "diverged", "failed"]
    error: str | None
    started: str
    finished: str
    max_epochs: int
    n_epochs_asked: int
    killed_after_epoch: int | None
    recipe_sha256: str | None
    trainings: list[Training]
    epochs: list[Epoch]
    divergence: Divergence | None
    recorded_bundle: RecordedBundle | None


class Certificate(TypedDict):
    """Determinism certificate: whether trainings give the same bits again."""

    kind: Literal["certificate"]
    schema_version: str
    timestamp: str
    tool: Tool
    study: str
    design_digest: str
    scope: Scope
    account: Account
    attempts: list[Attempt]
