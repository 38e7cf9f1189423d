"""A `hub_difference` for people: as text with columns of one width, or as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ptyproof import markdown
from ptyproof.console import printable
from ptyproof.differences.facts import answer_of, dated, facts_of, files_in, percent, relative_of, runs_of
from ptyproof.metrics.definitions import TIME, family
from ptyproof.metrics.ranking import spread
from ptyproof.study.layout import cell_key
from ptyproof.tables.grid import Form, grid

if TYPE_CHECKING:
    from ptyproof_schemas.types.hub_difference import HubDifference, Score, State

_SHOWN_DIGITS = 12
_MOST_REASON = 160
_MOST_WORSE, _MOST_OTHERS = 100, 20  # rows


def lines_of(found: HubDifference, form: Form) -> Iterator[str]:
    """Yield the lines of a difference: the answer, what got worse, then everything else that differs."""
    yield from _head(found, form)
    worse, others = _divided(found)
    yield from _metrics("Worse", worse, form, _MOST_WORSE)
    yield from _section("Cells", _CELL, [_cell(state) for state in _in_order(found["states"])], form)
    yield from _metrics("Changed, and not worse", others, form, _MOST_OTHERS)
    if "times" in found.get("differs", ["times"]):
        yield from _section("Times, never judged", ("time", "method", "old / s", "new / s"), list(_times(found)), form)
    hashes = [
        [count["record"], count["what"].replace("_", " "), str(count["n_same"]), str(count["n_other"])]
        for count in found.get("hashes", ())
    ]
    yield from _section("Hashes", ("of", "what", "equal", "other"), hashes, form)
    environment = [
        [entry["record"] or "run", entry["key"], _listed(entry["old"]), _listed(entry["new"])]
        for entry in found["environment"]
    ]
    yield from _section("Environment", ("of", "what", "old", "new"), environment, form)
    design = [
        [entry["key"], entry["old"] or markdown.UNKNOWN, entry["new"] or markdown.UNKNOWN] for entry in found["design"]
    ]
    yield from _section("Design", ("key", "old", "new"), design, form)
    yield from _section("Runs", ("side", "run", "what", "value"), list(runs_of(found)), form)
    yield from _section("Files", ("in", "number", "files"), files_in(found), form)


_METRIC = ("cell", "method", "metric", "old", "new", "change", "rule")
_CELL = ("cell", "of", "old", "new", "reason")


def _head(found: HubDifference, form: Form) -> Iterator[str]:
    old, new = found["old"], found["new"]
    answer = answer_of(found)
    n = sum(score["judged"] is not None for score in found["metrics"])
    said = (
        f"{answer}: {dated(new)} against {dated(old)}, study {new['study']}; {found['n_states_same']} cells with the "
        f"same state, {n} metrics judged, tolerance {found['tolerance']:.3g}."
    )
    yield (
        f"**{_said(answer, form)}**{_said(said.removeprefix(answer), form)}" if form == "markdown" else printable(said)
    )
    few = [score for score in found["metrics"] if score["judged"] and score["judged"]["outcome"] == "undecided"]
    few = few if any(map(relative_of, few)) else []
    remarks = [*facts_of(found), *found["remarks"]]
    if few:
        least = found["rule"]["least_replicates"]
        remarks.append(
            f"Undecided: fewer than {least} pairs of replicates, so the tolerance alone judges {len(few)} metrics."
        )
    if remarks:
        yield ""
    for remark in remarks:
        yield f"- {_said(remark, form)}" if form == "markdown" else printable(remark)


def _divided(found: HubDifference) -> tuple[list[Score], list[Score]]:
    """Return the metrics that got worse, and those that differ otherwise; the largest change comes first."""
    judged = [score for score in found["metrics"] if score["judged"] is not None]
    changed = sorted((score for score in judged if relative_of(score)), key=lambda score: -abs(relative_of(score)))
    return [score for score in changed if score["is_worse"]], [score for score in changed if not score["is_worse"]]


def _metrics(title: str, scores: Sequence[Score], form: Form, most: int) -> Iterator[str]:
    """Yield the table of so many metrics, and how many are left out."""
    yield from _section(title, _METRIC, [_metric(score) for score in scores[:most]], form)
    if len(scores) > most:
        yield ""
        yield _said(f"{len(scores) - most} smaller changes are not shown; the JSON has all.", form)


def _metric(score: Score) -> list[str]:
    unit = "" if score["unit"] == "1" else f" / {score['unit']}"
    judged = score["judged"]
    cell = cell_key(score["dose"], score["view"], score["gridsize"])
    where = cell if score["split"] is None else f"{cell}-{score['split']}"
    data = "" if score["data"] == "same" else ", other patterns"
    return [
        where,
        score["method"] or "training",
        f"{score['label']}{unit}",
        _median(score["old"]),
        _median(score["new"]),
        percent(relative_of(score)),
        f"{'' if judged is None else judged['outcome']}{data}",
    ]


def _median(values: Sequence[float | None]) -> str:
    found = spread(values)
    if found.median is None:
        return markdown.UNKNOWN
    return f"{found.median:.4g}" if found.n == 1 else f"{found.median:.4g} [{found.low:.4g}, {found.high:.4g}]"


def _in_order(states: Sequence[State]) -> list[State]:
    return sorted(states, key=lambda state: not state["is_worse"])


def _cell(state: State) -> list[str]:
    old, new = (value.replace("_", " ") if value else None for value in (state["old"], state["new"]))
    reason = state["reason"] or ""
    shown = reason if len(reason) <= _MOST_REASON else f"{reason[:_MOST_REASON]}..."
    worse = " (worse)" if state["is_worse"] else ""
    return [state["cell"], state["record"], old or "(appeared)", f"{new or '(vanished)'}{worse}", shown]


def _times(found: HubDifference) -> Iterator[list[str]]:
    """Yield the sum of each time over the cells of a method that have it on both sides."""
    sums: dict[tuple[str, str], list[float]] = {}
    for score in found["metrics"]:
        if family(score["metric"]) != TIME or score["protocol"] != "same":
            continue
        for old, new in zip(score["old"], score["new"], strict=True):
            if old is not None and new is not None:
                total = sums.setdefault((score["label"], str(score["method"])), [0.0, 0.0])
                total[0] += old
                total[1] += new
    for (label, method), (old, new) in sums.items():
        yield [label, method, f"{old:.3g}", f"{new:.3g}"]


def _listed(values: Sequence[str]) -> str:
    shown = [value[:_SHOWN_DIGITS] if len(value) in (40, 64) and value.isalnum() else value for value in values]
    return ", ".join(shown) or markdown.UNKNOWN


def _section(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], form: Form) -> Iterator[str]:
    """Yield a table under its title; nothing without rows."""
    if rows:
        yield ""
        yield f"### {markdown.text(title)}" if form == "markdown" else f"{printable(title)}:"
        yield ""
        yield from grid(heads, rows, form)


def _said(text: str, form: Form) -> str:
    return markdown.text(text) if form == "markdown" else printable(text)
