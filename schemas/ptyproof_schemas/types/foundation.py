"""Records of kind foundation as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ptyproof_schemas.types.common import Tool
from ptyproof_schemas.types.study_design import Network
from ptyproof_schemas.types.training_manifest import Environment


class Frame(TypedDict):
    """A form of scans."""

    window_px: int
    side: int
    step_px: float
    share: int


class Design(TypedDict):
    """All that decides a step of the training: the network, the scans that it sees, and the optimizer."""

    network: Network
    levels: NotRequired[int]
    frames: list[Frame]
    doses: list[float]
    fit_iterations: int
    fit_weight: float
    flawed_fraction: float
    scans_per_step: int
    uses: int
    held: int
    learning_rate: float
    weight_decay: float
    gradient_clip: float
    warm_up: int
    decay_fraction: float
    average: float
    seed: int


class Validation(TypedDict):
    """A scan."""

    object: str
    dose: float
    start_nrmse: float
    nrmse: float


class History(TypedDict):
    """Some steps."""

    step: int
    relative_error: float
    learning_rate: float


class Foundation(TypedDict):
    """The record of a shared network: metadata of foundation.safetensors, and foundation.json beside it."""

    kind: Literal["foundation"]
    schema_version: str
    tool: Tool
    design: Design
    recipe_sha256: str
    code_sha256: str
    steps: int
    objects: list[str]
    environment: Environment
    validation: list[Validation]
    seconds: NotRequired[float]
    history: NotRequired[list[History]]
