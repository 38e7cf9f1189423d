"""Whether metrics of reconstructions can be what they are called: in range, of their unit, and with one another."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from ptyproof.checking.model.document import (
    Document,
    Findings,
    as_number,
    count,
    entries,
    is_close,
    listed,
    mapping,
    number,
    text,
)
from ptyproof.errors import PtyproofError
from ptyproof.metrics.definitions import IMAGES, MetricDefinition, metric_definitions, needs_truth
from ptyproof.metrics.paired import RULE
from ptyproof.metrics.protocol import FIXED_THRESHOLDS, Recipe, frc_name
from ptyproof.metrics.ranking import best_method, by_method, is_ranked

_PEAK = 255.0
_DB = 1e-6
_ROUNDED = 1e-9
_SUM = 1e-6
_SHORTEST_PX = 2.0  # the period at the Nyquist frequency
_CELL = ("dose", "replicate", "view", "gridsize", "split")
_COMPARABLE = ("dose", "view", "gridsize", "split")  # the replicates of a cell are compared with one another
_OF_SPEC = ("label", "unit", "direction")

# Value and JSON path of each metric of one result, by its name.
Values = Mapping[str, tuple[float, str]]


def check(doc: Document) -> Findings:
    """Yield what is wrong with the metrics that a comparison or an assessment has of each result."""
    recipe = recipe_of(doc)
    lists: set[tuple[str | None, ...]] = set()
    for place, holder in results(doc):
        values: dict[str, tuple[float, str]] = {}
        for at, entry in entries(holder, "measures", place):
            metric, value = text(entry, "metric"), number(entry, "value")
            yield from _one(doc, entry, at, recipe)
            if metric is not None and value is not None:
                values.setdefault(metric, (value, f"{at}.value"))
        yield from _names(doc, holder, place, lists, recipe)
        yield from together(doc, values, recipe)
        yield from _of_image(doc, holder, place, values)
        yield from _of_truth(doc, holder, place, values, recipe)
    yield from resolution(doc, recipe)


def results(doc: Document) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield what has metrics: cells of a comparison, methods of an assessment."""
    for key in ("cells", "methods"):
        for place, holder in doc.entries(key):
            if isinstance(holder.get("measures"), list) and not doc.is_cut(f"{place}.measures"):
                yield place, holder


def rows(doc: Document) -> Findings:
    """Yield what is wrong with the values of a summary's tables, and bests that are not those of the rows."""
    recipe = recipe_of(doc)
    yield from _columns(doc, recipe)
    yield from recorded_rule(doc)
    columns = {metric for _, entry in doc.entries("metrics") if (metric := text(entry, "metric")) is not None}
    definitions = {metric: known for metric, known in _described(recipe).items() if metric in columns}
    for place, table in doc.entries("tables"):
        for at, row in entries(table, "rows", place):
            found = mapping(row, "values")
            for metric in sorted(found.keys() - columns):
                yield doc.finding("PM623", f"{at}.values.{metric}", f"{metric[:64]} is not a column of the tables")
            values = {metric: (number(found, metric), f"{at}.values.{metric}") for metric in found}
            known = {metric: (value, where) for metric, (value, where) in values.items() if value is not None}
            for metric, (value, where) in known.items():
                yield from _range(doc, metric, value, where)
            yield from together(doc, known, recipe)
        yield from _best(doc, table, place, definitions)
    yield from resolution(doc, recipe)


def recipe_of(doc: Document) -> Recipe | None:
    """Return the recipe that a file names, or None if it is not a recipe."""
    record = mapping(doc.root, "recipe") or mapping(mapping(doc.root, "plan"), "recipe")
    if any(as_number(value) is None for key, value in record.items() if key not in ("version", "align")):
        return None
    try:
        recipe = Recipe(**record)
        metric_definitions(recipe)
    except (PtyproofError, TypeError, ValueError):
        return None
    return recipe if record else None


def _described(recipe: Recipe | None) -> dict[str, MetricDefinition]:
    return {} if recipe is None else metric_definitions(recipe)


