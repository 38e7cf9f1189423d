"""Whether a reconstruction or comparison says what the files beside it say: archives, trainings, the other phase."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from ptyproof.checking.checks.cross_file import inside, json_beside, same, same_keys
from ptyproof.checking.model.document import (
    Document,
    Findings,
    cell_of,
    entries,
    listed,
    mapping,
    number,
    replicate_of,
    text,
)
from ptyproof.checking.model.files import real_path
from ptyproof.errors import ManifestError, PtyproofError
from ptyproof.io import strict_json
from ptyproof.study.layout import COMPARISON_MANIFEST

_OF_TRAINED = ("dose", "replicate", "view", "gridsize")
_OF_RESULT = ("arrays_sha256", "recipe_sha256", "n_parts")
_OF_JOB = ("method", "provider", "needs_training", "probe", "positions", "options", "tuning", "budget", "seed")
_OF_SKIP = ("code", "reason", "measured")
_OF_SUMMARY = ("study", "design_digest", "recipe", "account")
_OF_TRAINING = ("jobs", "skipped_views", "not_selected")
_RECORD = "_reconstruction"
_PROTOCOL = "$protocol"


def archives(doc: Document) -> Findings:
    """Yield where a reconstruction is not what its archive says: recipe, seed, epochs, last loss."""
    for place, job in doc.entries("jobs"):
        result = mapping(job, "result")
        name = text(mapping(result, "reconstruction"), "path")
        record, losses = ({}, None) if name is None else _archive(doc, name)
        if name is None or not record:
            continue
        yield from same_keys(doc, place, job, record, _OF_JOB, name)
        yield from same_keys(doc, f"{place}.result.tuning", mapping(result, "tuning"), record, ("chosen",), name)
        yield from same_keys(doc, f"{place}.result", result, record, _OF_RESULT, name)
        scan = {"scan_sha256": record.get("scan_sha256", mapping(job, "dataset").get("scan_sha256"))}
        yield from same_keys(doc, f"{place}.dataset", mapping(job, "dataset"), scan, ("scan_sha256",), name)
        if losses is None or "recipe_sha256" not in record:
            continue
        if result.get("iterations") is not None or losses:
            yield from same(doc, f"{place}.result.iterations", result.get("iterations"), len(losses), name)
        if losses:
            yield from same(doc, f"{place}.result.final_loss", result.get("final_loss"), losses[-1], name)


def trainings(doc: Document) -> Findings:
    """Yield networks and skips that are not those of the training manifest beside, and data that were trained on."""
    name = text(doc.root, "training_manifest_path")
    other = {} if name is None or doc.cut else json_beside(doc, name)
    if name is None or not other or other.get("design_digest") != doc.root.get("design_digest"):
        return
    jobs = {cell_of(job): job for _, job in entries(other, "jobs", "$")}
    skips = {cell_of(skip): skip for _, skip in entries(other, "skipped_views", "$")}
    for place, job in doc.entries("jobs"):
        training = jobs.get(_training(job), {})
        yield from _network(doc, place, job, mapping(training, "result").get("bundle_sha256"), name)
        learned = mapping(mapping(training, "datasets"), "train").get("sha256")
        held_out = job.get("needs_training") is True and job.get("split") == "test"
        if held_out and learned is not None and mapping(job, "dataset").get("sha256") == learned:
            said = "the reconstructed half is the file that the network was trained on"
            yield doc.finding("PM708", f"{place}.dataset.sha256", said)
    exposures = {
        (number(entry, "dose"), replicate_of(entry)) for key in _OF_TRAINING for _, entry in entries(other, key, "$")
    }
    for place, skip in doc.entries("skipped"):
        known, code = skips.get(_training(skip)), skip.get("code")
        if known is None and code == "rejected_by_phase_d" and (number(skip, "dose"), replicate_of(skip)) in exposures:
            said = f"{cell_of(skip)} is a skip, but {posixpath.basename(name)} does not skip its view"
            yield doc.finding("PM802", place, said)
        if known is None or code not in ("rejected_by_phase_d", "missing_without_record"):
            continue
        for key in _OF_SKIP:
            if key in skip and key in known and skip[key] != known[key]:
                said = f"{key} differs from that of the same cell in {posixpath.basename(name)}"
                yield doc.finding("PM802", f"{place}.{key}", said)


def _network(doc: Document, place: str, job: dict[str, object], trained: Any, name: str) -> Findings:
    """Yield a network that is not the one of the job's training, or of a training that has none."""
    bundle = mapping(job, "bundle")
    used = bundle.get("sha256")
    if bundle and trained is not None:
        yield from same(doc, f"{place}.bundle.sha256", used, trained, name)
    elif job.get("needs_training") is True and mapping(job, "result").get("status") == "success" and used != trained:
        yield from same(doc, f"{place}.bundle", used, trained, name)


