"""Whether a file shows what it claims: trainings that ran, successes with results, verdicts that rest on something."""

from __future__ import annotations

import re
from typing import Any

from ptyproof.checking.model.codes import codes
from ptyproof.checking.model.document import (
    Document,
    Findings,
    count,
    entries,
    halves_of,
    listed,
    mapping,
    plural,
    text,
)

_TYPED = re.compile(r"\d+\s*/\s*\d+|\b(?:PASS|FAIL|OK|GREEN|RED)(?:ED)?\b", re.IGNORECASE)
_NEEDED = ("final_loss", "epochs_completed", "bundle_path", "bundle_sha256")
_OF_A_TRAINING = ("datasets", "training", "environment", "scores")
_SHOWN = 160


def dry_run(doc: Document) -> Findings:
    """Yield a dry run: whatever it is filed as, nothing was trained."""
    if doc.root.get("dry_run") is True:
        root = text(doc.root, "artifact_root") or ""
        filed = [part for part in re.split(r"[/\\]", root) if re.search(r"real.?run", part, re.IGNORECASE)]
        said = f", although it is filed under {filed[0]}" if filed else ""
        yield doc.finding("PM701", "$.dry_run", f"dry_run is true: nothing was trained{said}")
        return
    for place, job in doc.entries("jobs"):
        if mapping(job, "result").get("dry_run") is True:
            sentence = "the job was a dry run, but dry_run of the manifest is false"
            yield doc.finding("PM701", f"{place}.result.dry_run", sentence)


def migrated(doc: Document) -> Findings:
    """Yield that a manifest was migrated: it records what an earlier tool said of itself."""
    if "migrated" in doc.root:
        generation = str(mapping(doc.root, "migrated").get("generation"))[:_SHOWN]
        said = f"was migrated from generation {generation}: a record of an earlier tool, not evidence of this one"
        yield doc.finding("PM711", "$.migrated", said)


def carried(doc: Document, found: set[str]) -> Findings:
    """Yield what was found in the earlier file of a migrated one and is of no code that was `found` in this one.

    What is wrong with a file stays wrong when its form changes, though the new form may not show it.
    """
    for place, entry in entries(mapping(doc.root, "migrated"), "findings", "$.migrated"):
        code = text(entry, "code")
        if (
            code is not None
            and code in codes()
            and code not in found
            and not (doc.manifest_only and codes()[code].group == "files")
        ):
            said = f"at {str(entry.get('json_path'))[:_SHOWN]} of the earlier file: {codes()[code].title}"
            yield doc.finding(code, place, said)


def planned(doc: Document) -> Findings:
    """Yield jobs without any result: a plan, and no record of a run."""
    jobs = listed(doc.root, "jobs")
    if jobs and "execution_results" not in doc.root and not doc.cut:
        said = f"names {plural(len(jobs), 'job')} without a result: this is a plan, not the record of a run"
        yield doc.finding("PM702", "$.jobs", said)


def successes(doc: Document) -> Findings:
    """Yield jobs that are called a success and have nothing to show, or have an error."""
    for place, job in doc.entries("jobs"):
        result, at = mapping(job, "result"), f"{place}.result"
        if result.get("status") != "success":
            continue
        generation = mapping(doc.root, "migrated").get("generation", doc.generation)
        needed = _NEEDED[:2] if generation in ("E4", "E5") else _NEEDED
        for key in needed:
            if result.get(key) is None and (key in result or not doc.is_cut(at)):
                yield doc.finding("PM703", f"{at}.{key}", f"the job is a success without {key}")
        if count(result, "epochs_completed") == 0:
            said = "the job is a success after 0 epochs: nothing was trained"
            yield doc.finding("PM703", f"{at}.epochs_completed", said)
        for key in () if doc.is_legacy or "migrated" in doc.root else _OF_A_TRAINING:
            if key in job and job[key] is None:
                yield doc.finding("PM703", f"{place}.{key}", f"the job is a success without {key}")
        if result.get("error") is not None:
            said = f"the job is called a success with an error: {str(result['error'])[:_SHOWN]}"
            yield doc.finding("PM704", f"{at}.error", said)


