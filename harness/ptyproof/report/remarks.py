"""What readers must know of methods: worse than a control, not converged, left out, not told, contained failures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ptyproof.metrics.definitions import metric_definitions
from ptyproof.metrics.limits import GOT_WORSE, HEADLINE, NOT_CONVERGED, behind_controls, course_of
from ptyproof.metrics.protocol import Recipe
from ptyproof.metrics.ranking import FLAT, by_method
from ptyproof.phases.g_compare.tables import not_compared
from ptyproof.study.layout import cell_key, cell_of, replicate_of

Record = Mapping[str, Any]
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
    behind = [(method, text, cell) for method, text, cell, _ in _behind(comparison)]
    for method, text, cell in (*_of_comparison(comparison), *behind, *_of_jobs(reconstruction)):
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
        course = course_of(cell)
        if not course.converged:
            yield cell["method"], NOT_CONVERGED, name
        if course.got_worse:
            yield cell["method"], GOT_WORSE, name


def worse_than_flat(comparison: Record | None) -> dict[str, list[str]]:
    """Return the methods that have a larger error than the object without structure, by their cells."""
    found: dict[str, list[str]] = {}
    for method, _, cell, control in _behind(comparison):
        if control == FLAT:
            found.setdefault(cell, []).append(method)
    return found


def _behind(comparison: Record | None) -> Iterator[tuple[str, str, str, str]]:
    """Yield each method that has a larger error than a control: with a text, its cell and the control.

    Replicates are one cell.
    """
    if comparison is None:
        return
    definition = metric_definitions(Recipe(**comparison["recipe"]))[HEADLINE]
    places: dict[tuple[str, str], list[tuple[str, int, float | None]]] = {}
    for cell in comparison["cells"]:
        if cell["status"] == "success":
            value = next((found["value"] for found in cell["measures"] if found["metric"] == HEADLINE), None)
            name = f"{cell_key(cell['dose'], cell['view'], cell['gridsize'])}-{cell['split']}"
            places.setdefault((name, cell["protocol"]), []).append((cell["method"], replicate_of(cell), value))
    for (name, _), found in places.items():
        values = by_method(found)
        for method in values:
            for one in behind_controls(method, values, definition):
                yield method, one.by(definition.label), name, one.control


def _of_jobs(reconstruction: Record | None) -> Iterator[tuple[str, str, str]]:
    for job in reconstruction["jobs"] if reconstruction else ():
        name, method = f"{cell_of(job)}-{job['split']}", job["method"]
        yield from ((method, sentence, name) for sentence in job["remedies"])
        if job["result"].get("stopped_by") == "seconds":
            yield method, "stopped by its budget of seconds, not by that of epochs", name
        if job.get("not_told"):
            yield method, f"not told, although it is known: {', '.join(job['not_told'])}", name
        tuning = job["result"].get("tuning") or {"trials": (), "chosen": {}}
        yield from ((method, text, name) for text in _at_an_end(tuning))
        for trial in tuning["trials"]:
            if trial["error"] is not None:
                yield method, f"a trial of its options failed and was left out: {trial['error']}", name


def _at_an_end(tuning: Record) -> Iterator[str]:
    """Yield the options whose chosen value is the smallest or the largest one that was tried: another may be better."""
    for option, value in (tuning.get("chosen") or {}).items():
        tried = {trial["options"][option] for trial in tuning["trials"] if option in trial.get("options", {})}
        if len(tried) < 2 or not all(isinstance(one, int | float) for one in tried):
            continue
        for which, end in (("smallest", min(tried)), ("largest", max(tried))):
            if value == end:
                yield f"its chosen {option} {value:g} is the {which} that was tried"
