"""The study, for real: every cell of its matrix is an item, trained, reconstructed, compared, or skipped and why."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ptyproof.jobs.attempt import EndedJob
    from ptyproof.methods.reconstruction_jobs import ReconstructionJob
    from ptyproof.runs.matrix import PhaseFolder
    from ptyproof.study.design import StudyDesign
    from ptyproof.study.jobs import TrainingJob
    from pytest_ptyproof.shared import ComparisonCell

pytestmark = pytest.mark.real_run

Validate = Callable[[Path], dict[str, Any]]


def test_phase_c(
    ptyproof_phase_c: PhaseFolder, ptyproof_study_design: StudyDesign, ptyproof_validate_manifest: Validate
) -> None:
    """Every dose was simulated, in every replicate, and the measured photons are those that were asked for."""
    from ptyproof.study.exposures import exposure_of

    manifest = ptyproof_validate_manifest(ptyproof_phase_c.manifest_path)
    assert [exposure_of(entry) for entry in manifest["datasets"]] == list(ptyproof_study_design.exposures)
    for entry in manifest["datasets"]:
        for half in (entry["train"], entry["test"]):
            # Poisson: the mean of n patterns scatters by sqrt(dose / n); six deviations never happen
            expected, n = half["photons_per_pattern_expected"], half["n_patterns"]
            assert abs(half["photons_per_pattern_measured"] - expected) < 6 * math.sqrt(expected / n)


def test_phase_d(
    ptyproof_phase_d: PhaseFolder, ptyproof_study_design: StudyDesign, ptyproof_validate_manifest: Validate
) -> None:
    """Every cell of the matrix was accepted, or rejected with its numbers."""
    manifest = ptyproof_validate_manifest(ptyproof_phase_d.manifest_path)
    cells = len(ptyproof_study_design.exposures) * len(ptyproof_study_design.views)
    assert len(manifest["views"]) + len(manifest["rejected_views"]) == cells


def test_training(
    ptyproof_training_job: TrainingJob, ptyproof_train_job: Callable[[TrainingJob], EndedJob[TrainingJob]]
) -> None:
    """The job was trained, its bundle is the one that the manifest names, and its losses are numbers."""
    from ptyproof.io.hashing import sha256_file
    from ptyproof.training.bundle import read_bundle

    done = ptyproof_train_job(ptyproof_training_job)
    assert done.status == "success", done.error
    result = done.entry["result"]
    assert math.isfinite(result["final_loss"])
    assert result["epochs_completed"] == done.entry["training"]["max_epochs"]
    assert done.bundle_path is not None
    assert sha256_file(done.bundle_path) == result["bundle_sha256"]
    record = read_bundle(done.bundle_path).record
    assert (record["job"], record["recipe_sha256"]) == (ptyproof_training_job.trained.key, result["recipe_sha256"])


def test_manifest(
    ptyproof_training_manifest: dict[str, Any], ptyproof_artifact_hub: Path, ptyproof_validate_manifest: Validate
) -> None:
    """Manifest and skip summary are sound, agree with each other, and account for every cell."""
    from ptyproof.runs.folder import RunFolder

    folder = ptyproof_artifact_hub / "real_run"
    manifest = ptyproof_validate_manifest(folder / "training_manifest.json")
    summary = ptyproof_validate_manifest(folder / manifest["skip_summary_path"])
    assert RunFolder(ptyproof_artifact_hub).errors_in(folder / "training_manifest.json") == []
    assert manifest["jobs"] == ptyproof_training_manifest["jobs"]
    assert summary["skipped_views"] == manifest["skipped_views"]
    assert summary["skipped_count"] == manifest["skipped_count"] == len(manifest["skipped_views"])
    account = manifest["account"]
    assert account["n_enumerated"] == sum(value for key, value in account.items() if key != "n_enumerated")
    assert account["n_lost"] == 0


def test_reconstruction(
    ptyproof_reconstruction_job: ReconstructionJob,
    ptyproof_reconstruct: Callable[[ReconstructionJob], EndedJob[ReconstructionJob]],
) -> None:
    """The job has a reconstruction: the archive that the manifest names, with the arrays that it names."""
    from ptyproof.io.hashing import sha256_file
    from ptyproof.records.archive import arrays_digest, read_archive

    done = ptyproof_reconstruct(ptyproof_reconstruction_job)
    assert done.status == "success", done.error
    result = done.entry["result"]
    assert sha256_file(ptyproof_reconstruction_job.path) == result["reconstruction"]["sha256"]
    found = read_archive(ptyproof_reconstruction_job.path)
    assert arrays_digest(found) == result["arrays_sha256"]
    assert len(found.losses) == (result["iterations"] or 0)


def test_reconstruction_manifest(
    ptyproof_reconstruction_manifest: dict[str, Any], ptyproof_artifact_hub: Path, ptyproof_validate_manifest: Validate
) -> None:
    """The manifest is sound and accounts for every cell: doses x views x halves x methods."""
    from ptyproof.runs.folder import RunFolder

    folder = RunFolder(ptyproof_artifact_hub)
    manifest = ptyproof_validate_manifest(folder.reconstruction_manifest_path)
    assert folder.errors_in(folder.reconstruction_manifest_path) == []
    assert manifest["jobs"] == ptyproof_reconstruction_manifest["jobs"]
    account = manifest["account"]
    assert account["n_enumerated"] == sum(value for key, value in account.items() if key != "n_enumerated")
    assert account["n_lost"] == 0


def test_comparison(
    ptyproof_comparison_cell: ComparisonCell, ptyproof_compare: Callable[[ComparisonCell], dict[str, Any]]
) -> None:
    """Every reconstruction of the cell was compared, and each metric has a number or a reason."""
    scores = ptyproof_compare(ptyproof_comparison_cell)
    assert scores
    for method, values in scores.items():
        for name, found in values.items():
            assert (found.value is None) == bool(found.reason), (method, name)
            assert found.value is None or math.isfinite(found.value), (method, name)


def test_comparison_manifest(
    ptyproof_comparison_manifest: dict[str, Any],
    ptyproof_reconstruction_manifest: dict[str, Any],
    ptyproof_artifact_hub: Path,
    ptyproof_validate_manifest: Validate,
) -> None:
    """The manifest is sound and accounts for every cell that Phase F knows of."""
    from ptyproof.runs.folder import RunFolder

    folder = RunFolder(ptyproof_artifact_hub)
    manifest = ptyproof_validate_manifest(folder.comparison_manifest_path)
    assert folder.errors_in(folder.comparison_manifest_path) == []
    summary = ptyproof_validate_manifest(ptyproof_artifact_hub / "real_run" / "metrics_summary.json")
    assert manifest["cells"] == ptyproof_comparison_manifest["cells"]
    assert manifest["account"] == summary["account"] == ptyproof_reconstruction_manifest["account"]
    assert len(manifest["cells"]) == manifest["account"]["n_enumerated"]
