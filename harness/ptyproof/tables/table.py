"""A table of methods over replicates, as a record: `comparison_table`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, cast

from ptyproof.errors import InputError
from ptyproof.metrics.definitions import MetricDefinition, metric_definitions, of_comparison
from ptyproof.metrics.experiments import experiment_rows
from ptyproof.metrics.limits import GOT_WORSE, Course, course_of
from ptyproof.metrics.paired import RULE
from ptyproof.metrics.protocol import Recipe
from ptyproof.phases.g_compare.page import NOT_CONVERGED
from ptyproof.phases.g_compare.tables import comparable_of
from ptyproof.records.manifest import head
from ptyproof.study.design import design_from_dict
from ptyproof.study.layout import replicate_of
from ptyproof.study.reconstruction import Split
from ptyproof.tables.choice import Choice
from ptyproof.tables.rows import Group, Result

if TYPE_CHECKING:
    from ptyproof.tables.hubs import HubResults
    from ptyproof_schemas.types.comparison_table import Column, ComparisonTable, Protocol, Replicate, WithoutResult
    from ptyproof_schemas.types.metrics_summary import ExperimentRow


class _Experiments(TypedDict, total=False):
    experiments: list[ExperimentRow]


Place = tuple[float, str, int, Split]  # dose, view, gridsize, half


def table_of(hubs: Sequence[HubResults], choice: Choice) -> ComparisonTable:
    """Return the table of hubs that `read_hubs` has accepted.

    Raises
    ------
    InputError
        If a metric, dose, view or method is not that of the hubs, or no cell with a result is left.
    """
    recipe = Recipe(**cast("Any", hubs[0].comparison["recipe"]))
    described = metric_definitions(recipe)
    choice.check(
        [cast("Mapping[str, Any]", cell) for hub in hubs for cell in hub.comparison["cells"]], _metrics(recipe)
    )
    replicates = _replicates(hubs)
    groups: dict[tuple[Place, str], list[Result]] = {}
    for result in _results(hubs, replicates):
        groups.setdefault((comparable_of(result.cell), result.cell["protocol"]), []).append(result)
    rows = [row for found in groups.values() for row in Group(found, len(replicates), choice, described).rows()]
    if not rows:
        raise InputError("no cell of this choice has a result in these hubs")
    used = {row["protocol"] for row in rows}
    protocols: dict[str, Protocol] = {
        entry["sha256"]: {"sha256": entry["sha256"], "parts": entry["parts"]}
        for hub in hubs
        for entry in hub.comparison["protocols"]
        if entry["sha256"] in used
    }
    experiments = _experiments(hubs, choice)
    return {
        **head("comparison_table"),
        "study": hubs[0].comparison["study"],
        "hubs": [
            {
                "name": hub.path.resolve().name,
                "index_sha256": hub.index_sha256,
                "comparison_sha256": hub.comparison_sha256,
            }
            for hub in hubs
        ],
        "replicates": replicates,
        "rule": RULE.as_dict(),
        "against": choice.against,
        "metrics": [_column(metric, described[metric]) for metric in choice.metrics],
        "protocols": list(protocols.values()),
        "rows": rows,
        **experiments,
        "without_result": list(_without_result(hubs, replicates, choice)),
        "environments": _environments(hubs),
        "remarks": list(_remarks(hubs, choice)),
    }


def _experiments(hubs: Sequence[HubResults], choice: Choice) -> _Experiments:
    """Return the rows of the study's experiments, as far as they are of the choice; nothing without any."""
    design = design_from_dict(hubs[0].comparison["design"])
    cells = [[cast("Mapping[str, Any]", cell) for cell in hub.comparison["cells"]] for hub in hubs]
    rows = [row for row in experiment_rows(design, *cells) if choice.takes(row)]
    return {"experiments": rows} if rows else {}


def _metrics(recipe: Recipe) -> list[str]:
    """Return the metrics of a comparison; the times have columns of their own."""
    described = metric_definitions(recipe)
    return [metric for metric in of_comparison(recipe) if described[metric].unit != "s"]


