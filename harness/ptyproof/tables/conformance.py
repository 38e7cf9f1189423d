"""Methods and checks as a table: the records of conformance in hubs, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof import markdown
from ptyproof.console import printable
from ptyproof.errors import InputError
from ptyproof.hub.index import CONFORMANCE
from ptyproof.records.manifest import read_manifest
from ptyproof.tables.grid import Form, grid

if TYPE_CHECKING:
    from ptyproof_schemas.types.conformance import Conformance, Outcome

_SIGNS: dict[Outcome, str] = {
    "passed": "✓",
    "exception": "!",
    "stale": "stale",
    "failed": "✗",
    "skipped": "skipped",
    "not_run": "not run",
}


def read_records(hubs: Sequence[Path]) -> list[Conformance]:
    """Return the records of hubs, in the order of the hubs and of the methods' names.

    Raises
    ------
    InputError
        If a hub has no record, or two have one of the same method.
    ManifestError
        If a record is damaged.
    """
    found: dict[str, Conformance] = {}
    for hub in hubs:
        paths = sorted((hub / CONFORMANCE).glob("*.json"))
        if not paths:
            raise InputError(
                f"{hub} has no {CONFORMANCE}/METHOD.json; "
                f"`pytest --pyargs pytest_ptyproof.conformance --ptyproof-method=METHOD --artifact-hub={hub}` writes it"
            )
        for path in paths:
            record = read_manifest(path, "conformance")
            if record["method"] in found:
                raise InputError(f"{path}: another hub has a record of {record['method']} as well")
            found[record["method"]] = record
    return list(found.values())


def lines_of(records: Sequence[Conformance], form: Form) -> Iterator[str]:
    """Yield the lines of a table with a column for each method, and the reasons for what did not pass."""
    names = list(dict.fromkeys(check["check"] for record in records for check in record["checks"]))
    columns = [_column(record, names) for record in records]
    head = ["check", *(record["method"] for record in records)]
    rows = zip([*names, "verdict", "time / s", "memory / MiB"], *columns, strict=True)
    yield from grid(head, list(rows), form)
    yield ""
    for reason, places in _reasons(records).items():
        listed = "; ".join(f"{method}: {', '.join(checks)}" for method, checks in places.items())
        yield f"- {markdown.text(f'{listed}: {reason}')}" if form == "markdown" else printable(f"{listed}: {reason}")


def _column(record: Conformance, names: Sequence[str]) -> list[str]:
    outcomes = {check["check"]: _SIGNS[check["outcome"]] for check in record["checks"]}
    seconds = sum(check["duration_s"] or 0.0 for check in record["checks"])
    peaks = [peak for check in record["checks"] if (peak := check["peak_memory_bytes"]) is not None]
    memory = f"{max(peaks) / 2**20:.0f}" if peaks else markdown.UNKNOWN
    shown = [outcomes.get(name, markdown.UNKNOWN) for name in names]
    return [*shown, record["status"], f"{seconds:.1f}", memory]


def _reasons(records: Sequence[Conformance]) -> dict[str, dict[str, list[str]]]:
    """Return for each reason the methods and checks that have it."""
    found: dict[str, dict[str, list[str]]] = {}
    for record in records:
        for check in record["checks"]:
            said = check["reason"] or "; ".join(check["said"])
            if said:
                found.setdefault(said, {}).setdefault(record["method"], []).append(check["check"])
    return found
