"""Whether jobs are those of their manifest's design: groups, budget, folders, data, and the order of times."""

from __future__ import annotations

from ptyproof.checking.checks.generic import moment
from ptyproof.checking.model.document import (
    Document,
    Findings,
    count,
    entries,
    folder_of,
    listed,
    mapping,
    number,
    text,
)
from ptyproof.study.layout import HALVES

# What a call may set; everything else of a training's budget is the design's.
_OF_THE_CALL = frozenset({"max_epochs"})


def check(doc: Document) -> Findings:
    """Yield where a job is not what the design says of its cell."""
    design = mapping(doc.root, "design")
    views = {text(view, "name"): view for view in listed(design, "views") if isinstance(view, dict)}
    for place, job in doc.entries("jobs"):
        yield from _budget(doc, place, job, mapping(design, "training"))
        view = views.get(text(job, "view"))
        if view is not None:
            yield from _of_view(doc, place, job, view, design)
        yield from _data(doc, place, job)


def reused(doc: Document) -> Findings:
    """Yield a training that was taken over from a job which is missing, is another training, or took over one, too."""
    jobs = {text(job, "job"): job for _, job in doc.entries("jobs")}
    for place, job in doc.entries("jobs"):
        name = text(mapping(job, "result"), "reused_from")
        if name is None or doc.cut:
            continue
        at = f"{place}.result.reused_from"
        if name not in jobs or name == job.get("job"):
            said = "is the job itself" if name in jobs else "is not a job of the manifest"
            yield doc.finding("PM712", at, f"{name[:80]}, the source of the training, {said}")
            continue
        source = jobs[name]
        ended = [mapping(source, "result"), *(entry for _, entry in entries(source, "earlier_results", "$"))]
        good = [entry for entry in ended if entry.get("status") == "success" and "reused_from" not in entry]
        same = ("bundle_sha256", "recipe_sha256")
        if not any(all(mapping(job, "result").get(key) == entry.get(key) for key in same) for entry in good):
            yield doc.finding("PM712", at, f"{name}, the source of the training, has no training of its own like this")


def asked_for(doc: Document) -> Findings:
    """Yield jobs that no call has asked for, and jobs that were started before the first call."""
    began = min(filter(None, (moment(call.get("timestamp")) for _, call in doc.entries("calls"))), default=None)
    for place, job in doc.entries("jobs"):
        yield from _named(doc, place, job)
        started = moment(mapping(job, "result").get("started"))
        if started is not None and began is not None and started < began:
            said = f"started is {job['result']['started']}, before the first recorded call"
            yield doc.finding("PM502", f"{place}.result.started", said)


def _named(doc: Document, place: str, job: dict[str, object]) -> Findings:
    """Yield a job that no call has asked for."""
    name = text(job, "job")
    calls = listed(doc.root, "calls")
    if name is not None and calls and not doc.cut and not any(name in listed(call, "jobs") for call in calls):
        yield doc.finding("PM207", f"{place}.job", f"no recorded call selected {name}")


def _of_view(
    doc: Document, place: str, job: dict[str, object], view: dict[str, object], design: dict[str, object]
) -> Findings:
    wanted = count(view, "neighbor_count") or count(design, "neighbor_count")
    got = count(job, "neighbor_count")
    if wanted is not None and got is not None and wanted != got:
        said = f"neighbor_count is {got}, but the design gives view {view.get('name')} {wanted}"
        yield doc.finding("PM617", f"{place}.neighbor_count", said)
    of_dose, gridsize = folder_of(job), count(job, "gridsize")
    folder = text(job, "artifact_dir")
    if of_dose is not None and gridsize is not None and folder is not None and text(doc.root, "artifact_root") == ".":
        expected = f"{of_dose}/{view.get('name')}/gs{gridsize}"
        if folder != expected:
            said = f"artifact_dir is {folder[:80]}, but the job's folder is {expected}"
            yield doc.finding("PM406", f"{place}.artifact_dir", said)
    root = text(doc.root, "phase_c_root" if view.get("selection") == "all" else "phase_d_root")
    for key in ("train_data_path", "test_data_path"):
        path = text(job, key)
        if path is not None and root is not None and root != "." and not path.startswith(f"{root.rstrip('/')}/"):
            said = f"{path[-80:]} is not in the folder of its phase, {root[:80]}"
            yield doc.finding("PM407", f"{place}.{key}", said)


def _budget(doc: Document, place: str, job: dict[str, object], wanted: dict[str, object]) -> Findings:
    used = job.get("training")
    if not isinstance(used, dict) or not wanted:
        return
    for key in sorted(used.keys() & wanted.keys() - _OF_THE_CALL):
        if used[key] != wanted[key]:
            said = f"{key} differs from the design: the job was trained with another budget or network"
            yield doc.finding("PM209", f"{place}.training.{key}", said)


def _data(doc: Document, place: str, job: dict[str, object]) -> Findings:
    for half in HALVES:
        named, read = text(job, f"{half}_data_path"), text(mapping(mapping(job, "datasets"), half), "path")
        if named is not None and read is not None and named != read:
            said = f"the training read {read[-80:]}, but {half}_data_path is {named[-80:]}"
            yield doc.finding("PM205", f"{place}.datasets.{half}.path", said)


def scored(doc: Document) -> Findings:
    """Yield scores of another number of patterns than the held-out half has."""
    totals = {
        (number(skip, "dose"), count(mapping(mapping(skip, "measured"), "test"), "n_images_total"))
        for _, skip in doc.entries("skipped_views")
    }
    by_dose = {dose: total for dose, total in totals if dose is not None and total is not None}
    views = listed(mapping(doc.root, "design"), "views")
    whole = {text(view, "name") for view in views if text(view, "selection") == "all"}
    for place, job in doc.entries("jobs"):
        n, total = count(mapping(job, "scores"), "n_patterns"), by_dose.get(number(job, "dose") or 0.0)
        if n is None or total is None:
            continue
        if n > total or (n != total and text(job, "view") in whole):
            said = f"n_patterns is {n}, but the held-out half of this dose has {total}"
            yield doc.finding("PM206", f"{place}.scores.n_patterns", said)
