"""What a manifest says is compared with the files beside it, and with the index of its hub, in both directions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import check_manifest
from ptyproof.io.hashing import sha256_bytes
from tests.helpers.phases import Phase

JOB = "dose_1000/dense/gs2"
VIEW = "dose_1000/dense"


@pytest.fixture
def study(smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path: Path) -> Path:
    """A copy of one dose of the smoke study, with all manifests."""
    root = tmp_path.resolve() / "study"
    for phase in (smoke_c, smoke_d, smoke_e):
        shutil.copytree(phase.root, root / phase.root.name, ignore=shutil.ignore_patterns("dose_10000*", "*.ckpt"))
    return root


def _changed(path: Path, change: Callable[[dict[str, Any]], None]) -> set[tuple[str, str]]:
    """Change a manifest and return what is found beyond files that are not there."""
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))
    home = next(parent for parent in path.parents if parent.name == "study")
    return {
        (finding.code, finding.json_path)
        for finding in check_manifest(path, home=home).findings
        if finding.code != "PM301"
    }


def test_a_network_is_what_its_bundle_says(study: Path) -> None:
    def change(model: dict[str, Any]) -> None:
        model["object_scale"] *= 1 + 1e-9
        model["training"]["learning_rate"] = 0.0025

    assert _changed(study / "e" / JOB / "model.json", change) == {("PM306", "$.object_scale"), ("PM306", "$.training")}


def test_a_training_is_what_its_bundle_and_its_losses_say(study: Path) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["jobs"][1]["result"]["final_loss"] = 0.1

    path = study / "e" / "training_manifest.json"
    place = "$.jobs[1].result.final_loss"
    assert _changed(path, change) == {("PM306", place)}
    messages = [finding.message for finding in check_manifest(path).findings if finding.json_path == place]
    assert sorted(message.split(",")[1].split(" has ")[0] for message in messages) == [
        f" but {JOB}/metrics.csv",
        f" but {JOB}/model.safetensors",
    ]
    assert not [f for f in check_manifest(path, hash_files=False).findings if f.code == "PM306"]  # nothing is opened


@pytest.mark.parametrize("name", ["metrics_bundle.json", "test_metrics.json"])
def test_metrics_are_the_same_in_both_files(study: Path, name: str) -> None:
    def change(metrics: dict[str, Any]) -> None:
        metrics.get("test", metrics)["overlap"]["metric_2_image_based_avg"] *= 1 + 1e-9

    place = "$.test.overlap" if name == "metrics_bundle.json" else "$.overlap"
    assert _changed(study / "d" / VIEW / name, change) == {("PM306", f"{place}.metric_2_image_based_avg")}


def test_a_view_is_what_its_metrics_say(study: Path) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["views"][1]["train"]["grouping"]["rng_seed_grouping"] = 7

    found = _changed(study / "d" / "overlap_manifest.json", change)
    assert ("PM306", "$.views[1].train.grouping.rng_seed_grouping") in found


def test_a_dataset_is_what_its_archive_says(study: Path) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["datasets"][0]["train"]["photons_per_pattern_measured"] += 1

    found = _changed(study / "c" / "run_manifest.json", change)
    assert ("PM306", "$.datasets[0].train.photons_per_pattern_measured") in found


def test_a_file_in_a_hub_is_the_one_that_the_index_has(study: Path) -> None:
    path = study / "e" / "skip_summary.json"
    record = {"path": "e/skip_summary.json", "sha256": sha256_bytes(path.read_bytes())}
    index: dict[str, Any] = {"files": [record], "runs": []}
    (study / "hub.json").write_text(json.dumps(index))
    assert check_manifest(path).findings == ()
    path.write_text(path.read_text() + "\n")
    assert [(finding.code, finding.json_path) for finding in check_manifest(path).findings] == [("PM210", "$")]
    index["runs"] = [{"status": "running"}]
    (study / "hub.json").write_text(json.dumps(index))
    assert check_manifest(path).findings == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 8,
        b"\x10\0\0\0\0\0\0\0",
        b"\x02\0\0\0\0\0\0\0{}",
        b"\x02\0\0\0\0\0\0\0[]",
        b"\x02\0\0\0\0\0\0\0nu",
    ],
)
def test_a_bundle_that_is_none_is_the_business_of_other_checks(study: Path, content: bytes) -> None:
    (study / "e" / JOB / "model.safetensors").write_bytes(content)
    (study / "e" / JOB / "metrics.csv").write_bytes(content + b'"\0,\n"')
    codes = {finding.code for finding in check_manifest(study / "e" / "training_manifest.json").findings}
    assert codes <= {"PM301", "PM302", "PM303"}
    assert check_manifest(study / "e" / JOB / "model.json").findings == ()


def test_a_link_out_of_the_home_is_not_followed(study: Path, tmp_path: Path) -> None:
    bundle = study / "e" / JOB / "model.safetensors"
    bundle.rename(tmp_path / "elsewhere.safetensors")
    bundle.symlink_to(tmp_path / "elsewhere.safetensors")

    def change(model: dict[str, Any]) -> None:
        model["object_scale"] *= 2

    assert _changed(study / "e" / JOB / "model.json", change) == set()
