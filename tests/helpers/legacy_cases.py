"""Manifests of earlier tools, what to change in them, and what is then found: beside those of `manifest_cases.py`."""

from __future__ import annotations

from typing import Any

from tests.helpers.changed_examples import E7, F3, Case, case

VERIFIED = ("legacy_hub_verification_g", "one-invalid")
F_SKIPS = ("legacy_reconstruction_skip_summary_f1", "with-missing")

HALF = ("legacy_overlap_half_d2", "groups-with-bound")
HALF_D1 = ("legacy_spacing_half_d1", "some-rejected")


def _printed(code: str, said: str, **changes: Any) -> Case:
    """Return a case of a process that printed something."""
    at = "execution_results/0/stdout_preview"
    return Case(code, "$.execution_results[0].stdout_preview", F3, {at: said, **changes})


LEGACY_CASES = (
    _printed("PM701", "[DRY RUN] Would execute: python run.py"),
    _printed("PM701", "=== start ===\nDRY-RUN: nothing is done\n"),
    _printed("PM701", "dry_run=True\n"),
    _printed("PM716", "Dataset: other/scan.npz\nAlgorithm: LSQML\n"),
    _printed("PM716", "Dataset: /data/dense_test.npz\n"),
    _printed("PM716", "Dataset: work/d/dose_500/dense/dense_test.npz\nAlgorithm: DM\n"),
    _printed("PM716", "Loading TIKE dataset from: other/scan.npz\n"),
    _printed("PM716", "Output directory: work/f/dose_500/sparse/test\n"),
    _printed("PM716", "Epochs: 200\nImages: 30\n"),
    _printed("PM716", "run.py --algorithm rPIE --num-epochs 100"),
    _printed("PM716", "run.py --input-npz work/d/dose_500/sparse/spa"),
    case("PM616", "$.n_images_total", HALF, n_images_total=150, n_images_subsampled=150, n_unique_images=150),
    case("PM617", "$.neighbor_count", HALF, neighbor_count=3),
    case("PM606", "$.acceptance_rate", HALF_D1, acceptance_rate=0.999),
    case("PM604", "$.jobs[0].result.epochs_completed", E7, jobs__0__result__training_results={"history": {"loss": []}}),
    case("PM703", "$.jobs[0].result.epochs_completed", E7, jobs__0__result__epochs_completed=0),
    case("PM201", "$.n_checks", VERIFIED, n_checks=4),
    case("PM201", "$.n_valid", VERIFIED, n_valid=3),
    case("PM201", "$.n_invalid", VERIFIED, n_invalid=0),
    case("PM206", "$.missing_phase_d_count", F_SKIPS, missing_phase_d_count=4),
    case("PM401", "$.hub", VERIFIED, hub="/home/somebody/reports"),
    case("PM401", "$.validations[0].path", VERIFIED, validations__0__path="/data/scores.csv"),
    case("PM608", "$.execution_results[0].n_accepted", F3, execution_results__0__stdout_preview="a\nImages: 29\nb"),
    case("PM704", "$.all_valid", VERIFIED, all_valid=True),
    case("PM704", "$.validations[0].error", VERIFIED, validations__0__error="File not found"),
    case("PM706", "$.validations", VERIFIED, validations=[]),
    case("PM714", "$.all_valid", VERIFIED, validations__2__valid=True),
    case("PM715", "$.validations", VERIFIED),
)
