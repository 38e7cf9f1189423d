"""The statement about a hub: an in-toto attestation (v1) of the type test-result (v0.1) over the digest of `hub.json`.

The index has the digest of every other file of the hub, so the statement covers them all. The extension field ptyproof
(the parsing rules of in-toto allow such fields) has what the predicate has no field for: when it was signed, by whom if
they want to be named, the study, the revisions of the code that made the hub, and how many tests ended how.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from ptyproof.checking.hub.reading import refuse_ends_of_jobs
from ptyproof.errors import InputError
from ptyproof.hub.index import INDEX, Hub
from ptyproof.hub.layout import KINDS
from ptyproof.hub.results import standing_runs
from ptyproof.io.hashing import sha256_file, sha256_json
from ptyproof.io.json_lines import read_lines
from ptyproof.io.strict_json import read_json
from ptyproof.provenance.persons import Person
from ptyproof.provenance.revision import digest_of_files

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
EXTENSION = "ptyproof"
_FIRST_RUN = "first_run_sha256"
RESULTS = ("PASSED", "WARNED", "FAILED")
LISTS = {"passed": "passedTests", "skipped": "warnedTests", "failed": "failedTests"}


def statement_of(root: Path, signed_at: str, signer: Person | None = None) -> dict[str, Any]:
    """Return the statement about a sound hub.

    The result is that of the newest real run, or of the newest run of tests that are no red evidence: FAILED if it has
    failures or another exit status than 0, WARNED if tests were skipped, and PASSED otherwise. In a merged hub without
    a run since, it is the worst of the newest runs of its parts.

    Parameters
    ----------
    root
        The hub.
    signed_at
        The time of the signature, ISO 8601, by the clock of the signer.
    signer
        Who signs, in their own words; None names nobody.

    Raises
    ------
    InputError
        If the hub has no such run, or has ends of jobs beside its manifests.
    """
    refuse_ends_of_jobs(root, "no signature would cover them")
    predicate = predicate_of(root, signed_at, signer)
    first = read_json(root / INDEX)["runs"][0]
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {
                "name": INDEX,
                "digest": {"sha256": sha256_file(root / INDEX)},
                "annotations": {_FIRST_RUN: _identity(first)},
            }
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate,
    }


def predicate_of(root: Path, signed_at: str, signer: Person | None = None) -> dict[str, Any]:
    """Return what a statement about a hub says of it; the arguments are those of `statement_of`.

    Raises
    ------
    InputError
        If the hub has no run that shows a result.
    """
    index = Hub(root).read()
    chosen = [] if index is None else standing_runs(index["runs"])
    if not chosen:
        raise InputError(f"{root} has no run that shows a result, so there is nothing to state")
    return _predicate(root, chosen) | {EXTENSION: _extension(root, chosen, signed_at, signer)}


def signed_digest(statement: Mapping[str, Any]) -> str:
    """Return the digest of the index that a statement is about.

    Raises
    ------
    KeyError, TypeError, IndexError
        If it is no such statement.
    """
    (subject,) = statement["subject"]
    return str(subject["digest"]["sha256"])


def is_of_this_hub(statement: Mapping[str, Any], root: Path) -> bool:
    """Tell whether a statement is about a hub with the first run of this one, however it has gone on since."""
    (subject,) = statement["subject"]
    try:
        first = read_json(root / INDEX)["runs"][0]
        return bool(subject["annotations"][_FIRST_RUN] == _identity(first))
    except (InputError, KeyError, TypeError, IndexError):
        return False


def _identity(run: Mapping[str, Any]) -> str:
    """Return what a run keeps from its beginning on, and the hub that it was merged from, as a union is another hub."""
    keys = ("id", "command", "started", "process", *(("merged_from",) if "merged_from" in run else ()))
    return sha256_json({key: run[key] for key in keys})


def _predicate(root: Path, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    tests = _tests(root, runs)
    has_failed = any(run["exit_status"] != 0 for run in runs) or bool(tests["failed"])
    passed = "WARNED" if tests["skipped"] else "PASSED"
    return {
        "result": "FAILED" if has_failed else passed,
        "configuration": _configuration(root, runs),
        **{key: tests[outcome] for outcome, key in LISTS.items()},
    }


def _extension(root: Path, runs: Sequence[Mapping[str, Any]], signed_at: str, signer: Person | None) -> dict[str, Any]:
    counts = sum((Counter(run["outcomes"]) for run in runs), Counter())
    revisions = [
        {
            "commit": run["revision"]["commit"],
            "hasUncommittedChanges": (
                None if run["revision"]["commit"] is None else run["revision"]["uncommitted_sha256"] is not None
            ),
            "codeSha256": digest_of_files(run["revision"]["code_sha256"]),
        }
        for run in runs
    ]
    found: dict[str, Any] = {
        "signedAt": signed_at,
        "study": next((manifest["study"] for manifest in _manifests(root)), None),
        "revisions": [entry for number, entry in enumerate(revisions) if entry not in revisions[:number]],
        "tests": dict(sorted(counts.items())),
    }
    if signer is not None:
        named = {"name": signer.name, "url": signer.url, "email": signer.email}
        found["signer"] = {key: value for key, value in named.items() if value is not None}
    return found


def _manifests(root: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the manifests of a hub that are of a design."""
    for name in KINDS:
        manifest = read_json(root / name) if (root / name).is_file() else {}
        if "design_digest" in manifest:
            yield manifest


def _tests(root: Path, runs: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the tests of runs by their outcome: one that failed in any of its phases has failed."""
    worst: dict[str, str] = {}
    rank = ("passed", "skipped", "failed")
    reports = [run["reports_path"] for run in runs if run["reports_path"] is not None]
    for line in chain.from_iterable(read_lines(root / path) for path in reports):
        if line["when"] in ("setup", "call", "teardown") and line["outcome"] in rank:
            known = worst.get(line["test"], "passed")
            worst[line["test"]] = max(known, line["outcome"], key=rank.index)
    return {outcome: [test for test, found in worst.items() if found == outcome] for outcome in LISTS}


def _configuration(root: Path, runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each code that was tested, if files with code were recorded, and the design of the study."""
    found: list[dict[str, Any]] = []
    for revision in (run["revision"] for run in runs):
        of_run: list[dict[str, Any]] = []
        if digest_of_files(revision["code_sha256"]) is not None:
            of_run.append({"name": "code", "digest": {"sha256": revision["code_sha256"]}})
        if revision["commit"] is not None:
            of_run.append({"name": "commit", "digest": {"gitCommit": revision["commit"]}})
        found += [entry for entry in of_run if entry not in found]
    for manifest in islice(_manifests(root), 1):
        found.append({"name": f"study {manifest['study']}", "digest": {"sha256": manifest["design_digest"]}})
    return found
