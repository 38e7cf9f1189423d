"""Sound manifests, what to change in them, and what is then found: a case for every code that a value can have."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from ptyproof.metrics.definitions import metric_definitions
from ptyproof.metrics.protocol import Recipe
from tests.helpers.schema_rules import example

WHOLE = ("training_manifest", "whole-dose")
FAILED = ("training_manifest", "failed-and-lost")
AGAIN = ("training_manifest", "trained-again")
MIGRATED = ("training_manifest", "migrated-e6-bundles")
DOSES = ("run_manifest", "one-of-three-doses")
EXPERIMENTS = ("run_manifest", "with-experiments")
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
F = ("reconstruction_manifest", "whole-dose")
ENDS = ("reconstruction_manifest", "failed-lost-and-reused")
G = ("comparison_manifest", "every-status")
PHASE = ("comparison_manifest", "phase-alone")
SUMMARY = ("metrics_summary", "one-protocol")
REPLICATES = ("metrics_summary", "three-replicates")
EIGHT = ("comparison_table", "eight-replicates")
STATE = ("job_state", "running")
DIFFERENCE = ("hub_difference", "three-replicates")
TWO_HUBS = ("hub_difference", "two-hubs")
OTHERWISE = ("hub_difference", "failed-and-other-protocol")
ASSESSED = ("assessment", "one-failed")
OWN = ("assessment", "own-networks")
CERTIFIED = ("certificate", "reproduced")
DIVERGED = ("certificate", "diverged")
CONFORMING = ("conformance", "exceptions")
NOT_CONFORMING = ("conformance", "failed")

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


FILE_OF_G = ("comparison_manifest", "every-status.json")


def _of(of: tuple[str, str], job: int) -> dict[str, Any]:
    result: dict[str, Any] = example(of[0], f"{of[1]}.json")["jobs"][job]["result"]
    return result


def _with_time(bests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the best methods with one of the time, which has none."""
    return [*bests, {**bests[0], "metric": "time_s"}]


def _twice(entries: list[Any]) -> list[Any]:
    return [*entries, copy.deepcopy(entries[0])]


def _metric(metric: str, value: float, **details: Any) -> dict[str, Any]:
    definition = metric_definitions(Recipe())[metric]
    nothing = dict.fromkeys(("reason", "note", "data_range", "sigma_px", "n_scales"))
    return {
        "metric": metric,
        "value": value,
        "unit": definition.unit,
        "direction": definition.direction,
        **nothing,
        **details,
    }


def _with_metrics(*metrics: dict[str, Any]) -> Any:
    """Put metrics in the place of those of an example's first cell, and of no other cell."""
    return lambda cells: [cells[0] | {"measures": list(metrics)}, *(cell for cell in cells if "job" not in cell)]


