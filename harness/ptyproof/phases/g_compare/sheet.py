"""The sheet of a cell: truth and methods side by side, pixel by pixel, for a page that enlarges them together.

Its first row has amplitudes, its second one phases; its first column is the truth. All panels of a row share one scale.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ptyproof.metrics.limits import HEADLINE
from ptyproof.metrics.ranking import CONTROLS, FLAT
from ptyproof.phases.g_compare.object_images import OUTSIDE, object_images

if TYPE_CHECKING:
    from ptyproof.phases.g_compare.cell import ComparedCell
    from ptyproof_schemas.types.comparison_manifest import Sheet as SheetRecord

_N_COLORS = 64  # of each row; 255 stands for pixels that are not compared
_NOT_COMPARED = 255


@dataclass(frozen=True)
class Sheet:
    """A sheet: its PNG, and what the manifest says of it."""

    png: bytes
    record: SheetRecord


class Telling(NamedTuple):
    """How much a cell tells; of two, the larger one tells more.

    Parameters
    ----------
    n_methods
        Methods with a result, without controls.
    difference
        Median over the pairs of these methods of the relative difference of their results, see `difference_of`.
    """

    n_methods: int
    difference: float


def telling(cells: Sequence[ComparedCell]) -> Telling | None:
    """Return how much the cells of one dose, view and half tell; None with fewer than two methods, or without a truth.

    A cell tells much if its methods disagree with each other. How close each comes to the truth has no part in it: a
    cell chosen by errors would be the one in which some method looks best. The truth fixes only what a result leaves
    open (its place, phase ramp and scale), for each method alike.
    """
    aligned = [cell.aligned for cell in cells if cell.entry["method"] not in CONTROLS]
    results = [found.result[cells[0].crop.mask] for found in aligned if found is not None]
    if len(results) < max(2, len(aligned)):
        return None
    differences = [difference_of(one, other) for one, other in combinations(results, 2)]
    return Telling(len(results), float(np.median(differences)))


def difference_of(one: npt.NDArray[np.complexfloating], other: npt.NDArray[np.complexfloating]) -> float:
    """Return the relative difference ||a - b|| / sqrt((||a||^2 + ||b||^2) / 2) of two complex arrays.

    It is 0 for equal arrays, 2 for opposite ones; it does not depend on the order.

    Parameters
    ----------
    one, other
        (n,), or any other shape that both have.
    """
    power = float(np.vdot(one, one).real + np.vdot(other, other).real) / 2
    return float(np.linalg.norm(one - other) / np.sqrt(power)) if power else 0.0


def sheet_of(cells: Sequence[ComparedCell], found: Telling) -> Sheet:
    """Return the sheet of the cells of one dose, view and half, all with a truth; `found` is what they tell."""
    flat = next((_error(cell) for cell in cells if cell.entry["method"] == FLAT), None)
    is_beaten = flat is not None and any((_error(cell) or 0.0) > flat for cell in cells)
    # the panels of an object without structure are gray: they are shown where one of the others has a larger error
    shown = [cell for cell in cells if cell.entry["method"] != FLAT or is_beaten]
    _, rows = object_images(shown)
    amplitude, phase = (row for row in rows if not row.is_difference)
    indices = np.concatenate(
        [
            _indices(amplitude.images, amplitude.limits, 0),
            _indices(phase.images, phase.limits, _N_COLORS),
        ]
    )
    return Sheet(
        _png(indices, (amplitude.colors, phase.colors)),
        {
            "methods": [cell.entry["method"] for cell in shown],
            "n_compared": found.n_methods,
            "difference": found.difference,
            "amplitude": list(amplitude.limits),
            "phase_rad": list(phase.limits),
        },
    )


def _error(cell: ComparedCell) -> float | None:
    measures = cell.entry["measures"]
    return next((found["value"] for found in measures if found["metric"] == HEADLINE), None)


def _indices(
    images: Sequence[npt.NDArray[np.float64] | None], limits: tuple[float, float], first: int
) -> npt.NDArray[np.uint8]:
    """Return the panels of a row beside each other, as places in the palette from `first` on."""
    row = np.concatenate([image for image in images if image is not None], axis=1)
    low, high = limits
    scaled = np.clip((row - low) / ((high - low) or 1.0), 0, 1) * (_N_COLORS - 1)
    found = np.where(np.isfinite(row), first + np.rint(np.nan_to_num(scaled)), _NOT_COMPARED)
    return found.astype(np.uint8)


def _png(indices: npt.NDArray[np.uint8], colors: Sequence[str]) -> bytes:
    from matplotlib import colormaps
    from PIL import Image

    palette = np.full((256, 3), round(255 * float(OUTSIDE)), dtype=np.uint8)
    for number, name in enumerate(colors):
        part = colormaps[name](np.linspace(0, 1, _N_COLORS))[:, :3]
        palette[number * _N_COLORS : (number + 1) * _N_COLORS] = np.rint(255 * part)
    image = Image.fromarray(indices, mode="P")
    image.putpalette(palette.tobytes())
    stream = io.BytesIO()
    image.save(stream, format="PNG", optimize=True)
    return stream.getvalue()
