"""The page of a comparison: its tables as Markdown, metrics by dose, view and method."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ptyproof import markdown
from ptyproof.phases.g_compare.tables import place_of

CONTROLS = ("flat", "start")
_ARROWS = {"lower": "↓", "higher": "↑"}


def tables(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the tables of a `metrics_summary` as lines of Markdown, and the cells without a result."""
    for number, one in enumerate(found["tables"]):
        parts = one["parts"]
        yield (
            f"{chr(10) if number else ''}Half {parts['split']}, probe {parts['probe']}, crop where the illumination is "
            f"at least {parts['crop']['illumination_at_least']:g} of its maximum; protocol "
            f"{markdown.code(one['protocol'][:16])}. An arrow shows whether higher or lower is better; the best value "
            "of a dose and view is bold; a dash means: not defined."
        )
        yield ""
        yield from _table(found["metrics"], one)
    if found["without_result"]:
        yield "\nCells without a result:\n"
        for (place, status, reason), methods in _grouped(found["without_result"]).items():
            why = "" if reason is None else f": {markdown.text(reason)}"
            yield f"- {place} {', '.join(methods)}: {status.replace('_', ' ')}{why}"


def _table(metrics: Iterable[Mapping[str, Any]], one: Mapping[str, Any]) -> Iterator[str]:
    heads = [f"{entry['label']}{_unit(entry['unit'])} {_ARROWS[entry['direction']]}" for entry in metrics]
    best = {(*place_of(entry), entry["metric"]): entry["methods"] for entry in one["best"]}
    rows = []
    for row in one["rows"]:
        cells: list[str | None] = [f"{row['dose']:g}", f"{row['view']} (gs{row['gridsize']})", _method(row["method"])]
        for entry in metrics:
            value = row["values"].get(entry["metric"])
            text = None if value is None else f"{value:.4g}"
            is_best = row["method"] in best.get((*place_of(row), entry["metric"]), ())
            cells.append(markdown.bold(text) if text and is_best else text)
        rows.append(cells)
    yield from markdown.table(["dose", "view", "method", *heads], rows)


def _grouped(cells: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str, str | None], list[str]]:
    groups: dict[tuple[str, str, str | None], list[str]] = {}
    for cell in cells:
        place = f"dose {cell['dose']:g}, {cell['view']} (gs{cell['gridsize']}), {cell['split']}:"
        groups.setdefault((place, cell["status"], cell["reason"]), []).append(cell["method"])
    return groups


def _method(name: str) -> str:
    return f"{name} (control)" if name in CONTROLS else name


def _unit(unit: str) -> str:
    return "" if unit == "1" else f" ({unit})"
