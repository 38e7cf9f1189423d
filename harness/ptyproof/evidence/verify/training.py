"""Phase E of a hub: bundles, networks and datasets are those that the training manifest has."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from ptyproof.evidence.hub_layout import OVERLAP, REAL_RUN, RUN, TRAINING
from ptyproof.evidence.verify.files import HubFiles
from ptyproof.evidence.verify.problem import WHOLE, Problem, Problems, short
from ptyproof.study.layout import HALVES, cell_of


def bundle_problems(files: HubFiles, training: Mapping[str, Any]) -> Problems:
    """Yield trainings whose bundle or other artifacts are missing or not the recorded ones."""
    for number, entry in enumerate(training["jobs"]):
        result, place = entry["result"], f"$.jobs[{number}].result"
        if result["status"] != "success":
            continue
        folder = posixpath.join(REAL_RUN, entry["artifact_dir"])
        for key in ("bundle_path", "checkpoint_path", "metrics_path", "loss_curve_path"):
            if result[key] is None:
                continue
            name = posixpath.normpath(posixpath.join(folder, result[key]))
            if name not in files.paths:
                yield Problem(TRAINING, f"{place}.{key}", f"{name} is missing")
            elif key == "bundle_path":
                record = {"size_bytes": result["bundle_size_bytes"], "sha256": result["bundle_sha256"]}
                difference = files.differs(name, record, f"{TRAINING} {entry['job']}")
                if difference is not None:
                    yield Problem(name, WHOLE, difference)


def dataset_problems(manifests: Mapping[str, Any]) -> Problems:
    """Yield trainings whose datasets are not those that the phases recorded."""
    if not {RUN, OVERLAP} <= manifests.keys():
        return
    doses = {entry["dose"]: entry for entry in manifests[RUN]["datasets"]}
    views = {cell_of(entry): entry for entry in manifests[OVERLAP]["views"]}
    for number, entry in enumerate(manifests[TRAINING]["jobs"]):
        for half in HALVES if entry["datasets"] is not None else ():
            source = views.get(entry["job"])
            if source is not None and source["reads_phase_c"]:
                source = doses.get(entry["dose"])
            place = f"$.jobs[{number}].datasets.{half}.sha256"
            if source is None:
                yield Problem(TRAINING, place, f"{entry['job']} was trained, but no phase has recorded data for it")
                continue
            used, recorded = entry["datasets"][half]["sha256"], source[half]["file"]["sha256"]
            if used != recorded:
                sentence = f"{entry['job']} was trained on {short(used)}, its phase has recorded {short(recorded)}"
                yield Problem(TRAINING, place, sentence)


def model_problems(manifests: Mapping[str, Any]) -> Problems:
    """Yield records of networks that are not those of the training manifest."""
    training = manifests[TRAINING]
    for entry in training["jobs"]:
        name = posixpath.normpath(posixpath.join(REAL_RUN, entry["artifact_dir"], "model.json"))
        if entry["result"]["status"] != "success" or name not in manifests:
            continue
        wanted = {"study": training["study"], "design_digest": training["design_digest"], "job": entry["job"]}
        for key, value in (wanted | {"recipe_sha256": entry["result"]["recipe_sha256"]}).items():
            if manifests[name].get(key) != value:
                sentence = f"{short(manifests[name][key])} is not that of {TRAINING}, {short(value)}"
                yield Problem(name, f"$.{key}", sentence)
