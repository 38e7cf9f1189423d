"""Whether what Phase D recorded of a selection follows from its own counts: rates, spacings, groups, thresholds."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ptyproof.checking.model.document import Document, Findings, count, is_close, listed, mapping, number, text

_SPACING = ("min_px", "median_px", "mean_px", "max_px")
_LEGACY_SPACING = ("min_spacing", "median_spacing", "mean_spacing", "max_spacing")
_LEAST_ACCEPTANCE = 0.10
_TWO = 2  # positions that have a distance
_SKIPS = ("skipped_views", "skipped", "cells")
_OVERLAP_OF = {"dense": 0.7, "sparse": 0.2}


def check(doc: Document) -> Findings:
    """Yield what is wrong with the halves of a view of today's generation."""
    size = number(mapping(doc.root, "design"), "pattern_size_px")
    for place, half in _halves(doc):
        total, kept, rate = (
            count(half, "n_images_total"),
            count(half, "n_images_selected"),
            number(half, "acceptance_rate"),
        )
        if total is not None and kept is not None and kept > total:
            said = f"n_images_total is {total}, less than its part n_images_selected, {kept}"
            yield doc.finding("PM206", f"{place}.n_images_total", said)
        elif total and kept is not None and rate is not None and not is_close(rate, kept / total):
            said = f"acceptance_rate is {rate:g}, but {kept} of {total} positions are {kept / total:g}"
            yield doc.finding("PM606", f"{place}.acceptance_rate", said)
        for key, n in (("spacing_before_selection", total), ("spacing_after_selection", kept)):
            yield from _spacing(doc, mapping(half, key), f"{place}.{key}", n)
        yield from _selection(doc, half, place, size)
        yield from _grouping(doc, mapping(half, "grouping"), f"{place}.grouping", kept)
        yield from _undefined(doc, mapping(half, "overlap"), f"{place}.overlap")


def _halves(doc: Document) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield every record of what a view keeps of one half."""
    if doc.kind == "overlap_metrics":
        yield "$", doc.root
    for half in ("train", "test"):
        if doc.kind == "metrics_bundle":
            yield f"$.{half}", mapping(doc.root, half)
        for key in ("views", "rejected_views"):
            for place, view in doc.entries(key):
                yield f"{place}.{half}", mapping(view, half)
        for place, skip in (entry for key in _SKIPS for entry in doc.entries(key)):
            if isinstance(skip.get("measured"), dict):
                yield f"{place}.measured.{half}", mapping(skip["measured"], half)


def _spacing(doc: Document, spacing: dict[str, object], place: str, n: int | None) -> Findings:
    said_n = count(spacing, "n_positions")
    for key in _SPACING:
        if said_n is not None and key in spacing and (spacing[key] is None) != (said_n < _TWO):
            said = "is null" if spacing[key] is None else "is a number"
            yield doc.finding("PM615", f"{place}.{key}", f"{key} {said}, but there are {said_n} positions")
    if n is not None and said_n is not None and said_n != n:
        yield doc.finding("PM201", f"{place}.n_positions", f"n_positions is {said_n}, but {n} positions are recorded")
    yield from _rising(doc, spacing, place, _SPACING)


def _rising(doc: Document, spacing: dict[str, object], place: str, keys: tuple[str, ...]) -> Findings:
    least, median, mean, most = (number(spacing, key) for key in keys)
    for key, value in ((keys[1], median), (keys[2], mean)):
        if value is not None and least is not None and most is not None:
            slack = 1e-9 * max(1.0, abs(most))
            if not least - slack <= value <= most + slack:
                said = f"{key} is {value:g}, which is not between {keys[0]}, {least:g}, and {keys[3]}, {most:g}"
                yield doc.finding("PM615", f"{place}.{key}", said)
    if least is not None and most is not None and least > most:
        yield doc.finding("PM615", f"{place}.{keys[0]}", f"{keys[0]} is {least:g}, more than {keys[3]}, {most:g}")


def _selection(doc: Document, half: dict[str, object], place: str, size: float | None) -> Findings:
    selection, rate = mapping(half, "selection"), number(half, "acceptance_rate")
    kind, at = text(selection, "kind"), f"{place}.selection"
    if kind == "all" and rate is not None and rate != 1.0:
        yield doc.finding(
            "PM606", f"{place}.acceptance_rate", f"acceptance_rate is {rate:g}, but all positions were selected"
        )
    if kind != "spacing":
        return
    yield from _distance(doc, half, place, size)
    threshold = number(selection, "threshold_px")
    method = text(selection, "method")
    own = number(selection, f"{method}_acceptance_rate") if method in ("direct", "greedy") else None
    if method in ("direct", "greedy") and selection.get(f"{method}_acceptance_rate", 0.0) is None:
        said = f"{method}_acceptance_rate is null, but {method} selection was used"
        yield doc.finding("PM606", f"{at}.{method}_acceptance_rate", said)
    if own is not None and rate is not None and not is_close(own, rate):
        said = f"{method}_acceptance_rate is {own:g}, but {method} selection gave acceptance_rate {rate:g}"
        yield doc.finding("PM606", f"{at}.{method}_acceptance_rate", said)
    least = number(mapping(half, "spacing_after_selection"), "min_px")
    if least is not None and threshold is not None and least < threshold * (1 - 1e-9):
        said = f"kept positions are {least:g} px apart, closer than threshold_px, {threshold:g}"
        yield doc.finding("PM615", f"{place}.spacing_after_selection.min_px", said)
    required = number(mapping(doc.root, "design"), "min_acceptance_rate")
    stated = number(selection, "min_acceptance_rate")
    if required is not None and stated is not None and not is_close(required, stated):
        said = f"min_acceptance_rate is {stated:g}, but the design requires {required:g}"
        yield doc.finding("PM618", f"{at}.min_acceptance_rate", said)


def _distance(doc: Document, half: dict[str, object], place: str, size: float | None) -> Findings:
    """Yield a distance between positions that is not the one of the overlap fraction, or not of the design's view."""
    selection, at = mapping(half, "selection"), f"{place}.selection"
    f, threshold = number(selection, "overlap_fraction"), number(selection, "threshold_px")
    view = _view(doc, place)
    of_view = number(view, "overlap_fraction")
    reference = text(selection, "reference") or "window"
    if of_view is not None and reference != (text(view, "reference") or "window"):
        said = f"the reference is {reference[:40]}, but the design's view has {text(view, 'reference') or 'window'}"
        yield doc.finding("PM618", f"{at}.reference", said)
    if reference == "probe":
        size = number(mapping(half, "overlap"), "probe_diameter_px")
    if f is not None and of_view is not None and not is_close(f, of_view):
        said = f"overlap_fraction is {f:g}, but the design's view has {of_view:g}"
        yield doc.finding("PM618", f"{at}.overlap_fraction", said)
    if size is not None and f is not None and threshold is not None and not is_close(threshold, (1 - f) * size):
        said = f"threshold_px is {threshold:g}, but (1 - {f:g}) x {size:g} px is {(1 - f) * size:g}"
        yield doc.finding("PM618", f"{at}.threshold_px", said)


