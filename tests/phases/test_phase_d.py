"""Phase D on the smoke study: views, rejections with their numbers, and the account."""

from __future__ import annotations

import io
import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.console import Console
from ptyproof.errors import DataError, InputError, ManifestError
from ptyproof.io.dataset import read_dataset
from ptyproof.io.file_record import file_is_whole
from ptyproof.phases.d_overlap.overlap import OverlapOptions, overlap, sampling_view
from ptyproof.records.manifest import read_manifest
from ptyproof.study.design import StudyDesign
from tests.helpers.folders import snapshot, untimed
from tests.helpers.known import known
from tests.helpers.messages import names, naming
from tests.helpers.phases import Phase

CELLS = [(dose, view) for dose in (1e3, 1e4, 1e5) for view in ("baseline", "dense", "sparse")]


def cells(manifest: Mapping[str, Any]) -> dict[tuple[float, str], dict[str, Any]]:
    """Return all cells of a manifest by dose and view."""
    return {(c["dose"], c["view"]): c for c in [*manifest["views"], *manifest["rejected_views"]]}


def test_every_cell_is_accounted_for_dense_accepted_and_sparse_rejected(smoke_d: Phase) -> None:
    manifest = smoke_d.manifest
    assert read_manifest(smoke_d.root / "overlap_manifest.json", "overlap_manifest") == manifest
    assert [(c["dose"], c["view"]) for c in manifest["views"]] == [c for c in CELLS if c[1] != "sparse"]
    assert [(c["dose"], c["view"]) for c in manifest["rejected_views"]] == [c for c in CELLS if c[1] == "sparse"]
    assert manifest["account"] == {"n_cells": 9, "n_accepted": 6, "n_rejected": 3}


@pytest.mark.parametrize("half", ["train", "test"])
def test_an_accepted_view_is_a_separated_subset_of_phase_c(smoke_c: Phase, smoke_d: Phase, half: str) -> None:
    cell = cells(smoke_d.manifest)[1e3, "dense"]
    view = read_dataset(smoke_d.root / cell[half]["file"]["path"]).dataset
    whole = read_dataset(smoke_c.root / "dose_1000" / f"patched_{half}.npz").dataset
    assert view.scan_index is not None
    assert whole.scan_index is not None
    rows = np.searchsorted(whole.scan_index, view.scan_index)
    for name in ("diffraction", "patches", "positions_px"):
        np.testing.assert_array_equal(getattr(view, name), getattr(whole, name)[rows])
    gaps = np.linalg.norm(view.positions_px[:, None] - view.positions_px[None], axis=-1)
    threshold = cell[half]["selection"]["threshold_px"]
    assert threshold == pytest.approx(0.3 * 32)
    assert gaps[~np.eye(len(gaps), dtype=bool)].min() >= threshold
    to_kept = np.linalg.norm(whole.positions_px[:, None] - view.positions_px[None], axis=-1).min(axis=1)
    assert (to_kept < threshold).all(), "a position that fits was left out"
    assert (
        cell[half]["spacing_after_selection"]["min_px"] >= threshold > cell[half]["spacing_before_selection"]["min_px"]
    )


def test_provenance_grows_and_totals_are_those_before_selection(smoke_d: Phase) -> None:
    cell = cells(smoke_d.manifest)[1e4, "dense"]["train"]
    metadata = read_dataset(smoke_d.root / cell["file"]["path"]).dataset.metadata
    steps = [step["step"] for step in metadata["transformations"]]
    assert steps == ["built-in base", "split", "simulate", "overlap-view"]
    assert cell["n_images_total"] == 120 > cell["n_images_selected"]
    assert cell["acceptance_rate"] == cell["n_images_selected"] / 120


def test_a_rejected_view_has_its_numbers_and_no_data(smoke_d: Phase) -> None:
    for cell in smoke_d.manifest["rejected_views"]:
        assert cell["code"] == "acceptance_below_minimum"
        for half in ("train", "test"):
            numbers = cell[half]["selection"]
            assert cell[half]["acceptance_rate"] == numbers["greedy_acceptance_rate"] < numbers["min_acceptance_rate"]
            assert numbers["direct_acceptance_rate"] < numbers["min_acceptance_rate"]
            assert numbers["threshold_px"] == pytest.approx(0.8 * 32)
            assert cell[half]["file"] is None
            rate = 100 * cell[half]["acceptance_rate"]
            assert f"{half} keeps {cell[half]['n_images_selected']} of" in cell["reason"]
            assert f"{rate:.1f} %" in cell["reason"]
        assert "25.6 px" in cell["reason"]
    assert not list(smoke_d.root.rglob("sparse*.npz"))


