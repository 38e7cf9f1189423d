"""A Phase F made up for tests of the comparison: archives and a manifest, with results whose quality is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptyproof.io.dataset import Dataset, read_dataset
from ptyproof.io.file_record import file_record, relative
from ptyproof.io.hashing import combine_digests, sha256_array
from ptyproof.io.npz import NpzWriter
from ptyproof.physics.fourier import fourier_shift
from ptyproof.records.manifest import timed_head, write_manifest
from ptyproof.study.design import StudyDesign
from ptyproof.study.jobs import build_training_jobs
from ptyproof.study.layout import RECONSTRUCTION_MANIFEST, RUN_MANIFEST, cell_key, dose_folder, reconstruction_file
from ptyproof.study.reconstruction import MethodDesign, ReconstructionDesign
from tests.helpers.known import known
from tests.strategies.scans import complex_noise

Maker = Callable[[Dataset], NDArray[np.complexfloating]]
SCOPE = "from the scan in memory to object and probe in memory"


def flat(dataset: Dataset) -> NDArray[np.complexfloating]:
    """A constant object."""
    return np.ones(known(dataset.obj).shape, dtype=np.complex64)


def noisy(level: float, seed: int = 0) -> Maker:
    """The truth with noise, turned, and in another unit."""

    def make(dataset: Dataset) -> NDArray[np.complexfloating]:
        truth = known(dataset.obj)
        return 0.7j * (truth + level * complex_noise(truth.shape, seed))

    return make


ENVIRONMENT = {
    **dict.fromkeys(("python", "numpy", "scipy", "system", "machine", "torch", "torchvision", "ptychi", "cpu"), "none"),
    "threads": 1,
    "device": "cpu",
}
METHODS: dict[str, Maker] = {"flat": flat, "start": noisy(0.3, 1), "lsqml": noisy(0.05, 2)}


def illumination(dataset: Dataset) -> NDArray[np.float32]:
    """sum_k |P_k|^2 on the dataset's grid."""
    total = np.zeros(known(dataset.obj).shape)
    whole = np.rint(dataset.positions_px).astype(int)
    height, width = dataset.probe.shape
    for (row, col), shift in zip(whole - np.array(dataset.probe.shape) // 2, dataset.positions_px - whole, strict=True):
        intensity = np.abs(fourier_shift(dataset.probe[None], shift[None])[0]) ** 2
        total[row : row + height, col : col + width] += intensity
    return total.astype(np.float32)


def phase_f(
    root: Path,
    design: StudyDesign,
    phase_c_root: Path,
    phase_d_root: Path,
    methods: Mapping[str, Maker] = METHODS,
    **changes: Any,
) -> Path:
    """Write reconstructions of every cell's test half, and Phase F's manifest, under `root`; return the manifest.

    `changes` replace parts of each job by their name: `probe`, `split`, ... .
    """
    own = ReconstructionDesign(methods=tuple(MethodDesign(name) for name in methods))
    found = build_training_jobs(design, phase_c_root, phase_d_root, root)
    jobs = []
    for cell in found.jobs:
        dataset = read_dataset(cell.test_data_path).dataset
        for number, (method, make) in enumerate(methods.items()):
            path = reconstruction_file(root, cell.dose, cell.view, cell.gridsize, "test", method)
            jobs.append(_job(root, cell, method, dataset, make(dataset), path, 0.01 * 10**number) | changes)
    skipped = [{**skip.as_dict(), "split": "test", "method": method} for skip in found.skipped for method in methods]
    counts = {"n_success": len(jobs), "n_failed": 0, "n_lost": 0, "n_skipped": len(skipped), "n_not_selected": 0}
    manifest = timed_head("reconstruction_manifest") | {
        "study": design.name,
        "design": replace(design, reconstruction=own).as_dict(),
        "design_digest": design.digest(),
        "phase_c_root": relative(phase_c_root, root),
        "phase_d_root": relative(phase_d_root, root),
        "artifact_root": ".",
        "training_manifest_path": None,
        "filters": dict.fromkeys(("dose", "view", "gridsize", "split", "method")),
        "calls": [],
        "jobs": jobs,
        "not_selected": [],
        "skipped": skipped,
        "account": {"n_enumerated": sum(counts.values()), **counts},
    }
    assert (phase_c_root / RUN_MANIFEST).is_file()
    write_manifest(root / RECONSTRUCTION_MANIFEST, manifest)
    return root / RECONSTRUCTION_MANIFEST


def write_result(
    path: Path, dataset: Dataset, obj: NDArray[np.complexfloating], parts: NDArray[np.integer] | None = None
) -> str:
    """Write the archive of a reconstruction; return the digest of object and probe."""
    path.parent.mkdir(parents=True, exist_ok=True)
    covered = illumination(dataset)
    whole = (covered > 0).astype(np.int32) if parts is None else parts.astype(np.int32)
    arrays = {"object": obj.astype(np.complex64), "probe": dataset.probe}
    with NpzWriter(path) as archive:
        for name, array in {**arrays, "illumination": covered, "parts": whole}.items():
            archive.add(name, array)
        for name, kind in (("iteration", np.int32), ("loss", np.float64), ("seconds", np.float64)):
            archive.add(f"history_{name}", np.empty(0, dtype=kind))
        archive.add("_reconstruction", np.array(json.dumps({"job": path.stem})))
    return combine_digests({name: sha256_array(array) for name, array in arrays.items()})


def _job(
    root: Path,
    cell: Any,
    method: str,
    dataset: Dataset,
    obj: NDArray[np.complexfloating],
    path: Path,
    seconds: float,
) -> dict[str, Any]:
    arrays = write_result(path, dataset, obj)
    digest = "0" * 64
    return {
        "job": f"{cell_key(cell.dose, cell.view, cell.gridsize)}-test-{method}",
        "dose": cell.dose,
        "view": cell.view,
        "gridsize": cell.gridsize,
        "split": "test",
        "method": method,
        "provider": {"name": "tests", "version": None},
        "needs_training": False,
        "probe": "true",
        "budget": {"epochs": None, "seconds": None},
        "seed": {"root": 654, "key": ["phase_f", dose_folder(cell.dose), "test", method]},
        "dataset": file_record(cell.test_data_path, root)
        | {"role": dataset.role, "n_patterns": len(dataset), "scan_sha256": digest},
        "bundle": None,
        "environment": ENVIRONMENT,
        "remedies": [],
        "result": {
            "status": "success",
            "error": None,
            "reconstruction": file_record(path, root),
            "product": None,
            "arrays_sha256": arrays,
            "n_parts": 1,
            "iterations": None,
            "stopped_by": None,
            "final_loss": None,
            "timing": {"scope": SCOPE, "total_s": seconds, "steps": []},
            "reused_from": None,
            "recipe_sha256": digest,
            "started": "2026-11-24T06:20:01Z",
            "finished": "2026-11-24T06:20:04Z",
        },
        "earlier_results": [],
    }