def _view(doc: Document, place: str) -> dict[str, object]:
    """Return the table of the design for the view whose record stands at a place; an empty one if it has none."""
    found = re.match(r"\$\.(views|rejected_views|skipped_views|skipped|cells)\[(\d+)\]", place)
    if found is None:
        return {}
    name = text(doc.root[found[1]][int(found[2])], "view")
    views = listed(mapping(doc.root, "design"), "views")
    return next((view for view in views if isinstance(view, dict) and text(view, "name") == name), {})


def _grouping(doc: Document, grouping: dict[str, object], place: str, kept: int | None) -> Findings:
    gridsize, size = count(grouping, "gridsize"), count(grouping, "group_size")
    if gridsize is not None and size is not None and size != gridsize**2:
        said = f"group_size is {size}, but gridsize {gridsize} squared is {gridsize**2}"
        yield doc.finding("PM617", f"{place}.group_size", said)
    k, effective = count(grouping, "neighbor_count"), count(grouping, "neighbor_count_effective")
    if k is not None and size is not None and k < size:
        said = f"neighbor_count is {k}: groups of {size} need at least {size} neighbors"
        yield doc.finding("PM617", f"{place}.neighbor_count", said)
    if None not in (k, effective, kept) and effective != min(k or 0, kept or 0):
        least = min(k or 0, kept or 0)
        said = f"neighbor_count_effective is {effective}, but of {kept} positions and K = {k} it is {least}"
        yield doc.finding("PM617", f"{place}.neighbor_count_effective", said)
    made, distinct = count(grouping, "n_groups_actual"), count(grouping, "n_groups_distinct")
    asked, unique = count(grouping, "n_groups_requested"), count(grouping, "n_unique_images")
    pairs = (
        ("n_groups_distinct", distinct, "n_groups_actual", made),
        ("n_groups_actual", made, "n_groups_requested", asked),
        ("n_unique_images", unique, "n_images_selected", kept),
    )
    for part, n, whole, of in pairs:
        if n is not None and of is not None and n > of:
            yield doc.finding("PM206", f"{place}.{part}", f"{part} is {n}, more than {whole}, {of}")
    if distinct is not None and unique is not None and size is not None and unique > distinct * size:
        said = f"n_unique_images is {unique}, but {distinct} distinct groups of {size} hold {distinct * size} at most"
        yield doc.finding("PM617", f"{place}.n_unique_images", said)