def _one(doc: Document, entry: dict[str, object], at: str, recipe: Recipe | None) -> Findings:
    metric, value = text(entry, "metric"), number(entry, "value")
    if metric is None:
        return
    if {"value", "reason"} <= entry.keys():
        reason = entry["reason"]
        if entry["value"] is None and reason is None:
            yield doc.finding("PM612", f"{at}.value", f"{metric} has neither a value nor a reason")
        elif entry["value"] is not None and reason is not None:
            yield doc.finding("PM613", f"{at}.reason", f"{metric} has both a value and a reason for a missing value")
    if value is not None:
        yield from _range(doc, metric, value, f"{at}.value")
    definition = _described(recipe).get(metric)
    if recipe is None:
        return
    if definition is None:
        yield doc.finding("PM623", f"{at}.metric", f"{metric} is not a metric of the recipe")
        return
    for key, wanted in (("unit", definition.unit), ("direction", definition.direction)):
        if key in entry and entry[key] != wanted:
            said = f"{key} of {metric} is {str(entry[key])[:40]!r}, but it is {wanted!r} by definition"
            yield doc.finding("PM623", f"{at}.{key}", said)
    yield from _zero(doc, entry, metric, at, recipe)
    yield from _windows(doc, entry, metric, at, recipe)


def _zero(doc: Document, entry: dict[str, object], metric: str, at: str, recipe: Recipe) -> Findings:
    """Yield a frequency of 0 without the note that nothing is resolved; recipes of version 1 had no note."""
    is_zero = metric.endswith("_nyquist") and number(entry, "value") == 0
    if is_zero and not recipe.is_first and "note" in entry and not entry["note"]:
        yield doc.finding("PM612", f"{at}.note", f"{metric} is 0 without a note that nothing is resolved")


def _windows(doc: Document, entry: dict[str, object], metric: str, at: str, recipe: Recipe) -> Findings:
    """Yield a window that is not the recipe's, and a range or scales where the metric has none, or lacks them."""
    sigma, scales = number(entry, "sigma_px"), entry.get("n_scales")
    own = recipe.ms_ssim_sigma_px if metric.endswith("_ms_ssim") else recipe.ssim_sigma_px
    windowed, ranged = metric.endswith("_ssim"), metric.endswith(("_ssim", "_psnr"))
    has_value = entry.get("value") is not None
    if sigma is not None and (not windowed or not is_close(sigma, own)):
        wanted = f"the recipe's is {own:g}" if windowed else f"{metric} has none"
        yield doc.finding("PM623", f"{at}.sigma_px", f"sigma_px is {sigma:g}, but {wanted}")
    for key, used in (
        ("sigma_px", windowed),
        ("data_range", ranged),
        ("n_scales", metric.endswith("_ms_ssim")),
    ):
        if used and has_value and key in entry and entry[key] is None:
            yield doc.finding("PM623", f"{at}.{key}", f"{key} is null, but {metric} needs it")
    for key, used, said in (
        ("data_range", ranged, entry.get("data_range")),
        ("n_scales", metric.endswith("_ms_ssim"), scales),
    ):
        if not used and said is not None:
            yield doc.finding("PM623", f"{at}.{key}", f"{key} is recorded, but {metric} does not use it")


def _names(
    doc: Document, holder: dict[str, object], place: str, lists: set[tuple[str | None, ...]], recipe: Recipe | None
) -> Findings:
    """Yield metrics that are there twice, out of order, or missing where another result has them."""
    names = [text(entry, "metric") for _, entry in entries(holder, "measures", place)]
    twice = sorted({name for name in names if name is not None and names.count(name) > 1})
    for name in twice:
        yield doc.finding("PM623", f"{place}.measures", f"{name} occurs twice")
    order = [list(_described(recipe)).index(name) for name in names if name in _described(recipe)]
    if not twice and order != sorted(order):
        yield doc.finding("PM211", f"{place}.measures", "the metrics are not in the order of the recipe")
    if doc.kind != "comparison_manifest":
        return
    gone = sorted({str(name) for known in lists for name in known} - {str(name) for name in names})
    if gone:
        yield doc.finding("PM612", f"{place}.measures", f"{gone[0]} is missing, but another cell has it")
    lists.add(tuple(names))


def _range(doc: Document, metric: str, value: float, at: str) -> Findings:
    """Yield a value that no two images, or no patterns, can have."""
    low, high = bounds(metric)
    if not low - _ROUNDED <= value <= high + _ROUNDED:
        limits = f"{low:g} to {high:g}" if math.isfinite(high) else f"{low:g} and more"
        yield doc.finding("PM609", at, f"{metric} is {value:g}, but its range is {limits}")


