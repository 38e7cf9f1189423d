"""The page of a comparison: its tables as Markdown, metrics by dose, view and method."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ptyproof import markdown
from ptyproof.metrics.definitions import TIME, MetricDefinition, family
from ptyproof.metrics.limits import HEADLINE, Course, behind_controls, remark_on_courses, remarks_in
from ptyproof.metrics.protocol import LARGEST_CHANGE, describe_settings
from ptyproof.metrics.ranking import CONTROLS, by_method, how_marked, spread
from ptyproof.phases.g_compare.experiment_table import CAPTION, experiment_table
from ptyproof.phases.g_compare.tables import comparable_of
from ptyproof.study.exposures import exposure_of
from ptyproof.study.layout import replicate_of
from ptyproof.study.reconstruction import Split

if TYPE_CHECKING:
    from ptyproof_schemas.types.metrics_summary import ExperimentRow

_Key = tuple[tuple[float, str, int, Split], str]  # what is comparable, and the method
NOT_CONVERGED = (
    "Not converged: the last fifth of the epochs still changed the loss or the complex NRMSE by more than "
    f"{100 * LARGEST_CHANGE:.0f} %, so more epochs may give another value."
)
_ZERO = "†"  # marks a frequency of 0
_FREQUENCY = "Nyquist"
_BESIDE_TIMES = {  # keys of the rows with columns of their own, and their heads
    "nrmse_settled_s": f"time to {100 * LARGEST_CHANGE:.0f} % of the final complex NRMSE (s) ↓",
    "device": "device",
    "threads": "threads",
}
_ARROWS = {"lower": "↓", "higher": "↑"}


def tables(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the tables of a `metrics_summary` as lines of Markdown, that of experiments first; then other cells."""
    if found.get("experiments"):
        yield from _experiments(found["experiments"])
    for number, one in enumerate(found["tables"]):
        parts = one["parts"]
        replicates = len({replicate_of(row) for row in one["rows"]})
        yield (
            f"{chr(10) if number else ''}Half {parts['split']}, probe {parts['probe']}, crop where the illumination is "
            f"at least {parts['crop']['illumination_at_least']:g} of its maximum; protocol "
            f"{markdown.code(one['protocol'][:16])}. An arrow shows whether higher or lower is better; a dash means: "
            f"not defined. {how_marked(replicates)}"
        )
        yield ""
        # files of earlier versions call the method with the best value the best, without a rule
        bests = one["best"] if "rule" in found else []
        limits = _limits(found["metrics"], one["rows"])
        families: dict[str, list[Mapping[str, Any]]] = {}
        for entry in found["metrics"]:
            families.setdefault(family(entry["metric"]), []).append(entry)
        for name, metrics in families.items():
            yield f"{name}:\n"
            yield from _table(metrics, one, bests, _BESIDE_TIMES if name == TIME else {}, limits)
            if _has_zero(metrics, one):
                yield f"\n{_ZERO} Nothing is resolved: the correlation is below the threshold at the first ring."
            yield ""
        yield from _settings(parts.get("methods", {}), {row["method"] for row in one["rows"]})
        if any(not row.get("converged", True) for row in one["rows"]):
            yield f"\n{NOT_CONVERGED}"
    if found["without_result"]:
        yield "\nCells without a result:\n"
        for (place, status, reason), methods in _grouped(found["without_result"]).items():
            why = "" if reason is None else f": {markdown.text(reason)}"
            yield f"- {place} {', '.join(methods)}: {status.replace('_', ' ')}{why}"


def _experiments(rows: Sequence[ExperimentRow]) -> Iterator[str]:
    shown = experiment_table(rows)
    yield f"{CAPTION}\n"
    yield from markdown.table(shown.heads, shown.rows)
    yield from (f"\n{note}" for note in shown.notes)
    yield ""


def _table(
    metrics: Sequence[Mapping[str, Any]],
    one: Mapping[str, Any],
    bests: Iterable[Mapping[str, Any]],
    further: Mapping[str, str],
    limits: Mapping[_Key, str],
) -> Iterator[str]:
    """Yield a table of some metrics.

    `further` are keys of the rows that get columns of their own, with their heads; `limits` are remarks on methods.
    """
    heads = [f"{entry['label']}{_unit(entry['unit'])} {_ARROWS[entry['direction']]}" for entry in metrics]
    best = {(*comparable_of(entry), entry["metric"]): entry["methods"] for entry in bests}
    shown = [key for key in further if any(key in row for row in one["rows"])]
    rows = []
    for (place, method), found in _grouped_rows(one["rows"]).items():
        dose, view, gridsize, _ = place
        cells: list[str | None] = [f"{dose:g}", f"{view} (gs{gridsize})", _method(method, limits.get((place, method)))]
        for entry in metrics:
            text = _text([row["values"].get(entry["metric"]) for row in found], entry["unit"])
            is_best = method in best.get((*place, entry["metric"]), ())
            cells.append(markdown.bold(text) if text and is_best else text)
        rows.append([*cells, *(_each(found, key) for key in shown)])
    yield from markdown.table(["dose", "view", "method", *heads, *(further[key] for key in shown)], rows)