def failures(doc: Document) -> Findings:
    """Yield jobs that failed or were lost, and failed ones beside a verdict of success."""
    jobs = list(doc.entries("jobs"))
    for place, job in jobs:
        result, at = mapping(job, "result"), f"{place}.result"
        status, why = result.get("status"), result.get("error")
        error = "" if why is None else f": {str(why)[:_SHOWN]}"
        if status not in ("failed", "lost"):
            continue
        if count(result, "returncode") == 0 or count(result, "exit_status") == 0:
            yield doc.finding("PM704", f"{at}.status", f"the job is {status}, but its process has exit status 0")
        elif doc.is_legacy or "migrated" in doc.root:
            said = f"the job failed, but programs of this generation exit with 0, which means success{error}"
            yield doc.finding("PM704", f"{at}.status", said)
        else:
            yield doc.finding(
                "PM705", f"{at}.status", f"the job {'failed' if status == 'failed' else 'was lost'}{error}"
            )
        if result.get("bundle_path") is not None:
            said = f"the job is {status}, but its result names a bundle"
            yield doc.finding("PM704", f"{at}.bundle_path", said)
    if (
        jobs
        and not doc.is_legacy
        and not doc.cut
        and all(mapping(job, "result").get("status") != "success" for _, job in jobs)
    ):
        yield doc.finding("PM709", "$.jobs", "no job is a success, so the file shows no training")


def returncodes(doc: Document) -> Findings:
    """Yield processes that ended with another exit status than 0."""
    for place, result in doc.entries("execution_results"):
        code = count(result, "returncode")
        if code is not None and code != 0:
            said = f"the job failed: its process ended with returncode {code}"
            yield doc.finding("PM705", f"{place}.returncode", said)


def nothing(doc: Document) -> Findings:
    """Yield files that have no job at all."""
    if listed(doc.root, "jobs") or not isinstance(doc.root.get("jobs"), list) or doc.cut:
        return
    missing, skips = listed(doc.root, "missing_jobs"), listed(doc.root, "skipped_views")
    if missing or skips:
        n = len(missing) or len(skips)
        said = f"nothing ran: there is no job, and {plural(n, 'cell')} of the study {'are' if n > 1 else 'is'} missing"
        yield doc.finding("PM709", "$.jobs", said)
    elif doc.is_legacy and not count(doc.root, "n_failed"):
        yield doc.finding("PM706", "$.jobs", "there is no job and no reason; zero jobs are not a success")


def same_data(doc: Document) -> Findings:
    """Yield jobs that are scored on the data that they were trained on."""
    for place, job in doc.entries("jobs"):
        train, test = text(job, "train_data_path"), text(job, "test_data_path")
        if train is not None and train == test:
            yield doc.finding("PM708", f"{place}.test_data_path", f"{test} is also the training file")
        files = mapping(job, "datasets")
        digests = [mapping(files, half).get("sha256") for half in ("train", "test")]
        if digests[0] is not None and digests[0] == digests[1]:
            said = "the held-out half has the sha256 of the training file"
            yield doc.finding("PM708", f"{place}.datasets.test.sha256", said)
    if doc.kind == "run_manifest":
        for place, dataset in doc.entries("datasets"):
            learned = mapping(dataset, "train")
            for at, half, here in halves_of(dataset, place):
                if half == "test" and learned.get("arrays_sha256", 0) == here.get("arrays_sha256", 1):
                    said = "the test half has the arrays of the train half"
                    yield doc.finding("PM708", f"{at}.arrays_sha256", said)
                yield from _learned_object(doc, at, half, here, learned)


def _learned_object(
    doc: Document, place: str, half: str, here: dict[str, object], train: dict[str, object]
) -> Findings:
    """Yield a test object that is one of the objects of the train half."""
    learned = {text(made, "arrays_sha256") for _, made in entries(train, "objects", place)}
    for at, made in entries(here, "objects", place) if half == "test" else ():
        if text(made, "arrays_sha256") in learned:
            said = f"the test object {made.get('name')} is an object of the train half"
            yield doc.finding("PM708", f"{at}.arrays_sha256", said)


def verdicts(doc: Document) -> Findings:
    """Yield verdicts typed by hand: texts such as `10/10` and `PASS` that nothing in the file supports."""
    root = doc.root
    if isinstance(root.get("n_valid"), str):
        said = (
            f"n_valid is the text {root['n_valid'][:40]!r}, typed and not counted: the file has no list of valid checks"
        )
        yield doc.finding("PM707", "$.n_valid", said)
    for name, verdict in mapping(root, "test_results").items():
        if isinstance(verdict, str) and _TYPED.search(verdict):
            said = f"the verdict {verdict[:60]!r} is typed: the file names no log, exit status or list of tests for it"
            yield doc.finding("PM707", f"$.test_results.{name}", said)
    status = text(root, "status")
    if status is not None and not any(key in root for key in ("files", "jobs", "log_path")):
        said = f"nothing in the file supports the status {status[:60]!r}"
        yield doc.finding("PM707", "$.status", said)


def scores_agree(doc: Document) -> Findings:
    """Yield scores of jobs that are no success, and successes without scores."""
    for place, job in doc.entries("jobs"):
        status: Any = mapping(job, "result").get("status")
        if "scores" in job and status in ("failed", "lost") and job["scores"] is not None:
            yield doc.finding("PM704", f"{place}.scores", f"the job is {status}, but has scores")