def bounds(metric: str) -> tuple[float, float]:
    """Return the least and the greatest value that a metric can have."""
    if metric.endswith(("_ssim", "_frc_mean")):
        return -1.0, 1.0
    if metric.endswith("_nyquist") or metric == "complex_nrmse":
        return 0.0, 1.0
    if metric.endswith("_px"):
        return _SHORTEST_PX, math.inf
    if metric.endswith("_psnr"):
        return -math.inf, math.inf
    if metric == "phase_slow_rms":
        return 0.0, math.pi
    if metric in ("phase_mae", "phase_mse"):
        return 0.0, math.pi if metric == "phase_mae" else math.pi**2
    return 0.0, math.inf


def together(doc: Document, values: Values, recipe: Recipe | None) -> Findings:
    """Yield metrics of one result that contradict one another."""
    for metric, (mse, at) in values.items():
        mae = values.get(metric.removesuffix("mse") + "mae")
        if metric.endswith("_mse") and mae is not None and mse < mae[0] ** 2 * (1 - _ROUNDED):
            said = f"{metric} is {mse:g}, less than the square of the mean absolute error, {mae[0] ** 2:g}"
            yield doc.finding("PM613", at, said)
    for metric, (px, at) in values.items():
        frequency = values.get(metric.removesuffix("px") + "nyquist")
        if metric.endswith("_px") and frequency is not None and not is_close(px * frequency[0], _SHORTEST_PX):
            wanted = f"{_SHORTEST_PX / frequency[0]:g} px" if frequency[0] > 0 else "no resolution"
            said = f"{metric} is {px:g}, but {frequency[0]:g} of the Nyquist frequency is {wanted}"
            yield doc.finding("PM613", at, said)
    for metric, (first, at) in values.items():
        last = values.get(metric.removesuffix("_nyquist").removesuffix("_fine") + "_last_nyquist")
        if metric.endswith("_nyquist") and last is not None and first > last[0] + _ROUNDED:
            yield doc.finding("PM613", at, f"{metric} is {first:g} of Nyquist, above the last crossing, {last[0]:g}")
    yield from _larger(doc, values)
    yield from _times(doc, values)
    yield from _thresholds(doc, values, recipe)


# A metric is at most another one of the same result: what is removed or scaled can make an error smaller alone.
_AT_MOST = (("complex_nrmse", "complex_nrmse_unaligned"), ("settling_s", "time_s"))


def _larger(doc: Document, values: Values) -> Findings:
    for small, large in _AT_MOST:
        one, two = values.get(small), values.get(large)
        if one is not None and two is not None and one[0] > two[0] + _SUM:
            yield doc.finding("PM613", one[1], f"{small} is {one[0]:g}, above {large}, {two[0]:g}")


def _times(doc: Document, values: Values) -> Findings:
    """Yield a total of seconds that is not the sum of its parts."""
    total, rest = values.get("time_s"), values.get("reconstruction_s")
    if total is None or rest is None:
        return
    initial = values["initial_estimate_s"][0] if "initial_estimate_s" in values else 0.0
    if abs(initial + rest[0] - total[0]) > _SUM * max(1.0, total[0]):
        said = f"the reconstruction takes {rest[0]:g} s and the initial estimate {initial:g} s, but time_s is"
        yield doc.finding("PM613", rest[1], f"{said} {total[0]:g} s")


def _thresholds(doc: Document, values: Values, recipe: Recipe | None) -> Findings:
    """Yield a stricter threshold that is reached at a higher frequency than a laxer one."""
    if recipe is None:
        return
    own, seventh = frc_name(recipe.frc_level), "frc143"
    fixed = FIXED_THRESHOLDS[seventh]["level"]
    pair = (own, seventh) if recipe.frc_level >= fixed else (seventh, own)
    for prefix in (*IMAGES, *(f"half_scan_{image}" for image in IMAGES)):
        for strict, lax in (pair, ("frc_1bit", "frc_halfbit")):
            for which in ("", "fine_", "last_"):
                first, second = (values.get(f"{prefix}_{name}_{which}nyquist") for name in (strict, lax))
                if first is not None and second is not None and first[0] > second[0] + _ROUNDED:
                    said = f"{prefix} {strict} is {first[0]:g} of Nyquist, above that of the lower threshold {lax}"
                    yield doc.finding("PM613", first[1], f"{said}, {second[0]:g}")