def _undefined(doc: Document, overlap: dict[str, object], place: str) -> Findings:
    for number_of, name in ((1, "group_based"), (2, "image_based"), (3, "group_to_group")):
        key, why = f"metric_{number_of}_{name}_avg", f"metric_{number_of}_undefined_because"
        if key in overlap and why in overlap and (overlap[key] is None) == (overlap[why] is None):
            said = (
                "has neither a number nor a reason"
                if overlap[key] is None
                else "has both a number and a reason for a missing number"
            )
            yield doc.finding("PM615", f"{place}.{key}", f"metric {number_of} {said}")


def rejections(doc: Document) -> Findings:
    """Yield views whose numbers say another verdict than the record does."""
    records = [entry for key in (*_SKIPS, "rejected_views", "views") for entry in doc.entries(key)]
    for place, record in records:
        measured = record.get("measured") if "measured" in record else record
        code = text(measured, "code")
        rates = []
        for half in ("train", "test"):
            inner = mapping(measured, half)
            least = number(mapping(inner, "selection"), "min_acceptance_rate")
            rate = number(inner, "acceptance_rate")
            if least is not None and rate is not None:
                rates.append(rate >= least)
        if len(rates) < 2:
            continue
        if code == "acceptance_below_minimum" and all(rates):
            said = "was rejected for too small an acceptance rate, but both halves reach the minimum"
            yield doc.finding("PM803", place, said)
        if text(record, "status") == "accepted" and not all(rates):
            yield doc.finding("PM803", place, "was accepted, but a half does not reach the minimum acceptance rate")


def spacing_d1(doc: Document) -> Findings:
    """Yield what is wrong with the spacing metrics of generation D1."""
    for name in ("train", "test"):
        yield from _spacing_d1(doc, mapping(doc.root, name), f"$.{name}")
    yield from _twins(doc)


def spacing_half_d1(doc: Document) -> Findings:
    """Yield what is wrong with the spacing metrics of one half, of generation D1."""
    yield from _spacing_d1(doc, doc.root, "$")


def _spacing_d1(doc: Document, half: dict[str, object], place: str) -> Findings:
    yield from _rising(doc, half, place, _LEGACY_SPACING)
    yield from accepted(doc, half, place)
    least, threshold, dropped = number(half, "min_spacing"), number(half, "threshold"), count(half, "n_rejected")
    if least is not None and threshold is not None and dropped and least >= threshold:
        said = f"n_rejected is {dropped}, but no two positions are closer than the threshold, {threshold:g} px"
        yield doc.finding("PM606", f"{place}.n_rejected", said)


def accepted(doc: Document, record: dict[str, object], place: str) -> Findings:
    """Yield counts of kept and dropped positions that are not all, and a rate that does not follow from them."""
    kept, dropped, total = (count(record, key) for key in ("n_accepted", "n_rejected", "n_positions"))
    if kept is None or dropped is None:
        return
    if total is not None and kept + dropped != total:
        said = f"n_positions is {total}, but n_accepted {kept} + n_rejected {dropped} is {kept + dropped}"
        yield doc.finding("PM206" if kept + dropped > total else "PM202", f"{place}.n_positions", said)
    rate, n = number(record, "acceptance_rate"), kept + dropped
    if rate is not None and n and not is_close(rate, kept / n):
        said = f"acceptance_rate is {rate:g}, but {kept} of {n} positions are {kept / n:g}"
        yield doc.finding("PM606", f"{place}.acceptance_rate", said)


def overlap_d2(doc: Document) -> Findings:
    """Yield what is wrong with the overlap metrics of generation D2."""
    for name in ("train", "test"):
        yield from _overlap_d2(doc, mapping(doc.root, name), f"$.{name}")
    yield from _twins(doc)


def overlap_half_d2(doc: Document) -> Findings:
    """Yield what is wrong with the overlap metrics of one half, of generation D2."""
    yield from _overlap_d2(doc, doc.root, "$")


