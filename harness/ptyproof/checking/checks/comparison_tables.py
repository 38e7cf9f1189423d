"""Whether a table over replicates says what its values say: medians, ranges, outcomes, and the best methods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict

from ptyproof.checking.checks.metrics import recorded_rule
from ptyproof.checking.model.document import Document, Findings, entries, is_close, listed, mapping, number, text
from ptyproof.metrics.definitions import Direction, MetricDefinition
from ptyproof.metrics.paired import RULE, judge
from ptyproof.metrics.ranking import CONTROLS, spread

_CELL = ("dose", "view", "gridsize", "split", "protocol")
_TIMES = ("training_s", "start_s", "reconstruction_s")
Values = list[float | None]


def check(doc: Document) -> Findings:
    """Yield what is wrong with the rows of a table."""
    yield from recorded_rule(doc)
    n = len(listed(doc.root, "replicates"))
    places: dict[tuple[str, ...], dict[str, tuple[str, dict[str, object]]]] = defaultdict(dict)
    for place, row in doc.entries("rows"):
        method = str(row.get("method"))
        cell = tuple(str(row.get(key)) for key in _CELL)
        if method in places[cell]:
            yield doc.finding("PM203", place, f"{method} occurs twice, also at {places[cell][method][0]}")
        places[cell].setdefault(method, (place, row))
        for at, holder in _spreads(row, place):
            yield from _spread(doc, at, holder, n)
    if mapping(doc.root, "rule").get("version") != RULE.version:
        return
    for rows in places.values():
        yield from _outcomes(doc, rows)


def _spreads(row: dict[str, object], place: str) -> Iterator[tuple[str, dict[str, object]]]:
    yield from entries(row, "scores", place)
    for key in _TIMES:
        yield f"{place}.{key}", mapping(row, key)


def _values(holder: dict[str, object]) -> Values:
    return [number({"value": value}, "value") for value in listed(holder, "values")]


def _spread(doc: Document, at: str, holder: dict[str, object], n: int) -> Findings:
    """Yield values that are not one for each replicate, and a median or range that is not theirs."""
    values = _values(holder)
    if len(values) != n:
        yield doc.finding("PM201", f"{at}.values", f"{len(values)} values, but the table has {n} replicates")
    wanted = asdict(spread(values))
    for key in ("median", "low", "high"):
        got = number(holder, key)
        if got is None or wanted[key] is None:
            agree = got is None and wanted[key] is None
        else:
            agree = is_close(got, wanted[key])
        if key in holder and not agree:
            yield doc.finding("PM614", f"{at}.{key}", f"{key} is {holder[key]}, but the values give {wanted[key]}")


def _outcomes(doc: Document, rows: dict[str, tuple[str, dict[str, object]]]) -> Findings:
    """Yield outcomes that the rule does not give, and best methods that are a control or not ahead of another row."""
    definitions = {str(entry.get("metric")): _definition(entry) for _, entry in doc.entries("metrics")}
    scores: dict[str, dict[str, tuple[str, dict[str, object]]]] = defaultdict(dict)
    for method, (place, row) in rows.items():
        for at, score in entries(row, "scores", place):
            scores[str(score.get("metric"))][method] = at, score
    for metric, of_methods in scores.items():
        definition = definitions.get(metric)
        if definition is None:
            yield doc.finding(
                "PM623", next(iter(of_methods.values()))[0], f"{metric[:64]} is not a column of the table"
            )
            continue
        for method, (at, score) in of_methods.items():
            others = {name: _values(other) for name, (_, other) in of_methods.items() if name != method}
            yield from _outcome(doc, at, score, others.get(text(doc.root, "against") or ""), definition)
            if score.get("is_best") is True and not _is_best(method, _values(score), others, definition):
                yield doc.finding("PM614", f"{at}.is_best", f"{method} is not ahead of every other row in {metric}")


def _definition(entry: dict[str, object]) -> MetricDefinition:
    direction: Direction = "higher" if entry.get("direction") == "higher" else "lower"
    return MetricDefinition(str(entry.get("label")), str(entry.get("unit")), direction)


def _outcome(
    doc: Document, at: str, score: dict[str, object], others: Values | None, definition: MetricDefinition
) -> Findings:
    said, values = mapping(score, "against"), _values(score)
    if (score.get("against") is None) != (others is None):
        wanted = "no other method" if others is None else str(doc.root.get("against"))
        yield doc.finding("PM614", f"{at}.against", f"the row is to be compared with {wanted}")
    elif others is not None and len(values) == len(others):
        found = judge(values, others, definition)
        if (said.get("outcome"), said.get("n")) != (found.outcome, found.n):
            yield doc.finding("PM614", f"{at}.against.outcome", f"by the values it is {found.outcome}, n = {found.n}")


def _is_best(method: str, own: Values, others: dict[str, Values], definition: MetricDefinition) -> bool:
    known = [values for values in others.values() if any(value is not None for value in values)]
    return method not in CONTROLS and all(
        len(values) == len(own) and judge(own, values, definition).outcome == "ahead" for values in known
    )
