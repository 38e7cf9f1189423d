"""Whether a difference of hubs says what its values say: outcomes by the rule, and what got worse."""

from __future__ import annotations

from collections import Counter

from ptyproof.checking.checks.metrics import recorded_rule
from ptyproof.checking.model.document import Document, Findings, listed, mapping, number, text
from ptyproof.metrics.definitions import Direction, MetricDefinition
from ptyproof.metrics.paired import RULE, judge
from ptyproof.metrics.ranking import is_ranked

_PARTS = {"cells": "states", "hashes": "digests", "design": "design"}
Values = list[float | None]


def check(doc: Document) -> Findings:
    """Yield what is wrong with the judgments of a difference."""
    yield from recorded_rule(doc)
    worse = False
    for place, state in doc.entries("states"):
        wanted = text(state, "old") == "success" and text(state, "new") in ("failed", "lost", "skipped")
        yield from _worse(doc, place, state, wanted)
        if text(state, "old") == text(state, "new"):
            yield doc.finding("PM614", f"{place}.new", "the state is the same, so it is no difference")
        worse |= state.get("is_worse") is True
    for place, score in doc.entries("metrics"):
        yield from _score(doc, place, score)
        worse |= score.get("is_worse") is True
    yield from _worse(doc, "$", doc.root, worse)
    yield from _parts(doc)
    yield from _hashes(doc)


def _worse(doc: Document, place: str, holder: dict[str, object], wanted: bool) -> Findings:
    if holder.get("is_worse") is not wanted:
        said = "worse" if wanted else "not worse"
        yield doc.finding("PM614", f"{place}.is_worse", f"by what is recorded it is {said}")


def _parts(doc: Document) -> Findings:
    """Yield a part that differs and is not named, and one that is named and does not differ."""
    if "differs" not in doc.root:
        return
    named = listed(doc.root, "differs")
    for part, key in _PARTS.items():
        if (part in named) is not bool(listed(doc.root, key)):
            yield doc.finding("PM614", "$.differs", f"{part}: {len(listed(doc.root, key))} entries in {key}")


def _hashes(doc: Document) -> Findings:
    """Yield numbers of hashes that are not those of the entries."""
    if "hashes" not in doc.root:
        return
    other = Counter((text(entry, "record"), text(entry, "what")) for _, entry in doc.entries("digests"))
    n_same = 0.0
    for place, count in doc.entries("hashes"):
        n_other = other.pop((text(count, "record"), text(count, "what")), 0)
        n_same += number(count, "n_same") or 0
        if number(count, "n_other") != n_other:
            yield doc.finding("PM201", f"{place}.n_other", f"{n_other} entries in digests")
    if other or n_same != number(doc.root, "n_digests_same"):
        yield doc.finding(
            "PM201", "$.n_digests_same", f"{n_same:g} by the kinds, which must name all {len(other)} others"
        )


def _score(doc: Document, place: str, score: dict[str, object]) -> Findings:
    """Yield values that are not one for each replicate, and a judgment that the rule or the tolerance does not give."""
    old, new = (_values(score, side) for side in ("old", "new"))
    n = len(listed(score, "replicates"))
    for side, values in (("old", old), ("new", new)):
        if len(values) != n:
            yield doc.finding("PM201", f"{place}.{side}", f"{len(values)} values, but {n} replicates")
    if len(old) != len(new):
        return
    said, metric = mapping(score, "judged"), text(score, "metric") or ""
    is_judged = is_ranked(metric) and text(score, "protocol") == "same"
    if (score.get("judged") is not None) is not is_judged:
        wanted = "is judged" if is_judged else "ranks no method here"
        yield doc.finding("PM614", f"{place}.judged", f"{metric[:64]} {wanted}")
        return
    if not is_judged:
        yield from _worse(doc, place, score, False)
    elif mapping(doc.root, "rule").get("version") == RULE.version:
        direction: Direction = "higher" if score.get("direction") == "higher" else "lower"
        found = judge(new, old, MetricDefinition(metric, str(score.get("unit")), direction))
        if (said.get("outcome"), said.get("n")) != (found.outcome, found.n):
            yield doc.finding("PM614", f"{place}.judged.outcome", f"by the values it is {found.outcome}, n = {found.n}")
        yield from _worse(doc, place, score, found.is_behind_beyond(number(doc.root, "tolerance") or 0.0))


def _values(score: dict[str, object], side: str) -> Values:
    return [number({"value": value}, "value") for value in listed(score, side)]
