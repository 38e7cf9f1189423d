"""An earlier hub that a run is held against: which cells of the run got worse, each in one sentence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof.differences.cells import CellState, cells_of, is_worse
from ptyproof.differences.difference import TOLERANCE, checked_tolerance
from ptyproof.differences.scores import scores
from ptyproof.differences.sides import Record, Side, read_hub
from ptyproof.errors import InputError
from ptyproof.io.unpacking import is_packed
from ptyproof.metrics.ranking import spread
from ptyproof.study.design import StudyDesign
from ptyproof.study.jobs import training_cells
from ptyproof.study.layout import cell_of, name_of

if TYPE_CHECKING:
    from ptyproof_schemas.types.hub_difference import Score
    from ptyproof_schemas.types.hub_index import Baseline as BaselineRecord

Manifest = Mapping[str, Any]
_PLACE = ("dose", "view", "gridsize", "split")
_CELLS: dict[Record, str] = {"training": "jobs", "reconstruction": "jobs", "comparison": "cells"}


@dataclass(frozen=True, eq=False)
class Baseline:
    """A hub that a run is held against.

    Parameters
    ----------
    side
        The hub.
    tolerance
        Relative difference beyond which a metric that is behind is worse.
    """

    side: Side
    tolerance: float = TOLERANCE

    @property
    def name(self) -> str:
        """Name of the hub's folder."""
        return self.side.path.resolve().name

    def as_dict(self) -> BaselineRecord:
        """Return what the record of a run has of its baseline."""
        return {"name": self.name, "index_sha256": self.side.sha256, "tolerance": self.tolerance}

    def check(self, design: StudyDesign) -> None:
        """Make sure that the hub has a cell of a study.

        Raises
        ------
        InputError
            If it has none, so that nothing could get worse.
        """
        known = {cell_of(cell) for record in self.side.manifests for cell in self._listed(record)}
        if known.isdisjoint(cell.key for cell in training_cells(design)):
            raise InputError(
                f"--baseline {self.side.path} has no cell of the study {design.name}: it is of the study "
                f"{self.side.first['study']}"
            )

    def is_of(self, design: StudyDesign) -> bool:
        """Tell whether the hub is of a study with this design."""
        return bool(self.side.first["design_digest"] == design.digest())

    def worse_state(self, record: Record, name: str, new: CellState | None) -> str | None:
        """Return the sentence about a cell that was a success and has no result any more; None for any other."""
        old = self._states.get(record, {}).get(name)
        if old is None or new is None or not is_worse(old.status, new.status):
            return None
        why = f": {new.reason}" if new.reason else ""
        return f"{name} got worse: {old.status} in the baseline {self.name}, {new.status} now{why}"

    def worse_scores(self, record: Record, manifest: Manifest, names: Collection[str], called: str) -> str | None:
        """Return the sentence about the metrics of cells that got worse, with both values; None where none did.

        Parameters
        ----------
        record, manifest
            The manifest with the results of the run, of all replicates.
        names
            Names of the cells; their replicates are judged together.
        called
            What the sentence calls them.
        """
        if record not in self.side.manifests:
            return None
        key = _CELLS[record]
        places = {_place(cell) for cell in manifest[key] if name_of(cell) in names}
        old, new = (
            {**side, key: [cell for cell in side[key] if _place(cell) in places]}
            for side in (self.side.manifests[record], manifest)
        )
        worse = [score for score in scores(record, old, new, self.tolerance) if score["is_worse"]]
        if not worse:
            return None
        first = min(worse, key=_relative)
        more = f", and {len(worse) - 1} metrics more" if len(worse) > 1 else ""
        what = called if first["method"] is None else f"{first['method']} of {called}"
        return (
            f"{what} got worse: {first['label']} {_shown(first['old'])} in the baseline {self.name}, "
            f"{_shown(first['new'])} now, {-100 * _relative(first):.1f} % worse{more}"
        )

    @cached_property
    def _states(self) -> dict[Record, dict[str, CellState]]:
        return {record: cells_of(record, manifest) for record, manifest in self.side.manifests.items()}

    def _listed(self, record: Record) -> list[Manifest]:
        found: list[Manifest] = self.side.manifests[record][_CELLS[record]]
        return found


def open_baseline(root: Path, tolerance: float | None = None, *, is_judged: bool = False) -> Baseline:
    """Return the baseline in a folder or a zip file.

    Parameters
    ----------
    root
        The hub.
    tolerance
        Relative difference beyond which a metric that is behind is worse; None takes that of the rule.
    is_judged
        Whether another process of the run has found the hub sound, so that its files need not be read again.

    Raises
    ------
    InputError
        If it is not a sound hub with a real run, or the tolerance is not in [0, 1).
    """
    if not root.is_dir() and not is_packed(root):
        raise InputError(f"--baseline must be an artifact hub, got {root}")
    return Baseline(
        read_hub(root, is_judged=is_judged), TOLERANCE if tolerance is None else checked_tolerance(tolerance)
    )


def _place(cell: Manifest) -> tuple[object, ...]:
    return tuple(cell.get(key) for key in _PLACE)


def _relative(score: Score) -> float:
    judged = score["judged"]
    return 0.0 if judged is None or judged["relative"] is None else judged["relative"]


def _shown(values: list[float | None]) -> str:
    """Return the median of the replicates."""
    found = spread(values)
    return f"{found.median:.5g}" + (f" (median of {found.n})" if found.n > 1 else "")
