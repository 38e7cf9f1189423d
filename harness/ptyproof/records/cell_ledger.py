"""The ledger of cells in the manifests of Phases E and F: one writer at a time, one state for each cell.

A process opens the manifest under a lock, changes its own cells, and writes the whole manifest. A started job is
`lost` until its end is recorded, so a killed run stays visible. A cell has one state: a job (success, failed, lost), a
skip, or not selected.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, Self, TypeVar, cast

from ptyproof.errors import InputError
from ptyproof.io.file_record import relative
from ptyproof.io.locking import lock
from ptyproof.provenance.redaction import redaction
from ptyproof.records.manifest import TimedHead, read_manifest, timed_head, write_manifest
from ptyproof.study.cells import Cell, Enumeration, JobT, Skip
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.exposures import check_no_fewer_replicates
from ptyproof.study.layout import RUN_MANIFEST
from ptyproof_schemas.types.study_design import StudyDesign as StudyDesignRecord
from ptyproof_schemas.types.training_manifest import Account

NOT_STARTED = "selected, but it was not started: the run ended before it, or is under way"
NOT_ENDED = "started, but no end was recorded: it was killed, or is running"
STATUSES = ("success", "failed", "lost")

Record = dict[str, Any]  # a record of any kind, while the book of a ledger is open
ManifestT = TypeVar("ManifestT", bound=Mapping[str, Any])

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
class CellLedger(ABC, Generic[JobT, ManifestT]):
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
    CELL: ClassVar[type[Cell]]
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

    @property
    def roots(self) -> tuple[Path, Path, Path]:
        """The folders of Phase C, of Phase D, and of the artifacts."""
        return self.phase_c_root, self.phase_d_root, self.artifact_root

    @property
    def path(self) -> Path:
        """The manifest."""
        return self.artifact_root / self.FILE

    def read(self) -> ManifestT | None:
        """Return the manifest as it stands, or None if there is no manifest.

        Raises
        ------
        ManifestError
            If it is damaged.
        InputError
            If it is the record of another study, or of more replicates.
        """
        if not self.path.exists():
            return None
        manifest = cast("ManifestT", read_manifest(self.path, self.KIND))
        if manifest["design_digest"] != self.design.digest():
            raise InputError(
                f"{self.path} is the record of study {manifest['study']} with another design; choose another "
                f"--artifact-root for study {self.design.name}"
            )
        check_no_fewer_replicates(self.path, manifest["design"], self.design.replicates)
        return manifest

    def entry(self, job: JobT) -> Record | None:
        """Return the recorded entry of a job, or None."""
        return next((entry for entry in self.entries() if entry["job"] == job.key), None)

    def entries(self) -> list[Record]:
        """Return the recorded entries of all jobs."""
        manifest = self.read()
        return [] if manifest is None else manifest["jobs"]

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
            book.manifest["filters"] = filters.as_dict()
            call = {
                "id": call_id,
                "timestamp": book.manifest["timestamp"],
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
            return book.change(job.key, self.new_entry(job), {**job.plan, **changes})

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

    @contextmanager
    def changing(self) -> Iterator[CellBook]:
        """Yield the manifest, open for changes; it is written at the end of the block."""
        with lock(self.path):
            earlier = self.read()
            kept = ("filters", "calls", "jobs", "not_selected", self.SKIPS)
            book = CellBook(
                dict(self.new()) | ({} if earlier is None else {key: earlier[key] for key in kept}),
                self.SKIPS,
                lambda record: self.CELL.of(record).key,
            )
            yield book
            book.close(self.order(book))
            self.write(book.manifest)

    def write(self, manifest: Record) -> None:
        """Write the manifest, and what goes with it."""
        write_manifest(self.path, manifest)

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
    def new(self) -> ManifestT:
        """Return the manifest without any cells."""

    @abstractmethod
    def new_entry(self, job: JobT) -> Mapping[str, Any]:
        """Return the entry of a job that was selected and is not started."""

    @abstractmethod
    def order(self, book: CellBook) -> list[str]:
        """Return the names of all possible cells, in the study's order."""


class CellBook:
    """A manifest that is open for changes, its cells by name: jobs, skips, and cells that were not selected."""

    def __init__(self, manifest: Record, skips: str, name: Callable[[Record], str]) -> None:
        self.manifest = manifest
        self._skips_key = skips
        self.jobs: dict[str, Record] = {entry["job"]: entry for entry in manifest["jobs"]}
        self.skips = {name(skip): skip for skip in manifest[skips]}
        self.not_selected = {name(cell): cell for cell in manifest["not_selected"]}

    def skip(self, skip: Skip) -> None:
        """Make a cell a skip, unless it ended as a job while its data existed: that result stays.

        A skip that one call has selected stays selected, as a job does that one call has selected.
        """
        if skip.key in self.jobs and self.jobs[skip.key]["result"]["status"] != "lost":
            return
        self.jobs.pop(skip.key, None)
        earlier = self.skips.get(skip.key)
        self.skips[skip.key] = skip.as_dict() | ({"selected": True} if earlier and earlier["selected"] else {})

    def change(self, key: str, new: Mapping[str, Any], changes: Record) -> Record:
        """Change the entry of a job (`new` if it has no entry) and return it.

        A result that is replaced after it had ended is kept under `earlier_results`.
        """
        entry = self.jobs.setdefault(key, dict(new))
        if "result" in changes and entry["result"]["status"] != "lost":
            entry["earlier_results"].append(entry["result"])
        entry.update(changes)
        return entry

    def close(self, order: list[str]) -> None:
        """Put the cells into the manifest in order, and count them."""
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
