"""The metrics of a method on both sides, paired by replicate, and whether the new values are worse.

The rule of the project (`metrics.paired`) says whether the new values are ahead of the old ones, level or behind. It is
undecided for one or two replicates; there the tolerance alone judges the median difference. Times are shown and never
judged. Values of other protocols are not compared.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ptyproof.differences.cells import SUCCESS
from ptyproof.metrics.definitions import MetricDefinition, headline, metric_definitions
from ptyproof.metrics.improvement import DECIDING
from ptyproof.metrics.paired import judge
from ptyproof.metrics.protocol import Recipe
from ptyproof.metrics.ranking import is_ranked
from ptyproof.study.layout import replicate_of

if TYPE_CHECKING:
    from ptyproof.differences.sides import Record
    from ptyproof_schemas.types.hub_difference import Score

Place = tuple[float, str, int, str | None, str | None]  # dose, view, gridsize, half, method
_TRAINING = {"poisson_loss": "nats/px", "complex_error": "1"}


@dataclass(frozen=True)
class Measured:
    """What was measured of a cell in a replicate: values by metric, how, and the digest of the patterns."""

    values: Mapping[str, float | None]
    protocol: Mapping[str, Any]
    data: str | None


Replicates = dict[int, Measured | None]  # None stands for a cell without a result


def scores(record: Record, old: Mapping[str, Any], new: Mapping[str, Any], tolerance: float) -> Iterator[Score]:
    """Yield every metric of the tables of each method that has a result in both manifests."""
    if record == "reconstruction":
        return  # its losses are those of the methods, not metrics
    definitions = _definitions(record, old, new)
    before, after = _measured(record, old), _measured(record, new)
    for place, replicates in after.items():
        for metric, definition in definitions.items():
            yield from _score(record, place, metric, definition, before.get(place, {}), replicates, tolerance)


def _definitions(record: Record, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, MetricDefinition]:
    if record == "training":
        return {name: MetricDefinition(label, _TRAINING[name], "lower") for name, label in DECIDING.items()}
    recipes = [Recipe(**cast("Any", manifest["recipe"])) for manifest in (old, new)]
    described = metric_definitions(recipes[1])
    return {name: described[name] for name in headline(recipes[1]) if name in headline(recipes[0])}


def _measured(record: Record, manifest: Mapping[str, Any]) -> dict[Place, Replicates]:
    """Return what was measured by the place of the cell and its replicate."""
    found: dict[Place, Replicates] = {}
    pairs = _of_trainings(manifest) if record == "training" else _of_comparison(manifest)
    for cell, measured in pairs:
        place = cell["dose"], cell["view"], cell["gridsize"], cell.get("split"), cell.get("method")
        found.setdefault(place, {})[replicate_of(cell)] = measured
    return found


def _of_trainings(manifest: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Measured | None]]:
    for job in manifest["jobs"]:
        result, how = job["scores"], job["training"] or {}
        if result is None:
            yield job, None
            continue
        values = {name: result[name]["network"] for name in DECIDING}
        # scores of trainings that showed all photons are of the counts that were shown
        protocol = {"rate_floor": how.get("rate_floor"), "hidden_photons": "shown_fraction" in how}
        yield job, Measured(values, protocol, job["datasets"] and job["datasets"]["test"]["sha256"])


def _of_comparison(manifest: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Measured | None]]:
    parts = {entry["sha256"]: entry["parts"] for entry in manifest["protocols"]}
    for cell in manifest["cells"]:
        if cell["status"] != SUCCESS:
            yield cell, None
            continue
        values = {found["metric"]: found["value"] for found in cell["measures"]}
        yield cell, Measured(values, _of_method(parts[cell["protocol"]], cell["method"]), cell["dataset"]["sha256"])


def _of_method(parts: Mapping[str, Any], method: str) -> dict[str, Any]:
    """Return a protocol without the settings of other methods, on which the numbers of a method do not depend."""
    own = parts.get("methods", {}).get(method)
    return {key: part for key, part in parts.items() if key != "methods"} | {"settings": own}


def _score(
    record: Record,
    place: Place,
    metric: str,
    definition: MetricDefinition,
    before: Replicates,
    after: Replicates,
    tolerance: float,
) -> Iterator[Score]:
    """Yield a metric where both sides have a value."""
    replicates = sorted(before.keys() & after.keys())
    olds, news = ([side[number] for number in replicates] for side in (before, after))
    old, new = (_values(side, metric) for side in (olds, news))
    if not (any(value is not None for value in old) and any(value is not None for value in new)):
        return
    alike = _all_same(found.protocol for found in (*olds, *news) if found is not None)
    judged = judge(new, old, definition) if alike and is_ranked(metric) else None
    dose, view, gridsize, split, method = place
    yield {
        "record": record,
        "dose": dose,
        "view": view,
        "gridsize": gridsize,
        "split": cast("Any", split),
        "method": method,
        "metric": metric,
        "label": definition.label,
        "unit": definition.unit,
        "direction": definition.direction,
        "protocol": "same" if alike else "other",
        "data": "same" if _same_data(olds, news) else "other",
        "replicates": replicates,
        "old": old,
        "new": new,
        "judged": None
        if judged is None
        else {
            "outcome": judged.outcome,
            "reasons": list(judged.reasons),
            "n": judged.n,
            "relative": judged.relative,
            "interval": None if judged.interval is None else list(judged.interval),
        },
        "is_worse": judged is not None and judged.is_behind_beyond(tolerance),
    }


def _values(side: Sequence[Measured | None], metric: str) -> list[float | None]:
    return [None if found is None else found.values.get(metric) for found in side]


def _same_data(olds: Sequence[Measured | None], news: Sequence[Measured | None]) -> bool:
    pairs = zip(olds, news, strict=True)
    return all(one.data == two.data for one, two in pairs if one is not None and two is not None)


def _all_same(values: Iterable[object]) -> bool:
    return all(one == two for one, two in itertools.pairwise(values))
