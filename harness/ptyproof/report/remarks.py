"""What readers must know of methods: not converged, left out, not told, and failures that were contained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ptyproof.phases.g_compare.tables import not_compared
from ptyproof.study.layout import cell_of

Record = Mapping[str, Any]
NOT_CONVERGED = "not converged"
_MOST_NAMES = 3


@dataclass(frozen=True)
class Remark:
    """A remark on one method or several, and the cells that it is about."""

    methods: tuple[str, ...]
    text: str
    cells: tuple[str, ...]

    @property
    def counted(self) -> str:
        """The number of the cells, and the first of their names."""
        more = f" and {len(self.cells) - _MOST_NAMES} more" if len(self.cells) > _MOST_NAMES else ""
        return f"{len(self.cells)}: {', '.join(self.cells[:_MOST_NAMES])}{more}"


def remarks(comparison: Record | None, reconstruction: Record | None) -> list[Remark]:
    """Return the remarks on the methods of a comparison, those of one text and the same cells together."""
    found: dict[tuple[str, str], list[str]] = {}
    for method, text, cell in (*_of_comparison(comparison), *_of_jobs(reconstruction)):
        cells = found.setdefault((method, text), [])
        if cell not in cells:
            cells.append(cell)
    shared: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (method, text), cells in found.items():
        shared.setdefault((text, tuple(cells)), []).append(method)
    return [Remark(tuple(methods), text, cells) for (text, cells), methods in shared.items()]


def _of_comparison(comparison: Record | None) -> Iterator[tuple[str, str, str]]:
    if comparison is None:
        return
    for cell in comparison["cells"]:
        name = f"{cell_of(cell)}-{cell['split']}"
        if cell["status"] != "success":
            yield cell["method"], f"left out: {not_compared(cell)}", name
            continue
        if not cell.get("convergence", {"converged": True})["converged"]:
            yield cell["method"], NOT_CONVERGED, name


def _of_jobs(reconstruction: Record | None) -> Iterator[tuple[str, str, str]]:
    for job in reconstruction["jobs"] if reconstruction else ():
        name, method = f"{cell_of(job)}-{job['split']}", job["method"]
        yield from ((method, f"to import a library: {sentence}", name) for sentence in job["remedies"])
        if job["result"].get("stopped_by") == "seconds":
            yield method, "stopped by its budget of seconds, not by that of epochs", name
        if job.get("not_told"):
            yield method, f"not told, although it is known: {', '.join(job['not_told'])}", name
        for trial in (job["result"].get("tuning") or {"trials": ()})["trials"]:
            if trial["error"] is not None:
                yield method, f"a trial of its options failed and was left out: {trial['error']}", name