def _of_image(doc: Document, holder: dict[str, object], place: str, values: Values) -> Findings:
    """Yield ranges of one image that differ, and a PSNR that is not that of range and mean square."""
    ranges: dict[str, tuple[float, str]] = {}
    for at, entry in entries(holder, "measures", place):
        metric, data_range = text(entry, "metric"), number(entry, "data_range")
        if metric is None or data_range is None:
            continue
        image = metric.partition("_")[0]
        known = ranges.setdefault(image, (data_range, at))
        if known[0] != data_range:
            said = f"data_range is {data_range:g}, but the same image has {known[0]:g} at {known[1]}"
            yield doc.finding("PM613", f"{at}.data_range", said)
        mse, psnr = values.get(f"{image}_mse"), values.get(metric)
        if metric.endswith("_psnr") and mse is not None and psnr is not None and mse[0] > 0 and data_range > 0:
            yield from _psnr(doc, psnr, mse[0], data_range)


def _of_truth(doc: Document, holder: dict[str, object], place: str, values: Values, recipe: Recipe | None) -> Findings:
    """Yield comparisons without a truth, and errors that do not follow from the alignment."""
    if mapping(holder, "dataset").get("has_truth") is False:
        for metric, (_, at) in values.items():
            if needs_truth(metric):
                yield doc.finding("PM613", at, f"{metric} needs the truth, but the dataset has none")
        if holder.get("alignment") is not None:
            said = "the result was aligned with a truth, but the dataset has none"
            yield doc.finding("PM613", f"{place}.alignment", said)
    if recipe is not None and recipe.align == "phase":
        yield from _nothing_removed(doc, holder, place)
        return
    overlap, error = number(mapping(holder, "alignment"), "overlap"), values.get("complex_nrmse")
    if overlap is not None and error is not None and count(mapping(holder, "crop"), "n_parts") == 1:
        wanted = math.sqrt(max(0.0, 1 - overlap**2))
        if abs(error[0] ** 2 - wanted**2) > 1e-6:
            said = f"complex_nrmse is {error[0]:g}, but the overlap {overlap:g} gives {wanted:g}"
            yield doc.finding("PM613", error[1], said)


def _nothing_removed(doc: Document, holder: dict[str, object], place: str) -> Findings:
    """Yield shifts, ramps and factors that were removed although the recipe leaves them in."""
    alignment = mapping(holder, "alignment")
    for key in ("shift_px", "ramp_cycles_per_px"):
        removed = [as_number(value) for value in listed(alignment, key)]
        if any(value for value in removed):
            yield doc.finding("PM613", f"{place}.alignment.{key}", f"{key} was removed, but the recipe leaves it in")
    scale = [as_number(value) for value in listed(alignment, "scale")]
    if len(scale) == 2 and None not in scale:
        factor = math.hypot(*(value or 0.0 for value in scale))
        if not is_close(factor, 1.0):
            said = f"the factor has the modulus {factor:g}, but the recipe removes a phase alone"
            yield doc.finding("PM613", f"{place}.alignment.scale", said)


def _psnr(doc: Document, psnr: tuple[float, str], mse: float, data_range: float) -> Findings:
    wanted, of_255 = (10 * math.log10(peak**2 / mse) for peak in (data_range, _PEAK))
    if abs(psnr[0] - wanted) <= _DB:
        return
    if abs(psnr[0] - of_255) <= _DB:
        said = (
            f"psnr is {psnr[0]:.2f} dB, the value for a peak of 255; for the range {data_range:g} it is {wanted:.2f} dB"
        )
        yield doc.finding("PM611", psnr[1], said)
    else:
        said = f"psnr is {psnr[0]:.4f} dB, but the mean square {mse:g} and the range {data_range:g} give"
        yield doc.finding("PM613", psnr[1], f"{said} {wanted:.4f} dB")


def resolution(doc: Document, recipe: Recipe | None) -> Findings:
    """Yield a ring correlation that reaches the Nyquist frequency for every method of a cell, the flat one included."""
    if recipe is None:
        return
    found: dict[tuple[Any, ...], dict[str, tuple[float | None, str]]] = defaultdict(dict)
    names = [f"{image}_{frc_name(recipe.frc_level)}_nyquist" for image in IMAGES]
    for record, values in _tables(doc):
        for metric in names:
            if metric in values:
                key = (*(str(record.get(part)) for part in _CELL), metric)
                found[key][str(record.get("method"))] = values[metric]
    for key, methods in found.items():
        if len(methods) > 1 and "flat" in methods and all(value == 1.0 for value, _ in methods.values()):
            for _, at in methods.values():
                said = f"{key[-1]} is 1 for every method, including the flat object: this is not a resolution"
                yield doc.finding("PM610", at, said)


