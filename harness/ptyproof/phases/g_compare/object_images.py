"""Objects of a comparison as images: amplitude and phase of the truth and of each result, and their differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ptyproof.metrics.against_truth import phase_images
from ptyproof.phases.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ptyproof.phases.g_compare.cell import ComparedCell

Image = npt.NDArray[np.float64]

OUTSIDE = "0.88"  # gray of the pixels that are not compared
_MAX_SIDE_PX = 400  # of an image in a picture; a larger one is shown at every second, third, ... pixel


class Row(NamedTuple):
    """Images (h, w) of one kind, with their common limits and colors; None is no panel."""

    label: str
    images: list[Image | None]
    limits: tuple[float, float]
    colors: str
    is_difference: bool = False


def objects(cells: Sequence[ComparedCell], title: str) -> Figure:
    """Draw amplitude and phase of the truth and of each result, and their differences; one scale for each row.

    Without a truth there are the results alone.
    """
    columns, rows = object_images(cells)
    height, width = next(image.shape for image in rows[0].images if image is not None)
    panel = 2.1
    aspect = min(max(height / width, 0.4), 2.0)
    figure = new_figure((panel * len(columns) + 1.2, panel * aspect * len(rows) + 0.8))
    figure.suptitle(title)
    axes = figure.subplots(len(rows), len(columns), squeeze=False)
    for line, row in zip(axes, rows, strict=True):
        low, high = row.limits
        shown: Any = None
        for place, image in zip(line, row.images, strict=True):
            place.set_xticks([])
            place.set_yticks([])
            if image is None:
                place.axis("off")
                continue
            shown = place.imshow(image, vmin=low, vmax=high, cmap=masked_colors(row.colors), interpolation="nearest")
        # A label on an axis that is switched off is not drawn, so it stands on the first panel that is shown.
        next(place for place, image in zip(line, row.images, strict=True) if image is not None).set_ylabel(
            row.label, fontsize="small"
        )
        figure.colorbar(shown, ax=list(line), fraction=0.04, pad=0.01, aspect=20 * aspect)
    for place, column in zip(axes[0], columns, strict=True):
        place.set_title(column)
    step = step_of(cells[0].crop.mask.shape)
    scale_bar(axes[0][0], width, step)
    return figure


def object_images(cells: Sequence[ComparedCell]) -> tuple[list[str], list[Row]]:
    """Return the names of the columns, and the rows of images."""
    aligned = [cell.aligned for cell in cells]
    methods = [cell.entry["method"] for cell in cells]
    masked: Callable[[Image, int], Image] = lambda image, i: _thinned(np.where(cells[i].crop.mask, image, np.nan))  # noqa: E731
    if any(found is None for found in aligned):
        shown = [cell.crop.of(cell.result.obj) for cell in cells]
        amplitudes = [masked(np.abs(image), i) for i, image in enumerate(shown)]
        phases = [masked(np.angle(image * np.conj(image.mean())), i) for i, image in enumerate(shown)]
        return methods, [
            Row("amplitude", [*amplitudes], limits(amplitudes), "gray"),
            Row("phase\n(rad)", [*phases], limits(phases), "viridis"),
        ]
    rows: list[Row] = []
    pairs = [(np.abs(a.result), np.abs(a.truth)) for a in aligned if a is not None]
    for label, unit, images, colors in (
        ("amplitude", "", pairs, "gray"),
        ("phase", "(rad)", [phase_images(a) for a in aligned if a is not None], "viridis"),
    ):
        truth = masked(images[0][1], 0)
        results = [masked(result, i) for i, (result, _) in enumerate(images)]
        differences = [masked(result - own, i) for i, (result, own) in enumerate(images)]
        judged = [d for d, method in zip(differences, methods, strict=True) if method != "flat"] or differences
        largest = float(np.nanpercentile(np.abs(np.stack(judged)), 99)) or 1.0
        rows.append(
            Row(
                f"{label}\n{unit}".strip(),
                [truth, *results],
                (float(np.nanmin(truth)), float(np.nanmax(truth))),
                colors,
            )
        )
        rows.append(Row(f"{label}\n− truth\n{unit}".strip(), [None, *differences], (-largest, largest), "RdBu_r", True))
    return ["truth", *methods], rows


def limits(images: Sequence[Image]) -> tuple[float, float]:
    """Return the 0.5 and 99.5 percentiles of the finite pixels of images (h, w); the second one is the larger one."""
    values = np.concatenate([image[np.isfinite(image)] for image in images])
    low, high = np.percentile(values, (0.5, 99.5)).tolist()
    return low, high if high > low else low + 1.0


def step_of(shape: tuple[int, ...]) -> int:
    """Return at every how many pixels an image of this shape is shown."""
    return max(1, -(-max(shape) // _MAX_SIDE_PX))


def _thinned(image: Image) -> Image:
    step = step_of(image.shape)
    return image[::step, ::step]


def scale_bar(axes: Axes, width: int, step: int) -> None:
    """Draw a bar of a round length, about a quarter of the panel, with its length in pixels of the object."""
    wanted = width * step / 4
    power = 10 ** np.floor(np.log10(wanted))
    length = max(n * power for n in (1, 2, 5) if n * power <= wanted)
    rows = axes.get_ylim()[0]
    y, x = rows - 0.06 * rows, 0.05 * width
    axes.plot([x, x + length / step], [y, y], color="w", lw=4, solid_capstyle="butt")
    axes.plot([x, x + length / step], [y, y], color="k", lw=2, solid_capstyle="butt")
    box = {"facecolor": "w", "alpha": 0.8, "pad": 1, "edgecolor": "none"}
    axes.text(x, y - 0.04 * rows, f"{length:g} px", fontsize="small", va="bottom", bbox=box)


def masked_colors(name: str) -> Any:
    """Return the colors of this name, with gray for pixels that are not compared."""
    from matplotlib import colormaps

    return colormaps[name].with_extremes(bad=OUTSIDE)
