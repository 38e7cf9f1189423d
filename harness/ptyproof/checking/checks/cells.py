"""Whether the cells of a study's matrix are possible, are there once, agree with themselves and with the filters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ptyproof.checking.model.document import (
    Document,
    Findings,
    as_number,
    cell_of,
    count,
    entries,
    folder_of,
    listed,
    mapping,
    number,
    replicate_of,
    text,
)
from ptyproof.study.layout import cell_key, dose_folder

_LISTS = (
    "jobs",
    "skipped_views",
    "skipped_jobs",
    "missing_jobs",
    "not_selected",
    "views",
    "rejected_views",
    "datasets",
    "skipped",
    "cells",
    "without_result",
)
_GRIDSIZE_OF = {"baseline": 1, "dense": 2, "sparse": 2}
_CELL_KEYS = ("dose", "replicate", "view", "split", "gridsize")
# a dose in scientific form has a dash of its own: 1e-05
_CELL = (
    r"dose(?P<dose>[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)-(?P<view>{})-gs(?P<gridsize>[0-9]{{1,4}})"
    r"(?:-r(?P<replicate>[0-9]{{1,4}}))?"
)
_SHORT_NAME = re.compile(_CELL.format(".+"))
_NAME = re.compile(_CELL.format(".+?") + "-(?P<split>train|test)-(?P<method>.+)")


def records(doc: Document) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield every record that is about a cell, with its JSON path."""
    for key in _LISTS:
        yield from doc.entries(key)
    for place, table in doc.entries("tables"):
        yield from entries(table, "rows", place)


def once(doc: Document) -> Findings:
    """Yield cells that are there twice, in one list or in two."""
    seen: dict[str, str] = {}
    for place, record in records(doc):
        cell = cell_of(record)
        if cell is None and place.startswith("$.datasets") and number(record, "dose") is not None:
            cell = folder_of(record)
        if cell is None:
            continue
        # a skip has no gridsize in earlier generations, and then stands for the view's one
        short = cell.partition("-gs")[0] if doc.is_legacy and "-gs" in cell else cell
        if short in seen:
            yield doc.finding("PM203", place, f"{cell} occurs twice, also at {seen[short]}")
        else:
            seen[short] = place


def possible(doc: Document) -> Findings:
    """Yield cells that the study cannot have."""
    if doc.is_legacy:
        for place, record in records(doc):
            view, gridsize = text(record, "view"), count(record, "gridsize")
            wanted = _GRIDSIZE_OF.get(view or "")
            if gridsize is not None and wanted is not None and gridsize != wanted:
                said = f"{view} with gridsize {gridsize} is not a cell of the study, whose {view} has gridsize {wanted}"
                yield doc.finding("PM204", f"{place}.gridsize", said)
        return
    cells = design_cells(mapping(doc.root, "design"))
    if not cells:
        return
    replicates = count(mapping(doc.root, "design"), "replicates") or 1
    for place, record in records(doc):
        cell = cell_of({key: record.get(key) for key in ("dose", "view", "gridsize")})
        if cell is not None and not place.startswith("$.datasets") and cell not in cells:
            yield doc.finding("PM204", place, f"{cell} is not a cell of the study")
        if replicate_of(record) > replicates:
            said = f"replicate {replicate_of(record)} is not one of the study, which has {replicates}"
            yield doc.finding("PM204", f"{place}.replicate", said)
    doses = set(map(as_number, listed(mapping(doc.root, "design"), "doses_photons_per_pattern")))
    for place, record in doc.entries("datasets"):
        dose = number(record, "dose")
        if dose is not None and dose not in doses:
            yield doc.finding("PM204", f"{place}.dose", f"{dose:g} is not a dose of the study")


def design_cells(design: dict[str, object]) -> set[str]:
    """Return the names of the cells of a design, those of the first replicate, as far as it says them."""
    views = [(text(view, "name"), count(view, "gridsize")) for view in listed(design, "views")]
    doses = [dose for dose in map(as_number, listed(design, "doses_photons_per_pattern")) if dose is not None]
    return {cell_key(dose, view, gs) for dose in doses for view, gs in views if view is not None and gs is not None}


