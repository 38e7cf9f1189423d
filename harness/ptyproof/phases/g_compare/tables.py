"""Tables of a comparison: tidy CSV, and the summary of metrics for programs.

A table holds rows of one protocol. Cells without a result keep their row, with their status and reason.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, NotRequired, TypedDict

from ptyproof.console import printable
from ptyproof.metrics.definitions import headline, metric_definitions, of_comparison
from ptyproof.metrics.paired import RULE
from ptyproof.metrics.protocol import HALF_BIT, ONE_BIT, Recipe, one_protocol
from ptyproof.metrics.ranking import best_method, by_method, is_ranked
from ptyproof.records.manifest import head
from ptyproof.study.exposures import Exposure
from ptyproof.study.layout import replicate_of
from ptyproof.study.reconstruction import Split

if TYPE_CHECKING:
    from ptyproof.physics.frc import RingCorrelation
    from ptyproof_schemas.types.comparison_manifest import Account, Cell, Compared, Other, ProtocolParts
    from ptyproof_schemas.types.metrics_summary import Best, ExperimentRow, MetricsSummary, Row, Table

CURVE_COLUMNS = ("dose", "view", "gridsize", "method", "split", "image", "frequency", "frc", "n_px", "1bit", "halfbit")
_FORMULA = ("=", "+", "-", "@")


class PlaceRecord(TypedDict):
    """How a record names a place."""

    dose: float
    replicate: NotRequired[int]
    view: str
    gridsize: int
    split: Split


class _Experiments(TypedDict, total=False):
    experiments: list[ExperimentRow]


class Place(NamedTuple):
    """What the methods of a cell share: dose in photons per pattern, replicate, view, gridsize and half."""

    dose: float
    view: str
    gridsize: int
    split: Split
    replicate: int = 1

    def as_dict(self) -> PlaceRecord:
        """Return the record for a manifest; that of the first replicate does not name it."""
        exposure = Exposure(self.dose, self.replicate).as_dict()
        return {**exposure, "view": self.view, "gridsize": self.gridsize, "split": self.split}


@dataclass(frozen=True)
class TidyRow:
    """A row of the tidy table: the value of a metric in a cell, or the reason why there is none."""

    dose: float
    view: str
    gridsize: int
    method: str
    split: str
    metric: str
    value: float | None
    unit: str
    direction: str | None
    reason: str | None
    protocol: str | None
    replicate: int = 1


REPLICATE = "replicate"  # a column where there are several
COLUMNS = tuple(name for name in TidyRow.__dataclass_fields__ if name != REPLICATE)


def tidy_rows(cells: Iterable[Cell], recipe: Recipe) -> Iterator[TidyRow]:
    """Yield one row for each cell and metric; a cell without a result has every metric, without a value."""
    described = metric_definitions(recipe)
    for cell in cells:
        common = _common(cell)
        if cell["status"] == "success":
            for found in cell["measures"]:
                shown: dict[str, Any] = {key: value for key, value in found.items() if key in COLUMNS}
                yield TidyRow(**common, **shown, protocol=cell["protocol"])
            continue
        for metric in of_comparison(recipe):
            shown = {"metric": metric, "value": None, "unit": described[metric].unit}
            shown |= {"direction": described[metric].direction, "reason": not_compared(cell)}
            yield TidyRow(**common, **shown, protocol=None)


def not_compared(cell: Other) -> str:
    """Return the status of a cell without a result, and the reason."""
    status = cell["status"].replace("_", " ")
    return status if cell["reason"] is None else f"{status}: {cell['reason']}"


def columns_for(columns: Sequence[str], cells: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the columns of a table of cells: with the replicate behind the others where cells have several."""
    return (*columns, *([REPLICATE] if any(replicate_of(cell) > 1 for cell in cells) else []))


