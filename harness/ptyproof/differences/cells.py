"""Cells that appeared, vanished, or have another state, and the hashes of what the others have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ptyproof.study.layout import name_of

if TYPE_CHECKING:
    from ptyproof.differences.sides import Record
    from ptyproof_schemas.types.hub_difference import Digest, HashCount, State

SUCCESS = "success"
WORSE_THAN_SUCCESS = ("failed", "lost", "skipped")


@dataclass(frozen=True)
class CellState:
    """The state of a cell, why it has it, and the hashes of what it has and was made from."""

    status: str
    reason: str | None
    digests: Mapping[str, str]


def is_worse(old: str | None, new: str | None) -> bool:
    """Tell whether a cell that was a success has no result any more although one was asked for."""
    return old == SUCCESS and new in WORSE_THAN_SUCCESS


def cells_of(record: Record, manifest: Mapping[str, Any]) -> dict[str, CellState]:
    """Return the cells of a manifest by their names."""
    if record == "comparison":
        return {name_of(cell): _compared(cell) for cell in manifest["cells"]}
    found = {name_of(job): job_state(job) for job in manifest["jobs"]}
    for skip in manifest["skipped_views" if record == "training" else "skipped"]:
        found[name_of(skip)] = CellState("skipped", skip["reason"], {})
    for cell in manifest["not_selected"]:
        found[name_of(cell)] = CellState("not_selected", None, {})
    return found


def job_state(job: Mapping[str, Any]) -> CellState:
    """Return the state of a training or reconstruction by its entry."""
    result = job["result"]
    digests = {"bundle": result.get("bundle_sha256"), "arrays": result.get("arrays_sha256")}
    if job.get("datasets") is not None:
        digests |= {f"{half}_dataset": file["sha256"] for half, file in job["datasets"].items()}
    if job.get("dataset") is not None:
        digests["dataset"] = job["dataset"]["sha256"]
    return CellState(result["status"], result["error"], _known(digests))


def _compared(cell: Mapping[str, Any]) -> CellState:
    if cell["status"] != SUCCESS:
        return CellState(cell["status"], cell["reason"], {})
    return CellState(SUCCESS, None, {"arrays": cell["arrays_sha256"], "dataset": cell["dataset"]["sha256"]})


def _known(digests: Mapping[str, str | None]) -> dict[str, str]:
    return {what: digest for what, digest in digests.items() if digest is not None}


def states(record: Record, old: Mapping[str, CellState], new: Mapping[str, CellState]) -> Iterator[State]:
    """Yield the cells whose state differs, in the order of the new manifest; those that vanished come last."""
    for name in {**new, **old}:
        before, after = old.get(name), new.get(name)
        statuses = tuple(None if cell is None else cell.status for cell in (before, after))
        if statuses[0] == statuses[1]:
            continue
        known = after or before
        yield {
            "record": record,
            "cell": name,
            "old": cast("Any", statuses[0]),
            "new": cast("Any", statuses[1]),
            "reason": None if known is None else known.reason,
            "is_worse": is_worse(*statuses),
        }


def digests(
    record: Record, old: Mapping[str, CellState], new: Mapping[str, CellState]
) -> tuple[list[Digest], list[HashCount]]:
    """Return the hashes that differ, of cells that both have, and how many of each kind are the same."""
    found: list[Digest] = []
    counts: dict[str, HashCount] = {}
    for name, after in new.items():
        before = old.get(name)
        for what, digest in after.digests.items():
            other = None if before is None else before.digests.get(what)
            if other is None:
                continue
            kind = cast("Any", what)
            count = counts.setdefault(what, {"record": record, "what": kind, "n_same": 0, "n_other": 0})
            if other == digest:
                count["n_same"] += 1
            else:
                count["n_other"] += 1
                found.append({"record": record, "cell": name, "what": kind, "old": other, "new": digest})
    return found, list(counts.values())
