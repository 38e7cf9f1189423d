"""Whether reconstructions are those of their manifest's design, have something to show, and keep to their budget."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from ptyproof.checking.checks.generic import moment
from ptyproof.checking.model.document import (
    Document,
    Findings,
    count,
    entries,
    folder_of,
    is_close,
    listed,
    mapping,
    name_of_test_half,
    number,
    plural,
    text,
)
from ptyproof.io.knowledge import UNCERTAIN_POSITIONS
from ptyproof.study.layout import phase_c_name

_NEEDED = ("reconstruction", "arrays_sha256", "timing", "recipe_sha256", "n_parts")
_ONLY_OF_SUCCESS = (
    *("reconstruction", "product", "arrays_sha256", "n_parts", "iterations", "stopped_by", "final_loss", "timing"),
    *("positions", "reused_from", "recipe_sha256"),
)
_OF_A_RUN = ("dataset", "environment")
_TAKEN_OVER = ("arrays_sha256", "recipe_sha256")
_CLOCK = timedelta(seconds=2)
_SHOWN = 160


def successes(doc: Document) -> Findings:
    """Yield reconstructions called a success that have nothing to show, or used a network that they do not name."""
    for place, job in doc.entries("jobs"):
        result, at = mapping(job, "result"), f"{place}.result"
        if result.get("status") != "success":
            continue
        for key in _NEEDED:
            if result.get(key) is None and (key in result or not doc.is_cut(at)):
                yield doc.finding("PM703", f"{at}.{key}", f"the job is a success without {key}")
        # what was made up for a test has no environment; a success has a dataset in any case
        for key in _OF_A_RUN if doc.entries("calls") else _OF_A_RUN[:1]:
            if key in job and job[key] is None:
                yield doc.finding("PM703", f"{place}.{key}", f"the job is a success without {key}")
        if result.get("error") is not None:
            said = f"the job is called a success with an error: {str(result['error'])[:_SHOWN]}"
            yield doc.finding("PM704", f"{at}.error", said)
        needs = job.get("needs_training")
        if needs is True and job.get("bundle", 0) is None:
            said = "the method needs a trained network, but the job is a success without a bundle"
            yield doc.finding("PM703", f"{place}.bundle", said)
        if needs is False and job.get("bundle") is not None:
            said = "needs_training is false, but the job names a bundle"
            yield doc.finding("PM205", f"{place}.needs_training", said)


def failures(doc: Document) -> Findings:
    """Yield jobs that failed or were lost, what they must not have, and a manifest without any success."""
    jobs = doc.entries("jobs")
    for place, job in jobs:
        result, at = mapping(job, "result"), f"{place}.result"
        status, why = result.get("status"), result.get("error")
        if status not in ("failed", "lost"):
            continue
        said = f"the job {'failed' if status == 'failed' else 'was lost'}"
        yield doc.finding("PM705", f"{at}.status", said if why is None else f"{said}: {str(why)[:_SHOWN]}")
        for key in _ONLY_OF_SUCCESS:
            if result.get(key) is not None:
                yield doc.finding("PM704", f"{at}.{key}", f"the job is {status}, but has {key} of a success")
    if doc.cut or not isinstance(doc.root.get("jobs"), list):
        return
    if not jobs and not listed(doc.root, "skipped") and not listed(doc.root, "not_selected"):
        said = "there is no cell and no reason; zero jobs are not a success"
        yield doc.finding("PM706", "$.jobs", said)
    elif all(mapping(job, "result").get("status") != "success" for _, job in jobs):
        yield doc.finding("PM709", "$.jobs", "no job is a success, so the file shows no reconstruction")


def reused(doc: Document) -> Findings:
    """Yield reused results whose source job is missing, has another result, or reused its result, too."""
    jobs = {text(job, "job"): job for _, job in doc.entries("jobs")}
    for place, job in doc.entries("jobs"):
        result, at = mapping(job, "result"), f"{place}.result.reused_from"
        name = text(result, "reused_from")
        if name is None or doc.cut:
            continue
        if name not in jobs or name == job.get("job"):
            said = "is the job itself" if name in jobs else "is not a job of the manifest"
            yield doc.finding("PM712", at, f"{name[:_SHOWN]}, the source of the reused result, {said}")
            continue
        source = jobs[name]
        # the source may have been made again since
        ended = [mapping(source, "result"), *(entry for _, entry in entries(source, "earlier_results", "$"))]
        good = [entry for entry in ended if entry.get("status") == "success" and entry.get("reused_from") is None]
        if not good:
            yield doc.finding("PM712", at, f"{name}, the source of the reused result, has no result of its own")
        elif not any(all(result.get(key) == entry.get(key) for key in _TAKEN_OVER) for entry in good):
            yield doc.finding("PM712", at, f"{name}, the source of the reused result, has another result")
        if source.get("method") != job.get("method") or source.get("split") != job.get("split"):
            yield doc.finding("PM712", at, f"{name} is of another method or half, so its result cannot be reused")


def budgets(doc: Document) -> Findings:
    """Yield iterations beyond the budget or without one, losses without iterations, and budgets that no call gave."""
    for place, job in doc.entries("jobs"):
        budget = mapping(job, "budget")
        yield from _spent(doc, mapping(job, "result"), f"{place}.result", budget)
        yield from _given(doc, job, place, budget)


def _spent(doc: Document, result: dict[str, object], at: str, budget: dict[str, object]) -> Findings:
    if result.get("status") != "success":
        return
    done, stopped, limit = count(result, "iterations"), result.get("stopped_by"), count(budget, "epochs")
    if done is not None and limit is not None and done > limit:
        said = f"iterations is {done}, but the budget was {plural(limit, 'epoch')}"
        yield doc.finding("PM605", f"{at}.iterations", said)
    elif stopped == "epochs" and done is not None and limit is not None and done != limit:
        said = f"stopped_by is the budget of {plural(limit, 'epoch')}, but iterations is {done}"
        yield doc.finding("PM605", f"{at}.iterations", said)
    if stopped == "seconds" and "seconds" in budget and budget["seconds"] is None:
        yield doc.finding("PM605", f"{at}.stopped_by", "stopped_by is a limit of seconds, but the budget has none")
    if done is None and stopped is not None and "iterations" in result:
        said = f"stopped_by is {stopped}, but there were no iterations"
        yield doc.finding("PM605", f"{at}.stopped_by", said)
    if "final_loss" in result and "iterations" in result and (result["final_loss"] is None) == bool(done):
        loss = "null" if result["final_loss"] is None else "a number"
        said = f"final_loss is {loss}, but iterations is {result['iterations']}"
        yield doc.finding("PM605", f"{at}.final_loss", said)


def _given(doc: Document, job: dict[str, object], place: str, budget: dict[str, object]) -> Findings:
    """Yield a budget that is neither the study's nor that of a call which asked for the job."""
    name, epochs, seconds = text(job, "job"), budget.get("epochs"), budget.get("seconds")
    calls = [call for _, call in doc.entries("calls") if name in listed(call, "jobs")]
    if not calls or doc.cut or not budget or (epochs is None and seconds is None):
        return
    given = [mapping(call, "budget") for call in calls if isinstance(call.get("budget"), dict)]
    design = mapping(mapping(doc.root, "design"), "reconstruction")
    own = [count(entry, "epochs") for entry in listed(design, "methods") if text(entry, "name") == job.get("method")]
    of_study = seconds is None and (not own or own[0] is None or own[0] == epochs)
    if budget not in given and not of_study:
        said = "the budget is neither that of the study nor that of a call that selected the job"
        yield doc.finding("PM209", f"{place}.budget", said)