def _text(values: list[float | None], unit: str) -> markdown.Markdown | None:
    """Return values as text; a frequency of 0 has the mark of its note."""
    text = median_and_range(values)
    return markdown.Markdown(f"{text} {_ZERO}") if text is not None and unit == _FREQUENCY and 0 in values else text


def _each(rows: Iterable[Mapping[str, Any]], key: str) -> str | None:
    """Return what rows have at a key, of numbers of seconds their median and range; None where no row has it."""
    if key.endswith("_s"):
        return median_and_range([row.get(key) for row in rows])
    return ", ".join(dict.fromkeys(str(row[key]) for row in rows if key in row)) or None


def _has_zero(metrics: Iterable[Mapping[str, Any]], one: Mapping[str, Any]) -> bool:
    frequencies = [entry["metric"] for entry in metrics if entry["unit"] == _FREQUENCY]
    return any(row["values"].get(metric) == 0 for row in one["rows"] for metric in frequencies)


def _settings(methods: Mapping[str, Any], shown: set[str]) -> Iterator[str]:
    """Yield what each method of a table was set to; files of earlier versions do not say it."""
    lines = [f"- {name}: {describe_settings(settings)}" for name, settings in methods.items() if name in shown]
    if lines:
        yield "Budget and options of each method:\n"
        yield from lines


def median_and_range(values: list[float | None]) -> markdown.Markdown | None:
    """Return values as `median [lowest, highest]`, with their number where some are missing; None without a value."""
    found = spread(values)
    if found.median is None:
        return None
    if len(values) == 1:
        return markdown.Markdown(f"{found.median:.4g}")
    missing = "" if found.n == len(values) else f", n = {found.n}"
    return markdown.Markdown(f"{found.median:.4g} [{found.low:.4g}, {found.high:.4g}]{missing}")


def _grouped(cells: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str, str | None], list[str]]:
    groups: dict[tuple[str, str, str | None], list[str]] = {}
    for cell in cells:
        place = f"{exposure_of(cell)}, {cell['view']} (gs{cell['gridsize']}), {cell['split']}:"
        groups.setdefault((place, cell["status"], cell["reason"]), []).append(cell["method"])
    return groups


def _grouped_rows(rows: Iterable[Mapping[str, Any]]) -> dict[_Key, list[Mapping[str, Any]]]:
    """Return the replicates of each method in a cell."""
    groups: dict[_Key, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((comparable_of(row), row["method"]), []).append(row)
    return groups


def _limits(metrics: Iterable[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> dict[_Key, str]:
    """Return the remarks on methods: not converged, and behind a control in the first metric."""
    entry = next((entry for entry in metrics if entry["metric"] == HEADLINE), None)
    definition = None if entry is None else MetricDefinition(entry["label"], entry["unit"], entry["direction"])
    values: dict[tuple[float, str, int, Split], list[tuple[str, int, float | None]]] = {}
    for row in rows:
        found = row["method"], replicate_of(row), row["values"].get(HEADLINE)
        values.setdefault(comparable_of(row), []).append(found)
    here = {place: by_method(found) for place, found in values.items()}
    remarks: dict[_Key, str] = {}
    for (place, method), of_method in _grouped_rows(rows).items():
        course = remark_on_courses([Course(row.get("converged", True), False) for row in of_method])
        said = remarks_in([course, *_behind(method, here[place], definition)])
        if said is not None:
            remarks[place, method] = said
    return remarks


def _behind(
    method: str, values: Mapping[str, Sequence[float | None]], definition: MetricDefinition | None
) -> Iterator[str]:
    if definition is not None:
        yield from (one.by(definition.label) for one in behind_controls(method, values, definition))


def _method(name: str, remark: str | None) -> str:
    said = remarks_in(["control" if name in CONTROLS else None, remark])
    return name if said is None else f"{name} ({said})"


def _unit(unit: str) -> str:
    return "" if unit == "1" else f" ({unit})"