def consistent(doc: Document) -> Findings:
    """Yield records that say two things about which cell they are."""
    for place, record in records(doc):
        name, cell = text(record, "job"), cell_of(record)
        if name is not None and cell is not None and name != cell:
            yield doc.finding("PM205", f"{place}.job", f"{name} is not the name of the cell {cell}")
        folder, dose = text(record, "folder"), number(record, "dose")
        if folder is not None and dose is not None and folder != dose_folder(dose, replicate_of(record)):
            said = f"{folder} is not the folder of dose {dose:g}, replicate {replicate_of(record)}"
            yield doc.finding("PM205", f"{place}.folder", said)
        own = mapping(record, "result")
        for key in own.keys() & {
            *_CELL_KEYS,
            "train_data_path",
            "test_data_path",
            "log_path",
            "artifact_dir",
            "backend",
        }:
            if key in record and own[key] != record[key]:
                said = f"{own[key]!r} differs from the job's value, {record[key]!r}"
                yield doc.finding("PM205", f"{place}.result.{key}", said)
    yield from _results_of_jobs(doc)
    yield from _own_cell(doc)
    if doc.kind == "legacy_run_manifest_c":
        for key, record in doc.root.items():
            dose = number(record, "dose")
            if dose is not None and key != dose_folder(dose):
                yield doc.finding("PM205", f"$.{key}.dose", f"dose {dose:g} is recorded under {key}")


def _own_cell(doc: Document) -> Findings:
    """Yield a file about one cell that gives the cell two names, or gridsizes that differ."""
    name, cell = text(doc.root, "job"), cell_of(doc.root)
    if name is not None and cell is not None and name != cell:
        yield doc.finding("PM205", "$.job", f"{name} is not the name of the cell {cell}")


def _results_of_jobs(doc: Document) -> Findings:
    """Yield execution results that are about another cell than the job in their place."""
    jobs = dict(enumerate(listed(doc.root, "jobs")))
    for at, (place, result) in enumerate(entries(doc.root, "execution_results", "$")):
        cell = cell_of(result)
        wanted = cell_of(jobs[at]) if isinstance(jobs.get(at), dict) else None
        if cell is not None and wanted is not None and cell != wanted:
            yield doc.finding("PM205", place, f"is the result of {cell}, but the job at this position is {wanted}")


def filtered(doc: Document) -> Findings:
    """Yield jobs that the filters exclude."""
    if doc.is_legacy:
        filters = mapping(doc.root, "filters")
        for place, job in doc.entries("jobs"):
            for key in _CELL_KEYS:
                wanted, got = filters.get(key), job.get(key)
                if wanted is not None and got is not None and not isinstance(wanted, list) and wanted != got:
                    said = f"{key} is {got!r}, but the filters select only {wanted!r}"
                    yield doc.finding("PM207", f"{place}.{key}", said)
        return
    yield from _of_calls(doc)


def _of_calls(doc: Document) -> Findings:
    for place, call in doc.entries("calls"):
        filters = mapping(call, "filters")
        for at, name in enumerate(listed(call, "jobs")):
            parts = parts_of(name)
            for key, got in parts.items():
                wanted = filters.get(key)
                if isinstance(wanted, list) and got not in wanted:
                    said = f"{name} was selected, but the call's filters select only {key} {wanted}"
                    yield doc.finding("PM207", f"{place}.jobs[{at}]", said)
    if doc.cut:
        return
    newest = [call for _, call in doc.entries("calls")][-1:]
    if newest and newest[0].get("filters") != doc.root.get("filters"):
        yield doc.finding("PM205", "$.filters", "the filters differ from those of the latest call")


def parts_of(name: Any) -> dict[str, Any]:
    """Return dose, view, gridsize and replicate of a cell's name, half and method if it has them, or nothing."""
    found = _NAME.fullmatch(name) or _SHORT_NAME.fullmatch(name) if isinstance(name, str) else None
    if found is None:
        return {}
    parts: dict[str, Any] = found.groupdict()
    numbers = {"gridsize": int(parts["gridsize"]), "replicate": int(parts["replicate"] or 1)}
    return parts | {"dose": float(parts["dose"])} | numbers


def accounted(doc: Document) -> Findings:
    """Yield doses of an earlier generation's training manifest of which a view is neither a job nor a skip."""
    filters = mapping(doc.root, "filters")
    if doc.cut or any(filters.get(key) is not None for key in ("view", "gridsize")):
        return
    if "skipped_views" not in doc.root:
        return
    seen: dict[float, set[str]] = {}
    for key in ("jobs", "skipped_views"):
        for _, record in doc.entries(key):
            dose, view = number(record, "dose"), text(record, "view")
            if dose is not None and view is not None:
                seen.setdefault(dose, set()).add(view)
    for dose, views in seen.items():
        gone = [view for view in _GRIDSIZE_OF if view not in views]
        if gone and any(number(job, "dose") == dose for _, job in doc.entries("jobs")):
            said = f"dose {dose:g}: {' and '.join(gone)} {'is' if len(gone) == 1 else 'are'} neither a job nor a skip"
            yield doc.finding("PM208", "$.jobs", f"{said}, and no filter left {'it' if len(gone) == 1 else 'them'} out")