def of_design(doc: Document) -> Findings:
    """Yield random streams, options and knowledge of the probe that are not those of the design."""
    design = mapping(mapping(doc.root, "design"), "reconstruction")
    asked = {text(entry, "name"): mapping(entry, "options") for entry in listed(design, "methods")}
    for place, job in doc.entries("jobs"):
        options = mapping(job, "options")
        for name, value in asked.get(text(job, "method"), {}).items():
            if "options" in job and options.get(name) != value:
                said = f"the option {name[:64]} is {str(options.get(name))[:40]}, but the design has {str(value)[:40]}"
                yield doc.finding("PM209", f"{place}.options", said)
        seed, folder = mapping(job, "seed"), folder_of(job)
        if "seed" in design and "root" in seed and seed["root"] != design["seed"]:
            said = f"the root of the random stream is not the design's reconstruction seed, {str(design['seed'])[:40]}"
            yield doc.finding("PM205", f"{place}.seed.root", said)
        if folder is not None:
            key = ["phase_f", folder, job.get("split"), job.get("method")]
            if "key" in seed and seed["key"] != key:
                said = f"the random stream is not that of this job, {' / '.join(map(str, key))}"
                yield doc.finding("PM205", f"{place}.seed.key", said)
        if job.get("probe") == "estimated" and design.get("probe_knowledge") == "true":
            said = "the probe was estimated, but the design gives methods the true probe"
            yield doc.finding("PM209", f"{place}.probe", said)