def _tables(doc: Document) -> Iterator[tuple[dict[str, object], dict[str, tuple[float | None, str]]]]:
    for place, holder in results(doc):
        yield (
            holder,
            {
                str(entry.get("metric")): (number(entry, "value"), f"{at}.value")
                for at, entry in entries(holder, "measures", place)
            },
        )
    for place, table in doc.entries("tables"):
        for at, row in entries(table, "rows", place):
            values = mapping(row, "values")
            yield row, {metric: (number(values, metric), f"{at}.values.{metric}") for metric in values}


def _columns(doc: Document, recipe: Recipe | None) -> Findings:
    described = _described(recipe)
    seen: set[str] = set()
    for place, entry in doc.entries("metrics"):
        metric = text(entry, "metric")
        definition = described.get(metric or "")
        if metric is None or not described:
            continue
        if definition is None or metric in seen:
            said = "is not a metric of the recipe" if definition is None else "is a column already"
            yield doc.finding("PM623", f"{place}.metric", f"{metric} {said}")
            continue
        seen.add(metric)
        for key in _OF_SPEC:
            wanted = getattr(definition, key)
            if key in entry and entry[key] != wanted:
                said = f"{key} of {metric} is {str(entry[key])[:40]!r}, but it is {wanted!r} by definition"
                yield doc.finding("PM623", f"{place}.{key}", said)


def _best(doc: Document, table: dict[str, object], place: str, definitions: Mapping[str, MetricDefinition]) -> Findings:
    """Yield methods that are called the best and are not, and those that are and are not called so."""
    by_rule = "rule" in doc.root
    if by_rule and mapping(doc.root, "rule").get("version") != RULE.version:
        return  # a later rule is not known here
    cells: dict[tuple[str, ...], list[dict[str, object]]] = defaultdict(list)
    for _, row in entries(table, "rows", place):
        cells[_key(row)].append(row)
    named: set[tuple[str, ...]] = set()
    for at, best in entries(table, "best", place):
        metric, methods = text(best, "metric"), best.get("methods")
        definition = definitions.get(metric or "")
        if metric is None or definition is None or not isinstance(methods, list):
            continue
        named.add((*_key(best), metric))
        wanted = (_ahead if by_rule else _extreme)(cells[_key(best)], metric, definition)
        if methods != wanted:
            said = f"by the rows of the table, {metric} is best for {', '.join(wanted) or 'no method'}"
            yield doc.finding("PM614", f"{at}.methods", said)
    if not by_rule or doc.is_cut(f"{place}.best") or doc.is_cut(f"{place}.rows"):
        return
    for key, rows in cells.items():
        for metric, definition in definitions.items():
            wanted = [] if (*key, metric) in named else _ahead(rows, metric, definition)
            if wanted:
                said = f"by the rows of the table, {metric} is best for {wanted[0]}, but best does not name it"
                yield doc.finding("PM614", f"{place}.best", f"{said}: {', '.join(key)}")


def _key(record: dict[str, object]) -> tuple[str, ...]:
    """Return what methods and replicates of a table share."""
    return tuple(str(record.get(part)) for part in _COMPARABLE)


def _extreme(rows: list[dict[str, object]], metric: str, definition: MetricDefinition) -> list[str]:
    """Return the methods with the best value, as files without a rule name them."""
    known = [
        (value, str(row.get("method"))) for row in rows if (value := number(row.get("values"), metric)) is not None
    ]
    extreme = (min if definition.direction == "lower" else max)((value for value, _ in known), default=None)
    return [method for value, method in known if value == extreme]


def _ahead(rows: list[dict[str, object]], metric: str, definition: MetricDefinition) -> list[str]:
    """Return the method that is ahead of all others by the rule."""
    if not is_ranked(metric):
        return []
    values = ((str(row.get("method")), _replicate(row), number(row.get("values"), metric)) for row in rows)
    best = best_method(by_method(values), definition)
    return [] if best is None else [best]


def _replicate(row: dict[str, object]) -> int:
    return count(row, "replicate") or 1


def recorded_rule(doc: Document) -> Findings:
    """Yield parts of a rule that are not those of its version."""
    rule, known = mapping(doc.root, "rule"), RULE.as_dict()
    if rule.get("version") == known["version"]:
        for key, wanted in known.items():
            if key in rule and rule[key] != wanted:
                said = f"{key} is {str(rule[key])[:40]}, but version {known['version']} of the rule has {wanted}"
                yield doc.finding("PM614", f"$.rule.{key}", said)