def test_the_geometric_bound_follows_its_formula(smoke_c: Phase, smoke_d: Phase) -> None:
    numbers = cells(smoke_d.manifest)[1e3, "sparse"]["train"]
    positions = read_dataset(smoke_c.root / "dose_1000/patched_train.npz").dataset.positions_px
    area = np.prod(np.ptp(positions, axis=0))
    bound = np.clip(area / (math.pi * 12.8**2) / len(positions), 0, 0.1)
    assert numbers["selection"]["geometric_acceptance_bound"] == pytest.approx(bound, rel=1e-12)


def test_a_view_of_all_positions_reads_phase_c_and_has_its_metrics(smoke_d: Phase) -> None:
    cell = cells(smoke_d.manifest)[1e3, "baseline"]
    assert cell["reads_phase_c"]
    assert cell["train"]["file"] is None
    metrics = cell["train"]["overlap"]
    assert metrics["metric_1_group_based_avg"] is None
    assert metrics["metric_1_undefined_because"]
    assert 0 < metrics["metric_2_image_based_avg"] < 1
    assert 0 < metrics["metric_3_group_to_group_avg"] < 1


def test_metrics_files_hold_what_the_manifest_says(smoke_d: Phase) -> None:
    for cell in cells(smoke_d.manifest).values():
        bundle = read_manifest(smoke_d.root / cell["metrics_bundle"]["path"], "metrics_bundle")
        for half in ("train", "test"):
            metrics = read_manifest(smoke_d.root / cell[half]["metrics_file"]["path"], "overlap_metrics")
            assert file_is_whole(cell[half]["metrics_file"], smoke_d.root)
            assert all(metrics[key] == cell[half][key] for key in bundle[half])
            assert all(bundle[half][key] == cell[half][key] for key in bundle[half])


def test_made_again_everything_is_identical(smoke_c: Phase, smoke_d: Phase) -> None:
    root = smoke_c.root.parent / "d-again"
    assert untimed(overlap(smoke_c.root, root)) == untimed(smoke_d.manifest)
    first, second = snapshot(smoke_d.root), snapshot(root)
    for files in (first, second):
        files["overlap_manifest.json"] = b""
    assert first == second


def test_calls_for_single_cells_add_up_to_the_whole(smoke_c: Phase, smoke_d: Phase) -> None:
    root = smoke_c.root.parent / "d-cells"
    for dose, view in [*CELLS[4:], *CELLS[:4]]:
        overlap(smoke_c.root, root, options=OverlapOptions(doses=(dose,), views=(view,)))
    manifest = read_manifest(root / "overlap_manifest.json", "overlap_manifest")
    assert untimed(manifest) == untimed(smoke_d.manifest)


def test_whole_views_are_reused_and_damaged_ones_made_again(smoke_c: Phase) -> None:
    root = smoke_c.root.parent / "d-reuse"
    overlap(smoke_c.root, root)
    before = snapshot(root)
    (root / "dose_1000/dense/dense_train.npz").write_bytes(b"damaged")
    (root / "dose_1000/sparse/train_metrics.json").unlink()
    heard = io.StringIO()
    overlap(smoke_c.root, root, console=Console(heard))
    assert snapshot(root) == before
    assert heard.getvalue().count("(reused)") == 7


def test_a_view_that_is_now_rejected_leaves_no_old_archive(smoke: StudyDesign, smoke_c: Phase) -> None:
    root = smoke_c.root.parent / "d-stricter"
    overlap(smoke_c.root, root)
    assert list(root.rglob("dense_*.npz"))
    manifest = overlap(smoke_c.root, root, design=replace(smoke, min_acceptance_rate=0.5))
    assert [c["view"] for c in manifest["rejected_views"]] == ["dense", "sparse"] * 3
    assert not list(root.rglob("dense_*.npz"))


def test_an_artifact_root_takes_the_metrics(smoke_c: Phase) -> None:
    root, artifacts = smoke_c.root.parent / "d-apart", smoke_c.root.parent / "artifacts"
    manifest = overlap(smoke_c.root, root, artifacts)
    assert not list(root.rglob("*metrics*.json"))
    assert len(list(artifacts.rglob("*metrics*.json"))) == 27
    assert manifest["artifact_root"] == "../artifacts"
    assert all(file_is_whole(cell["metrics_bundle"], root) for cell in cells(manifest).values())


