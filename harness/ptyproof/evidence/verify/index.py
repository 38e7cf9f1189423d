"""The index of a hub: its own digest, the files that it has, and what it says of runs."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ptyproof.evidence.hub import INDEX, is_incomplete, own_digest, walk
from ptyproof.evidence.verify.files import HubFiles, recorded_name
from ptyproof.evidence.verify.manifests import read_checked
from ptyproof.evidence.verify.problem import WHOLE, Problem, Problems, short


def read_index(root: Path) -> tuple[dict[str, Any] | None, list[Problem]]:
    """Return the index of a hub and what is wrong with it; None where too much is wrong to go on with it."""
    index, problems = read_checked(root / INDEX, INDEX, "hub_index")
    if index is not None:
        # the bytes, not `read_text`: that would take a changed line end for the old one
        digest = own_digest((root / INDEX).read_bytes().decode("utf-8"), index["index_sha256"])
        if digest != index["index_sha256"]:
            sentence = f"the index was changed after it was written: its digest is {short(digest)}"
            problems.append(Problem(INDEX, "$.index_sha256", sentence))
    return index, problems


def index_problems(root: Path, index: Mapping[str, Any], files: HubFiles) -> Problems:
    """Yield the files that the index has and that are missing or changed, and those that it does not have."""
    recorded = set()
    for number, record in enumerate(index["files"]):
        name = record["path"]
        if name != posixpath.normpath(name) or name.startswith("..") or name in recorded:
            reason = "is there twice" if name in recorded else "is no plain path in the hub"
            yield Problem(INDEX, f"$.files[{number}].path", f"{name} {reason}")
            continue
        recorded.add(name)
        if name not in files.paths:
            if name not in files.faulty:
                yield Problem(name, WHOLE, f"is missing: the index has it with {record['size_bytes']} bytes")
            continue
        difference = files.differs(name, record, "the index")
        if difference is not None:
            yield Problem(name, WHOLE, difference)
    for name in {recorded_name(name) for name, _ in walk(root)} & files.paths.keys() - recorded:
        yield Problem(name, WHOLE, "is not in the index")
    for name in files.paths:
        if posixpath.basename(name).startswith(".") and name.endswith(".part") and name not in recorded:
            yield Problem(name, WHOLE, "is a temporary file that was left unfinished")


def run_problems(index: Mapping[str, Any], files: HubFiles) -> Problems:
    """Yield runs without an end, and what the index says of runs that is not so."""
    kinds: dict[str, str] = {}
    for number, run in enumerate(index["runs"]):
        place = f"$.runs[{number}]"
        fault = _unfinished(run, index["runs"][number + 1 :])
        if fault is not None:
            yield Problem(INDEX, f"{place}.status", fault)
        if run["id"] in kinds:
            yield Problem(INDEX, f"{place}.id", f"{run['id']} is there twice")
        for key in ("log_path", "reports_path", "blocked_path"):
            if run.get(key) is not None and run[key] not in files.paths:
                yield Problem(INDEX, f"{place}.{key}", f"{run[key]} is missing")
        for key in ("red", "collect"):
            if run[key] is not None and kinds.get(run[key]["run"]) != key:
                yield Problem(INDEX, f"{place}.{key}.run", f"{run[key]['run']} is no {key} run before {run['id']}")
        kinds[run["id"]] = run["evidence"]
        n_skips, n_skipped = len(run["skips"]), run["outcomes"].get("skipped", 0)
        if n_skips != n_skipped:
            sentence = f"lists {n_skips} skipped tests, but outcomes counts {n_skipped}"
            yield Problem(INDEX, f"{place}.skips", sentence)


def _unfinished(run: Mapping[str, Any], later: Sequence[Mapping[str, Any]]) -> str | None:
    """Return what is wrong with a run's end; a run that was killed and done again stays visible and is no fault."""
    if is_incomplete(run):
        if any(other["status"] == "ended" and other["command"] == run["command"] for other in later):
            return None
        return f"{run['id']} is incomplete: it began {run['started']} and no end is recorded"
    if run["status"] == "running":
        return f"{run['id']} is under way, so the hub is not finished: process {run['process']['pid']}"
    if run["ended"] is None or run["exit_status"] is None:
        return f"{run['id']} is ended, but has no time or exit status of its end"
    return None
