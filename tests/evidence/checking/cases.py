"""Sound manifests, what to change in them, and what is then found: a case for every code that a value can have."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from tests.schemas.schema_rules import example

WHOLE = ("training_manifest", "whole-dose")
FAILED = ("training_manifest", "failed-and-lost")
AGAIN = ("training_manifest", "trained-again")
MIGRATED = ("training_manifest", "migrated-e6-bundles")
DOSES = ("run_manifest", "one-of-three-doses")
ACCEPTED = ("overlap_manifest", "accepted-spacing")
REJECTED = ("overlap_manifest", "rejected-spacing")
SKIPS = ("skip_summary", "rejected")
MODEL = ("model", "groups")
HUB = ("hub_index", "green-answers-red")
DESIGN = ("study_design", "fly64-smoke")
METRICS = ("overlap_metrics", "spacing-direct")
E5 = ("legacy_training_manifest_e5", "first-form")
E6 = ("legacy_training_manifest_e6", "bundles")
E7 = ("legacy_training_manifest_e7", "two-frameworks")
F1 = ("legacy_reconstruction_manifest_f1", "two-halves")
F2 = ("legacy_reconstruction_manifest_f2", "missing-jobs")
F3 = ("legacy_reconstruction_manifest_f3", "with-selection")
F4 = ("legacy_reconstruction_manifest_f4", "unknown-selection")
G2 = ("legacy_comparison_manifest_g2", "one-job")
SCORES = ("legacy_metrics_summary_g", "one-method")
REPORT = ("legacy_verification_report_g", "two-tests")
D1 = ("legacy_spacing_metrics_d1", "some-rejected")
D2 = ("legacy_overlap_metrics_d2", "groups-with-bound")
SINGLE = ("legacy_overlap_metrics_d2", "single-images")
C = ("legacy_run_manifest_c", "two-doses")

HOME = "/home/somebody/study"
GONE = object()


@dataclass(frozen=True)
class Case:
    """A change of a sound example, and the finding that it leads to."""

    code: str
    place: str
    example: tuple[str, str]
    changes: dict[str, Any]

    def value(self) -> Any:
        """Return the changed example."""
        return changed(self.example, self.changes)


def changed(of: tuple[str, str], changes: dict[str, Any]) -> Any:
    """Return an example with other values at some pointers, `jobs/0/dose`; `GONE` removes."""
    value = copy.deepcopy(example(of[0], f"{of[1]}.json"))
    for pointer, new in changes.items():
        *steps, last = [int(step) if step.isdecimal() else step for step in pointer.split("/")]
        holder = value
        for step in steps:
            holder = holder[step]
        if new is GONE:
            del holder[last]
        else:
            holder[last] = new(holder[last]) if callable(new) else new
    return value


def case(code: str, place: str, of: tuple[str, str], **changes: Any) -> Case:
    """Return a case of one change; slashes in a pointer are written as two underscores."""
    return Case(code, place, of, {pointer.replace("__", "/"): new for pointer, new in changes.items()})


def _twice(entries: list[Any]) -> list[Any]:
    return [*entries, copy.deepcopy(entries[0])]


CASES = (
    case("PM101", "$.jobs[0].gridsize", WHOLE, jobs__0__gridsize=0),
    case("PM101", "$.jobs[0].result.final_loss", WHOLE, jobs__0__result__final_loss=GONE),
    case("PM101", "$.account", WHOLE, account=7),
    case("PM103", "$.schema_version", WHOLE, schema_version="2.0.0"),
    case("PM104", "$", DESIGN, neighbor_count=3),
    case("PM201", "$.skipped_count", WHOLE, skipped_count=2),
    case("PM201", "$.account.n_success", WHOLE, account__n_success=3),
    case("PM201", "$.account.n_accepted", ACCEPTED, account__n_accepted=2),
    case("PM201", "$.skipped_count", E5, skipped_count=3),
    case("PM201", "$.filtered_jobs", F1, filtered_jobs=3),
    case("PM201", "$.n_success", G2, n_success=0),
    case("PM201", "$.split.n_positions", DOSES, split__n_positions=337),
    case("PM201", "$.datasets[0].train.n_patterns", DOSES, datasets__0__train__n_patterns=119),
    case("PM201", "$.execution_results", F2, execution_results=[]),
    case("PM201", "$.runs[0].skips", HUB, runs__0__skips=[{"test": "a", "reason": "b"}]),
    case(
        "PM201",
        "$.rejected_views[0].train.spacing_before_selection.n_positions",
        REJECTED,
        rejected_views__0__train__spacing_before_selection__n_positions=119,
    ),
    case("PM202", "$.account.n_enumerated", WHOLE, account__n_enumerated=4),
    case("PM202", "$.account.n_cells", REJECTED, account__n_cells=4),
    case("PM202", "$.split.n_positions", DOSES, split__n_left_out=92),
    case("PM202", "$.n_jobs", G2, n_jobs=2),
    case("PM202", "$.train.n_positions", D1, train__n_positions=9),
    case("PM203", "$.jobs[2]", WHOLE, jobs=_twice),
    case("PM203", "$.skipped_views[0]", E5, skipped_views__0__view="dense"),
    case("PM203", "$.jobs[2]", F1, jobs=_twice),
    case("PM203", "$.skipped_jobs[2]", ("legacy_reconstruction_skip_summary_f1", "filtered"), skipped_jobs=_twice),
    case("PM203", "$.datasets[1]", DOSES, datasets=_twice),
    case("PM204", "$.jobs[0].gridsize", E5, jobs__0__gridsize=2),
    case("PM204", "$.skipped_views[0]", WHOLE, skipped_views__0__gridsize=3),
    case("PM204", "$.datasets[0].dose", DOSES, datasets__0__dose=1500.0),
    case("PM205", "$.jobs[1].job", WHOLE, jobs__1__job="dose1000-sparse-gs2"),
    case("PM205", "$.datasets[0].folder", DOSES, datasets__0__folder="dose_10000"),
    case("PM205", "$.jobs[0].result.dose", E5, jobs__0__result__dose=600.0),
    case("PM205", "$.execution_results[0]", G2, execution_results__0__split="train"),
    case("PM205", "$.dose_500.dose", C, dose_500__dose=5000.0),
    case("PM205", "$.job", MODEL, dose=5.0),
    case("PM205", "$.filters", WHOLE, filters__view=["dense"]),
    case("PM205", "$.jobs[0].datasets.train.path", WHOLE, jobs__0__datasets__train__path="../c/other.npz"),
    case(
        "PM205",
        "$.datasets[0].test.photons_per_pattern_requested",
        DOSES,
        datasets__0__test__photons_per_pattern_requested=10000.0,
    ),
    case("PM206", "$.total_jobs", F1, total_jobs=1),
    case("PM206", "$.n_jobs", G2, n_failed=1),
    case("PM206", "$.views[0].train.n_images_total", ACCEPTED, views__0__train__n_images_total=15),
    case("PM206", "$.train.n_images_total", D2, train__n_images_total=100),
    case("PM206", "$.train.n_unique_images", D2, train__n_unique_images=151),
    case("PM206", "$.train.n_groups_actual", D2, train__n_groups_actual=65),
    case(
        "PM206",
        "$.views[0].train.grouping.n_groups_distinct",
        ACCEPTED,
        views__0__train__grouping__n_groups_distinct=17,
    ),
    case("PM206", "$.jobs[0].scores.n_patterns", WHOLE, jobs__0__scores__n_patterns=122),
    case("PM207", "$.jobs[0].dose", E5, filters__dose=600.0),
    case("PM207", "$.calls[0].jobs[0]", WHOLE, calls__0__filters__view=["dense"], filters__view=["dense"]),
    case("PM208", "$.jobs", E5, skipped_views=[], skipped_count=0),
    case("PM208", "$.total_jobs", F2, total_jobs=3),
    case("PM208", "$.calls[0].jobs[0]", WHOLE, jobs=lambda jobs: jobs[1:]),
    case("PM209", "$.design_digest", WHOLE, design__seeds__grouping=124),
    case("PM209", "$.study", WHOLE, study="fly64"),
    case("PM209", "$.jobs[0].training.seed", WHOLE, jobs__0__training__seed=322),
    case(
        "PM304",
        "$.jobs[1].result.bundle_sha256",
        WHOLE,
        jobs__1__result__bundle_sha256="4ff52025b283773d8518eb785041c4040cca95fcc9c3d4be689a13a79ecedab0",
    ),
    case(
        "PM304",
        "$.jobs[1].result.final_loss",
        WHOLE,
        jobs__1__result__final_loss=0.14831069111824036,
        jobs__1__result__validation_loss=0.13861142098903656,
    ),
    case("PM401", "$.phase_c_root", E6, phase_c_root=HOME),
    case("PM401", "$.jobs[0].log_path", E6, jobs__0__log_path=f"{HOME}/train.log"),
    case("PM401", "$.jobs[0].train_data_path", WHOLE, jobs__0__train_data_path="C:\\data\\a.npz"),
    case("PM401", "$.jobs[0].input_npz", F1, jobs__0__input_npz="~/a.npz"),
    case("PM401", "$.jobs[0].pinn_checkpoint", G2, jobs__0__pinn_checkpoint="file:///a"),
    case("PM401", "$.dose_500.train", C, dose_500__train=f"{HOME}/a.npz"),
    case("PM402", "$.skip_summary_path", WHOLE, skip_summary_path="../skip_summary.json"),
    case(
        "PM402", "$.jobs[0].result.bundle_path", WHOLE, jobs__0__result__bundle_path="../../../../x/model.safetensors"
    ),
    case("PM402", "$.runs[0].log_path", HUB, runs__0__log_path="red/../../log"),
    case("PM403", "$.skip_summary_path", E6, skip_summary_path="work/e/skip_summary.json"),
    case(
        "PM403", "$.jobs[0].result.bundle_path", E6, jobs__0__result__bundle_path="work/e/dose_500/baseline/gs1/net.zip"
    ),
    case("PM404", "$.missing_jobs[0].reason", F2, missing_jobs__0__reason=f"not found: {HOME}/a.npz"),
    case("PM405", "$.phase_d_root", E6, phase_d_root="work\\d"),
    case("PM405", "$.jobs[0].log_path", WHOLE, jobs__0__log_path="dose_1000/baseline/gs1/train\n.log"),
    case("PM406", "$.jobs[0].train_data_path", WHOLE, jobs__0__train_data_path="../c/dose_10000/patched_train.npz"),
    case("PM406", "$.jobs[0].train_data_path", WHOLE, jobs__0__train_data_path="../c/dose_1000/patched_test.npz"),
    case("PM406", "$.jobs[1].artifact_dir", WHOLE, jobs__1__artifact_dir="dose_1000/baseline/gs1"),
    case("PM406", "$.jobs[1].artifact_dir", E6, jobs__1__artifact_dir="work/e/dose_500/dense/gs1"),
    case("PM406", "$.jobs[1].artifact_dir", WHOLE, jobs__1__artifact_dir="elsewhere"),
    case("PM406", "$.jobs[0].log_path", WHOLE, jobs__0__log_path="train.log"),
    case("PM407", "$.jobs[0].train_data_path", E6, jobs__0__train_data_path="work/d/dose_500/patched_train.npz"),
    case("PM407", "$.jobs[1].test_data_path", WHOLE, jobs__1__test_data_path="../c/dose_1000/dense/dense_test.npz"),
    case("PM501", "$.timestamp", WHOLE, timestamp="2222-01-01T00:00:00Z"),
    case("PM501", "$.timestamp", F1, timestamp="2222-01-01T00:00:00.000001"),
    case("PM502", "$.jobs[0].result.finished", WHOLE, jobs__0__result__finished="2026-11-23T22:47:33Z"),
    case("PM502", "$.jobs[0].result.finished", WHOLE, jobs__0__result__finished="2026-11-23T22:48:51Z"),
    case("PM502", "$.jobs[0].result.started", WHOLE, jobs__0__result__started="2026-11-23T22:47:33Z"),
    case("PM502", "$.runs[1].started", HUB, runs__1__started="2026-11-24T00:07:44Z"),
    case("PM503", "$.timestamp", F1, timestamp="2025-10-06T09:15:27.104512"),
    case("PM504", "$.artifact_root", E5, artifact_root="reports/2025-10-07T091500Z/e"),
    case("PM505", "$.timestamp", WHOLE, timestamp="1970-01-01T00:00:00Z"),
    case("PM601", "$.jobs[0].result.final_loss", WHOLE, jobs__0__result__final_loss="0.15"),
    case("PM601", "$.jobs[0].dose", G2, jobs__0__dose="1e3"),
    case("PM601", "$.datasets[0].train.max_count", DOSES, datasets__0__train__max_count="18"),
    case("PM602", "$.jobs[0].result.final_loss", WHOLE, jobs__0__result__final_loss=float("nan")),
    case("PM007", "$.jobs[0].dose", WHOLE, jobs__0__dose=float("inf")),
    case(
        "PM603",
        "$.jobs[0].result.training_results.history.loss",
        E6,
        jobs__0__result__training_results__history__loss=[0.83, 0.83, 0.83],
    ),
    case("PM604", "$.jobs[0].result.epochs_completed", E6, jobs__0__result__epochs_completed=4),
    case("PM604", "$.jobs[0].result.final_loss", E6, jobs__0__result__final_loss=0.5),
    case("PM605", "$.jobs[0].result.bundle_epoch", WHOLE, jobs__0__result__bundle_epoch=2),
    case("PM605", "$.jobs[0].result.epochs_completed", WHOLE, jobs__0__result__epochs_completed=2),
    case("PM605", "$.steps_completed", MODEL, steps_completed=1),
    case("PM605", "$.validation_loss", MODEL, n_validation_positions=0),
    case("PM606", "$.train.acceptance_rate", D1, train__acceptance_rate=0.9),
    case("PM606", "$.train.n_images_subsampled", D2, train__n_images_subsampled=140, train__n_unique_images=140),
    case("PM606", "$.views[0].test.acceptance_rate", ACCEPTED, views__0__test__acceptance_rate=0.2),
    case("PM606", "$.execution_results[0].acceptance_rate", F3, execution_results__0__acceptance_rate=0.5),
    case(
        "PM606",
        "$.skipped_views[0].measured.train.acceptance_rate",
        SKIPS,
        skipped_views__0__measured__train__acceptance_rate=0.05,
    ),
    case("PM607", "$.execution_results[0].selection_strategy", F4, timestamp="2025-10-06T09:15:27"),
    case("PM608", "$.execution_results[0].n_accepted", F3, execution_results__0__stdout_preview="Images: 2000\nx"),
    case("PM609", "$.jobs[0].metrics[3].phase", SCORES, jobs__0__metrics__3__phase=1.2),
    case("PM609", "$.jobs[0].metrics[0].amplitude", SCORES, jobs__0__metrics__0__amplitude=-0.1),
    case("PM609", "$.metrics.test.ms_ssim_phase", REPORT, metrics__test__ms_ssim_phase=7.0),
    case("PM609", "$.jobs[0].scores.complex_error.network", WHOLE, jobs__0__scores__complex_error__network=1.5),
    case(
        "PM610",
        "$.jobs[0].metrics[5].phase",
        SCORES,
        jobs__0__metrics__5__phase=1.0,
        jobs__0__metrics__5__amplitude=1.0,
    ),
    case("PM611", "$.jobs[0].metrics[2].amplitude", SCORES, jobs__0__metrics__2__amplitude=72.11),
    case("PM612", "$.jobs[0].metrics[0]", SCORES, jobs__0__metrics__0__phase=GONE, jobs__0__metrics__0__amplitude=GONE),
    case("PM612", "$.train.metric_1_group_based_avg", D2, train__metric_1_group_based_avg=GONE),
    case("PM613", "$.jobs[0].metrics[1].phase", SCORES, jobs__0__metrics__1__phase=0.01),
    case("PM613", "$.jobs[0].scores.poisson_loss.improvement", WHOLE, jobs__0__scores__poisson_loss__improvement=0.5),
    case("PM613", "$.jobs[0].scores.beats_start", WHOLE, jobs__0__scores__beats_start=False),
    case("PM613", "$.jobs[0].scores.no_truth_because", WHOLE, jobs__0__scores__no_truth_because="it is a secret"),
    case(
        "PM614",
        "$.aggregate_metrics.PtychoPINN.mae.mean_phase",
        SCORES,
        aggregate_metrics__PtychoPINN__mae__mean_phase=0.1,
    ),
    case("PM615", "$.train.mean_spacing", D1, train__mean_spacing=99.0),
    case(
        "PM615",
        "$.views[0].train.spacing_after_selection.min_px",
        ACCEPTED,
        views__0__train__spacing_after_selection__min_px=9.5,
    ),
    case(
        "PM615",
        "$.views[0].train.overlap.metric_1_group_based_avg",
        ACCEPTED,
        views__0__train__overlap__metric_1_group_based_avg=None,
    ),
    case("PM616", "$.train.n_images_total", D2, train__n_images_total=150),
    case("PM617", "$.train.neighbor_count", D2, train__neighbor_count=3),
    case(
        "PM617",
        "$.train.metric_1_group_based_avg",
        SINGLE,
        train=lambda half: {**half, "metric_1_group_based_avg": 0.5},
    ),
    case("PM617", "$.views[0].train.grouping.group_size", ACCEPTED, views__0__train__grouping__group_size=5),
    case("PM617", "$.jobs[1].neighbor_count", WHOLE, jobs__1__neighbor_count=8),
    case("PM618", "$.train.effective_min_acceptance", D2, train__effective_min_acceptance=0.02),
    case(
        "PM618",
        "$.views[0].train.selection.threshold_px",
        ACCEPTED,
        views__0__train__selection__threshold_px=9.0,
    ),
    case("PM618", "$.execution_results[0].spacing_threshold", F3, execution_results__0__spacing_threshold=10.0),
    case(
        "PM618",
        "$.skipped_views[0].measured.train.selection.overlap_fraction",
        WHOLE,
        skipped_views__0__measured__train__selection__overlap_fraction=0.3,
    ),
    case("PM619", "$.test", D1, test=lambda _: example(*("legacy_spacing_metrics_d1", "some-rejected.json"))["train"]),
    case(
        "PM621",
        "$.datasets[0].train.photons_per_pattern_measured",
        DOSES,
        datasets__0__train__photons_per_pattern_measured=1100.0,
    ),
    case("PM701", "$.dry_run", E6, dry_run=True),
    case("PM701", "$.dry_run", WHOLE, dry_run=True),
    case("PM701", "$.jobs[0].result.dry_run", E5, dry_run=False),
    case("PM702", "$.jobs", F1, timestamp="2025-10-06T09:15:27"),
    case("PM703", "$.jobs[0].result.epochs_completed", E6, jobs__0__result__epochs_completed=GONE),
    case("PM703", "$.jobs[1].result.bundle_path", WHOLE, jobs__1__result__bundle_path=None),
    case("PM704", "$.jobs[1].result.status", E7, timestamp="2025-10-06T09:15:27Z"),
    case("PM704", "$.jobs[0].result.error", WHOLE, jobs__0__result__error="out of memory"),
    case("PM704", "$.jobs[0].result.bundle_path", FAILED, jobs__0__result__bundle_path="model.safetensors"),
    case("PM704", "$.jobs[0].scores", WHOLE, jobs__0__result__status="failed"),
    case("PM704", "$.n_success", SCORES, jobs__0__metrics=lambda rows: [*rows, {"model": "LSQML", "metric": "mae"}]),
    case("PM704", "$.runs[1].accepted", HUB, runs__1__exit_status=1),
    case("PM705", "$.jobs[0].result.status", FAILED, timestamp="2026-11-23T22:47:58Z"),
    case("PM705", "$.execution_results[0].returncode", G2, execution_results__0__returncode=1),
    case("PM706", "$.jobs", G2, jobs=[], execution_results=[], n_jobs=0, n_success=0),
    case("PM707", "$.n_valid", REPORT, n_valid="10/10"),
    case("PM707", "$.test_results.train", REPORT, test_results__train="PASS"),
    case("PM708", "$.jobs[0].test_data_path", E6, jobs__0__test_data_path="work/c/dose_500/patched_train.npz"),
    case(
        "PM708",
        "$.jobs[0].datasets.test.sha256",
        WHOLE,
        jobs__0__datasets__test__sha256="5ab7ba096824b38e13be4acd3d3540ff9eb5801a1a42852f7e95f3c50cdb1842",
    ),
    case(
        "PM708",
        "$.datasets[0].test.arrays_sha256",
        DOSES,
        datasets__0__test__arrays_sha256="63cc486a789eb490f559839567d32ff0c09bef561dd4b10a9dd3190b2b60f08b",
    ),
    case("PM709", "$.jobs", F2, jobs=[], execution_results=[], filtered_jobs=0),
    case("PM709", "$.jobs", FAILED, timestamp="2026-11-23T22:47:58Z"),
    case("PM710", "$.runs[1].status", HUB, runs__1__status="running"),
    case("PM710", "$.runs[0].ended", HUB, runs__0__ended=None),
    case("PM711", "$.migrated", MIGRATED),
    case("PM203", "$.calls[1].id", WHOLE, calls=_twice),
    case("PM203", "$.calls[0].jobs", WHOLE, calls__0__jobs=_twice),
    case("PM211", "$.jobs", WHOLE, jobs=lambda jobs: jobs[::-1]),
    case("PM211", "$.calls[0].jobs", WHOLE, calls__0__jobs=lambda jobs: jobs[::-1]),
    case("PM205", "$.datasets[0].test.seed.key", DOSES, datasets__0__test__seed__key=["phase_c", "dose_1000", "train"]),
    case("PM205", "$.datasets[0].test.seed.root", DOSES, datasets__0__test__seed__root=7),
    case("PM209", "$.datasets[0].recipe_digest", DOSES, datasets__0__recipe_digest="ab" * 32),
    case("PM406", "$.datasets[0].train.file.path", DOSES, datasets__0__train__file__path="dose_1/patched_train.npz"),
    case("PM406", "$.views[0].metrics_bundle.path", ACCEPTED, views__0__metrics_bundle__path="metrics_bundle.json"),
    case("PM407", "$.views[0].reads_phase_c", ACCEPTED, views__0__reads_phase_c=True),
    case("PM407", "$.views[0].train.file", ACCEPTED, views__0__train__file=None),
    case("PM801", "$.skipped_views[0].dose", E5, skipped_views__0__dose=600.0),
    case("PM801", "$.missing_jobs[0].dose", F2, filters__dose=600.0),
    case("PM801", "$.skipped_views[0]", WHOLE, calls__0__skipped=[]),
    case("PM801", "$.calls[0].skipped[0]", WHOLE, calls__0__filters__dose=[1e4], filters__dose=[1e4]),
    case("PM803", "$.views[0]", ACCEPTED, views__0__train__selection__min_acceptance_rate=0.2),
    case(
        "PM803",
        "$.skipped_views[0]",
        SKIPS,
        skipped_views__0__measured__train__selection__min_acceptance_rate=0.01,
        skipped_views__0__measured__test__selection__min_acceptance_rate=0.01,
    ),
    case(
        "PM804", "$.skipped_views[0].reason", E5, skipped_views__0__reason="This is expected when Phase D rejected it."
    ),
    case("PM211", "$.jobs", WHOLE, jobs=lambda jobs: jobs[::-1]),
    case("PM711", "$.migrated", ("training_manifest", "migrated-e7-no-bundle"), timestamp="2026-11-24T06:30:01Z"),
    case("PM207", "$.jobs[0].job", WHOLE, calls__0__jobs=lambda names: names[1:]),
    case("PM703", "$.jobs[1].training", WHOLE, jobs__1__training=None),
    case(
        "PM613", "$.jobs[0].scores.complex_error.improvement", WHOLE, jobs__0__scores__complex_error__improvement=None
    ),
    case(
        "PM615",
        "$.skipped_views[0].measured.test.spacing_before_selection.min_px",
        SKIPS,
        skipped_views__0__measured__test__spacing_before_selection__min_px=None,
    ),
    case(
        "PM606",
        "$.skipped_views[0].measured.test.selection.greedy_acceptance_rate",
        SKIPS,
        skipped_views__0__measured__test__selection__greedy_acceptance_rate=None,
    ),
)
