"""Whether scores can be those of images: in their range, with values, and with one another."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from ptyproof.checking.model.document import (
    Document,
    Findings,
    count,
    entries,
    halves_of,
    is_close,
    mapping,
    number,
    text,
)
from ptyproof.io.json_reader import path_of

_SIDES = ("amplitude", "phase")
_UNIT = frozenset({"ssim", "ms_ssim"})
_NOT_NEGATIVE = frozenset({"mae", "mse", "frc50", "computation_time_s"})
_ERRORS = ("poisson_loss", "complex_error", "patch_poisson_loss", "patch_complex_error")
_RELATIVE = frozenset({"complex_error", "patch_complex_error"})
_PSNR_TOLERANCE_DB = 0.05
_PEAK = 255.0
_ROUNDED = 1e-3


def check(doc: Document) -> Findings:
    """Yield what is wrong with the scores of an earlier generation's metrics summary."""
    for place, job in doc.entries("jobs"):
        for at, row in entries(job, "metrics", place):
            yield from _row(doc, row, at)
        yield from _resolution(doc, job, place)
        yield from _together(doc, job, place)
        yield from _silent(doc, job)
    yield from _aggregates(doc)


def of_names(doc: Document) -> Findings:
    """Yield scores under names such as `ms_ssim_phase` that are out of their range."""
    for half, scores in mapping(doc.root, "metrics").items():
        for name in scores if isinstance(scores, dict) else ():
            value, metric = number(scores, name), name.removesuffix("_phase").removesuffix("_amplitude")
            if value is not None:
                yield from _range(doc, metric, value, f"$.metrics.{half}.{name}", name)


def _row(doc: Document, row: dict[str, object], place: str) -> Findings:
    metric, model = text(row, "metric"), text(row, "model")
    values = [key for key in (*_SIDES, "value") if row.get(key) is not None]
    if not values and not doc.is_cut(place):
        yield doc.finding("PM612", place, f"the row {metric} of {model} has no value")
    for key in values:
        value = number(row, key)
        if value is not None and metric is not None:
            yield from _range(doc, metric, value, f"{place}.{key}", f"{metric} of the {key}")


def _silent(doc: Document, job: dict[str, object]) -> Findings:
    """Yield a count of successes that holds a job of which a method has no score at all."""
    scored: dict[str, bool] = {}
    for _, row in entries(job, "metrics", "$"):
        if (text(row, "metric") or "").partition("_")[0] not in ("computation", "registration", ""):
            model = str(row.get("model"))
            scored[model] = scored.get(model, False) or any(row.get(key) is not None for key in (*_SIDES, "value"))
    silent = [model for model, known in scored.items() if not known]
    if silent and count(doc.root, "n_success"):
        said = f"the job counts as a success, but {' and '.join(silent)} has no metrics"
        yield doc.finding("PM704", "$.n_success", said)


def _range(doc: Document, metric: str, value: float, place: str, name: str) -> Findings:
    if metric in _UNIT and not -1.0 <= value <= 1.0:
        yield doc.finding("PM609", place, f"{name} is {value:g}, outside -1 to 1")
    elif metric in _NOT_NEGATIVE and value < 0:
        yield doc.finding("PM609", place, f"{name} is {value:g}, below 0")


def _resolution(doc: Document, job: dict[str, object], place: str) -> Findings:
    """Yield a ring correlation that is 1 for every method: a shell's index, and no resolution."""
    found = [(at, row) for at, row in entries(job, "metrics", place) if text(row, "metric") == "frc50"]
    values = [(at, side, number(row, side)) for at, row in found for side in _SIDES if number(row, side) is not None]
    if len(values) > 1 and all(value == 1.0 for _, _, value in values):
        for at, side, _ in values:
            said = f"frc50 of the {side} is 1.0, as for every method: this is the index of a shell, not a resolution"
            yield doc.finding("PM610", f"{at}.{side}", said)


def _together(doc: Document, job: dict[str, object], place: str) -> Findings:
    """Yield scores of one image that contradict one another, and PSNRs whose peak is 255."""
    table: dict[tuple[str | None, str], dict[str, tuple[float, str]]] = defaultdict(dict)
    for at, row in entries(job, "metrics", place):
        for side in _SIDES:
            value, metric = number(row, side), text(row, "metric")
            if value is not None and metric is not None:
                table[text(row, "model"), side][metric] = value, f"{at}.{side}"
    for (model, side), scores in table.items():
        mse, mae, psnr = (scores.get(metric) for metric in ("mse", "mae", "psnr"))
        if mse is not None and mae is not None and mse[0] < mae[0] ** 2 * (1 - _ROUNDED) - 1e-12:
            said = f"mse of the {side} of {model} is {mse[0]:g}, less than mae squared, {mae[0] ** 2:g}"
            yield doc.finding("PM613", mse[1], said)
        if mse is not None and psnr is not None and mse[0] > 0:
            of_255 = 10 * math.log10(_PEAK**2 / mse[0])
            if abs(psnr[0] - of_255) < _PSNR_TOLERANCE_DB + 10 * math.log10(1 + 5e-7 / mse[0]):
                said = f"psnr of the {side} of {model} is {psnr[0]:.2f} dB, the value for peak 255; for peak 1 it is"
                yield doc.finding("PM611", psnr[1], f"{said} {10 * math.log10(1 / mse[0]):.2f} dB")


