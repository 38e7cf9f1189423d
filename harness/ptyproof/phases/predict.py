"""`predict`: patches and object of a dataset from a bundle, on any machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ptyproof.console import Console
from ptyproof.errors import DataError, InputError
from ptyproof.io.dataset import read_dataset
from ptyproof.io.hashing import sha256_file
from ptyproof.io.knowledge import KNOWLEDGE
from ptyproof.io.metadata import file_name
from ptyproof.io.npz import NpzWriter
from ptyproof.methods.network_prediction import canvas_shape, predict
from ptyproof.records.manifest import TOOL
from ptyproof.training.bundle import read_bundle
from ptyproof.training.scan import scan_of


@dataclass(frozen=True)
class PredictionSummary:
    """What a prediction holds: n patterns of (H, W), an object of (M, M') and its unconnected components."""

    n_patterns: int
    window: tuple[int, int]
    object_shape_px: tuple[int, int]
    n_components: int


def predict_dataset(
    bundle_path: Path, dataset_path: Path, out: Path, console: Console | None = None
) -> PredictionSummary:
    """Write patches and object of a dataset, as a bundle's network sees them, to an `.npz` archive.

    The dataset's own `objectGuess` and `Y` are not read. Members: `patches` (n, H, W) complex64, each in the phase of
    the object; `corners_px` (n, 2) int64, (row, col) of each patch's first pixel on the object's grid; `object`
    (M, M') complex64; `illumination` (M, M') float32, the summed |P|^2; `_prediction`, JSON text that names bundle
    and dataset with their sha256, and what gives single patterns their gauge.

    Parameters
    ----------
    bundle_path
        The `model.safetensors` of a training.
    dataset_path
        DATA-001 file, canonical or legacy, whose photon counts are known.
    out
        The archive, in an existing folder.
    console
        Where progress is shown; None is silent.

    Raises
    ------
    DataError
        If bundle or dataset are damaged, or counts are unknown.
    InputError
        If the patterns have another size than those of the training, or `out` cannot be written.
    """
    if out.is_dir() or not out.parent.is_dir():
        raise InputError(f"--out must be a file in an existing folder, got {out}")
    bundle = read_bundle(bundle_path)
    loaded = read_dataset(dataset_path, without_truth=True)
    loaded.tell((console or Console.silent()).say)
    scan = scan_of(loaded.dataset, dataset_path, KNOWLEDGE)
    if scan.window != bundle.window:
        raise DataError(
            dataset_path,
            f"has patterns of {_size(scan.window)} px, but the bundle was trained on {_size(bundle.window)} px",
            "diffraction",
        )
    shape = canvas_shape(scan)
    grouped = bundle.record["gridsize"] > 1
    found = predict(bundle.network, scan, shape, grouped=grouped, console=console)
    origin = {
        "tool": TOOL,
        "gauge": None if grouped else "joint_initial_estimate",
        "bundle": {"name": file_name(bundle_path), "sha256": sha256_file(bundle_path), "job": bundle.record["job"]},
        "dataset": {"name": file_name(dataset_path), "sha256": sha256_file(dataset_path)},
    }
    with NpzWriter(out) as archive:
        archive.add("patches", found.patches)
        archive.add("corners_px", scan.corners_px)
        archive.add("object", found.obj)
        archive.add("illumination", found.illumination)
        archive.add("_prediction", np.array(json.dumps(origin, sort_keys=True)))
    return PredictionSummary(len(scan), scan.window, shape, found.n_components)


def _size(window: tuple[int, int]) -> str:
    return f"{window[0]} x {window[1]}"
