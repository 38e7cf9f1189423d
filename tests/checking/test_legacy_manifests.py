"""The manifests of earlier attempts: each is recognised, and each of its mistakes is found where it is.

The table has everything that is found, so that a check which speaks up on something sound is seen here.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ptyproof.checking import check_manifest

FOLDER = Path(__file__).parents[3] / "shared" / "legacy-manifests"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the manifests of earlier attempts (../shared/legacy-manifests) are not there"
)
JOB_PATHS = ("artifact_dir", "log_path", "test_data_path", "train_data_path")
ROOTS = ("$.artifact_root", "$.phase_c_root", "$.phase_d_root")

# File: generation, and for each code the JSON paths at which it is found.
EXPECTED: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    "C_run_manifest_absolute_paths.json": (
        "C",
        {
            "PM401": tuple(
                f"$.dose_{dose}.{key}"
                for dose in (1000, 10000, 100000)
                for key in ("intermediate_dir", "test", "train")
            )
        },
    ),
    "D1_spacing_metrics_bundle.json": ("D1", {"PM619": ("$.test",)}),
    "D2_overlap_metrics_bundle_gs1.json": ("D2", {}),
    "D2_overlap_metrics_bundle_gs2.json": ("D2", {}),
    "D2_overlap_metrics_bundle_wrong_total.json": (
        "D2",
        {
            "PM616": ("$.test.n_images_total", "$.train.n_images_total"),
            "PM618": ("$.test.effective_min_acceptance", "$.train.effective_min_acceptance"),
        },
    ),
    "E4_training_manifest_dry_run.json": ("E4", {"PM701": ("$.dry_run",), "PM504": ("$.artifact_root",)}),
    "E5_skip_summary.json": ("E5-E7", {"PM804": tuple(f"$.skipped_views[{at}].reason" for at in range(3))}),
    "E5_training_manifest_skips_of_other_doses.json": (
        "E5",
        {
            "PM301": ("$.skip_summary_path",),
            "PM701": ("$.dry_run",),
            "PM801": ("$.skipped_views[1].dose", "$.skipped_views[2].dose"),
            "PM504": ("$.artifact_root",),
            "PM804": tuple(f"$.skipped_views[{at}].reason" for at in range(3)),
        },
    ),
    "E6_skip_summary_empty.json": ("E5-E7", {}),
    "E6_training_manifest_failed_job.json": (
        "E6",
        {"PM301": ("$.skip_summary_path",), "PM704": ("$.jobs[0].result.status",)},
    ),
    "E6_training_manifest_hand_made.json": (
        "E6",
        {
            "PM101": (
                "$.filters.dose",
                "$.filters.gridsize",
                "$.filters.view",
                "$.jobs[0].result.epochs_completed",
                "$.jobs[0].result.final_loss",
                "$.jobs[1].result.epochs_completed",
                "$.jobs[1].result.final_loss",
                "$.skipped_count",
            ),
            "PM208": ("$.jobs",),
            "PM301": ("$.jobs[0].result.bundle_path", "$.jobs[1].result.bundle_path", "$.skip_summary_path"),
            "PM403": ("$.skip_summary_path",),
            "PM407": ("$.jobs[0].test_data_path", "$.jobs[0].train_data_path"),
            "PM703": (
                "$.jobs[0].result.epochs_completed",
                "$.jobs[0].result.final_loss",
                "$.jobs[1].result.epochs_completed",
                "$.jobs[1].result.final_loss",
            ),
        },
    ),
    "E7_training_manifest_failed_validator.json": (
        "E7",
        {"PM301": ("$.skip_summary_path",), "PM704": ("$.jobs[0].result.status",)},
    ),
    "E7_training_manifest_truncated_mid_write.json": (
        "E7",
        {
            "PM005": ("$.jobs[0].result.training_results",),
            "PM301": ("$.jobs[0].result.bundle_path",),
            "PM401": (ROOTS[0], *(f"$.jobs[0].{key}" for key in JOB_PATHS), *ROOTS[1:]),
        },
    ),
    "D2_verifier_bundle_100k_wrong_total.json": (
        "D2",
        {"PM616": ("$.test.n_images_total", "$.train.n_images_total")},
    ),
    "D2_verifier_train_metrics_100k_wrong_total.json": ("D2", {"PM616": ("$.n_images_total",)}),
    "D2_gs1_train_metrics.json": ("D2", {}),
    "D2_gs1_test_metrics.json": ("D2", {}),
    "E7_training_manifest_pytorch_no_epochs_cut.json": (
        "E7",
        {
            "PM005": ("$.jobs[0].result.training_results",),
            "PM101": ("$.jobs[0].result.epochs_completed", "$.jobs[0].result.final_loss"),
            "PM301": ("$.jobs[0].result.bundle_path",),
            "PM703": ("$.jobs[0].result.epochs_completed", "$.jobs[0].result.final_loss"),
        },
    ),
    "F2_reconstruction_manifest_dry_run_returncode_0.json": (
        "F2",
        {
            "PM503": ("$.timestamp",),
            "PM504": ("$.artifact_root",),
            "PM309": tuple(f"$.execution_results[{at}].log_path" for at in range(2)),
            "PM701": tuple(f"$.execution_results[{at}].stdout_preview" for at in range(2)),
        },
    ),
    "F2_reconstruction_manifest_other_dataset.json": (
        "F2",
        {
            "PM503": ("$.timestamp",),
            "PM504": ("$.artifact_root",),
            "PM705": ("$.execution_results[0].returncode",),
            "PM716": ("$.execution_results[0].stdout_preview",) * 3,
        },
    ),
    "E7_training_manifest_dry_run.json": (
        "E7",
        {"PM301": ("$.skip_summary_path",), "PM701": ("$.dry_run",)},
    ),
    "F2_reconstruction_manifest_success_test.json": (
        "F2",
        {
            "PM309": ("$.execution_results[0].log_path",),
            "PM503": ("$.timestamp",),
            "PM504": ("$.artifact_root",),
        },
    ),
    "F3_reconstruction_manifest_sparse_test.json": (
        "F3",
        {"PM503": ("$.timestamp",), "PM705": ("$.execution_results[0].returncode",)},
    ),
    "F3_skip_summary_sparse_test.json": ("F1-F4", {"PM503": ("$.timestamp",)}),
    "G_verification_report_0_of_10.json": (
        "G",
        {
            "PM401": ("$.hub", *(f"$.validations[{at}].path" for at in range(10))),
            "PM715": ("$.validations",),
        },
    ),
    "F1_reconstruction_manifest_dry_run.json": ("F1", {"PM702": ("$.jobs",), "PM503": ("$.timestamp",)}),
    "F1_reconstruction_skip_summary.json": ("F1-F4", {"PM503": ("$.timestamp",)}),
    "F2_reconstruction_manifest_missing_jobs.json": (
        "F2",
        {"PM503": ("$.timestamp",), "PM504": ("$.artifact_root",), "PM709": ("$.jobs",)},
    ),
    "F3_reconstruction_manifest_returncode_1.json": (
        "F3",
        {
            "PM503": ("$.timestamp",),
            "PM705": ("$.execution_results[0].returncode",),
        },
    ),
    "F4_reconstruction_manifest_unknown_selection.json": (
        "F4",
        {
            "PM208": ("$.total_jobs",),
            "PM401": (
                ROOTS[0],
                "$.execution_results[0].log_path",
                "$.jobs[0].input_npz",
                "$.jobs[0].output_dir",
                *ROOTS[1:],
            ),
            "PM607": ("$.execution_results[0].selection_strategy",),
            "PM801": tuple(f"$.missing_jobs[{at}].dose" for at in range(2, 6)),
            "PM404": (
                "$.execution_results[0].stdout_preview",
                *(f"$.missing_jobs[{at}].reason" for at in range(2, 6)),
            ),
            "PM503": ("$.timestamp",),
        },
    ),
    "G2_comparison_manifest.json": ("G2", {"PM705": ("$.execution_results[0].returncode",)}),
    "G2_comparison_manifest_zero_jobs.json": ("G2", {"PM706": ("$.jobs",)}),
    "G_metrics_summary.json": (
        "G",
        {
            "PM101": tuple(f"$.jobs[0].metrics[{at}].{side}" for at in range(6, 12) for side in ("amplitude", "phase")),
            "PM610": tuple(f"$.jobs[0].metrics[{at}].{side}" for at in (5, 17) for side in ("amplitude", "phase")),
            "PM611": tuple(f"$.jobs[0].metrics[{at}].{side}" for at in (2, 14) for side in ("amplitude", "phase")),
            "PM612": tuple(f"$.jobs[0].metrics[{at}]" for at in range(6, 12)),
            "PM704": ("$.n_success",),
        },
    ),
    "G_verification_report_hand_written.json": (
        "G",
        {
            "PM101": ("$.n_valid",),
            "PM707": (
                "$.n_valid",
                "$.status",
                "$.test_results.pytest_selector",
                "$.test_results.test_split_cli",
                "$.test_results.train_split_cli",
            ),
        },
    ),
}

# Of kinds that are not known here: the number of files that they record.
FOREIGN = {"N26_ground_truth_manifest.json": 11, "N26_bundle_verification.json": 23}

# What the folder's README says is wrong in them: file, code, JSON path.
NAMED = (
    ("E4_training_manifest_dry_run.json", "PM701", "$.dry_run"),  # a dry run filed as a real run
    ("E5_training_manifest_skips_of_other_doses.json", "PM701", "$.dry_run"),
    ("F1_reconstruction_manifest_dry_run.json", "PM702", "$.jobs"),
    ("E5_training_manifest_skips_of_other_doses.json", "PM801", "$.skipped_views[1].dose"),
    ("E5_training_manifest_skips_of_other_doses.json", "PM801", "$.skipped_views[2].dose"),
    ("E6_training_manifest_hand_made.json", "PM101", "$.skipped_count"),  # a missing skipped_count
    ("E6_training_manifest_hand_made.json", "PM403", "$.skip_summary_path"),
    ("E6_training_manifest_failed_job.json", "PM704", "$.jobs[0].result.status"),  # failed, and the process exited 0
    ("E7_training_manifest_failed_validator.json", "PM704", "$.jobs[0].result.status"),
    ("E7_training_manifest_truncated_mid_write.json", "PM005", "$.jobs[0].result.training_results"),
    ("C_run_manifest_absolute_paths.json", "PM401", "$.dose_1000.train"),
    ("F4_reconstruction_manifest_unknown_selection.json", "PM401", "$.phase_c_root"),
    ("D2_overlap_metrics_bundle_wrong_total.json", "PM616", "$.train.n_images_total"),
    ("G2_comparison_manifest_zero_jobs.json", "PM706", "$.jobs"),
    ("F2_reconstruction_manifest_dry_run_returncode_0.json", "PM701", "$.execution_results[1].stdout_preview"),
    ("E7_training_manifest_pytorch_no_epochs_cut.json", "PM703", "$.jobs[0].result.final_loss"),
    ("D2_verifier_train_metrics_100k_wrong_total.json", "PM616", "$.n_images_total"),
    ("G_metrics_summary.json", "PM612", "$.jobs[0].metrics[6]"),  # rows without values
    ("G_metrics_summary.json", "PM610", "$.jobs[0].metrics[5].phase"),  # FRC50 = 1.0 throughout
    ("G_verification_report_hand_written.json", "PM707", "$.n_valid"),  # "10/10"
)


@pytest.mark.parametrize("name", EXPECTED)
def test_generation_and_all_that_is_found(name: str) -> None:
    generation, expected = EXPECTED[name]
    checked = check_manifest(FOLDER / name)
    assert checked.generation == generation
    found: dict[str, tuple[str, ...]] = {}
    for finding in checked.findings:
        found[finding.code] = (*found.get(finding.code, ()), finding.json_path)
    assert {code: sorted(places) for code, places in found.items()} == {
        code: sorted(places) for code, places in expected.items()
    }


def test_the_table_has_every_file() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == set(EXPECTED) | set(FOREIGN)


@pytest.mark.parametrize(("name", "n"), FOREIGN.items())
def test_what_another_tool_has_recorded_is_looked_for_and_compared(name: str, n: int, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes((FOLDER / name).read_bytes())
    checked = check_manifest(path)
    assert (checked.kind, checked.named.n, checked.named.absent) == (None, n, n)
    assert {finding.code for finding in checked.findings} == {"PM102", "PM301"}
    file = tmp_path / "photon_grid_study_20250826_152459" / "data_p1e3.npz"
    file.parent.mkdir()
    file.write_bytes(b"x")
    assert "PM302" in {finding.code for finding in check_manifest(path).findings}
    file.write_bytes(b"x" * 5087727)
    assert "PM303" in {finding.code for finding in check_manifest(path).findings}


@pytest.mark.parametrize(("name", "code", "place"), NAMED)
def test_a_mistake_that_is_known_is_an_error(name: str, code: str, place: str) -> None:
    found = [finding for finding in check_manifest(FOLDER / name).findings if finding.json_path == place]
    assert [finding.severity for finding in found if finding.code == code] == ["error"]


def test_the_finding_about_a_truncated_file_names_line_column_and_last_complete_value() -> None:
    found = check_manifest(FOLDER / "E7_training_manifest_truncated_mid_write.json").findings[0]
    assert found.code == "PM005"
    assert "line 553, column 29" in found.message
    assert "$.jobs[0].result.training_results.history" in found.message


def test_a_name_is_not_asked_for_the_kind(tmp_path: Path) -> None:
    for number, (name, (generation, _)) in enumerate(EXPECTED.items()):
        path = tmp_path / f"{number}.txt"
        path.write_bytes((FOLDER / name).read_bytes())
        assert check_manifest(path).generation == generation


def test_a_process_that_did_other_work_is_found_with_both_values() -> None:
    found = check_manifest(FOLDER / "F2_reconstruction_manifest_other_dataset.json").findings
    said = [finding.message for finding in found if finding.code == "PM716"]
    for mine, others in (("dense_train.npz", "fly001_reconstructed"), ("LSQML", "DM"), ("100", "200")):
        assert any(mine in message and others in message for message in said)


def test_a_half_is_compared_with_the_bundle_beside_it(tmp_path: Path) -> None:
    half = json.loads((FOLDER / "D2_verifier_train_metrics_100k_wrong_total.json").read_text())
    (tmp_path / "metrics_bundle.json").write_bytes((FOLDER / "D2_verifier_bundle_100k_wrong_total.json").read_bytes())
    path = tmp_path / "train_metrics.json"
    for change, expected in (({}, []), ({"n_images_total": 5088}, ["$.n_images_total"])):
        path.write_text(json.dumps(half | change))
        found = check_manifest(path).findings
        assert [finding.json_path for finding in found if finding.code == "PM306"] == expected
