"""Truth and methods side by side, for the cell that tells most: panels of one sheet, enlarged together."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptyproof.hub.layout import COMPARISON
from ptyproof.metrics.limits import HEADLINE, course_of, remark_on_courses, remarks_in
from ptyproof.metrics.ranking import CONTROLS, FLAT
from ptyproof.report.page.embedded import Embedded, embedded, recorded_png, size_of
from ptyproof.study.exposures import exposure_of

_N_ROWS = 2  # amplitudes, phases
_TRUTH = "truth"


@dataclass(frozen=True)
class Panel:
    """A column of the sheet: its name, what stands below it, and its place in pixels."""

    name: str
    note: str
    left_px: int


@dataclass(frozen=True)
class SideBySide:
    """The panels of a sheet, in the order of the columns; a panel is `width_px` x `height_px` pixels in each row.

    `difference` is that of the results of the `n_compared` methods from each other, for which the cell was chosen.
    """

    anchor: str
    title: str
    sheet: Embedded
    panels: tuple[Panel, ...]
    width_px: int
    height_px: int
    n_compared: int
    difference: float
    amplitude: tuple[float, float]
    phase_rad: tuple[float, float]
    made_from: tuple[str, str]


def side_by_side(manifest: Mapping[str, Any], hub: Path) -> list[SideBySide]:
    """Return the sheets of a comparison that are there, one for each half."""
    return list(_sheets(manifest, hub))


def _sheets(manifest: Mapping[str, Any], hub: Path) -> Iterator[SideBySide]:
    folder = posixpath.dirname(COMPARISON)
    for entry in manifest["figures"]:
        png = recorded_png(entry["file"], hub / folder, hub) if "sheet" in entry else None
        if png is None:
            continue
        (width, height), columns = size_of(png), [_TRUTH, *entry["sheet"]["methods"]]
        if width % len(columns) or height % _N_ROWS:
            continue
        here = [cell for cell in manifest["cells"] if cell["status"] == "success" and _is_of(cell, entry)]
        cells = {cell["method"]: cell for cell in here}
        width_px = width // len(columns)
        yield SideBySide(
            f"side-by-side-{entry['split']}",
            f"{exposure_of(entry)}, {entry['view']}, gridsize {entry['gridsize']}, {entry['split']} half",
            embedded(png, is_exact=True),
            tuple(
                Panel(_name(column), _note(column, cells), number * width_px) for number, column in enumerate(columns)
            ),
            width_px,
            height // _N_ROWS,
            entry["sheet"]["n_compared"],
            entry["sheet"]["difference"],
            tuple(entry["sheet"]["amplitude"]),
            tuple(entry["sheet"]["phase_rad"]),
            (posixpath.join(folder, entry["file"]["path"]), entry["file"]["sha256"]),
        )


def _is_of(cell: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    own = all(cell[key] == entry[key] for key in ("dose", "view", "gridsize", "split"))
    return own and cell.get("replicate") == entry.get("replicate")


def _name(column: str) -> str:
    return f"{column} (control)" if column in CONTROLS else column


def _note(method: str, cells: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the error of a method, how its epochs went, and whether the object without structure has a smaller one."""
    if method not in cells:
        return ""
    value, flat = (_error(cells.get(name)) for name in (method, FLAT))
    text = None if value is None else f"complex NRMSE {value:#.3g}"
    is_worse = value is not None and flat is not None and value > flat
    return remarks_in([text, remark_on_courses([course_of(cells[method])]), is_worse and f"worse than {FLAT}"]) or ""


def _error(cell: Mapping[str, Any] | None) -> float | None:
    measures = () if cell is None else cell["measures"]
    return next((found["value"] for found in measures if found["metric"] == HEADLINE), None)