def csv_text(rows: Iterable[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> str:
    """Return rows as CSV with a head; numbers with all their digits, nothing where there is no value."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _plain(row[key]) for key in columns} for row in rows)
    return stream.getvalue()


def curve_rows(cell: Compared, curves: Mapping[str, RingCorrelation]) -> Iterator[dict[str, Any]]:
    """Yield the points of a cell's ring correlations, with the thresholds of information beside them."""
    common = _common(cell)
    for image, curve in curves.items():
        bits = curve.threshold(snr=ONE_BIT), curve.threshold(snr=HALF_BIT)
        for frequency, frc, n_px, one, half in zip(
            curve.frequency.tolist(), curve.correlation.tolist(), curve.n_px.tolist(), *bits, strict=True
        ):
            point = {"frequency": frequency, "frc": frc, "n_px": n_px, "1bit": float(one), "halfbit": float(half)}
            yield common | {"image": image} | point


def table(cells: Sequence[Compared], protocols: Mapping[str, ProtocolParts], recipe: Recipe) -> Table:
    """Return one table: the metrics of the headline for cells of one protocol.

    Parameters
    ----------
    cells
        Compared cells, in the order of the rows.
    protocols
        Protocols by their hash.
    recipe
        Defines the metrics.

    Raises
    ------
    InputError
        If the cells have more than one protocol; the message says which part differs.
    """
    parts = one_protocol([protocols[cell["protocol"]] for cell in cells])
    metrics = headline(recipe)
    rows: list[Row] = []
    for cell in cells:
        values = {found["metric"]: found["value"] for found in cell["measures"] if found["metric"] in metrics}
        row: Row = {
            "dose": cell["dose"],
            "view": cell["view"],
            "gridsize": cell["gridsize"],
            "split": cell["split"],
            "method": cell["method"],
            "values": values,
        }
        if replicate_of(cell) > 1:
            row["replicate"] = replicate_of(cell)
        if "convergence" in cell:
            row["converged"] = cell["convergence"]["converged"]
            if "nrmse_settled_s" in cell["convergence"]:  # older comparisons do not have it
                row["nrmse_settled_s"] = cell["convergence"]["nrmse_settled_s"]
        if "device" in cell and "threads" in cell:  # older comparisons have neither
            row |= {"device": cell["device"], "threads": cell["threads"]}
        rows.append(row)
    return {"protocol": cells[0]["protocol"], "parts": parts, "rows": rows, "best": _best(rows, recipe)}


def summary(
    study: str,
    design_digest: str,
    cells: Sequence[Cell],
    protocols: Mapping[str, ProtocolParts],
    recipe: Recipe,
    experiments: Sequence[ExperimentRow] = (),
) -> MetricsSummary:
    """Return `metrics_summary`: a table for each protocol, the experiments of the study, and cells without a result."""
    of_experiments: _Experiments = {"experiments": list(experiments)} if experiments else {}
    compared = [cell for cell in cells if cell["status"] == "success"]
    hashes = list(dict.fromkeys(cell["protocol"] for cell in compared))
    described = metric_definitions(recipe)
    return {
        **head("metrics_summary"),
        "study": study,
        "design_digest": design_digest,
        "recipe": recipe.as_dict(),
        "rule": RULE.as_dict(),
        "metrics": [
            {"metric": metric, "label": definition.label, "unit": definition.unit, "direction": definition.direction}
            for metric in headline(recipe)
            for definition in [described[metric]]
        ],
        "tables": [
            table([cell for cell in compared if cell["protocol"] == protocol], protocols, recipe) for protocol in hashes
        ],
        **of_experiments,
        "without_result": [
            {
                **place_of(cell).as_dict(),
                "method": cell["method"],
                "status": cell["status"],
                "reason": cell["reason"],
            }
            for cell in cells
            if cell["status"] != "success"
        ],
        "account": account(cells),
    }


def account(cells: Sequence[Cell]) -> Account:
    """Return the number of cells, in total and in each state."""
    statuses = [cell["status"] for cell in cells]
    return {
        "n_enumerated": len(cells),
        "n_success": statuses.count("success"),
        "n_failed": statuses.count("failed"),
        "n_lost": statuses.count("lost"),
        "n_skipped": statuses.count("skipped"),
        "n_not_selected": statuses.count("not_selected"),
    }


def describe_comparison(manifest: Mapping[str, Any]) -> str:
    """Return the line with the account of a comparison."""
    counts = manifest["account"]
    return (
        f"{counts['n_enumerated']} cells: {counts['n_success']} compared, {counts['n_failed']} failed, "
        f"{counts['n_lost']} lost, {counts['n_skipped']} skipped, {counts['n_not_selected']} not selected"
    )


def _best(rows: Sequence[Row], recipe: Recipe) -> list[Best]:
    """Return the best method of each group of replicates and metric, where the rule says that there is one."""
    described = metric_definitions(recipe)
    found: list[Best] = []
    for dose, view, gridsize, split in dict.fromkeys(comparable_of(row) for row in rows):
        here = [row for row in rows if comparable_of(row) == (dose, view, gridsize, split)]
        for metric in headline(recipe):
            values = by_method((row["method"], replicate_of(row), row["values"].get(metric)) for row in here)
            winner = best_method(values, described[metric]) if is_ranked(metric) else None
            if winner is not None:
                found.append(
                    {
                        "dose": dose,
                        "view": view,
                        "gridsize": gridsize,
                        "split": split,
                        "metric": metric,
                        "methods": [winner],
                    }
                )
    return found


def comparable_of(row: Mapping[str, Any]) -> tuple[float, str, int, Split]:
    """Return dose, view, gridsize and half of a cell: what the methods and the replicates of a table share."""
    return row["dose"], row["view"], row["gridsize"], row["split"]


def place_of(row: Mapping[str, Any]) -> Place:
    """Return dose, replicate, view, gridsize and half of a cell: what its methods share."""
    return Place(row["dose"], row["view"], row["gridsize"], row["split"], replicate_of(row))


def _common(cell: Cell) -> dict[str, Any]:
    return {**place_of(cell)._asdict(), "method": cell["method"]}


def _plain(value: Any) -> Any:
    """Return a cell of a CSV: a whole number of photons without its decimal point, nothing for None, no formula."""
    if value is None:
        return ""
    if isinstance(value, str):
        text = printable(value)
        return f"'{text}" if text.startswith(_FORMULA) else text  # as spreadsheets mark a text that is no formula
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value
