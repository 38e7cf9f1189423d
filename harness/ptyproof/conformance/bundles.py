"""A small bundle for methods that need one: a network as it is before its first training step.

The suite judges the way from a bundle to an object, not a training. The network's corrections are zero before the first
step, so it is the initial estimate and the steps along the gradient of the measurement.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ptyproof.io.hashing import sha256_bytes
from ptyproof.records.manifest import head
from ptyproof.study.builtin import builtin_study
from ptyproof.study.layout import cell_key

if TYPE_CHECKING:
    from ptyproof_schemas.types.model import Model

STUDY = "fly64-smoke"


def write_drawn_bundle(folder: Path, window: tuple[int, int], dose: float) -> Path:
    """Write the bundle of an untrained network for patterns of `window` (H, W) into a folder; return its path."""
    import torch

    from ptyproof.training.bundle import write_bundle
    from ptyproof.training.network import GroupNetwork

    design = builtin_study(STUDY)
    nothing = sha256_bytes(b"")
    record: Model = {
        "kind": "model",
        "schema_version": head("model")["schema_version"],
        "study": STUDY,
        "job": cell_key(dose, "dense", 2),
        "dose": dose,
        "view": "dense",
        "gridsize": 2,
        "neighbor_count": 7,
        "pattern_shape_px": list(window),
        "training": design.training.as_dict(),
        "object_scale": 1.0,
        "design_digest": design.digest(),
        "recipe_sha256": nothing,
        "training_arrays_sha256": nothing,
        "n_training_positions": 1,
        "n_validation_positions": 1,
        "epochs_completed": 1,
        "steps_completed": 1,
        "bundle_epoch": 1,
        "final_loss": 0.0,
        "validation_loss": 0.0,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(np.prod(window)))
        network = GroupNetwork(design.training.network)
    return write_bundle(folder, network, record)
