"""Pictures of a comparison: objects side by side, ring correlations, metrics against dose, time against quality.

Matplotlib draws them without pyplot, so they need no screen and leave no state. All panels of one kind in a picture
share one color scale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ptyproof.io.file_record import file_record
from ptyproof.metrics.against_truth import phase_images
from ptyproof.metrics.definitions import headline, metric_definitions
from ptyproof.metrics.protocol import Recipe
from ptyproof.phases.figures import new_figure, save
from ptyproof.phases.g_compare.colors import color_of
from ptyproof.phases.g_compare.convergence_plot import convergence
from ptyproof.phases.g_compare.tables import place_of
from ptyproof.physics.frc import HALF_BIT, NYQUIST, ONE_BIT, RingCorrelation
from ptyproof.study.layout import cell_of, replicate_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ptyproof.phases.g_compare.cell import ComparedCell
    from ptyproof_schemas.types.comparison_manifest import Compared
    from ptyproof_schemas.types.comparison_manifest import Figure as FigureRecord

Image = npt.NDArray[np.float64]

_MAX_SIDE_PX = 400  # of an image in a picture; a larger one is shown at every second, third, ... pixel
_OUTSIDE = "0.88"  # grey of the pixels that are not compared
_LINES = ("-", "--", ":", "-.")
_MARKERS = ("o", "s", "^", "D", "v")


class Pictures:
    """The pictures of a comparison; each is drawn as soon as its cells are there.

    Parameters
    ----------
    root
        Folder of the manifest that names them.
    folder
        Where they are drawn.
    recipe
        How the cells were compared.
    """

    def __init__(self, root: Path, folder: Path, recipe: Recipe) -> None:
        self._root, self._folder, self._recipe = root, folder, recipe
        self._group: list[ComparedCell] = []
        self._entries: list[Compared] = []
        self._drawn: list[FigureRecord] = []

    def add(self, cell: ComparedCell) -> None:
        """Take a cell; those of one dose, view and half come one after the other."""
        if self._group and place_of(self._group[0].entry) != place_of(cell.entry):
            self._draw_group()
        self._group.append(cell)
        self._entries.append(cell.entry)

    def finish(self) -> list[FigureRecord]:
        """Draw what needs all cells; return the records of all pictures for the manifest."""
        if self._group:
            self._draw_group()
        for split in dict.fromkeys(entry["split"] for entry in self._entries):
            entries = [entry for entry in self._entries if entry["split"] == split]
            self._save(against_dose(entries, self._recipe), f"measures_against_dose_{split}", "measures against dose")
            self._save(time_and_quality(entries), f"time_and_quality_{split}", "time against quality")
        return self._drawn

    def _draw_group(self) -> None:
        cells, self._group = self._group, []
        entry = cells[0].entry
        name = f"{cell_of(entry)}-{entry['split']}"
        self._save(objects(cells, name), f"objects_{name}", "objects", entry)
        figure = convergence(cells, name)
        if figure is not None:
            self._save(figure, f"convergence_{name}", "convergence", entry)
        curves = {cell.entry["method"]: cell.scored.curves for cell in cells if cell.scored.curves}
        if curves:
            self._save(ring_correlations(curves, name, self._recipe), f"frc_{name}", "ring correlations", entry)

    def _save(self, figure: Figure, name: str, what: str, entry: Compared | None = None) -> None:
        path = save(figure, self._folder / f"{name}.png")
        record: FigureRecord = {
            "what": what,
            "dose": None if entry is None else entry["dose"],
            "view": None if entry is None else entry["view"],
            "gridsize": None if entry is None else entry["gridsize"],
            "split": None if entry is None else entry["split"],
            "file": file_record(path, self._root),
        }
        if entry is not None and replicate_of(entry) > 1:
            record["replicate"] = replicate_of(entry)
        self._drawn.append(record)


def draw_thresholds(place: Axes, curve: RingCorrelation, recipe: Recipe) -> None:
    """Draw the thresholds of a ring correlation against the fraction of the Nyquist frequency."""
    x = curve.frequency / NYQUIST
    for level, label in ((recipe.frc_level, f"{recipe.frc_level:g}"), (1 / 7, "1/7")):
        place.axhline(level, color="0.3", lw=0.8, ls="--" if label != "1/7" else ":", label=label)
    place.plot(x, curve.threshold(snr=ONE_BIT), color="k", lw=0.9, ls="-.", label="1 bit")
    place.plot(x, curve.threshold(snr=HALF_BIT), color="k", lw=0.9, ls=(0, (1, 3)), label="1/2 bit")


def objects(cells: Sequence[ComparedCell], title: str) -> Figure:
    """Draw amplitude and phase of the truth and of each result, and their differences; one scale for each row.

    Without a truth there are the results alone.
    """
    columns, rows = _object_images(cells)
    height, width = rows[0][1][-1].shape
    panel = 2.1
    aspect = min(max(height / width, 0.4), 2.0)
    figure = new_figure((panel * len(columns) + 1.2, panel * aspect * len(rows) + 0.8))
    figure.suptitle(title)
    axes = figure.subplots(len(rows), len(columns), squeeze=False)
    for line, (label, images, (low, high), colors) in zip(axes, rows, strict=True):
        shown: Any = None
        for place, image in zip(line, images, strict=True):
            place.set_xticks([])
            place.set_yticks([])
            if image is None:
                place.axis("off")
                continue
            shown = place.imshow(image, vmin=low, vmax=high, cmap=masked_colors(colors), interpolation="nearest")
        # A label on an axis that is switched off is not drawn, so it stands on the first panel that is shown.
        next(place for place, image in zip(line, images, strict=True) if image is not None).set_ylabel(
            label, fontsize="small"
        )
        figure.colorbar(shown, ax=list(line), fraction=0.04, pad=0.01, aspect=20 * aspect)
    for place, column in zip(axes[0], columns, strict=True):
        place.set_title(column)
    step = step_of(cells[0].crop.mask.shape)
    scale_bar(axes[0][0], width, step)
    return figure


def ring_correlations(curves: Mapping[str, Mapping[str, RingCorrelation]], title: str, recipe: Recipe) -> Figure:
    """Draw the ring correlation of each method's phase and amplitude with the truth's, and the thresholds."""
    figure = new_figure((11.0, 4.2))
    figure.suptitle(f"Fourier ring correlation with the truth, {title}")
    axes = figure.subplots(1, 2, sharey=True)
    for place, image in zip(axes, ("phase", "amplitude"), strict=True):
        curve = None
        for method, found in curves.items():
            if image in found:
                curve = found[image]
                place.plot(curve.frequency / NYQUIST, curve.correlation, color=color_of(method), label=method)
        if curve is not None:
            draw_thresholds(place, curve, recipe)
        place.set(title=image, xlabel="spatial frequency (1 = Nyquist, 2 px)", xlim=(0, 1), ylim=(-0.2, 1.02))
        place.grid(alpha=0.3)
    axes[0].set_ylabel("FRC")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", fontsize="small")
    return figure


def against_dose(entries: Sequence[Compared], recipe: Recipe) -> Figure:
    """Draw each metric of the headline against the dose, one line for each method and view."""
    from matplotlib.ticker import NullLocator

    described = metric_definitions(recipe)
    metrics = [metric for metric in headline(recipe) if any(_value(entry, metric) is not None for entry in entries)]
    columns = 4
    lines = max(1, -(-len(metrics) // columns))
    figure = new_figure((3.4 * columns + 1.6, 2.7 * lines + 0.4))
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    doses = sorted({entry["dose"] for entry in entries})
    for place, metric in zip(axes, metrics, strict=False):
        definition = described[metric]
        _lines_of(place, entries, metric)
        unit = "" if definition.unit == "1" else f" ({definition.unit})"
        place.set_title(f"{definition.label}{unit}, {definition.direction} is better", fontsize="small")
        place.set_xscale("log")
        place.set_xticks(doses, labels=[f"{dose:g}" for dose in doses])
        if metric == "time_s":
            place.set_yscale("log")
        for axis in (place.xaxis, place.yaxis):
            axis.set_minor_locator(NullLocator())
        place.grid(alpha=0.3)
    for place in axes[len(metrics) :]:
        place.axis("off")
    for place in axes[max(0, len(metrics) - columns) : len(metrics)]:
        place.set_xlabel("dose (photons per pattern)")
    known: dict[str, Any] = {}
    for place in axes[: len(metrics)]:
        handles, labels = place.get_legend_handles_labels()
        known |= dict(zip(labels, handles, strict=True))
    if known:
        figure.legend(list(known.values()), list(known), loc="outside right upper", fontsize="small")
    return figure


def _lines_of(place: Axes, entries: Sequence[Compared], metric: str) -> None:
    """Draw a line for each method and view; a metric without a value has no point."""
    views = list(dict.fromkeys((entry["view"], entry["gridsize"]) for entry in entries))
    for method in dict.fromkeys(entry["method"] for entry in entries):
        for number, view in enumerate(views):
            chosen = [e for e in entries if e["method"] == method and (e["view"], e["gridsize"]) == view]
            points = _medians((e["dose"], v) for e in chosen if (v := _value(e, metric)) is not None)
            if points:
                place.plot(
                    *zip(*points, strict=True),
                    color=color_of(method),
                    ls=_LINES[number % len(_LINES)],
                    marker=_MARKERS[number % len(_MARKERS)],
                    ms=4,
                    label=f"{method}, {view[0]}",
                )


def _medians(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the median of the replicates of each dose, by dose."""
    values: dict[float, list[float]] = {}
    for dose, value in points:
        values.setdefault(dose, []).append(value)
    return [(dose, float(np.median(values[dose]))) for dose in sorted(values)]


