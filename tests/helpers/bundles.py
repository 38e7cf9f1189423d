"""Bundles of networks that nothing has trained, for readers of bundles and methods that use one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ptyproof.io.schema_files import load_schema
from ptyproof.study.training import NetworkDesign, TrainingDesign
from ptyproof.training.bundle import write_bundle
from ptyproof.training.network import GroupNetwork

SIZES = NetworkDesign(n_stages=2, channels=6, n_blocks=1, shrink=2, start_iterations=2)
TRAINING = TrainingDesign(max_epochs=2, steps_per_epoch=3, network=SIZES)


def record(**changes: Any) -> Any:
    """Return the record of a training that never was."""
    return {
        "kind": "model",
        "schema_version": load_schema("model")["version"],
        **{"study": "a-study", "job": "dose1000-dense-gs2", "dose": 1000.0, "view": "dense", "gridsize": 2},
        **{"neighbor_count": 7, "pattern_shape_px": [8, 12], "training": TRAINING.as_dict(), "object_scale": 1.5},
        **dict.fromkeys(("design_digest", "recipe_sha256", "training_arrays_sha256"), "0" * 64),
        **{"n_training_positions": 40, "n_validation_positions": 4, "epochs_completed": 2, "steps_completed": 6},
        **{"bundle_epoch": 2, "final_loss": 0.25, "validation_loss": 0.5},
        **changes,
    }


def network(seed: int = 0, sizes: NetworkDesign = SIZES) -> GroupNetwork:
    """Return a network all of whose weights are random."""
    torch.manual_seed(seed)
    made = GroupNetwork(sizes)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_()
    return made


def write_small_bundle(folder: Path) -> Path:
    """Write a bundle into a folder; return its path."""
    return write_bundle(folder, network(), record())