def _all_methods(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    metrics = [_metric("phase_frc50_px", 2.0), _metric("phase_frc50_nyquist", 1.0)]
    return [cell | {"measures": metrics} if "job" in cell else cell for cell in cells]


OF_RECONSTRUCTIONS = (
    case("PM201", "$.account.n_success", F, account__n_success=9),
    case("PM201", "$.account.n_lost", ENDS, account__n_lost=1),
    case("PM202", "$.account.n_enumerated", F, account__n_enumerated=16),
    case("PM203", "$.jobs[10]", F, jobs=_twice),
    case("PM203", "$.skipped[0]", F, skipped__0__view="dense"),
    case("PM203", "$.calls[1].id", F, calls=_twice),
    case("PM204", "$.skipped[0]", F, skipped__0__gridsize=3),
    case("PM205", "$.jobs[0].job", F, jobs__0__method="mine"),
    case("PM205", "$.filters", F, filters__method=["flat"]),
    case("PM205", "$.jobs[0].seed.root", F, jobs__0__seed__root=7),
    case("PM205", "$.jobs[0].seed.key", F, jobs__0__seed__key=["phase_f", "dose_1000", "train", "flat"]),
    case("PM205", "$.jobs[2].needs_training", F, jobs__2__needs_training=False),
    case("PM206", "$.jobs[0].dataset.n_patterns", F, jobs__0__dataset__n_patterns=124),
    case("PM206", "$.jobs[0].dataset.n_patterns", F, jobs__0__dataset__n_patterns=122),
    case("PM206", "$.jobs[3].result.timing.total_s", F, jobs__3__result__timing__total_s=1.0),
    case("PM207", "$.calls[0].jobs[0]", F, calls__0__filters__method=["lsqml"]),
    case("PM207", "$.calls[0].jobs[0]", F, calls__0__filters__split=["train"]),
    case("PM207", "$.jobs[0].job", F, calls__0__jobs=lambda names: names[1:]),
    case("PM208", "$.calls[0].jobs[0]", F, jobs=lambda jobs: jobs[1:]),
    case("PM208", "$.calls[0].skipped[0]", F, skipped=lambda skips: skips[1:]),
    case("PM209", "$.study", F, study="fly64"),
    case("PM209", "$.jobs[0].probe", F, jobs__0__probe="estimated"),
    case("PM624", "$.jobs[0].told", WHOLE, jobs__0__told=["mask"]),
    case("PM624", "$.jobs[0].dataset.told", F, jobs__0__dataset__told=["mask"]),
    case("PM209", "$.jobs[0].positions", ENDS, jobs__0__positions="estimated"),
    case("PM209", "$.jobs[3].dataset.told", F, jobs__3__dataset__told=[]),
    case("PM209", "$.jobs[1].dataset.told", F, jobs__1__dataset__told=["positions"]),
    case("PM209", "$.jobs[1].dataset.not_told", F, jobs__1__dataset__not_told=[]),
    case("PM209", "$.methods[0].positions", ("assessment", "given-network"), plan__positions="given"),
    case("PM209", "$.jobs[3].result.positions", F, jobs__3__positions=GONE),
    case("PM703", "$.jobs[3].result.positions", F, jobs__3__result__positions=GONE),
    case(
        "PM206",
        "$.jobs[3].result.positions.largest_change_px",
        F,
        jobs__3__result__positions__largest_change_px=0.25,
    ),
    case("PM209", "$.jobs[3].budget", F, jobs__3__budget__epochs=11),
    case("PM209", "$.jobs[3].options", F, jobs__3__options__momentum=0.9),
    case("PM209", "$.jobs[3].options", F, jobs__3__options__momentum=GONE),
    case("PM209", "$.jobs[4].tuning", F, jobs__4__tuning__momentum=[0.5, 0.9, 0.0]),
    case("PM209", "$.jobs[4].tuning", F, jobs__4__tuning=GONE),
    case("PM703", "$.jobs[4].result.tuning", F, jobs__4__result__tuning=GONE),
    case("PM703", "$.jobs[3].result.tuning", F, jobs__3__result__tuning=_of(F, 4)["tuning"]),
    case(
        "PM209", "$.jobs[4].result.tuning.trials[1].options", F, jobs__4__result__tuning__trials__1__options__momentum=1
    ),
    case("PM613", "$.jobs[4].result.tuning.trials[2].loss", F, jobs__4__result__tuning__trials__2__loss=0.2),
    case("PM614", "$.jobs[4].result.tuning.chosen", F, jobs__4__result__tuning__chosen__momentum=0.0),
    case("PM614", "$.jobs[4].result.tuning.chosen", F, jobs__4__result__tuning__trials__1__loss=0.03),
    case("PM209", "$.jobs[2].budget", ENDS, jobs__2__budget__seconds=60.0),
    case("PM211", "$.jobs", F, jobs=lambda jobs: jobs[::-1]),
    case("PM211", "$.jobs", F, jobs=lambda jobs: [jobs[1], jobs[0], *jobs[2:]]),
    case("PM211", "$.calls[0].skipped", F, calls__0__skipped=lambda names: names[::-1]),
    case("PM304", "$.jobs[8].result.arrays_sha256", F, jobs__8__result__arrays_sha256=_of(F, 3)["arrays_sha256"]),
    case("PM307", "$.jobs[1].dataset.size_bytes", F, jobs__1__dataset__size_bytes=7),
    case("PM307", "$.jobs[1].dataset.role", F, jobs__1__dataset__role="measurement"),
    case("PM307", "$.jobs[4].bundle.sha256", F, jobs__4__bundle__sha256="ab" * 32),
    case("PM307", "$.jobs[2].dataset.scan_sha256", F, jobs__2__dataset__scan_sha256="ab" * 32),
    case("PM307", "$.jobs[1].dataset.not_told", F, jobs__1__dataset__told=["psf"], jobs__1__dataset__not_told=["mask"]),
    case("PM401", "$.jobs[0].dataset.path", F, jobs__0__dataset__path=f"{HOME}/dose_1000/patched_test.npz"),
    case("PM402", "$.jobs[0].result.reconstruction.path", F, jobs__0__result__reconstruction__path="../flat.npz"),
    case("PM406", "$.jobs[0].result.reconstruction.path", F, jobs__0__result__reconstruction__path="start.npz"),
    case(
        "PM406",
        "$.jobs[0].result.product.path",
        F,
        jobs__0__result__product={"path": "flat.h5", "sha256": "ab" * 32, "size_bytes": 7},
    ),
    case("PM406", "$.jobs[2].bundle.path", F, jobs__2__bundle__path="dose_1000/dense/gs2/model.safetensors"),
    case("PM406", "$.jobs[0].dataset.path", F, jobs__0__dataset__path="../c/dose_1000/patched_train.npz"),
    case("PM407", "$.jobs[0].dataset.path", F, jobs__0__dataset__path="../d/dose_1000/dense/dense_test.npz"),
    case("PM407", "$.jobs[0].dataset.path", F, jobs__0__dataset__path="../e/dose_1000/patched_test.npz"),
    case("PM502", "$.jobs[0].result.finished", F, jobs__0__result__finished="2026-11-24T06:20:00Z"),
    case("PM502", "$.jobs[0].result.started", F, jobs__0__result__started="2026-11-24T06:19:58Z"),
    case("PM605", "$.jobs[3].result.iterations", F, jobs__3__result__iterations=11),
    case("PM605", "$.jobs[3].result.iterations", F, jobs__3__result__iterations=9),
    case("PM605", "$.jobs[3].result.stopped_by", F, jobs__3__result__stopped_by="seconds"),
    case("PM605", "$.jobs[0].result.stopped_by", F, jobs__0__result__stopped_by="epochs"),
    case("PM605", "$.jobs[3].result.final_loss", F, jobs__3__result__final_loss=None),
    case("PM605", "$.jobs[0].result.final_loss", F, jobs__0__result__final_loss=0.1),
    case("PM606", "$.skipped[0].measured.test.acceptance_rate", F, skipped__0__measured__test__acceptance_rate=0.05),
    case(
        "PM618",
        "$.skipped[0].measured.test.selection.overlap_fraction",
        F,
        skipped__0__measured__test__selection__overlap_fraction=0.3,
    ),
    case("PM622", "$.jobs[3].result.timing.total_s", F, jobs__3__result__timing__total_s=3.0),
    case(
        "PM622",
        "$.jobs[3].result.timing.total_s",
        F,
        jobs__3__result__timing__total_s=7.0,
        jobs__3__result__timing__steps=[],
    ),
    case("PM703", "$.jobs[0].result.arrays_sha256", F, jobs__0__result__arrays_sha256=None),
    case("PM703", "$.jobs[0].result.timing", F, jobs__0__result__timing=None),
    case("PM703", "$.jobs[0].result.reconstruction", F, jobs__0__result__reconstruction=None),
    case("PM703", "$.jobs[0].dataset", F, jobs__0__dataset=None),
    case("PM703", "$.jobs[0].environment", F, jobs__0__environment=None),
    case("PM703", "$.jobs[2].bundle", F, jobs__2__bundle=None),
    case("PM704", "$.jobs[0].result.error", F, jobs__0__result__error="out of memory"),
    case("PM704", "$.jobs[0].result.reconstruction", F, jobs__0__result__status="failed"),
    case("PM705", "$.jobs[1].result.status", ENDS),
    case("PM706", "$.jobs", F, jobs=[], skipped=[], not_selected=[]),
    case("PM709", "$.jobs", F, jobs=[]),
    case(
        "PM708",
        "$.jobs[1].dataset.sha256",
        F,
        jobs__1__split="train",
    ),
    case("PM712", "$.jobs[2].result.reused_from", ENDS, jobs__2__result__reused_from="dose1000-dense-gs2-test-flat"),
    case("PM712", "$.jobs[2].result.reused_from", ENDS, jobs__2__result__reused_from="dose1000-dense-gs2-test-lsqml"),
    case("PM712", "$.jobs[2].result.reused_from", ENDS, jobs__2__result__reused_from="dose1000-dense-gs2-test-pinn"),
    case("PM712", "$.jobs[2].result.reused_from", ENDS, jobs__2__result__arrays_sha256="ab" * 32),
    case("PM712", "$.jobs[1].result.reused_from", F, jobs__1__result__reused_from="dose1000-baseline-gs1-test-flat"),
    case("PM801", "$.skipped[0]", F, calls__0__skipped=lambda names: names[1:]),
    case("PM801", "$.skipped[2].selected", ENDS, skipped__2__selected=True),
    case(
        "PM803",
        "$.skipped[0]",
        F,
        skipped__0__measured__train__selection__min_acceptance_rate=0.01,
        skipped__0__measured__test__selection__min_acceptance_rate=0.01,
    ),
)

OF_COMPARISONS = (
    case("PM624", "$.cells[0].dataset.told", G, cells__0__dataset__told=["mask"]),
    case("PM209", "$.design_digest", G, design__seeds__grouping=124),
    case(
        "PM803",
        "$.cells[8]",
        G,
        cells__8__measured__train__selection__min_acceptance_rate=0.01,
        cells__8__measured__test__selection__min_acceptance_rate=0.01,
    ),
    case("PM201", "$.account.n_success", G, account__n_success=5),
    case("PM201", "$.account.n_skipped", SUMMARY, account__n_skipped=2),
    case("PM202", "$.account.n_enumerated", G, account__n_enumerated=10),
    case("PM202", "$.n_patterns.fit", ASSESSED, n_patterns__fit=112),
    case("PM202", "$.n_patterns.half_a", ASSESSED, n_patterns__half_b=63),
    case("PM203", "$.cells[9]", G, cells=_twice),
    case("PM203", "$.tables[0].rows[3]", SUMMARY, tables__0__rows=_twice),
    case("PM203", "$.methods[2].method", ASSESSED, methods=_twice),
    case("PM204", "$.cells[0]", G, cells__0__gridsize=2),
    case("PM204", "$.figures[0]", G, figures__0__dose=1e4),
    case("PM205", "$.cells[0].job", G, cells__0__method="start"),
    case("PM205", "$.cells[4].code", G, cells__4__code="no_trained_bundle"),
    case("PM205", "$.cells[8].measured", G, cells__8__measured=None),
    case("PM205", "$.cells[4].selected", G, cells__4__selected=True),
    case("PM206", "$.cells[0].crop.n_px", G, cells__0__crop__n_px=3017),
    case("PM206", "$.cells[0].crop.n_px", G, cells__0__crop__rows=[140, 88]),
    case("PM209", "$.recipe.frc_level", G, recipe__frc_level=0.25),
    case("PM209", "$.recipe.ms_ssim_sigma_px", G, recipe__ms_ssim_sigma_px=2.0),
    case("PM211", "$.cells", G, cells=lambda cells: cells[::-1]),
    case("PM211", "$.cells[0].measures", G, cells__0__measures=lambda found: found[::-1]),
    case("PM304", "$.figures[3].file.path", G, figures=_twice),
    case(
        "PM304",
        "$.methods[0].reconstructions.half_a.sha256",
        ASSESSED,
        methods__0__reconstructions__half_a__sha256="bc6fb22bc972ee612b6e82c0a5932446c7a3bda0c6561f0f41c5461ec77fff7d",
    ),
    case(
        "PM304",
        "$.training.networks.half_a.bundle.sha256",
        OWN,
        training__networks__half_a__bundle__sha256="0d2b904043c8c622220884c354d98935bd011c6e9f95ee73f66676e2ad41ab76",
    ),
    case("PM307", "$.cells[1].dataset.role", G, cells__1__dataset__role="measurement"),
    case("PM307", "$.cells[1].dataset.has_truth", G, cells__1__dataset__has_truth=False),
    case("PM402", "$.files.comparison.path", G, files__comparison__path="../comparison.csv"),
    case("PM406", "$.cells[0].reconstruction.path", G, cells__0__reconstruction__path="start.npz"),
    case(
        "PM406",
        "$.methods[0].reconstructions.fit.path",
        ASSESSED,
        methods__0__reconstructions__fit__path="mine/fit.npz",
    ),
    case(
        "PM406",
        "$.training.networks.fit.bundle.path",
        OWN,
        training__networks__fit__bundle__path="training/half_a/model.safetensors",
    ),
    case("PM606", "$.training.networks.fit.bundle_epoch", OWN, training__networks__fit__bundle_epoch=3),
    case("PM606", "$.n_patterns.held_out", ASSESSED, n_patterns__held_out=13),
    case("PM606", "$.n_patterns.half_a", ASSESSED, n_patterns__half_a=62),
    case("PM609", "$.cells[0].alignment.shift_px[0]", G, cells__0__alignment__shift_px=[9.5, 0.0]),
    *(
        case("PM609", "$.cells[0].measures[0].value", G, cells=_with_metrics(_metric(metric, value)))
        for metric, value in (
            ("complex_nrmse", 1.1),
            ("complex_nrmse", -0.1),
            ("phase_mae", 3.2),
            ("phase_mse", 10.0),
            ("amplitude_mae", -0.1),
            ("phase_frc50_px", 1.9),
            ("phase_frc50_nyquist", 1.1),
            ("phase_frc_mean", -1.1),
            ("amplitude_ssim", 1.1),
            ("amplitude_ms_ssim", -1.1),
            ("r_factor", -0.1),
            ("time_s", -1.0),
        )
    ),
    case("PM609", "$.tables[0].rows[0].values.phase_mae", SUMMARY, tables__0__rows__0__values__phase_mae=3.3),
    case("PM609", "$.methods[0].measures[0].value", ASSESSED, methods__0__measures__0__value=-0.5),
    case("PM610", "$.cells[0].measures[1].value", G, cells=_all_methods),
    case(
        "PM610",
        "$.tables[0].rows[0].values.phase_frc50_nyquist",
        SUMMARY,
        tables__0__rows=lambda rows: [row | {"values": {**row["values"], "phase_frc50_nyquist": 1.0}} for row in rows],
    ),
    case(
        "PM611",
        "$.cells[0].measures[1].value",
        G,
        cells=_with_metrics(_metric("phase_mse", 0.01), _metric("phase_psnr", 68.130803609, data_range=1.7)),
    ),
    case("PM612", "$.cells[1].measures", G, cells__1__measures=lambda found: found[1:]),
    case("PM612", "$.cells[0].measures[0].value", G, cells__0__measures__0__value=None),
    case("PM612", "$.cells[4].reason", G, cells__4__reason=None),
    case("PM613", "$.cells[0].measures[0].reason", G, cells__0__measures__0__reason="nothing"),
    case("PM613", "$.cells[0].measures[0].value", G, cells__0__measures__0__value=0.4),
    case(
        "PM613",
        "$.cells[0].measures[1].value",
        G,
        cells=_with_metrics(_metric("phase_mae", 0.1), _metric("phase_mse", 0.009)),
    ),
    case(
        "PM613",
        "$.cells[0].measures[0].value",
        G,
        cells=_with_metrics(_metric("phase_frc50_px", 5.0), _metric("phase_frc50_nyquist", 0.5)),
    ),
    case(
        "PM613",
        "$.cells[0].measures[0].value",
        G,
        cells=_with_metrics(_metric("phase_frc50_nyquist", 0.6), _metric("phase_frc143_nyquist", 0.5)),
    ),
    case(
        "PM613",
        "$.cells[0].measures[1].value",
        G,
        cells=_with_metrics(_metric("phase_mse", 0.01), _metric("phase_psnr", 20.0, data_range=1.7)),
    ),
    case(
        "PM613",
        "$.cells[0].measures[1].data_range",
        G,
        cells=_with_metrics(
            _metric("phase_ssim", 0.5, data_range=1.7, sigma_px=1.5),
            _metric("phase_ms_ssim", 0.5, data_range=1.6, sigma_px=1.0, n_scales=3),
        ),
    ),
    case("PM613", "$.cells[3].measures[0].value", G, cells__3__measures__0=lambda found: {**found, "value": 0.2}),
    case(
        "PM613", "$.cells[3].alignment", G, cells__3__alignment=lambda _: example(*FILE_OF_G)["cells"][0]["alignment"]
    ),
    case(
        "PM614",
        "$.tables[0].best[0].methods",
        SUMMARY,
        tables__0__best__0__methods=["flat"],
    ),
    case("PM614", "$.tables[0].best[0].methods", REPLICATES, tables__0__best__0__methods=["start"]),
    case("PM614", "$.tables[0].best", REPLICATES, tables__0__best=lambda best: best[1:]),
    case("PM614", "$.tables[0].best[10].methods", REPLICATES, tables__0__best=_with_time),
    case("PM614", "$.rule.least_relative", EIGHT, rule__least_relative=0.0),
    case("PM614", "$.rows[0].scores[0].median", EIGHT, rows__0__scores__0__median=0.09),
    case("PM614", "$.rows[3].training_s.high", EIGHT, rows__3__training_s__high=1.0),
    case("PM614", "$.rows[0].scores[0].against.outcome", EIGHT, rows__0__scores__0__against__outcome="ahead"),
    case("PM614", "$.rows[2].scores[0].is_best", EIGHT, rows__2__scores__0__is_best=True),
    case("PM614", "$.rows[2].scores[0].against", EIGHT, against="pinn"),
    case("PM201", "$.rows[0].start_s.values", EIGHT, rows__0__start_s__values=[1.5]),
    case("PM203", "$.rows[4]", EIGHT, rows=_twice),
    case("PM623", "$.rows[0].scores[0]", EIGHT, metrics__0__metric="phase_mae"),
    # differences of hubs; metric 3 of DIFFERENCE is the first of lsqml, and 5 is a time
    case("PM201", "$.metrics[0].old", DIFFERENCE, metrics__0__old=[0.5]),
    case("PM614", "$.rule.least_relative", DIFFERENCE, rule__least_relative=0.0),
    case("PM614", "$.metrics[3].judged.outcome", DIFFERENCE, metrics__3__judged__outcome="ahead"),
    case("PM614", "$.metrics[3].is_worse", DIFFERENCE, metrics__3__is_worse=False),
    case("PM614", "$.metrics[3].is_worse", DIFFERENCE, tolerance=0.5),
    case("PM614", "$.metrics[3].judged", DIFFERENCE, metrics__3__judged=None),
    case("PM614", "$.metrics[5].is_worse", DIFFERENCE, metrics__5__is_worse=True),
    case("PM614", "$.is_worse", DIFFERENCE, is_worse=False),
    case("PM614", "$.states[0].is_worse", OTHERWISE, states__0__is_worse=True),
    case("PM614", "$.states[0].new", OTHERWISE, states__0__old="success"),
    case("PM614", "$.differs", TWO_HUBS, differs=["metrics", "design", "revision"]),
    case("PM614", "$.differs", TWO_HUBS, differs=["cells", "design", "hashes"]),
    case("PM201", "$.hashes[0].n_other", TWO_HUBS, hashes__0__n_other=1),
    case("PM201", "$.n_digests_same", TWO_HUBS, n_digests_same=4),
    case("PM614", "$.rule.least_relative", REPLICATES, rule__least_relative=0.0),
    # metrics of recipes since version 2; measures 5 to 7 of a cell are frequencies, 11 to 15 are times
    *(
        case("PM612", f"$.cells[0].measures[{at}].note", PHASE, **{f"cells__0__measures__{at}__note": None})
        for at in (5, 6, 7)
    ),
    case("PM609", "$.cells[0].measures[2].value", PHASE, cells__0__measures__2__value=3.2),
    case("PM613", "$.cells[1].measures[0].value", PHASE, cells__1__measures__1__value=0.3),
    case("PM613", "$.cells[1].measures[6].value", PHASE, cells__1__measures__6__value=0.4),
    case("PM613", "$.cells[1].measures[5].value", PHASE, cells__1__measures__7__value=0.2),
    case("PM613", "$.cells[1].measures[14].value", PHASE, cells__1__measures__13__value=0.05),
    case(
        "PM613",
        "$.cells[1].measures[15].value",
        PHASE,
        cells__1__measures__15=lambda found: {**found, "value": 0.2, "reason": None},
    ),
    case("PM613", "$.cells[1].alignment.shift_px", PHASE, cells__1__alignment__shift_px=[0.0, 0.5]),
    case("PM613", "$.cells[1].alignment.ramp_cycles_per_px", PHASE, cells__1__alignment__ramp_cycles_per_px=[1e-3, 0]),
    case("PM613", "$.cells[1].alignment.scale", PHASE, cells__1__alignment__scale=[0.6, 0.9]),
    case("PM623", "$.cells[0].measures[0].direction", G, cells__0__measures__0__direction="higher"),
    case("PM623", "$.cells[0].measures[0].unit", G, cells__0__measures__0__unit="rad"),
    case("PM623", "$.cells[0].measures[0].metric", G, cells__0__measures__0__metric="complex_rmse"),
    case("PM623", "$.cells[0].measures", G, cells__0__measures=_twice),
    case("PM623", "$.cells[0].measures[2].sigma_px", G, cells__0__measures__2__sigma_px=2.0),
    case("PM623", "$.cells[0].measures[2].n_scales", G, cells__0__measures__2__n_scales=None),
    case("PM623", "$.cells[0].measures[2].data_range", G, cells__0__measures__2__data_range=None),
    case("PM623", "$.cells[0].measures[0].data_range", G, cells__0__measures__0__data_range=1.0),
    case("PM623", "$.metrics[0].direction", SUMMARY, metrics__0__direction="higher"),
    case("PM623", "$.metrics[0].label", SUMMARY, metrics__0__label="error"),
    case("PM623", "$.metrics[0].metric", SUMMARY, metrics__0__metric="complex_rmse"),
    case("PM623", "$.metrics[12].metric", SUMMARY, metrics=_twice),
    case("PM623", "$.tables[0].rows[0].values.b", SUMMARY, tables__0__rows__0__values=lambda row: {**row, "b": 1.0}),
    case("PM624", "$.protocols[0].sha256", G, protocols__0__parts__probe="estimated"),
    case("PM624", "$.protocols[0].parts", G, protocols__0__parts__rate_floor=0.002),
    case("PM624", "$.protocols[1].sha256", G, protocols=_twice),
    case("PM624", "$.cells[0].protocol", G, cells__0__protocol="ab" * 32),
    case("PM624", "$.cells[0].protocol", G, protocols__0__parts__split="train"),
    case("PM624", "$.protocols", G, cells=lambda cells: [cell for cell in cells if "job" not in cell]),
    case("PM624", "$.tables[0].protocol", SUMMARY, tables__0__parts__probe="estimated"),
    case("PM624", "$.tables[0].rows[0].split", SUMMARY, tables__0__rows__0__split="train"),
    case("PM703", "$.methods[0].seconds", ASSESSED, methods__0__seconds=None),
    case("PM703", "$.methods[0].measures", ASSESSED, methods__0__measures=[]),
    case("PM704", "$.methods[0].reconstructions", ASSESSED, methods__0__status="failed"),
    case("PM704", "$.methods[0].error", ASSESSED, methods__0__error="nan"),
    case("PM705", "$.methods[1].status", ASSESSED),
    case("PM705", "$.cells[4].status", G),
    case("PM706", "$.cells", G, cells=[]),
    case("PM706", "$.tables", SUMMARY, tables=[], without_result=[]),
    case("PM708", "$.cells[1].dataset.sha256", G, cells__1__split="train"),
    case("PM709", "$.account.n_success", G, cells=lambda cells: [cell for cell in cells if "job" not in cell]),
    case("PM709", "$.account.n_success", SUMMARY, tables=[]),
    case("PM709", "$.methods", ASSESSED, methods=lambda methods: methods[1:]),
    case(
        "PM618",
        "$.cells[8].measured.train.selection.overlap_fraction",
        G,
        cells__8__measured__train__selection__overlap_fraction=0.3,
    ),
)

_DIVERGENCE = {"epoch": None, "step": None, "quantity": "bundle", "first": "a" * 64, "second": "b" * 64}
OF_CERTIFICATES = (
    case("PM201", "$.account.n_reproduced", CERTIFIED, account__n_reproduced=2),
    case("PM201", "$.account.n_diverged", DIVERGED, account__n_diverged=0),
    case("PM202", "$.account.n_attempts", CERTIFIED, account__n_attempts=4),
    case("PM205", "$.attempts[0].job", CERTIFIED, attempts__0__dose=1e4),
    case("PM502", "$.attempts[0].finished", CERTIFIED, attempts__0__finished="2026-11-24T10:20:00Z"),
    case("PM605", "$.attempts[0].epochs[1].epoch", CERTIFIED, attempts__0__epochs__1__epoch=3),
    case("PM605", "$.attempts[0].n_epochs_asked", CERTIFIED, attempts__0__n_epochs_asked=3),
    case("PM605", "$.attempts[0].epochs", CERTIFIED, attempts__0__epochs=lambda epochs: epochs[:1]),
    case("PM605", "$.attempts[0].epochs", CERTIFIED, attempts__0__n_epochs_asked=1),
    case("PM605", "$.attempts[0].killed_after_epoch", CERTIFIED, attempts__0__killed_after_epoch=1),
    case("PM605", "$.attempts[1].killed_after_epoch", CERTIFIED, attempts__1__killed_after_epoch=None),
    case("PM605", "$.attempts[1].killed_after_epoch", CERTIFIED, attempts__1__killed_after_epoch=2),
    case("PM605", "$.attempts[1].divergence.epoch", DIVERGED, attempts__1__divergence__epoch=1),
    case("PM703", "$.attempts[0].trainings", CERTIFIED, attempts__0__trainings=lambda trainings: trainings[:1]),
    case("PM703", "$.attempts[0].recipe_sha256", CERTIFIED, attempts__0__recipe_sha256=None),
    case("PM703", "$.attempts[0].epochs", CERTIFIED, attempts__0__epochs=[]),
    case("PM704", "$.attempts[0].divergence", CERTIFIED, attempts__0__divergence=_DIVERGENCE),
    case("PM704", "$.attempts[0].error", CERTIFIED, attempts__0__error="out of memory"),
    case("PM704", "$.attempts[1].status", CERTIFIED, attempts__1__trainings__1__bundle_sha256="b" * 64),
    case("PM704", "$.attempts[0].status", CERTIFIED, attempts__0__recorded_bundle__sha256="b" * 64),
    case("PM704", "$.attempts[1].divergence", DIVERGED, attempts__1__divergence=None),
    case(
        "PM704",
        "$.attempts[1].divergence.second",
        DIVERGED,
        attempts__1__divergence__second="a",
        attempts__1__divergence__first="a",
    ),
    case("PM704", "$.attempts[3].error", DIVERGED, attempts__3__error=None),
    case("PM704", "$.attempts[3].recorded_bundle", DIVERGED, attempts__3__recorded_bundle={"sha256": "a" * 64}),
    case("PM705", "$.attempts[3].status", DIVERGED),
    case("PM713", "$.attempts[1].status", DIVERGED),
    case("PM713", "$.attempts[2].status", DIVERGED),
    case("PM201", "$.account.n_passed", CONFORMING, account__n_passed=12),
    case("PM202", "$.account.n_checks", CONFORMING, account__n_checks=18),
    case("PM203", "$.checks[1]", CONFORMING, checks__1__check="perfect_data"),
    case("PM714", "$.status", CONFORMING, status="passed"),
    case("PM714", "$.checks[0].outcome", CONFORMING, checks__0__said=[]),
    case("PM714", "$.checks[5].outcome", CONFORMING, checks__5__said=["the object is wrong"]),
    case("PM714", "$.checks[0].reason", CONFORMING, checks__0__reason=None),
    case("PM714", "$.checks[5].duration_s", CONFORMING, checks__5__duration_s=None),
    case("PM717", "$.status", NOT_CONFORMING),
    case("PM717", "$.status", ("conformance", "not-begun")),
)

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
    case("PM209", "$.datasets[0].further_tests", EXPERIMENTS, datasets__0__further_tests__1=GONE),
    case("PM209", "$.datasets[0].further_tests", EXPERIMENTS, datasets__0__further_tests=lambda halves: halves[::-1]),
    case(
        "PM406", "$.datasets[0].further_tests[0].file.path", EXPERIMENTS, datasets__0__further_tests__0__experiment="x"
    ),
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
    case("PM502", "$.heartbeat", STATE, heartbeat="2026-03-01T11:59:59Z"),
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
    case("PM608", "$.execution_results[0].n_accepted", F3, execution_results__0__stdout_preview="Images: 20\nx"),
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
    case("PM907", "$.runs[1].red.run", HUB, runs__1__red__run="run-0007"),
    case("PM907", "$.runs[1].id", HUB, runs__1__id="run-0001"),
    case("PM704", "$.runs[1].outcomes", HUB, runs__1__outcomes={"passed": 1, "failed": 1}),
    case("PM704", "$.runs[0].outcomes", HUB, runs__0__outcomes={"failed": 1, "passed": 1}),
    case("PM704", "$.runs[0].accepted", HUB, runs__0__exit_status=1),
    case("PM704", "$.runs[1].reruns", HUB, runs__1__reruns=[{"test": "test_it.py::test_it", "count": 1}]),
    case("PM704", "$.runs[1].uncollected", HUB, runs__1__uncollected=[{"module": "test_a.py", "reason": "no torch"}]),
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
    *OF_RECONSTRUCTIONS,
    *OF_COMPARISONS,
    *OF_CERTIFICATES,
)