def time_and_quality(entries: Sequence[Compared]) -> Figure:
    """Draw each cell's error against its time, one panel for each dose; the R-factor if the truth is unknown."""
    doses = sorted({entry["dose"] for entry in entries})
    views = list(dict.fromkeys((entry["view"], entry["gridsize"]) for entry in entries))
    metric, label = "complex_nrmse", "complex NRMSE (lower is better)"
    if all(_value(entry, metric) is None for entry in entries):
        metric, label = "r_factor", "R-factor (lower is better)"
    figure = new_figure((3.6 * max(1, len(doses)) + 1.6, 3.6))
    axes = figure.subplots(1, max(1, len(doses)), squeeze=False, sharey=True)[0]
    seen: dict[str, Any] = {}
    for place, dose in zip(axes, doses, strict=False):
        for entry in entries:
            value, seconds = _value(entry, metric), _value(entry, "time_s")
            if entry["dose"] != dose or value is None or seconds is None:
                continue
            number = views.index((entry["view"], entry["gridsize"]))
            # A time too short for the clock still has a place on a logarithmic axis.
            line = place.plot(
                [max(seconds, 1e-3)],
                [value],
                ls="",
                marker=_MARKERS[number % len(_MARKERS)],
                color=color_of(entry["method"]),
                label=f"{entry['method']}, {entry['view']}",
            )
            seen.setdefault(f"{entry['method']}, {entry['view']}", line[0])
        place.set(title=f"{dose:g} photons per pattern", xlabel="time (s), without training", xscale="log")
        place.grid(alpha=0.3)
    axes[0].set_ylabel(label)
    if seen:
        figure.legend(list(seen.values()), list(seen), loc="outside right upper", fontsize="small")
    return figure


