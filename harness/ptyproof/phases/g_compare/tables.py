"""Tables of a comparison: tidy CSV, the summary for programs, Markdown for people.

A table holds rows of one protocol. Cells without a result keep their row, with what became of them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ptyproof.console import printable
from ptyproof.metrics.definitions import headline, of_comparison, specs
from ptyproof.metrics.protocol import HALF_BIT, ONE_BIT, Recipe, one_protocol
from ptyproof.records.manifest import head

if TYPE_CHECKING:
    from ptyproof.physics.frc import RingCorrelation

COLUMNS = (
    "dose",
    "view",
    "gridsize",
    "method",
    "split",
    "metric",
    "value",
    "unit",
    "direction",
    "reason",
    "protocol",
)
CURVE_COLUMNS = ("dose", "view", "gridsize", "method", "split", "image", "frequency", "frc", "n_px", "1bit", "halfbit")
_FORMULA = ("=", "+", "-", "@")
CONTROLS = ("flat", "start")
_ARROWS = {"lower": "↓", "higher": "↑"}
_CELL = ("dose", "view", "gridsize", "split")

Cell = Mapping[str, Any]


def tidy_rows(cells: Iterable[Cell], recipe: Recipe) -> Iterator[dict[str, Any]]:
    """Yield one row for each cell and measure; a cell without a result has every measure, without a value."""
    described = specs(recipe)
    for cell in cells:
        common = {key: cell[key] for key in (*_CELL, "method")}
        if cell["status"] == "success":
            for found in cell["measures"]:
                shown = {key: found[key] for key in ("metric", "value", "unit", "direction", "reason")}
                yield common | shown | {"protocol": cell["protocol"]}
            continue
        reason = not_compared(cell)
        for metric in of_comparison(recipe):
            spec = described[metric]
            shown = {"metric": metric, "value": None, "unit": spec.unit, "direction": spec.direction}
            yield common | shown | {"reason": reason, "protocol": None}


def not_compared(cell: Cell) -> str:
    """Return what became of a cell that has no result: its status, and why."""
    status = cell["status"].replace("_", " ")
    return status if cell["reason"] is None else f"{status}: {cell['reason']}"


def csv_text(rows: Iterable[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> str:
    """Return rows as CSV with a head; numbers with all their digits, nothing where there is no value."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _plain(row[key]) for key in columns} for row in rows)
    return stream.getvalue()


def curve_rows(cell: Cell, curves: Mapping[str, RingCorrelation]) -> Iterator[dict[str, Any]]:
    """Yield the points of a cell's ring correlations, with the thresholds of information beside them."""
    common = {key: cell[key] for key in (*_CELL, "method")}
    for image, curve in curves.items():
        bits = curve.threshold(snr=ONE_BIT), curve.threshold(snr=HALF_BIT)
        for frequency, frc, n_px, one, half in zip(
            curve.frequency.tolist(), curve.correlation.tolist(), curve.n_px.tolist(), *bits, strict=True
        ):
            point = {"frequency": frequency, "frc": frc, "n_px": n_px, "1bit": float(one), "halfbit": float(half)}
            yield common | {"image": image} | point


def table(cells: Sequence[Cell], protocols: Mapping[str, Mapping[str, Any]], recipe: Recipe) -> dict[str, Any]:
    """Return one table: the headline's measures of cells that were compared in the same way.

    Parameters
    ----------
    cells
        Compared cells, in the order of the rows.
    protocols
        Protocols by their hash.
    recipe
        Names the measures.

    Raises
    ------
    InputError
        If the cells have more than one protocol; the message says which part differs.
    """
    parts = one_protocol([protocols[cell["protocol"]] for cell in cells])
    metrics = headline(recipe)
    rows = []
    for cell in cells:
        values = {found["metric"]: found["value"] for found in cell["measures"] if found["metric"] in metrics}
        rows.append({key: cell[key] for key in (*_CELL, "method")} | {"values": values})
    return {"protocol": cells[0]["protocol"], "parts": dict(parts), "rows": rows, "best": _best(rows, recipe)}


def summary(
    study: str, design_digest: str, cells: Sequence[Cell], protocols: Mapping[str, Any], recipe: Recipe
) -> dict[str, Any]:
    """Return `metrics_summary`: a table for each protocol, and what became of the cells without a result."""
    compared = [cell for cell in cells if cell["status"] == "success"]
    hashes = list(dict.fromkeys(cell["protocol"] for cell in compared))
    described = specs(recipe)
    return head("metrics_summary") | {
        "study": study,
        "design_digest": design_digest,
        "recipe": recipe.as_dict(),
        "metrics": [{"metric": metric, **vars(described[metric])} for metric in headline(recipe)],
        "tables": [
            table([cell for cell in compared if cell["protocol"] == protocol], protocols, recipe) for protocol in hashes
        ],
        "without_result": [
            {key: cell[key] for key in (*_CELL, "method", "status", "reason")}
            for cell in cells
            if cell["status"] != "success"
        ],
        "account": account(cells),
    }