def test_sampling_draws_a_fraction_and_groups_of_it(smoke_c: Phase) -> None:
    root = smoke_c.root.parent / "d-sampled"
    view = sampling_view(2, 6, 0.8, 512)
    options = OverlapOptions(sampling_view=view, probe_diameter_px=12.5, subsampling_seed=9)
    manifest = overlap(smoke_c.root, root, options=options)
    assert {c["view"] for c in manifest["views"]} == {"sampled-s0.8-g512"}
    record = manifest["views"][0]["train"]
    assert (record["n_images_total"], record["n_images_selected"]) == (120, 96)
    assert record["selection"] == {"kind": "sampling", "s_img": 0.8, "rng_seed_subsample": 9}
    grouping = record["grouping"]
    assert (grouping["n_groups_requested"], grouping["n_groups_actual"], grouping["neighbor_count"]) == (512, 512, 6)
    assert grouping["n_unique_images"] == 96
    assert (record["overlap"]["probe_diameter_px"], record["overlap"]["probe_diameter_source"]) == (12.5, "given")
    assert manifest["views"][0]["train"]["file"] is not None
    positions = read_dataset(root / known(record["file"])["path"]).dataset.scan_index
    other_dose = read_dataset(root / known(manifest["views"][2]["train"]["file"])["path"]).dataset.scan_index
    np.testing.assert_array_equal(positions, other_dose)


def test_a_single_position_is_no_dataset(smoke_c: Phase) -> None:
    options = OverlapOptions(sampling_view=sampling_view(1, None, 0.01, 4))
    manifest = overlap(smoke_c.root, smoke_c.root.parent / "d-single", options=options)
    assert [cell["code"] for cell in manifest["rejected_views"]] == ["too_few_positions_for_groups"] * 3
    assert names(manifest["rejected_views"][0]["reason"], "train", 1, 120, 2)


def test_a_sample_too_small_for_a_group_is_rejected(smoke_c: Phase) -> None:
    options = OverlapOptions(sampling_view=sampling_view(2, None, 0.01, 4))
    manifest = overlap(smoke_c.root, smoke_c.root.parent / "d-tiny", options=options)
    assert manifest["views"] == []
    cell = manifest["rejected_views"][0]
    assert cell["code"] == "too_few_positions_for_groups"
    assert names(cell["reason"], "train", 1, 120, 4)
    assert cell["train"]["overlap"]["metric_2_undefined_because"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (OverlapOptions(doses=(123.0,)), naming("--dose", "1000, 10000, 100000", 123)),
        (OverlapOptions(views=("thin",)), naming("--view", "baseline, dense, sparse", "'thin'")),
    ],
)
def test_filters_that_match_nothing_list_the_choices(smoke_c: Phase, tmp_path: Path, options: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        overlap(smoke_c.root, tmp_path / "d", options=options)
    assert list(tmp_path.iterdir()) == []


def test_phase_c_data_that_changed_or_went_missing_are_refused(smoke_c: Phase, tmp_path: Path) -> None:
    root = tmp_path / "c"
    shutil.copytree(smoke_c.root, root)
    victim = root / "dose_10000" / "patched_test.npz"
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-1] + b"?")
    with pytest.raises(DataError, match=naming("patched_test.npz", "run_manifest.json")):
        overlap(root, tmp_path / "d")
    victim.unlink()
    with pytest.raises(DataError, match=naming("patched_test.npz")):
        overlap(root, tmp_path / "d")
    assert not (tmp_path / "d").exists()
    assert overlap(root, tmp_path / "d", options=OverlapOptions(doses=(1e3,)))["account"]["n_cells"] == 3


def test_a_root_without_a_sound_manifest_is_refused(smoke_c: Phase, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=naming(tmp_path / "none")):
        overlap(tmp_path / "none", tmp_path / "d")
    with pytest.raises(InputError, match=naming("run_manifest.json")):
        overlap(tmp_path, tmp_path / "d")
    manifest = json.loads((smoke_c.root / "run_manifest.json").read_text())
    del manifest["split"]
    (tmp_path / "run_manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ManifestError, match=r"\$\.split: "):
        overlap(tmp_path, tmp_path / "d")


def test_views_of_other_data_are_left_alone(smoke_d: Phase, smoke_c: Phase, tmp_path: Path) -> None:
    root = tmp_path / "d"
    shutil.copytree(smoke_d.root, root)
    manifest = json.loads((root / "overlap_manifest.json").read_text())
    manifest["phase_c_recipe_digest"] = "0" * 64
    (root / "overlap_manifest.json").write_text(json.dumps(manifest))
    before = snapshot(root)
    with pytest.raises(InputError, match=naming("overlap_manifest.json", "Phase C")):
        overlap(smoke_c.root, root)
    assert snapshot(root) == before
