"""What the process of a job records: a file in the job's folder, until the coordinator has it in the manifest.

The process that submits jobs, the coordinator, is the only one that writes a manifest. It hands each job the entries
that the job may look at. The process of the job writes its entry into `job_result.json` beside its state file: at the
start of an attempt (the entry says `lost`), and at its end. The coordinator records the entry in the manifest and
removes the file. If it died before that, the next one finds the file: until it is removed, its entry is the newer one.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, Self

from ptyproof.errors import ManifestError
from ptyproof.io.strict_json import parse_bytes, read_content_if_there
from ptyproof.records.cell_book import Record, changed
from ptyproof.records.journal import Version, version_of
from ptyproof.records.manifest import head, parsed_manifest, write_manifest
from ptyproof.study.cells import Cell, JobT
from ptyproof.study.design import StudyDesign
from ptyproof.study.layout import RESULT_FILE, STATE_FILE

KIND = "job_result"


class CellFiles(NamedTuple):
    """Where a job's process writes.

    `output` is what is locked meanwhile, `result` the entry of the job, and `traces` are the files by which one sees
    that another attempt was made.
    """

    output: Path
    result: Path
    traces: tuple[Path, ...]

    @property
    def state(self) -> Path:
        """The file that says that a process runs the job."""
        return self.result.with_name(self.result.name.removesuffix(RESULT_FILE) + STATE_FILE)

    def versions(self) -> tuple[Version | None, ...]:
        """Return the version of each trace and of the entry, None where there is none."""
        return tuple(map(version_of, (*self.traces, self.result)))


class Ledger(Protocol):
    """What the record of a job needs of the manifest; `cell_ledger.CellLedger` is one."""

    FILE: ClassVar[str]

    @property
    def design(self) -> StudyDesign:
        """The study."""

    def files(self, cell: Any) -> CellFiles:
        """Return the files of a cell that tell what its job's process does."""

    def new_entry(self, job: Any) -> Mapping[str, Any]:
        """Return the entry of a job that was selected and is not started."""

    def checked(self, event: Record, place: Path | str) -> Record:
        """Return an event whose cell obeys its part of the schema."""

    def taken_in(self, key: str) -> Record | None:
        """Return the recorded entry of a job by its name, or None."""


class Seen(NamedTuple):
    """The entry of a cell as the coordinator has it, and the versions of its files at that time."""

    entry: Record | None
    versions: tuple[Version | None, ...]


@dataclass(frozen=True, eq=False)
class JobRecord(Generic[JobT]):
    """The record of a job in the process that does it. It can be pickled.

    Parameters
    ----------
    ledger
        The manifest, which is read only where another process has worked at a cell since `seen`.
    job
        The job.
    near
        The cells whose entries the job may look at, its own among them.
    seen
        Their entries as they were when the job was handed over.
    """

    ledger: Ledger
    job: JobT
    near: tuple[Cell, ...]
    seen: Mapping[Cell, Seen]
    _own: list[Record] = field(default_factory=list)  # what this process has recorded, the latest alone

    def entry(self) -> Record | None:
        """Return the entry of the job, or None."""
        return deepcopy(self._own[-1]) if self._own else self._entry(self.job.cell)

    def entries_near(self) -> list[Record]:
        """Return the entries that the work at the job may look at, its own among them."""
        found = [self.entry() if cell == self.job.cell else self._entry(cell) for cell in self.near]
        return [entry for entry in found if entry is not None]

    def anew(self) -> Self:
        """Return the record for a process that had to wait for another one: it believes nothing of what was seen."""
        return replace(self, seen={})

    def changed(self, **changes: Any) -> Record:
        """Return the entry of the job with changes (its `result`, `environment`, ...).

        A result that is replaced after it had ended is kept under `earlier_results`.
        """
        entry = self.entry() or dict(self.ledger.new_entry(self.job))
        return changed(entry, {**self.job.plan, **changes})

    def record(self, **changes: Any) -> Record:
        """Change the entry of the job as `changed` does, write it into the job's folder, and return it."""
        return self.put(self.changed(**changes))

    def put(self, entry: Record) -> Record:
        """Write the entry of the job into its folder, and return it."""
        path = self.ledger.files(self.job.cell).result
        record = self.ledger.checked({"job": self.job.key, "entry": entry}, path)
        write_manifest(
            path,
            {
                **head(KIND),
                "manifest": self.ledger.FILE,
                "design_digest": self.ledger.design.digest(),
                **record,
            },
        )
        self._own[:] = [record["entry"]]
        return deepcopy(record["entry"])

    def _entry(self, cell: Cell) -> Record | None:
        left = left_entry(self.ledger, cell)
        if left is not None:
            return left
        seen = self.seen.get(cell)
        if seen is not None and seen.versions == self.ledger.files(cell).versions():
            return deepcopy(seen.entry)
        return self.ledger.taken_in(cell.key)


def left_entry(ledger: Ledger, cell: Cell, known: Record | None = None) -> Record | None:
    """Return the entry that the process of a cell's job has left in its folder; None if it has not left one.

    If it is `known`, it is not checked again.

    Raises
    ------
    ManifestError
        If the file is damaged, or it is of another job or study.
    """
    path = ledger.files(cell).result
    raw = read_content_if_there(path)
    if raw is None:
        return None
    if known is not None:
        value = parse_bytes(raw, path)
        if isinstance(value, dict) and value.get("entry") == known:
            return known
    record = parsed_manifest(raw, KIND, path)
    if (record["job"], record["manifest"]) != (cell.key, ledger.FILE):
        raise ManifestError(path, f"is of job {record['job']} in {record['manifest']}, expected {cell.key}", "job")
    if record["design_digest"] != ledger.design.digest():
        raise ManifestError(path, "is of a study with another design; remove it to run the job", "design_digest")
    found: Record = ledger.checked({"job": record["job"], "entry": record["entry"]}, path)["entry"]
    return found