def reconstructions(doc: Document) -> Findings:
    """Yield cells of a comparison that are not what the reconstruction manifest which it names says of them."""
    record = mapping(doc.root, "reconstruction_manifest")
    name = text(record, "path")
    path = None if name is None or doc.cut else inside(doc, name)
    if name is None or path is None or doc.digest(real_path(path)) != record.get("sha256"):
        return  # another file is judged by the checks of files
    other = json_beside(doc, name)
    known = {
        cell_of(entry): entry for key in ("jobs", "skipped", "not_selected") for _, entry in entries(other, key, "$")
    }
    yield from same_keys(doc, "$", doc.root, other, ("study", "design_digest", "account"), name)
    for place, cell in doc.entries("cells"):
        job = known.pop(cell_of(cell), None)
        if job is None:
            yield doc.finding("PM306", place, f"{cell_of(cell)} is not a cell of {name[-120:]}")
            continue
        yield from _of_cell(doc, place, cell, job, name)
    for missing in sorted(map(str, known)):
        yield doc.finding("PM208", "$.cells", f"{missing[:120]}, a cell of {name[-120:]}, is missing")


def _of_cell(doc: Document, place: str, cell: dict[str, object], job: dict[str, object], name: str) -> Findings:
    result = mapping(job, "result")
    status = result.get("status", "skipped" if "code" in job else "not_selected")
    yield from same(doc, f"{place}.status", cell.get("status"), status, name)
    if cell.get("status") != status:
        return
    if status != "success":
        wanted = {"code": None, "selected": None, "measured": None, "reason": result.get("error")} | {
            key: job[key] for key in ("code", "reason", "selected", "measured") if key in job
        }
        yield from same_keys(doc, place, cell, wanted, tuple(wanted), name)
        return
    for key, wanted in (("dataset", mapping(job, "dataset")), ("reconstruction", mapping(result, "reconstruction"))):
        keys = ("sha256", "size_bytes", "role", "told", "not_told")
        yield from same_keys(doc, f"{place}.{key}", mapping(cell, key), wanted, keys, name)
    yield from same_keys(doc, place, cell, result, ("arrays_sha256",), name)
    yield from same_keys(doc, f"{place}.crop", mapping(cell, "crop"), result, ("n_parts",), name)
    timing = mapping(result, "timing")
    for at, entry in entries(cell, "measures", place):
        if entry.get("metric") == "time_s":
            yield from same(doc, f"{at}.value", entry.get("value"), timing.get("total_s"), name)
    yield from _of_protocol(doc, place, cell, job, name)


def _of_protocol(doc: Document, place: str, cell: dict[str, object], job: dict[str, object], name: str) -> Findings:
    parts = {entry.get("sha256"): mapping(entry, "parts") for _, entry in doc.entries("protocols")}.get(
        text(cell, "protocol"), {}
    )
    wanted = {"probe": job.get("probe"), "timing_scope": mapping(mapping(job, "result"), "timing").get("scope")}
    for key in wanted.keys() & parts.keys():
        if parts[key] != wanted[key]:
            said = f"{key} of the cell's protocol is {str(parts[key])[:60]}, but {name[-120:]} has"
            yield doc.finding("PM306", f"{place}.protocol", f"{said} {str(wanted[key])[:60]}")
    settings = mapping(mapping(parts, "methods"), text(cell, "method") or "")
    for key in ("options", "budget", "tuning") if "methods" in parts else ():
        if settings.get(key, {}) != job.get(key, {}):  # older jobs have no options, and few methods are tuned
            said = f"{key} of {cell.get('method')} in the cell's protocol differ from those of {name[-120:]}"
            yield doc.finding("PM306", f"{place}.protocol", said)


