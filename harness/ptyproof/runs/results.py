"""What cells of a run have become so far, for who holds them against a baseline."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof.differences.cells import CellState, cells_of, job_state
from ptyproof.records.manifest import read_manifest
from ptyproof.study.cells import Skip

if TYPE_CHECKING:
    from ptyproof.differences.sides import Record
    from ptyproof.runs.matrix import MatrixRun
    from ptyproof.runs.phase_run import PhaseRun
    from ptyproof.study.cells import JobT
    from ptyproof_schemas.types.comparison_manifest import ComparisonManifest


def state_of(run: PhaseRun[JobT], record: Record, key: str) -> CellState | None:
    """Return the state of a cell; None if its job has not ended."""
    found = run.cells.cell(key)
    if found is None:
        return None
    if isinstance(found, Skip):
        return CellState("skipped", found.reason, {})
    entry = run.phase.ledger.entry(found)
    # a job whose training left no bundle has become a skip
    state = cells_of(record, run.manifest()).get(key) if entry is None else job_state(entry)
    return None if state is None or state.status in ("lost", "not_selected") else state


def scored_trainings(matrix: MatrixRun, key: str) -> dict[str, list[dict[str, Any]]]:
    """Return the entries of a training and its replicates that the run is about, as a manifest has them.

    While one of them has not ended there are none: replicates are judged together.
    """
    jobs = matrix.trainings.cells.jobs
    places = {(job.dose, job.view, job.gridsize) for job in jobs if job.key == key}
    entries = [matrix.phase_e.ledger.entry(job) for job in jobs if (job.dose, job.view, job.gridsize) in places]
    found = [entry for entry in entries if entry is not None and entry["result"]["status"] != "lost"]
    return {"jobs": [dict(entry) for entry in found] if len(found) == len(entries) else []}


def comparison_of(matrix: MatrixRun) -> ComparisonManifest | None:
    """Return the comparison as it stands; None before the first one."""
    path = matrix.folder.comparison_manifest_path
    if not path.is_file():
        return None
    known = path.stat()
    return _read(path, known.st_mtime_ns, known.st_size)


@lru_cache(maxsize=1)
def _read(path: Path, changed_ns: int, size: int) -> ComparisonManifest:
    """Return the manifest that has this time and size."""
    del changed_ns, size
    return read_manifest(path, "comparison_manifest")
