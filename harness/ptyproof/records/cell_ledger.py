"""What the manifests of Phases E and F share: one writer at a time, one state per cell, nothing recorded is lost.

Every process opens the manifest under a lock, changes the cells it knows about, and writes it whole. A job that was
started stands there as `lost` until its end is recorded, so that a run that was killed stays visible. A cell has one
state: a job (success, failed, lost), a skip, or not selected.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ptyproof.errors import InputError
from ptyproof.io.locking import lock
from ptyproof.records.manifest import read_manifest, write_manifest
from ptyproof.study.design import StudyDesign

NOT_STARTED = "selected, but it was not started: the run ended before it, or is under way"
NOT_ENDED = "started, but no end was recorded: it was killed, or is running"
STATUSES = ("success", "failed", "lost")

Record = dict[str, Any]


@dataclass(frozen=True, eq=False)
class CellLedger(ABC):
    """A manifest of a study's cells under an artifact root.

    Parameters
    ----------
    design
        The study.
    phase_c_root, phase_d_root
        Where the data lie; recorded relative to `artifact_root`.
    artifact_root
        Folder of the manifest.
    """

    design: StudyDesign
    phase_c_root: Path
    phase_d_root: Path
    artifact_root: Path

    KIND: ClassVar[str]
    FILE: ClassVar[str]
    SKIPS: ClassVar[str]
    RESULT_KEYS: ClassVar[tuple[str, ...]]

    @property
    def path(self) -> Path:
        """The manifest."""
        return self.artifact_root / self.FILE

    def read(self) -> Record | None:
        """Return the manifest as it stands, or None where there is none.

        Raises
        ------
        ManifestError
            If it is damaged.
        InputError
            If it is the record of another study.
        """
        if not self.path.exists():
            return None
        manifest: Record = read_manifest(self.path, self.KIND)
        if manifest["design_digest"] != self.design.digest():
            raise InputError(
                f"{self.path} is the record of study {manifest['study']} with another design; choose another "
                f"--artifact-root for study {self.design.name}"
            )
        return manifest

    def entry_of(self, key: str) -> Record | None:
        """Return the recorded entry of a job, or None."""
        manifest = self.read()
        entries: list[Record] = [] if manifest is None else manifest["jobs"]
        return next((entry for entry in entries if entry["job"] == key), None)

    @classmethod
    def lost_result(cls, error: str) -> Record:
        """Return the result of a job whose end is not recorded."""
        return dict.fromkeys(cls.RESULT_KEYS) | {"status": "lost", "error": error}

    @contextmanager
    def changing(self) -> Iterator[CellBook]:
        """Yield the manifest, open for changes; it is written when they are done."""
        with lock(self.path):
            earlier = self.read()
            kept = ("filters", "calls", "jobs", "not_selected", self.SKIPS)
            book = CellBook(
                self.new() | ({} if earlier is None else {key: earlier[key] for key in kept}), self.SKIPS, self.name
            )
            yield book
            book.close(self.order(book))
            self.write(book.manifest)

    def write(self, manifest: Record) -> None:
        """Write the manifest, and what goes with it."""
        write_manifest(self.path, manifest)

    @abstractmethod
    def new(self) -> Record:
        """Return the manifest without any cells."""

    @abstractmethod
    def name(self, record: Record) -> str:
        """Return the name of a cell from its record."""

    @abstractmethod
    def order(self, book: CellBook) -> list[str]:
        """Return the names of all cells that may be there, in the study's order."""


class CellBook:
    """A manifest that is open for changes, its cells by name: jobs, skips, and those that nobody has selected."""

    def __init__(self, manifest: Record, skips: str, name: Callable[[Record], str]) -> None:
        self.manifest = manifest
        self._skips_key = skips
        self.jobs: dict[str, Record] = {entry["job"]: entry for entry in manifest["jobs"]}
        self.skips = {name(skip): skip for skip in manifest[skips]}
        self.not_selected = {name(cell): cell for cell in manifest["not_selected"]}

    def is_new_call(self, call_id: str) -> bool:
        """Tell whether a call is not recorded yet: one of several processes has one `call_id`."""
        return all(call["id"] != call_id for call in self.manifest["calls"])

    def skip(self, key: str, record: Record) -> None:
        """Make a cell a skip, unless it has ended as a job while its data were there: that result stays."""
        if key in self.jobs and self.jobs[key]["result"]["status"] != "lost":
            return
        self.jobs.pop(key, None)
        self.skips[key] = record

    def change(self, key: str, new: Record, changes: Record) -> Record:
        """Change the entry of a job, `new` where it has none, and return it.

        A result that is replaced after it had ended is kept under `earlier_results`.
        """
        entry = self.jobs.setdefault(key, new)
        if "result" in changes and entry["result"]["status"] != "lost":
            entry["earlier_results"].append(entry["result"])
        entry.update(changes)
        return entry

    def close(self, order: list[str]) -> None:
        """Put the cells into the manifest, in order, and do the account."""
        jobs = _in_order(order, self.jobs)
        skips = _in_order(order, self.skips)
        others = _in_order([key for key in order if key not in self.jobs | self.skips], self.not_selected)
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


def _in_order(order: list[str], records: dict[str, Record]) -> list[Record]:
    return [records[key] for key in order if key in records]