def _replicates(hubs: Sequence[HubResults]) -> list[Replicate]:
    """Return every replicate that has a cell, hub by hub."""
    return [
        {"hub": index, "number": number}
        for index, hub in enumerate(hubs)
        for number in sorted({replicate_of(cell) for cell in hub.comparison["cells"]})
    ]


def _results(hubs: Sequence[HubResults], replicates: Sequence[Replicate]) -> Iterator[Result]:
    for index, hub in enumerate(hubs):
        for cell in hub.comparison["cells"]:
            if cell["status"] == "success":
                number = replicates.index({"hub": index, "number": replicate_of(cell)})
                yield Result(number, cell)


def _column(metric: str, definition: MetricDefinition) -> Column:
    return {
        "metric": metric,
        "label": definition.label,
        "unit": definition.unit,
        "direction": definition.direction,
    }


def _without_result(
    hubs: Sequence[HubResults], replicates: Sequence[Replicate], choice: Choice
) -> Iterator[WithoutResult]:
    for index, hub in enumerate(hubs):
        for cell in hub.comparison["cells"]:
            if cell["status"] != "success" and choice.takes(cell):
                yield {
                    "replicate": replicates.index({"hub": index, "number": replicate_of(cell)}),
                    "dose": cell["dose"],
                    "view": cell["view"],
                    "gridsize": cell["gridsize"],
                    "split": cell["split"],
                    "method": cell["method"],
                    "status": cell["status"],
                    "reason": cell["reason"],
                }


def _environments(hubs: Sequence[HubResults]) -> list[str]:
    """Return each environment in which a network was trained or a scan reconstructed."""
    jobs: list[Mapping[str, Any]] = []
    for hub in hubs:
        jobs += [cast("Mapping[str, Any]", job) for job in hub.reconstruction["jobs"]]
        jobs += [] if hub.training is None else [cast("Mapping[str, Any]", job) for job in hub.training["jobs"]]
    known = (job["environment"] for job in jobs if job["environment"] is not None)
    said = (
        f"device {used['device']}, {used['cpu']}, threads {used['threads']}, torch {used['torch']}" for used in known
    )
    return sorted(set(said))


def _remarks(hubs: Sequence[HubResults], choice: Choice) -> Iterator[str]:
    """Yield what differs between the hubs although they share a table, and which methods had not converged."""
    bases = [hub.comparison["design"].get("base") for hub in hubs]
    objects = {str(base["seed"]) for base in bases if base is not None}
    if len(objects) > 1:
        yield f"The replicates have other objects: the seed of the base is {', '.join(sorted(objects))}."
    versions: dict[str, set[str]] = {}
    for hub in hubs:
        for job in hub.reconstruction["jobs"]:
            provider = job["provider"]
            versions.setdefault(job["method"], set()).add(f"{provider['name']} {provider['version'] or ''}".strip())
    for method, known in versions.items():
        if len(known) > 1:
            yield f"The code of {method} differs between results: {', '.join(sorted(known))}."
    for method, places in _where(hubs, choice, lambda course: not course.converged):
        yield f"{method} had not converged in one replicate or more ({places}). {NOT_CONVERGED}"
    for method, places in _where(hubs, choice, lambda course: course.got_worse):
        yield f"{method} {GOT_WORSE} in one replicate or more ({places}): its complex NRMSE had been smaller before."


def _where(hubs: Sequence[HubResults], choice: Choice, is_so: Callable[[Course], bool]) -> Iterator[tuple[str, str]]:
    """Yield the methods whose epochs went so somewhere, with the doses and views where they did."""
    places: dict[str, dict[str, None]] = {}
    for hub in hubs:
        for cell in hub.comparison["cells"]:
            if cell["status"] != "success" or not choice.takes(cell):
                continue
            if is_so(course_of(cell)):
                places.setdefault(cell["method"], {})[f"{cell['dose']:g} {cell['view']}"] = None
    yield from ((method, ", ".join(found)) for method, found in places.items())
