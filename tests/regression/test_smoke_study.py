"""The smoke study's deterministic numbers, and the shape of its manifest, as they were when they were last reviewed."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.helpers.phases import Phase
from tests.regression.snapshots import FINGERPRINT, Check, Metrics

# Relative tolerances on another kind of machine. What is not named here must be equal everywhere: numbers of
# positions and groups, rates that follow from them, seeds, epochs.
GEOMETRY = 1e-9  # scans and selections are double precision; the last digits differ between vector instructions
COUNTING = 2e-3  # a rounding of a rate can move a Poisson draw
TRAINING = 0.05  # rounding grows from step to step
TOLERANCES = {
    **dict.fromkeys(("min_px", "median_px", "mean_px", "max_px", "threshold_px", "probe_diameter_px"), GEOMETRY),
    **dict.fromkeys(("geometric_acceptance_bound",), GEOMETRY),
    **dict.fromkeys(
        (f"metric_{name}_avg" for name in ("1_group_based", "2_image_based", "3_group_to_group")), GEOMETRY
    ),
    "photons_per_pattern_expected": 1e-5,
    "photons_per_pattern_measured": COUNTING,
    "max_count": 0.1,
    "learning_rate": 1e-9,
    **dict.fromkeys(("train_loss", "validation_loss", "final_loss", "start", "network"), TRAINING),
}
VOLATILE = {
    *("timestamp", "started", "finished", "tool", "environment", "id", "call"),
    *("sha256", "size_bytes", "bundle_sha256", "bundle_size_bytes", "recipe_sha256", "design_digest"),
}
DERIVED = {"improvement", "duration_s", "bundle_epoch", "size_bytes", "bundle_size_bytes"}


def numbers(value: Any, name: str) -> Iterator[tuple[str, int | float]]:
    """Yield the name and value of every number in a part of a manifest."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key not in DERIVED:
                yield from numbers(part, f"{name}/{key}")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, value


def without_volatile(value: Any) -> Any:
    """Return a manifest without what differs between times and machines; floats become the word float."""
    if isinstance(value, dict):
        return {key: without_volatile(part) for key, part in value.items() if key not in VOLATILE}
    if isinstance(value, list):
        return [without_volatile(part) for part in value]
    return "float" if isinstance(value, float) else value


def metrics_of(c: Mapping[str, Any], d: Mapping[str, Any], e: Mapping[str, Any], root: Path) -> Metrics:
    """Return the numbers of a study's manifests, and the losses of each epoch."""
    found: Metrics = {}
    for entry in c["datasets"]:
        for half in ("train", "test"):
            found |= dict(numbers(entry[half], f"phase C/dose {entry['dose']:g}/{half}"))
    for entry in (*d["views"], *d["rejected_views"]):
        for half in ("train", "test"):
            found |= dict(numbers(entry[half], f"phase D/dose {entry['dose']:g}/{entry['view']}/{half}"))
    for entry in e["jobs"]:
        for part in ("result", "scores"):
            found |= dict(numbers(entry[part], f"phase E/{entry['job']}/{part}"))
        with (root / entry["artifact_dir"] / entry["result"]["metrics_path"]).open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                losses = {name: float(value) for name, value in row.items()}
                found |= dict(numbers(losses, f"phase E/{entry['job']}/epoch {row['epoch']}"))
    return found


def test_smoke_metrics(smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, metrics_snapshot: Check) -> None:
    environment = smoke_e.manifest["jobs"][0]["environment"]
    metrics = metrics_of(smoke_c.manifest, smoke_d.manifest, smoke_e.manifest, smoke_e.root)
    metrics_snapshot(metrics, {key: environment[key] for key in FINGERPRINT}, TOLERANCES)


def test_smoke_training_manifest(smoke_e: Phase, data_regression: Any) -> None:
    data_regression.check(without_volatile(smoke_e.manifest))