def _overlap_d2(doc: Document, half: dict[str, object], place: str) -> Findings:
    total, kept, fraction = count(half, "n_images_total"), count(half, "n_images_subsampled"), number(half, "s_img")
    if None not in (total, kept, fraction):
        yield from _subsampled(doc, place, int(total or 0), int(kept or 0), float(fraction or 0.0))
    unique, gridsize = count(half, "n_unique_images"), count(half, "gridsize")
    if unique is not None and kept is not None and unique > kept:
        said = f"n_unique_images is {unique}, more than n_images_subsampled, {kept}"
        yield doc.finding("PM206", f"{place}.n_unique_images", said)
    asked, made, k = count(half, "n_groups"), count(half, "n_groups_actual"), count(half, "neighbor_count")
    if gridsize is not None and gridsize > 1:
        if asked is not None and made is not None and made > asked:
            said = f"n_groups_actual is {made}, more than the {asked} requested groups"
            yield doc.finding("PM206", f"{place}.n_groups_actual", said)
        if k is not None and k < gridsize**2:
            said = f"neighbor_count is {k}: groups of {gridsize**2} need as many neighbors"
            yield doc.finding("PM617", f"{place}.neighbor_count", said)
        if "metric_1_group_based_avg" not in half and not doc.is_cut(place):
            said = f"there is no overlap within groups, although gridsize is {gridsize}"
            yield doc.finding("PM612", f"{place}.metric_1_group_based_avg", said)
    elif gridsize == 1 and "metric_1_group_based_avg" in half:
        said = "an overlap within groups is recorded, but with gridsize 1 a group is one image"
        yield doc.finding("PM617", f"{place}.metric_1_group_based_avg", said)
    effective = number(half, "effective_min_acceptance")
    if effective is not None and effective < _LEAST_ACCEPTANCE:
        said = f"the minimum acceptance rate was lowered from {_LEAST_ACCEPTANCE} to {effective:.4g}, so a view passes"
        yield doc.finding("PM618", f"{place}.effective_min_acceptance", said)


def _subsampled(doc: Document, place: str, total: int, kept: int, fraction: float) -> Findings:
    if kept > total:
        said = f"n_images_total is {total}, less than its part n_images_subsampled, {kept}"
        yield doc.finding("PM206", f"{place}.n_images_total", said)
    elif total == kept and abs(fraction * total - kept) > 1:
        said = (
            f"n_images_total is n_images_subsampled, {total}, although s_img is {fraction:g}: counted after subsampling"
        )
        yield doc.finding("PM616", f"{place}.n_images_total", said)
    elif abs(fraction * total - kept) > 1:
        said = f"n_images_subsampled is {kept}, but s_img {fraction:g} of {total} images is {fraction * total:.1f}"
        yield doc.finding("PM606", f"{place}.n_images_subsampled", said)


def _twins(doc: Document) -> Findings:
    train, test = mapping(doc.root, "train"), mapping(doc.root, "test")
    if len(train) > 2 and train == test:
        said = "both halves have the same numbers: possible on a regular scan, otherwise one half was measured twice"
        yield doc.finding("PM619", "$.test", said)


def reconstructed(doc: Document) -> Findings:
    """Yield what a reconstruction's record of Phase D's selection cannot be."""
    for place, result in doc.entries("execution_results"):
        if "selection_strategy" not in result and "acceptance_rate" not in result:
            continue
        kept, dropped = count(result, "n_accepted"), count(result, "n_rejected")
        strategy, view = text(result, "selection_strategy"), text(result, "view")
        if strategy == "unknown" or (kept == 0 and dropped == 0):
            said = f"selection_strategy is {strategy!r} with n_accepted {kept} and n_rejected {dropped}"
            yield doc.finding("PM607", f"{place}.selection_strategy", f"{said}: zeros replace unknown values")
            continue
        yield from accepted(doc, result, place)
        threshold, f = number(result, "spacing_threshold"), _OVERLAP_OF.get(view or "")
        if threshold is not None and f is not None and not any(is_close(threshold, (1 - f) * n) for n in (64, 128)):
            said = f"spacing_threshold is {threshold:g}, but (1 - {f:g}) N is {(1 - f) * 64:g} or {(1 - f) * 128:g} px"
            yield doc.finding("PM618", f"{place}.spacing_threshold", said)
        yield from _limited(doc, result, place, kept)


def _limited(doc: Document, result: dict[str, object], place: str, kept: int | None) -> Findings:
    """Yield a selection of more images than the process may take.

    The line `Images: 2000` shows an option, the upper limit of the images; the process prints it before it opens a
    file, so a larger limit than the selection says nothing of what was read.
    """
    limit = re.search(r"^Images: (\d{1,9})$", text(result, "stdout_preview") or "", re.MULTILINE)
    if limit is not None and kept is not None and kept > int(limit[1]):
        said = f"n_accepted is {kept}, but the process was limited to {limit[1]} images"
        yield doc.finding("PM608", f"{place}.n_accepted", said)