def timings(doc: Document) -> Findings:
    """Yield times that are not those of their parts, or longer than the job was under way."""
    for place, job in doc.entries("jobs"):
        result, at = mapping(job, "result"), f"{place}.result"
        timing = mapping(result, "timing")
        total = number(timing, "total_s")
        steps = [number(step, "seconds") for _, step in entries(timing, "steps", at)]
        if total is None:
            continue
        known = sum(seconds for seconds in steps if seconds is not None)
        if steps and None not in steps and not doc.is_cut(f"{at}.timing.steps") and not is_close(total, known):
            said = f"total_s is {total:g} s, but the steps take {known:g} s together"
            yield doc.finding("PM206" if total < known else "PM622", f"{at}.timing.total_s", said)
        start, end = moment(result.get("started")), moment(result.get("finished"))
        if start is None or end is None or result.get("reused_from") is not None:
            continue
        if total > (end - start + _CLOCK).total_seconds():
            said = f"total_s is {total:g} s, but the job ran for {(end - start).total_seconds():g} s"
            yield doc.finding("PM622", f"{at}.timing.total_s", said)


def same_data(doc: Document) -> Findings:
    """Yield halves of one dose and view that are one dataset, and two records of one file that differ."""
    halves: dict[tuple[Any, ...], tuple[Any, str]] = {}
    files: dict[tuple[str, ...], tuple[dict[str, object], str]] = {}
    for place, record in _with_data(doc):
        for key in ("dataset", "bundle"):
            name = text(mapping(record, key), "path")
            for about, own in () if name is None else _facts(name, mapping(record, key)):
                known, first = files.setdefault(about, (own, place))
                differing = sorted(part for part in known.keys() & own.keys() if known[part] != own[part])
                if differing:
                    said = f"{differing[0]} of {about[0][-_SHOWN:]} differs from that at {first}.{key}"
                    yield doc.finding("PM307", f"{place}.{key}.{differing[0]}", said)
        digest, split = text(mapping(record, "dataset"), "sha256"), text(record, "split")
        if digest is None or split is None:
            continue
        cell = (number(record, "dose"), text(record, "view"), digest)
        other, first = halves.setdefault(cell, (split, place))
        if other != split:
            said = f"the half {split} has the sha256 of the half {other}, at {first}"
            yield doc.finding("PM708", f"{place}.dataset.sha256", said)


def _facts(name: str, record: dict[str, object]) -> Iterator[tuple[tuple[str, ...], dict[str, object]]]:
    """Yield what a record says of a file, and of the file for those who are told the same, each with what it is about.

    Methods may be told different parts of what a dataset knows, and what a method is given has a digest of its own.
    """
    told, not_told = (list(map(str, listed(record, key))) for key in ("told", "not_told"))
    facts = {key: value for key, value in record.items() if key not in ("told", "not_told", "scan_sha256")}
    known = sorted({*told, *not_told} - {UNCERTAIN_POSITIONS})  # which no file says
    yield (name,), facts | ({"not_told": known} if known else {})
    yield (
        (name, "scan", *sorted({*told} - {UNCERTAIN_POSITIONS})),
        {key: value for key, value in record.items() if key == "scan_sha256"},
    )


