"""Changes of comparisons, summaries, tables, differences and assessments, and what is then found."""

from __future__ import annotations

from typing import Any

from ptyproof.metrics.definitions import metric_definitions
from ptyproof.metrics.protocol import Recipe
from tests.helpers.changed_examples import (
    ASSESSED,
    DIFFERENCE,
    EIGHT,
    OTHERWISE,
    OWN,
    PHASE,
    REPLICATES,
    SUMMARY,
    TWO_HUBS,
    G,
    case,
    twice,
)
from tests.helpers.schema_rules import example

FILE_OF_G = ("comparison_manifest", "every-status.json")


def _with_time(bests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the best methods with one of the time, which has none."""
    return [*bests, {**bests[0], "metric": "time_s"}]


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
    case("PM203", "$.cells[9]", G, cells=twice),
    case("PM203", "$.tables[0].rows[3]", SUMMARY, tables__0__rows=twice),
    case("PM203", "$.methods[2].method", ASSESSED, methods=twice),
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
    case("PM304", "$.figures[3].file.path", G, figures=twice),
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
    case("PM203", "$.rows[4]", EIGHT, rows=twice),
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
    case("PM623", "$.cells[0].measures", G, cells__0__measures=twice),
    case("PM623", "$.cells[0].measures[2].sigma_px", G, cells__0__measures__2__sigma_px=2.0),
    case("PM623", "$.cells[0].measures[2].n_scales", G, cells__0__measures__2__n_scales=None),
    case("PM623", "$.cells[0].measures[2].data_range", G, cells__0__measures__2__data_range=None),
    case("PM623", "$.cells[0].measures[0].data_range", G, cells__0__measures__0__data_range=1.0),
    case("PM623", "$.metrics[0].direction", SUMMARY, metrics__0__direction="higher"),
    case("PM623", "$.metrics[0].label", SUMMARY, metrics__0__label="error"),
    case("PM623", "$.metrics[0].metric", SUMMARY, metrics__0__metric="complex_rmse"),
    case("PM623", "$.metrics[12].metric", SUMMARY, metrics=twice),
    case("PM623", "$.tables[0].rows[0].values.b", SUMMARY, tables__0__rows__0__values=lambda row: {**row, "b": 1.0}),
    case("PM624", "$.protocols[0].sha256", G, protocols__0__parts__probe="estimated"),
    case("PM624", "$.protocols[0].parts", G, protocols__0__parts__rate_floor=0.002),
    case("PM624", "$.protocols[1].sha256", G, protocols=twice),
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
