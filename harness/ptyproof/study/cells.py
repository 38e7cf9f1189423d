"""The cells of a phase that has jobs: which are done, which cannot be, and which the filters leave out.

A phase enumerates its cells once. A cell with all that it needs is a job, which any process can do. A cell that lacks
something is a skip, with the reason.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from ptyproof.study.layout import cell_key


@dataclass(frozen=True)
class Cell:
    """A dose (photons per pattern) and a view of a study, and which of its replicates."""

    dose: float
    view: str
    gridsize: int
    replicate: int = field(default=1, kw_only=True)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """Return the cell that a record of a manifest is about."""
        return cls(**{part.name: record[part.name] for part in fields(cls) if part.name in record})

    @property
    def key(self) -> str:
        """The cell's name: `dose1000-dense-gs2`, `dose1000-dense-gs2-r2`."""
        return cell_key(self.dose, self.view, self.gridsize, self.replicate)

    @property
    def family(self) -> tuple[str, str]:
        """The name of the cells that are shown together, and what tells this one from the others."""
        return self.key, ""

    def as_dict(self) -> dict[str, Any]:
        """Return the record for a manifest; that of the first replicate does not name it."""
        record = dict(vars(self))
        if self.replicate == 1:
            del record["replicate"]
        return record


class _OfCell:
    """What is known of a job or skip by its cell."""

    cell: Cell

    @property
    def key(self) -> str:
        """The cell's name; no other job or skip of the phase has it."""
        return self.cell.key

    @property
    def dose(self) -> float:
        """Photons per pattern."""
        return self.cell.dose

    @property
    def replicate(self) -> int:
        """The number of the replicate, from 1."""
        return self.cell.replicate

    @property
    def view(self) -> str:
        """The view's name."""
        return self.cell.view

    @property
    def gridsize(self) -> int:
        """Patterns of a group along one side."""
        return self.cell.gridsize


@dataclass(frozen=True)
class Job(_OfCell, ABC):
    """A cell with all that it needs. It can be pickled: any process that reads the same files can do it.

    `plan` is what the job's entry says of how it is done, from the moment at which a call selects it.
    """

    cell: Cell
    plan: Mapping[str, Any] = field(default_factory=dict, hash=False, kw_only=True)

    @property
    @abstractmethod
    def output(self) -> Path:
        """The file or folder that the job makes, which is locked while a process does so."""

    @property
    @abstractmethod
    def state_path(self) -> Path:
        """Where the process that does the job says so; it lies in the folder of what the job makes."""

    @property
    @abstractmethod
    def paths(self) -> tuple[Path, ...]:
        """The files and folders that the job reads and writes."""

    @property
    def needs(self) -> tuple[Job, ...]:
        """Jobs that must have ended well before this one can start."""
        return ()

    @property
    def log_path(self) -> Path | None:
        """The job's own log, None if it has none."""
        return None


@dataclass(frozen=True)
class Skip(_OfCell):
    """A cell that cannot be done.

    `code` is `rejected_by_phase_d`, `missing_without_record`, `method_unavailable` or `no_trained_bundle`; `selected`
    tells whether the filters wanted it; `measured` are Phase D's numbers for each half, None where there is no record.
    """

    cell: Cell
    code: str
    reason: str
    selected: bool
    measured: Mapping[str, Any] | None = field(default=None, hash=False)

    def as_dict(self) -> dict[str, Any]:
        """Return the record for a manifest: JSON values only."""
        measured = None if self.measured is None else dict(self.measured)
        return self.cell.as_dict() | {
            "code": self.code,
            "reason": self.reason,
            "selected": self.selected,
            "measured": measured,
        }

    def __str__(self) -> str:
        return _line(self.key, self.selected, self.reason)


JobT = TypeVar("JobT", bound=Job)


@dataclass(frozen=True)
class Enumeration(Generic[JobT]):
    """The cells of a narrowed study: jobs to run, jobs that the filters leave out, and skips."""

    jobs: tuple[JobT, ...]
    not_selected: tuple[JobT, ...]
    skipped: tuple[Skip, ...]

    @property
    def n_enumerated(self) -> int:
        """Number of cells of the narrowed study."""
        return len(self.jobs) + len(self.not_selected) + len(self.skipped)

    def cell(self, key: str) -> JobT | Skip | None:
        """Return the job or skip of a name, None for an unknown name."""
        cells: tuple[JobT | Skip, ...] = (*self.jobs, *self.not_selected, *self.skipped)
        return next((cell for cell in cells if cell.key == key), None)

    def narrowed(self, keys: frozenset[str] | None) -> Enumeration[JobT]:
        """Return the enumeration in which the cells of these names alone are selected; None changes nothing."""
        if keys is None:
            return self
        jobs = (*self.jobs, *self.not_selected)
        return Enumeration(
            tuple(job for job in jobs if job.key in keys),
            tuple(job for job in jobs if job.key not in keys),
            tuple(replace(skip, selected=skip.key in keys) for skip in self.skipped),
        )

    def lines(self, verb: str) -> list[str]:
        """Return a line with the numbers, and one for each reason of skips; `verb` is what is done to a job."""
        lines = [
            f"{self.n_enumerated} cells: {len(self.jobs)} jobs to {verb}, {len(self.skipped)} skipped, "
            f"{len(self.not_selected)} not selected"
        ]
        alike: dict[tuple[str, bool, str], list[str]] = {}
        for skip in self.skipped:
            family, member = skip.cell.family
            alike.setdefault((family, skip.selected, skip.reason), []).append(member)
        for (family, selected, reason), members in alike.items():
            lines.append(_line(", ".join([family, *members] if any(members) else [family]), selected, reason))
        return lines


def _line(name: str, selected: bool, reason: str) -> str:
    return f"skipped {name}{'' if selected else ' (not selected)'}: {reason}"
