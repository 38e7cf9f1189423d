"""The ledger of cells in the manifests of Phases E and F: one writer at a time, one state for each cell.

A started job is `lost` until its end is recorded, so a killed run stays visible. A cell has one state: a job (success,
failed, lost), a skip, or not selected. `journaled_manifest` says how a change is recorded.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, Self

from ptyproof import clock
from ptyproof.errors import InputError
from ptyproof.io.file_record import relative
from ptyproof.io.locking import lock_if_free
from ptyproof.provenance.redaction import redaction
from ptyproof.records.cell_book import CellBook, Record
from ptyproof.records.job_record import CellFiles, JobRecord, Seen, left_entry
from ptyproof.records.journaled_manifest import JournaledManifest, ManifestT
from ptyproof.records.manifest import TimedHead, read_manifest, timed_head
from ptyproof.study.cells import Cell, Enumeration, JobT, Skip
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.layout import RUN_MANIFEST
from ptyproof_schemas.types.study_design import StudyDesign as StudyDesignRecord
from ptyproof_schemas.types.training_manifest import Account

NOT_STARTED = "selected, but it was not started: the run ended before it, or is under way"
NOT_ENDED = "started, but no end was recorded: it was killed, or is running"

NO_CELLS: Account = {
    "n_enumerated": 0,
    "n_success": 0,
    "n_failed": 0,
    "n_lost": 0,
    "n_skipped": 0,
    "n_not_selected": 0,
}


class StudyHead(TimedHead):
    """The first keys of every manifest of cells."""

    study: str
    design: StudyDesignRecord
    design_digest: str
    phase_c_root: str
    phase_d_root: str
    artifact_root: Literal["."]


class Filters(Protocol):
    """Which cells a call wants."""

    def as_dict(self) -> Mapping[str, Any]:
        """Return the record for a manifest."""


@dataclass(frozen=True, eq=False)
class CellLedger(JournaledManifest[ManifestT], Generic[JobT, ManifestT]):
    """A manifest of a study's cells under an artifact root."""

    LOST: ClassVar[type]  # what a result has, as the types of the schema say

    @classmethod
    def opened(
        cls, phase_c_root: Path, phase_d_root: Path, artifact_root: Path, design: StudyDesign | None = None
    ) -> Self:
        """Return the ledger of the study that Phase C recorded, or of `design`.

        Raises
        ------
        InputError
            If Phase C left no record and no design is given.
        ManifestError
            If Phase C's record is damaged.
        """
        if design is None:
            path = phase_c_root / RUN_MANIFEST
            if not path.is_file():
                raise InputError(
                    f"--phase-c-root {phase_c_root} has no {RUN_MANIFEST}; run `ptyproof generate`, or give --study"
                )
            design = design_from_dict(read_manifest(path, "run_manifest")["design"])
        return cls(design, phase_c_root, phase_d_root, artifact_root)

    @classmethod
    @abstractmethod
    def files_in(cls, artifact_root: Path, cell: Any) -> CellFiles:
        """Return the files of a cell that tell what its job's process does."""

    def files(self, cell: Any) -> CellFiles:
        """Return the files of a cell under this artifact root, as `files_in` does."""
        return self.files_in(self.artifact_root, cell)

    @classmethod
    def left_in(cls, artifact_root: Path, entries: Iterable[Mapping[str, Any]]) -> list[Cell]:
        """Return the cells of these entries whose jobs have left an entry."""
        cells = map(cls.CELL.of, entries)
        return [cell for cell in cells if os.path.lexists(cls.files_in(artifact_root, cell).result)]

    def near(self, job: JobT) -> tuple[Cell, ...]:
        """Return the cells whose entries the work at a job may look at, its own among them."""
        return (job.cell,)

    def entry(self, job: JobT) -> Record | None:
        """Return the entry of a job, or None: what its process has left, or else what is recorded."""
        return left_entry(self, job.cell) or self.taken_in(job.key)

    def taken_in(self, key: str) -> Record | None:
        """Return the recorded entry of a job by its name, or None."""
        book = self._current()
        return None if book is None else deepcopy(book.jobs.get(key))

    def newer(self, book: CellBook) -> list[Record]:
        """Return the entries that processes of jobs have left and that a book does not have yet."""
        cells = self.left_in(self.artifact_root, book.jobs.values())
        left = (left_entry(self, cell) for cell in cells)
        return [entry for entry in left if entry is not None and entry != book.jobs[entry["job"]]]

    def handed(self, job: JobT) -> JobRecord[JobT]:
        """Return the record of a job for the process that does it."""
        near = self.near(job)
        versions = [self.files(cell).versions() for cell in near]  # before the entries: what is newer is seen
        book = self._current()
        recorded = {} if book is None else book.jobs
        entries = [left_entry(self, cell) or recorded.get(cell.key) for cell in near]
        return JobRecord(self, job, near, dict(zip(near, map(Seen, entries, versions), strict=True)))

    def take_in(self, ended: Sequence[tuple[Cell, Record | None]]) -> list[Record]:
        """Record how jobs ended, in one step, and remove the files that their processes left; return their entries.

        A cell of which nothing is known is left out: another process has made it a skip, and removed what was left.

        Parameters
        ----------
        ended
            Cells, each with the entry that its process has returned, or None for the entry that it has left.
        """
        with self.changing() as book:
            taken = [self._taken_in(book, cell, returned) for cell, returned in ended]
        for (cell, _), (_, left) in zip(ended, taken, strict=True):
            self._remove_left(cell, left)
        return [deepcopy(entry) for entry, _ in taken if entry is not None]

    def take_in_left(self, cells: Iterable[Cell] = ()) -> None:
        """Record what processes of jobs have left, of recorded jobs and of these cells."""
        book = self._current()
        recorded = () if book is None else self.left_in(self.artifact_root, book.jobs.values())
        others = (cell for cell in cells if os.path.lexists(self.files(cell).result))
        left = dict.fromkeys((*recorded, *others))
        if left:
            self.take_in([(cell, None) for cell in left])

    def fold(self) -> None:
        """Record what processes of jobs have left, write the manifest with all events, and remove the journal."""
        self.take_in_left()
        super().fold()

    def open_call(
        self, found: Enumeration[JobT], filters: Filters, allow_missing_phase_d: bool, call_id: str, **how: Any
    ) -> Record:
        """Record what a call asks for: its cells, skips and filters, and `how`; return the call's record.

        A call of several processes has one `call_id`, and is recorded by the first of them.
        """
        self.take_in_left([*(job.cell for job in found.jobs), *(skip.cell for skip in found.skipped)])
        with self.changing() as book:
            calls: list[Record] = book.manifest["calls"]
            earlier = next((call for call in calls if call["id"] == call_id), None)
            if earlier is not None:
                return earlier
            book.is_renewed = True
            book.manifest["filters"] = filters.as_dict()
            call = {
                "id": call_id,
                "timestamp": clock.stamp(),
                "filters": filters.as_dict(),
                **how,
                "allow_missing_phase_d": allow_missing_phase_d,
                "jobs": [job.key for job in found.jobs],
                "skipped": [skip.key for skip in found.skipped],
            }
            calls.append(call)
            for job in found.jobs:
                book.jobs.setdefault(job.key, dict(self.new_entry(job)))
            for skip in found.skipped:
                book.skip(skip)
            for job in (*found.jobs, *found.not_selected):
                book.skips.pop(job.key, None)  # its data were missing earlier and exist now
            book.not_selected.update({job.key: job.cell.as_dict() for job in found.not_selected})
        self._drop(found.skipped)
        return call

    def record(self, job: JobT, **changes: Any) -> Record:
        """Change the entry of a job (its `result`, `environment`, ...) and return it.

        A result that is replaced after it had ended is kept under `earlier_results`.
        """
        with self.changing() as book:
            left = left_entry(self, job.cell)
            if left is not None:
                book.take_in(left)
            entry = book.change(job.key, self.new_entry(job), deepcopy({**job.plan, **changes}))
        self._remove_left(job.cell, left)
        return deepcopy(entry)

    def skip(self, skip: Skip) -> None:
        """Record that a selected cell is impossible."""
        self.take_in_left([skip.cell])
        with self.changing() as book:
            book.skip(skip)
        self._drop([skip])

    def portable(self, text: str, job: JobT) -> str:
        """Return a text about a job with paths relative to the artifact root, as in the manifest."""
        for path in job.paths:
            text = text.replace(str(path), relative(path, self.artifact_root))
        return redaction(self.artifact_root).clean(text.replace(f"{self.artifact_root}/", ""))

    @classmethod
    def lost_result(cls, error: str) -> Any:
        """Return the result (`LOST`) of a job whose end is not recorded."""
        return dict.fromkeys(cls.LOST.__annotations__) | {"status": "lost", "error": error}

    def head(self) -> StudyHead:
        """Return the first keys of the manifest."""
        return {
            **timed_head(self.KIND),
            "study": self.design.name,
            "design": self.design.as_dict(),
            "design_digest": self.design.digest(),
            "phase_c_root": relative(self.phase_c_root, self.artifact_root),
            "phase_d_root": relative(self.phase_d_root, self.artifact_root),
            "artifact_root": ".",
        }

    @abstractmethod
    def new_entry(self, job: JobT) -> Mapping[str, Any]:
        """Return the entry of a job that was selected and is not started."""

    def _taken_in(self, book: CellBook, cell: Cell, returned: Record | None) -> tuple[Record | None, Record | None]:
        """Return the entry that a job has then, and the entry that its process has left."""
        left = left_entry(self, cell, returned)
        for entry in (returned, left):  # the second may be of another attempt, which has seen the end of the first
            if entry is not None:
                book.take_in(entry)
        return book.jobs.get(cell.key), left

    def _drop(self, skips: Iterable[Skip]) -> None:
        """Remove what the job of a cell has left that is a skip now."""
        book = self._current()
        for skip in skips:
            if book is not None and skip.key not in book.jobs:
                self._remove_left(skip.cell, left_entry(self, skip.cell))

    def _remove_left(self, cell: Cell, left: Record | None) -> None:
        """Remove the entry that a job's process has left and that is recorded, unless one may still be at the job."""
        files = self.files(cell)
        if left is None or (left["result"]["status"] == "lost" and files.state.exists()):
            return
        with lock_if_free(files.output) as is_free:
            if is_free and left_entry(self, cell, left) == left:  # a machine without locks may have gone on
                files.result.unlink(missing_ok=True)
