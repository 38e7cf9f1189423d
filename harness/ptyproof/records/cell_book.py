"""The cells of a manifest in memory, by name: jobs, skips, and cells that no call has selected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ptyproof.study.cells import Cell, Skip

Record = dict[str, Any]  # a record of any kind, while a book is open

STATUSES = ("success", "failed", "lost")


class CellBook:
    """A manifest that is open for changes.

    Parameters
    ----------
    manifest
        The manifest.
    skips
        The key of its skips.
    cell
        What a record is about, which has its name.
    """

    def __init__(self, manifest: Record, skips: str, cell: type[Cell]) -> None:
        self.manifest = manifest
        self.events: list[Record] = []  # changes of single cells since the book was recorded
        self.is_renewed = False  # more was changed than single cells
        self._skips_key = skips
        self._cell = cell
        self.jobs: dict[str, Record] = {entry["job"]: entry for entry in manifest["jobs"]}
        self.skips = {self._name(skip): skip for skip in manifest[skips]}
        self.not_selected = {self._name(record): record for record in manifest["not_selected"]}

    def skip(self, skip: Skip) -> None:
        """Make a cell a skip, unless it ended as a job while its data existed: that result stays.

        A skip that one call has selected stays selected, as a job does that one call has selected.
        """
        if skip.key in self.jobs and self.jobs[skip.key]["result"]["status"] != "lost":
            return
        earlier = self.skips.get(skip.key)
        self._apply({"skip": skip.as_dict() | ({"selected": True} if earlier and earlier["selected"] else {})})

    def change(self, key: str, new: Mapping[str, Any], changes: Record) -> Record:
        """Change the entry of a job (`new` if it has no entry) as `changed` does, and return it."""
        return self.put(changed(self.jobs.get(key, new), changes))

    def take_in(self, entry: Record) -> Record:
        """Take in the entry that a process has made of a job; return the entry that the job then has.

        Taking in the same entry twice changes nothing. An entry is left out if another attempt was recorded after it,
        or if it says no more than that an attempt began of which more is recorded. An ended result that the entry does
        not know is added to its `earlier_results`.
        """
        current = self.jobs.get(entry["job"])
        if current is None:
            return self.put(entry)
        earlier, before = entry["earlier_results"], current["earlier_results"]
        is_same = is_same_attempt(current, entry)
        is_begin = is_same and entry["result"]["status"] == "lost"
        if current == entry or is_begin or before[: len(earlier) + 1] == [*earlier, entry["result"]]:
            return current
        ended = current["result"]
        if is_same:
            entry = entry | {"earlier_results": max(before, earlier, key=len)}
        elif ended["status"] != "lost" and ended not in earlier:
            entry = entry | {"earlier_results": [*earlier, ended]}
        return current if entry == current else self.put(entry)

    def put(self, entry: Record) -> Record:
        """Replace the entry of a job by this one and return it."""
        self._apply({"job": entry["job"], "entry": entry})
        return entry

    def replay(self, event: Record) -> None:
        """Do an event that is recorded, once or again."""
        if "skip" in event:
            key = self._name(event["skip"])
            self.jobs.pop(key, None)
            self.skips[key] = event["skip"]
        else:
            self.jobs[event["job"]] = event["entry"]

    def close(self, order: list[str]) -> None:
        """Put the cells into the manifest in order, and count them."""
        jobs = _in_order(order, self.jobs)
        skips = _in_order(order, self.skips)
        selected = self.jobs.keys() | self.skips.keys()
        others = _in_order([key for key in order if key not in selected], self.not_selected)
        counts = {f"n_{status}": 0 for status in STATUSES}
        for entry in jobs:
            counts[f"n_{entry['result']['status']}"] += 1
        counts |= {"n_skipped": len(skips), "n_not_selected": len(others)}
        self.manifest |= {
            "jobs": jobs,
            "not_selected": others,
            self._skips_key: skips,
            "account": {"n_enumerated": sum(counts.values()), **counts},
        }

    def _name(self, record: Record) -> str:
        return self._cell.of(record).key

    def _apply(self, event: Record) -> None:
        self.replay(event)
        self.events.append(event)


def changed(entry: Mapping[str, Any], changes: Mapping[str, Any]) -> Record:
    """Return an entry with changes.

    A result that is replaced after it had ended is kept under `earlier_results`.
    """
    entry = dict(entry)
    if "result" in changes and entry["result"]["status"] != "lost":
        entry["earlier_results"] = [*entry["earlier_results"], entry["result"]]
    return entry | dict(changes)


def is_same_attempt(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two entries of a job are of the same attempt: started at the same time, for the same call."""
    same_start = one["result"]["started"] == other["result"]["started"]
    return bool(same_start and one.get("call") == other.get("call"))


def _in_order(order: list[str], records: dict[str, Record]) -> list[Record]:
    return [records[key] for key in order if key in records]