def _aggregates(doc: Document) -> Findings:
    """Yield means and bests over the jobs that are not those of the rows."""
    rows: dict[tuple[Any, Any, str], list[float]] = defaultdict(list)
    for place, job in doc.entries("jobs"):
        for _, row in entries(job, "metrics", place):
            for side in _SIDES:
                value = number(row, side)
                if value is not None:
                    rows[text(row, "model"), text(row, "metric"), side].append(value)
    for model, metric, key, value in _aggregated(doc):
        how, _, side = key.partition("_")
        values = rows.get((model, metric, side), [])
        at = path_of(["aggregate_metrics", model, metric, key])
        if how not in ("mean", "best") or side not in _SIDES:
            continue
        if not values:
            yield doc.finding("PM614", at, f"{key} is {value:g}, but no row has a {metric} of the {side} of {model}")
            continue
        best = min(values) if metric in ("mae", "mse") else max(values)
        wanted = sum(values) / len(values) if how == "mean" else best
        if not is_close(value, wanted, 1e-4, 2e-6):
            yield doc.finding("PM614", at, f"{key} is {value:g}, but the rows give {wanted:g}")


def _aggregated(doc: Document) -> Iterator[tuple[str, str, str, float]]:
    for model, metrics in mapping(doc.root, "aggregate_metrics").items():
        for metric, values in metrics.items() if isinstance(metrics, dict) else ():
            for key in values if isinstance(values, dict) else ():
                value = number(values, key)
                if value is not None:
                    yield model, metric, key, value


def of_trainings(doc: Document) -> Findings:
    """Yield scores of trainings whose ratio or verdict does not follow from the two numbers beside it."""
    for place, job in doc.entries("jobs"):
        scores = job.get("scores")
        if not isinstance(scores, dict):
            continue
        for name in _ERRORS:
            yield from _score(doc, mapping(scores, name), f"{place}.scores.{name}", name)
        yield from _verdict(doc, scores, f"{place}.scores")


def _score(doc: Document, score: dict[str, object], place: str, name: str) -> Findings:
    start, network, said = (number(score, key) for key in ("start", "network", "improvement"))
    if start is not None and network is not None and start > 0 and said is not None:
        wanted = 1 - network / start
        if not is_close(said, wanted, 1e-6, 1e-6):
            sentence = f"improvement is {said:g}, but 1 - {network:g} / {start:g} is {wanted:g}"
            yield doc.finding("PM613", f"{place}.improvement", sentence)
    if start and "improvement" in score and score["improvement"] is None:
        yield doc.finding("PM613", f"{place}.improvement", f"improvement is null, but start is {start:g}")
    if name in _RELATIVE:
        for key, value in (("start", start), ("network", network)):
            if value is not None and value > 1 + 1e-6:
                yield doc.finding("PM609", f"{place}.{key}", f"{name} is {value:g}, above 1, which no best scale gives")


def _verdict(doc: Document, scores: dict[str, object], place: str) -> Findings:
    improvements = [mapping(scores, name).get("improvement") for name in _ERRORS[:2]]
    known = [value for value in improvements if value is not None]
    said = scores.get("beats_start")
    numbers = all(isinstance(value, int | float) for value in known)
    if isinstance(said, bool) and numbers and said != all(value > 0 for value in known):
        sentence = f"beats_start is {str(said).lower()}, but the improvements contradict it"
        yield doc.finding("PM613", f"{place}.beats_start", sentence)
    missing = mapping(scores, "complex_error").get("network") is None
    if {"no_truth_because", "complex_error"} <= scores.keys() and (scores["no_truth_because"] is None) == missing:
        sentence = "there must be either a complex error or a reason for its absence"
        yield doc.finding("PM613", f"{place}.no_truth_because", sentence)


def _differ(got: float, wanted: float, n: int) -> bool:
    """Tell whether a mean of n Poisson counts lies more than eight standard deviations from the expected one."""
    return n > 0 and abs(got - wanted) > 8 * math.sqrt(max(wanted, 1) / n)


def photons(doc: Document) -> Findings:
    """Yield measured photons that Poisson noise about the expected ones cannot give."""
    for place, dataset in doc.entries("datasets"):
        for at, _, half in halves_of(dataset, place):
            wanted, got = number(half, "photons_per_pattern_expected"), number(half, "photons_per_pattern_measured")
            n = count(half, "n_patterns")
            if wanted is not None and got is not None and n is not None and _differ(got, wanted, n):
                said = f"photons_per_pattern_measured is {got:g}, but {wanted:g} are expected for {n} patterns"
                yield doc.finding("PM621", f"{at}.photons_per_pattern_measured", said)
            asked, dose = number(half, "photons_per_pattern_requested"), number(dataset, "dose")
            if asked is not None and dose is not None and asked != dose:
                said = f"photons_per_pattern_requested is {asked:g}, but the dose is {dose:g}"
                yield doc.finding("PM205", f"{at}.photons_per_pattern_requested", said)