def same_result(doc: Document) -> Findings:
    """Yield an iterative result that two jobs with different data have, bit for bit."""
    seen: dict[str, tuple[Any, str]] = {}
    for place, job in doc.entries("jobs"):
        result = mapping(job, "result")
        digest, scan = text(result, "arrays_sha256"), text(mapping(job, "dataset"), "scan_sha256")
        if digest is None or scan is None or not count(result, "iterations") or result.get("reused_from") is not None:
            continue
        other, first = seen.setdefault(digest, (scan, place))
        if other != scan:
            said = f"object and probe equal those of {first}, which reads other patterns: one result was written twice"
            yield doc.finding("PM304", f"{place}.result.arrays_sha256", said)


def patterns(doc: Document) -> Findings:
    """Yield more patterns than the half of the scan has, or fewer where a view takes all."""
    totals = {}
    for _, skip in doc.entries("skipped"):
        total = count(mapping(mapping(skip, "measured"), text(skip, "split") or ""), "n_images_total")
        totals[number(skip, "dose"), text(skip, "split")] = total
    views = listed(mapping(doc.root, "design"), "views")
    whole = {text(view, "name") for view in views if text(view, "selection") == "all"}
    for place, job in doc.entries("jobs"):
        n, total = count(mapping(job, "dataset"), "n_patterns"), totals.get((number(job, "dose"), text(job, "split")))
        if n is None or total is None:
            continue
        if n > total or (n != total and text(job, "view") in whole):
            said = f"n_patterns is {n}, but this half of the scan has {total}"
            yield doc.finding("PM206", f"{place}.dataset.n_patterns", said)


def places(doc: Document) -> Findings:
    """Yield files of a cell that lie, by their names, in another cell's place or are another phase's."""
    views = {text(view, "name"): view for view in listed(mapping(doc.root, "design"), "views")}
    for place, record in _with_data(doc):
        folder, view = folder_of(record), text(record, "view")
        if folder is None or view not in views:
            continue
        yield from _data(doc, place, record, folder, views[view])
        cell = f"{folder}/{view}/gs{record.get('gridsize')}"
        of_method = f"{cell}/{record.get('split')}/{record.get('method')}"
        for key, holder, wanted in (
            ("result.reconstruction", mapping(record, "result"), f"{of_method}.npz"),
            ("result.product", mapping(record, "result"), f"{of_method}.h5"),
            ("reconstruction", record, f"{of_method}.npz"),
            ("bundle", record, f"{cell}/model.safetensors"),
        ):
            path = text(mapping(holder, key.rpartition(".")[2]), "path")
            if path is not None and not path.endswith(f"/{wanted}") and path != wanted:
                said = f"{path[-_SHOWN:]} is not the path of the cell, {wanted}"
                yield doc.finding("PM406", f"{place}.{key}.path", said)


def _data(doc: Document, place: str, record: dict[str, object], dose: str, of: dict[str, object]) -> Findings:
    """Yield a dataset of another cell, or of the other phase."""
    data, view, split = text(mapping(record, "dataset"), "path"), record.get("view"), record.get("split")
    if data is None:
        return
    whole = text(of, "selection") == "all"
    own = phase_c_name(str(split), name_of_test_half(of)) if whole else f"{view}/{view}_{split}.npz"
    wanted = f"{dose}/{own}"
    root = text(doc.root, "phase_c_root" if whole else "phase_d_root")
    if not data.endswith(f"/{wanted}"):
        # the right half under another name: data of the other phase
        same_half = data.endswith(f"_{split}.npz") and posixpath.basename(data) != posixpath.basename(wanted)
        code = "PM407" if same_half else "PM406"
        yield doc.finding(code, f"{place}.dataset.path", f"{data[-_SHOWN:]} is not the data of the cell, {wanted}")
    elif root is not None and data != f"{root}/{wanted}":
        said = f"{data[-_SHOWN:]} is not in the folder of its phase, {root[:_SHOWN]}"
        yield doc.finding("PM407", f"{place}.dataset.path", said)


def _with_data(doc: Document) -> Iterator[tuple[str, dict[str, object]]]:
    yield from doc.entries("jobs")
    yield from doc.entries("cells")