def account(cells: Sequence[Cell]) -> dict[str, int]:
    """Return how many cells there are, and how many ended how."""
    counts = {
        f"n_{status}": sum(cell["status"] == status for cell in cells)
        for status in ("success", "failed", "lost", "skipped", "not_selected")
    }
    return {"n_enumerated": len(cells), **counts}


def describe_comparison(manifest: Mapping[str, Any]) -> str:
    """Return the line with the account of a comparison."""
    counts = manifest["account"]
    return (
        f"{counts['n_enumerated']} cells: {counts['n_success']} compared, {counts['n_failed']} failed, "
        f"{counts['n_lost']} lost, {counts['n_skipped']} skipped, {counts['n_not_selected']} not selected"
    )


def markdown(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the tables of a `metrics_summary` as lines of Markdown: metrics by dose, view and method."""
    metrics = found["metrics"]
    for number, one in enumerate(found["tables"]):
        if number:
            yield ""
        parts = one["parts"]
        yield (
            f"Half {parts['split']}, probe {parts['probe']}, crop where the illumination is at least "
            f"{parts['crop']['illumination_at_least']:g} of its maximum; protocol `{one['protocol'][:16]}`. "
            f"Arrows: which way is better; bold: the best of its dose and view; a dash: not defined."
        )
        yield ""
        heads = [f"{entry['label']}{_unit(entry['unit'])} {_ARROWS[entry['direction']]}" for entry in metrics]
        yield "| " + " | ".join(["dose", "view", "method", *heads]) + " |"
        yield "|" + "---|" * (3 + len(heads))
        best = {(*_place(entry), entry["metric"]): entry["methods"] for entry in one["best"]}
        for row in one["rows"]:
            cells = [f"{row['dose']:g}", f"{row['view']} (gs{row['gridsize']})", _method(row["method"])]
            for entry in metrics:
                text = _shown(row["values"].get(entry["metric"]))
                is_best = row["method"] in best.get((*_place(row), entry["metric"]), ())
                cells.append(f"**{text}**" if is_best else text)
            yield "| " + " | ".join(cells) + " |"
    if found["without_result"]:
        yield ""
        yield "Cells without a result:"
        yield ""
        for (place, status, reason), methods in _grouped(found["without_result"]).items():
            why = "" if reason is None else f": {_escaped(reason)}"
            yield f"- {place} {', '.join(methods)}: {status.replace('_', ' ')}{why}"


def _grouped(cells: Iterable[Cell]) -> dict[tuple[str, str, str | None], list[str]]:
    groups: dict[tuple[str, str, str | None], list[str]] = {}
    for cell in cells:
        place = f"dose {cell['dose']:g}, {cell['view']} (gs{cell['gridsize']}), {cell['split']}:"
        groups.setdefault((place, cell["status"], cell["reason"]), []).append(cell["method"])
    return groups


def _best(rows: Sequence[Mapping[str, Any]], recipe: Recipe) -> list[dict[str, Any]]:
    """Return the best methods of each place and measure; none where fewer than two values differ."""
    described, found = specs(recipe), []
    for place in dict.fromkeys(_place(row) for row in rows):
        here = [row for row in rows if _place(row) == place]
        for metric in headline(recipe):
            values = [row["values"][metric] for row in here if row["values"].get(metric) is not None]
            if len(set(values)) < 2:
                continue
            winner = min(values) if described[metric].direction == "lower" else max(values)
            methods = [row["method"] for row in here if row["values"].get(metric) == winner]
            found.append(dict(zip(_CELL, place, strict=True)) | {"metric": metric, "methods": methods})
    return found


def _escaped(text: str) -> str:
    """Return a text of one line with what Markdown would take for marks made harmless."""
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", printable(text))


def _place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[key] for key in _CELL)


def _method(name: str) -> str:
    return f"{name} (control)" if name in CONTROLS else name


def _unit(unit: str) -> str:
    return "" if unit == "1" else f" ({unit})"


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _plain(value: Any) -> Any:
    """Return a cell of a CSV: a whole number of photons without its decimal point, nothing for None, no formula."""
    if value is None:
        return ""
    if isinstance(value, str):
        text = printable(value)
        return f"'{text}" if text.startswith(_FORMULA) else text  # as spreadsheets mark a text that is no formula
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value