def summaries(doc: Document) -> Findings:
    """Yield where a comparison manifest and the summary of its tables say different things, from either side."""
    if doc.cut:
        return
    if doc.kind == "comparison_manifest":
        name = text(mapping(mapping(doc.root, "files"), "metrics_summary"), "path")
    else:
        name = COMPARISON_MANIFEST
    other = {} if name is None else json_beside(doc, name)
    if name is None or not other:
        return
    yield from same_keys(doc, "$", doc.root, other, _OF_SUMMARY, name)
    yield from _experiments(doc, other, name)
    mine, others = _values(doc.root), _values(other)
    for key in sorted(mine.keys() & others.keys()):
        yield from same(doc, mine[key][1], mine[key][0], others[key][0], name)
    for cell, what in sorted(mine.keys() ^ others.keys()):
        if what in (_PROTOCOL, "$status"):
            at, found = mine.get((cell, what), (None, "$"))[1], "a result" if what == _PROTOCOL else "none"
            yield doc.finding("PM306", at, f"{cell} has {found} in only one of the two files; see {name[-120:]}")


def _experiments(doc: Document, other: Mapping[str, Any], name: str) -> Findings:
    """Yield rows of experiments in a summary that are not those which its comparison's cells give."""
    of_comparison = doc.kind == "comparison_manifest"
    manifest, summary = (doc.root, other) if of_comparison else (other, doc.root)
    design = mapping(manifest, "design")
    if not listed(design, "experiments") and "experiments" not in summary:
        return
    # slow: a design is read with the names of the built-in objects and probes
    from ptyproof.metrics.experiments import experiment_rows
    from ptyproof.study.design import design_from_dict

    try:
        wanted = list(experiment_rows(design_from_dict(design), listed(manifest, "cells")))
    except (PtyproofError, KeyError, TypeError, ValueError):
        return  # said by the checks of designs and forms
    found = listed(summary, "experiments")
    at = "$.cells" if of_comparison else "$.experiments"
    if len(found) != len(wanted):
        yield doc.finding("PM306", at, f"{len(found)} rows of experiments, but the cells give {len(wanted)}")
        return
    for index, (row, real) in enumerate(zip(found, wanted, strict=True)):
        for key, value in real.items():
            place = at if of_comparison else f"{at}[{index}].{key}"
            yield from same(doc, place, row.get(key) if isinstance(row, dict) else None, value, name)


def _values(root: Mapping[str, Any]) -> dict[tuple[str, str], tuple[Any, str]]:
    """Return protocol and values of each compared cell, and why another has none, with where they stand."""
    found: dict[tuple[str, str], tuple[Any, str]] = {}
    for place, cell in (entry for key in ("cells", "without_result") for entry in entries(root, key, "$")):
        if cell.get("status") != "success":
            for key in ("status", "reason"):
                found[cell_of(cell) or "?", f"${key}"] = cell.get(key), f"{place}.{key}"
        else:
            name = cell_of(cell) or "?"
            found[name, _PROTOCOL] = cell.get("protocol"), f"{place}.protocol"
            for at, entry in entries(cell, "measures", place):
                found[name, text(entry, "metric") or ""] = entry.get("value"), f"{at}.value"
    for at, table in entries(root, "tables", "$"):
        for place, row in entries(table, "rows", at):
            name = cell_of(row) or "?"
            found[name, _PROTOCOL] = table.get("protocol"), f"{at}.protocol"
            for metric, value in mapping(row, "values").items():
                found[name, metric] = value, f"{place}.values.{metric}"
    return found


def _training(record: dict[str, object]) -> str | None:
    return cell_of({key: record.get(key) for key in _OF_TRAINED})


def _archive(doc: Document, name: str) -> tuple[dict[str, object], list[float] | None]:
    """Return what the archive of a reconstruction says of itself, and the loss of each epoch."""
    path = inside(doc, name)
    if path is None:
        return {}, None
    # here, as numpy is wanted for archives alone
    from ptyproof.io.npz import NpzArchive

    try:
        with NpzArchive(path) as archive:
            record = strict_json.parse_json(str(archive.read(_RECORD)))
            losses = archive.read("history_loss").tolist()
    except (PtyproofError, ManifestError, OSError, KeyError, ValueError):
        return {}, None
    return (record, losses) if isinstance(record, dict) and isinstance(losses, list) else ({}, None)
