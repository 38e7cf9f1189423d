"""A small bundle with weights of zero, for readers of bundles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ptyproof.io.schema_files import load_schema
from ptyproof.study.training import NetworkDesign, TrainingDesign
from ptyproof.training import bundle, network

SIZES = NetworkDesign(channels=8, n_blocks=1, start_iterations=2)
TRAINING = TrainingDesign(max_epochs=2, steps_per_epoch=3, network=SIZES)


def record() -> dict[str, Any]:
    """Return the record of a training that never was."""
    return {
        "kind": "model",
        "schema_version": load_schema("model")["version"],
        **{"study": "a-study", "job": "dose1000-dense-gs2", "dose": 1000.0, "view": "dense", "gridsize": 2},
        **{"neighbor_count": 7, "pattern_shape_px": [8, 12], "training": TRAINING.as_dict(), "object_scale": 1.5},
        **dict.fromkeys(("design_digest", "recipe_sha256", "training_arrays_sha256"), "0" * 64),
        **{"n_training_positions": 40, "n_validation_positions": 4, "epochs_completed": 2, "steps_completed": 6},
        **{"bundle_epoch": 2, "final_loss": 0.25, "validation_loss": 0.5},
    }


def write_small_bundle(folder: Path) -> Path:
    """Write a bundle into a folder; return its path."""
    return bundle.write_bundle(folder, network.GroupNetwork(SIZES), record())
