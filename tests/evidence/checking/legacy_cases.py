"""Manifests of earlier tools, what to change in them, and what is then found: beside those of `cases.py`."""

from __future__ import annotations

from tests.evidence.checking.cases import F3, case

VERIFIED = ("legacy_hub_verification_g", "one-invalid")
F_SKIPS = ("legacy_reconstruction_skip_summary_f1", "with-missing")

LEGACY_CASES = (
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
