"""Records of kind model as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ptyproof_schemas.types.study_design import Training


class Model(TypedDict):
    """The record of a trained network: metadata of model.safetensors, and model.json beside it."""

    kind: Literal["model"]
    schema_version: str
    study: str
    design_digest: str
    job: str
    dose: float
    replicate: NotRequired[int]
    view: str
    gridsize: int
    neighbor_count: int
    pattern_shape_px: list[int]
    training: Training
    recipe_sha256: str
    training_arrays_sha256: str
    object_scale: float
    n_training_positions: int
    n_validation_positions: int
    epochs_completed: int
    steps_completed: int
    bundle_epoch: int
    final_loss: float
    validation_loss: float | None
