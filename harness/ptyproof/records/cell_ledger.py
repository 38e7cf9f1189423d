"""The ledger of cells in the manifests of Phases E and F: one writer at a time, one state for each cell.

A started job is `lost` until its end is recorded, so a killed run stays visible. A cell has one state: a job (success,
failed, lost), a skip, or not selected. `journaled_manifest` says how a change is recorded.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, Self

from ptyproof import clock
from ptyproof.errors import InputError
from ptyproof.io.file_record import relative
from ptyproof.provenance.redaction import redaction
from ptyproof.records.cell_book import Record
from ptyproof.records.journaled_manifest import JournaledManifest, ManifestT
from ptyproof.records.kept_book import SMALL_BYTES
from ptyproof.records.manifest import TimedHead, read_manifest, timed_head
from ptyproof.study.cells import Enumeration, JobT, Skip
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

    def entry(self, job: JobT) -> Record | None:
        """Return the recorded entry of a job, or None."""
        book = self._current((job.key,))
        return None if book is None else deepcopy(book.jobs.get(job.key))

    def entries_near(self, job: JobT) -> list[Record]:
        """Return the recorded entries that the work at a job may look at, its own among them."""
        keys = self.near(job)
        book = self._current(keys)
        return [] if book is None else [deepcopy(book.jobs[key]) for key in keys if key in book.jobs]

    def near(self, job: JobT) -> tuple[str, ...]:
        """Return the names of the jobs whose entries the work at a job may look at."""
        return (job.key,)

    def handed(self, job: JobT) -> Self:
        """Return the ledger for another process, which does one job.

        Of a large manifest it gets what it needs alone, so that it need not read the rest. While it holds the lock of
        the job no other process changes the entry: it reads the entry once, and then records.
        """
        other = replace(self)
        book = self._current()
        if book is not None and self._kept.version is not None and self._kept.version.size > SMALL_BYTES:
            other._kept.become(self._kept.about(self.near(job)))
        return other

    def open_call(
        self, found: Enumeration[JobT], filters: Filters, allow_missing_phase_d: bool, call_id: str, **how: Any
    ) -> Record:
        """Record what a call asks for: its cells, skips and filters, and `how`; return the call's record.

        A call of several processes has one `call_id`, and is recorded by the first of them.
        """
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
        return call

    def record(self, job: JobT, **changes: Any) -> Record:
        """Change the entry of a job (its `result`, `environment`, ...) and return it.

        A result that is replaced after it had ended is kept under `earlier_results`.
        """
        with self.changing() as book:
            entry = book.change(job.key, self.new_entry(job), deepcopy({**job.plan, **changes}))
        return deepcopy(entry)

    def skip(self, skip: Skip) -> None:
        """Record that a selected cell is impossible."""
        with self.changing() as book:
            book.skip(skip)

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
