"""The cells of several manifests of one study as those of one: which record of a cell stands, and what is a conflict.

A cell that one hub did not select, and another one did, is done. Of several ends of a job, the best stands (success,
failed, lost), and of equal ones the newest; the others that had ended are kept under `earlier_results`. Nothing depends
on the order of the hubs unless a preference decides a conflict.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ptyproof.records.cell_book import STATUSES, CellBook, Record

Prefer = Literal["first", "last"]
REJECTED = "rejected_by_phase_d"
# what two successes of a cell must have in common to be one
_RESULTS = ("bundle_sha256", "arrays_sha256")


@dataclass
class Conflicts:
    """Cells and files that differ between hubs; `prefer` decides them, and without it they are refused."""

    prefer: Prefer | None
    named: list[str] = field(default_factory=list)

    def decide(self, what: str, hubs: Sequence[int]) -> int:
        """Note a conflict; return the hub that is preferred."""
        self.named.append(what)
        return max(hubs) if self.prefer == "last" else min(hubs)


@dataclass(frozen=True)
class MergedCells:
    """The cells of a phase: jobs, skips, cells that were not selected, and the hub whose record of a job stands."""

    jobs: Mapping[str, Record]
    skips: Mapping[str, Record]
    not_selected: Mapping[str, Record]
    of_hub: Mapping[str, int]


def merged_cells(books: Sequence[CellBook | None], conflicts: Conflicts) -> MergedCells:
    """Return the cells of the books of several hubs; None is a hub without the phase."""
    present = [(number, book) for number, book in enumerate(books) if book is not None]
    keys = dict.fromkeys(
        key for _, book in present for group in (book.jobs, book.skips, book.not_selected) for key in group
    )
    jobs: dict[str, Record] = {}
    skips: dict[str, Record] = {}
    others: dict[str, Record] = {}
    of_hub: dict[str, int] = {}
    for key in keys:
        done = {number: book.jobs[key] for number, book in present if key in book.jobs}
        skipped = {number: book.skips[key] for number, book in present if key in book.skips}
        ended = [job for job in done.values() if job["result"]["status"] != "lost"]
        if skipped and ended and any(skip["code"] == REJECTED for skip in skipped.values()):
            number = conflicts.decide(f"{key} is a rejected view in one hub and a job in another", [*done, *skipped])
            done, skipped = ({number: done[number]}, {}) if number in done else ({}, skipped)
        if done and (ended or not skipped):
            jobs[key], of_hub[key] = _job(key, done, conflicts)
        elif skipped:
            skips[key] = _skip(key, skipped, conflicts)
        else:
            others[key] = next(book.not_selected[key] for _, book in present if key in book.not_selected)
    return MergedCells(jobs, skips, others, of_hub)


def merged_calls(manifests: Iterable[Mapping[str, Any]]) -> list[Record]:
    """Return every call of several manifests once, oldest first; equal ids are one call, with all that it asked for."""
    found: dict[str, Record] = {}
    for manifest in manifests:
        for call in manifest["calls"]:
            known = found.setdefault(call["id"], dict(call))
            for key in ("jobs", "skipped"):
                known[key] = list(dict.fromkeys([*known[key], *call[key]]))
    return sorted(found.values(), key=lambda call: (call["timestamp"], call["id"]))


def by_key(
    lists: Iterable[tuple[int, Iterable[Record]]], key: Callable[[Record], Any], what: str, conflicts: Conflicts
) -> dict[Any, Record]:
    """Return the records of several lists by a key; a key with different records is a conflict."""
    found: dict[Any, dict[int, Record]] = {}
    for number, records in lists:
        for record in records:
            found.setdefault(key(record), {})[number] = record
    merged = {}
    for name, of_hub in found.items():
        first = next(iter(of_hub))
        is_one = all(record == of_hub[first] for record in of_hub.values())
        merged[name] = of_hub[first if is_one else conflicts.decide(f"{what} of {name}", list(of_hub))]
    return merged


def _job(key: str, done: Mapping[int, Record], conflicts: Conflicts) -> tuple[Record, int]:
    """Return the record of a job that stands, with all other ends among its earlier results, and its hub."""
    best = min(STATUSES.index(job["result"]["status"]) for job in done.values())
    standing = {n: job for n, job in done.items() if job["result"]["status"] == STATUSES[best]}
    if STATUSES[best] == "success" and len({_digests(job) for job in standing.values()}) > 1:
        chosen = conflicts.decide(f"the result of {key}", list(standing))
    else:
        newest = max(standing.values(), key=_age)
        chosen = next(number for number, job in standing.items() if job == newest)
    ends = [job["result"] for job in done.values() if job["result"]["status"] != "lost"]
    ends += [result for job in done.values() for result in job["earlier_results"]]
    own = done[chosen]["result"]
    earlier = {json.dumps(result, sort_keys=True): result for result in ends if result != own}
    in_time = sorted(earlier.items(), key=lambda item: (item[1]["finished"], item[0]))
    return done[chosen] | {"earlier_results": [result for _, result in in_time]}, chosen


def _digests(job: Record) -> tuple[Any, ...]:
    return tuple(job["result"].get(name) for name in _RESULTS)


def _age(job: Record) -> tuple[str, str]:
    result = job["result"]
    return result["finished"] or result["started"] or "", json.dumps(job, sort_keys=True)


def _skip(key: str, skipped: Mapping[int, Record], conflicts: Conflicts) -> Record:
    first = next(iter(skipped))
    is_one = all(skip | {"selected": True} == skipped[first] | {"selected": True} for skip in skipped.values())
    chosen = first if is_one else conflicts.decide(f"the reason for the skip of {key}", list(skipped))
    return skipped[chosen] | {"selected": any(skip["selected"] for skip in skipped.values())}
