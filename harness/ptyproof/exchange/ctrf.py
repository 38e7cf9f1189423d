"""The tests of a run in the Common Test Report Format, CTRF, version 0.0.0 (https://ctrf.io)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ptyproof._version import __version__
from ptyproof.errors import InputError
from ptyproof.exchange.export import JudgedFiles, judged
from ptyproof.exchange.packing import new_output
from ptyproof.hub.index import INDEX
from ptyproof.hub.results import RecordedTest, standing_runs, tests_of
from ptyproof.io.strict_json import format_json
from ptyproof.provenance.revision import digest_of_files

SPECIFICATION = "0.0.0"
_STRICT = "XPASS(strict)"
_STATUSES = ("passed", "failed", "skipped", "pending", "other")
_STATUS = {
    "passed": "passed",
    "failed": "failed",
    "error": "failed",
    "crashed": "failed",
    "collection error": "failed",
    "skipped": "skipped",
    "not collected": "skipped",
    "not_run": "pending",
}


def export_ctrf(root: Path, out: Path, *, run: str | None = None, unsound: bool = False) -> int:
    """Write the report of a run of tests in a hub; return the number of its tests.

    Parameters
    ----------
    root
        The hub.
    out
        A new JSON file.
    run
        Id of the run; None is the newest real run, or without one the newest run of tests that is no red evidence.
    unsound
        Whether a hub with errors is accepted; the report says so.

    Raises
    ------
    InputError
        If the hub is not sound, has no such run with reports, or `out` exists or lies in the hub.
    """
    with new_output(out, root) as temporary:
        hub = judged(root, unsound=unsound)
        report = _report(root, hub, _chosen(root, hub.index, run))
        temporary.write_text(format_json(report), encoding="utf-8")
    return len(report["results"]["tests"])


def _chosen(root: Path, index: Mapping[str, Any], name: str | None) -> Any:
    runs = [run for run in index["runs"] if run["reports_path"] is not None and run["evidence"] != "collect"]
    if name is not None:
        found = [run for run in runs if run["id"] == name]
        if not found:
            known = ", ".join(run["id"] for run in runs) or "none"
            raise InputError(f"--run must be a run of tests in {root}, got {name}; these have reports: {known}")
        return found[0]
    chosen = standing_runs(runs)
    if not chosen:
        raise InputError(f"{root} has no run of tests with reports, so there is nothing to report")
    if len(chosen) > 1:
        raise InputError(
            f"{root} is a merged hub, and no run since has seen all its cells, so a report is of one part: name one "
            f"with --run ({', '.join(run['id'] for run in chosen)})"
        )
    return chosen[0]


def _report(root: Path, hub: JudgedFiles, run: Mapping[str, Any]) -> dict[str, Any]:
    digest = hub.files.digest(INDEX)
    extra = {"hub_index_sha256": digest, "run": run["id"], "command": run["command"], "errors_of_hub": len(hub.errors)}
    return {
        "reportFormat": "CTRF",
        "specVersion": SPECIFICATION,
        "runId": f"{digest}/{run['id']}",
        "timestamp": hub.index["timestamp"],
        "generatedBy": f"pytest-ptyproof {__version__}",
        "extra": extra,
        "results": _results(root, run),
    }


def _results(root: Path, run: Any) -> dict[str, Any]:
    tests = [_test(found) for found in tests_of(root, run)]
    counts = Counter(test["status"] for test in tests)
    start = _milliseconds(run["started"])
    stop = start if run["ended"] is None else _milliseconds(run["ended"])
    summary = {"tests": len(tests), **{status: counts[status] for status in _STATUSES}}
    summary |= {"flaky": sum("flaky" in test for test in tests), "start": start, "stop": stop, "duration": stop - start}
    not_listed = {
        "not_run": max(0, run["outcomes"].get("not_run", 0) - counts["pending"]),
        "deselected": sum(one["count"] for one in run.get("deselected", ())),
    }
    return {
        "tool": {"name": "pytest", "version": run["environment"].get("pytest", "unknown")},
        "summary": summary | {"extra": {"tests_without_a_report": not_listed}},
        "tests": tests,
        "environment": _environment(run),
    }


def _environment(run: Mapping[str, Any]) -> dict[str, Any]:
    revision, environment = run["revision"], run["environment"]
    digests = {key: digest_of_files(revision[key]) for key in ("code_sha256", "tests_sha256", "uncommitted_sha256")}
    found = {"osPlatform": environment["system"].lower(), "extra": {"revision": digests, **environment}}
    return found if revision["commit"] is None else {"commit": revision["commit"], **found}


def _test(found: RecordedTest) -> dict[str, Any]:
    """Return a test; a failure that was expected, and a pass that was not, have the status `other`."""
    head, bracket, parameters = found.test.partition("[")  # parameters may hold any text, also ::
    file, *inner = head.split("::")
    test: dict[str, Any] = {
        "testId": found.test or "unnamed",
        "name": f"{inner[-1] if inner else file}{bracket}{parameters}" or "unnamed",
        "status": "failed" if _STRICT in found.errors else _STATUS.get(found.outcome, "other"),
        "rawStatus": found.outcome,
        "duration": round(1000 * found.duration_s),
        "suite": [file, *inner[:-1]],
        "filePath": file,
    }
    message = found.reason or ", ".join(found.errors)
    test |= {"message": message} if message else {}
    test |= {"trace": "\n".join(found.texts)} if found.texts else {}
    if found.n_reruns:
        test |= {"retries": found.n_reruns} | ({"flaky": True} if test["status"] == "passed" else {})
    return test


def _milliseconds(stamp: str) -> int:
    """Return the milliseconds from 1970 on of a time in a record."""
    return int(datetime.fromisoformat(stamp).timestamp() * 1000)