_Row = tuple[str, list[Any], tuple[float, float], str]


def _object_images(cells: Sequence[ComparedCell]) -> tuple[list[str], list[_Row]]:
    """Return the columns' names and, for each row, label, images (None is no panel), limits and colors."""
    aligned = [cell.aligned for cell in cells]
    methods = [cell.entry["method"] for cell in cells]
    masked: Callable[[Image, int], Image] = lambda image, i: _thinned(np.where(cells[i].crop.mask, image, np.nan))  # noqa: E731
    if any(found is None for found in aligned):
        shown = [cell.crop.of(cell.result.obj) for cell in cells]
        amplitudes = [masked(np.abs(image), i) for i, image in enumerate(shown)]
        phases = [masked(np.angle(image * np.conj(image.mean())), i) for i, image in enumerate(shown)]
        return methods, [
            ("amplitude", amplitudes, limits(amplitudes), "gray"),
            ("phase\n(rad)", phases, limits(phases), "viridis"),
        ]
    rows: list[_Row] = []
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
            (f"{label}\n{unit}".strip(), [truth, *results], (float(np.nanmin(truth)), float(np.nanmax(truth))), colors)
        )
        rows.append((f"{label}\n− truth\n{unit}".strip(), [None, *differences], (-largest, largest), "RdBu_r"))
    return ["truth", *methods], rows


def limits(images: Sequence[Image]) -> tuple[float, float]:
    """Return the 0.5 and 99.5 percentiles of the finite pixels of images (h, w); the second one is the larger one."""
    values = np.concatenate([image[np.isfinite(image)] for image in images])
    low, high = np.percentile(values, (0.5, 99.5)).tolist()
    return low, high if high > low else low + 1.0


def step_of(shape: tuple[int, ...]) -> int:
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
    from matplotlib import colormaps

    return colormaps[name].with_extremes(bad=_OUTSIDE)


def _value(entry: Compared, metric: str) -> float | None:
    return next((found["value"] for found in entry["measures"] if found["metric"] == metric), None)
