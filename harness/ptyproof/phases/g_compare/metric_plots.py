"""Pictures of the metrics of all cells: against the dose, and errors against time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ptyproof.metrics.definitions import headline, metric_definitions
from ptyproof.metrics.limits import NOT_CONVERGED
from ptyproof.metrics.protocol import Recipe
from ptyproof.phases.figures import new_figure
from ptyproof.phases.g_compare.colors import color_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from ptyproof_schemas.types.comparison_manifest import Compared

_LINES = ("-", "--", ":", "-.")
_MARKERS = ("o", "s", "^", "D", "v")
_HOLLOW = "w"  # the face of a point of a method that had not converged


def against_dose(entries: Sequence[Compared], recipe: Recipe) -> Figure:
    """Draw each metric of the headline against the dose, one line for each method and view.

    A point is the median of the replicates, and the bar on it reaches from the smallest to the largest value. It is
    hollow where the method had not converged in one replicate or more.
    """
    from matplotlib.ticker import NullLocator

    described = metric_definitions(recipe)
    metrics = [metric for metric in headline(recipe) if any(_value(entry, metric) is not None for entry in entries)]
    columns = 3  # labels stay readable at the width of the report
    lines = max(1, -(-len(metrics) // columns))
    figure = new_figure((3.4 * columns + 1.6, 2.8 * lines + 0.4))
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    doses = sorted({entry["dose"] for entry in entries})
    for place, metric in zip(axes, metrics, strict=False):
        definition = described[metric]
        _lines_of(place, entries, metric)
        unit = "" if definition.unit == "1" else f" ({definition.unit})"
        place.set_title(f"{definition.label}{unit}\n{definition.direction} is better", fontsize="small")
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
    _legend(figure, known)
    return figure


def error_against_dose(entries: Sequence[Compared]) -> Figure:
    """Draw the error of each method against the dose, one panel for each view; the R-factor if the truth is unknown.

    Points and bars are those of `against_dose`.
    """
    from matplotlib.ticker import LogLocator, NullLocator

    views = _views_of(entries)
    metric, label = _error_of(entries)
    figure, axes = _row_of_panels(len(views))
    known: dict[str, Any] = {}
    for place, view in zip(axes, views, strict=False):
        here = [entry for entry in entries if (entry["view"], entry["gridsize"]) == view]
        for method in dict.fromkeys(entry["method"] for entry in here):
            chosen = [entry for entry in here if entry["method"] == method]
            for line in _line(place, chosen, metric, marker="o", ms=4, label=method):
                known[method] = line
        place.set(
            title=f"{view[0]}, gridsize {view[1]}", xlabel="dose (photons per pattern)", xscale="log", yscale="log"
        )
        place.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        place.yaxis.set_major_formatter("{x:g}")
        place.yaxis.set_minor_locator(NullLocator())
        place.grid(alpha=0.3)
    axes[0].set_ylabel(label)
    _legend(figure, known)
    return figure


def _row_of_panels(n_panels: int) -> tuple[Figure, Sequence[Axes]]:
    """Return a figure with panels side by side, which share the axis of the error; there is always one."""
    n_panels = max(1, n_panels)
    figure = new_figure((3.0 * n_panels + 1.6, 3.3))  # narrow, so that labels are large where the page shrinks it
    return figure, list(figure.subplots(1, n_panels, squeeze=False, sharey=True)[0])


def _legend(figure: Figure, known: dict[str, Any]) -> None:
    """Explain the lines of all panels beside them, and hollow points where there are some."""
    from matplotlib.lines import Line2D

    hollow = [line for place in figure.axes for line in place.lines if line.get_markerfacecolor() == _HOLLOW]
    if hollow:
        known = known | {NOT_CONVERGED: Line2D([], [], ls="", marker="o", ms=4, mfc=_HOLLOW, mec="0.3")}
    if known:
        figure.legend(list(known.values()), list(known), loc="outside right upper", fontsize="small")


def _lines_of(place: Axes, entries: Sequence[Compared], metric: str) -> None:
    """Draw a line for each method and view; a metric without a value has no point."""
    for method in dict.fromkeys(entry["method"] for entry in entries):
        for number, view in enumerate(_views_of(entries)):
            chosen = [e for e in entries if e["method"] == method and (e["view"], e["gridsize"]) == view]
            style = {"ls": _LINES[number % len(_LINES)], "marker": _MARKERS[number % len(_MARKERS)], "ms": 4}
            _line(place, chosen, metric, label=f"{method}, {view[0]}", **style)


def _line(place: Axes, entries: Sequence[Compared], metric: str, **style: Any) -> list[Line2D]:
    """Draw the medians of one method and view against the dose, with bars over the range of the replicates."""
    points = spreads((entry["dose"], v) for entry in entries if (v := _value(entry, metric)) is not None)
    if not points:
        return []
    doses, lows, medians, highs = (np.array(column) for column in zip(*points, strict=True))
    color = color_of(entries[0]["method"])
    if np.any(highs > lows):
        place.vlines(doses, lows, highs, color=color, lw=1.2)
    line = place.plot(doses, medians, color=color, **style)
    early = np.isin(doses, [entry["dose"] for entry in entries if not _converged(entry)])
    if early.any():
        hollow = {"ls": "", "marker": style["marker"], "ms": style["ms"], "mfc": _HOLLOW}
        place.plot(doses[early], medians[early], color=color, **hollow)
    return line


def _views_of(entries: Sequence[Compared]) -> list[tuple[str, int]]:
    """Return name and gridsize of the views, each once."""
    return list(dict.fromkeys((entry["view"], entry["gridsize"]) for entry in entries))


def _error_of(entries: Sequence[Compared]) -> tuple[str, str]:
    """Return the metric that stands for the quality of these cells, and its label."""
    if all(_value(entry, "complex_nrmse") is None for entry in entries):
        return "r_factor", "R-factor (lower is better)"
    return "complex_nrmse", "complex NRMSE (lower is better)"


class Spread(NamedTuple):
    """A metric over the replicates of a dose: smallest value, median, largest value."""

    dose: float
    low: float
    median: float
    high: float


def spreads(points: Iterable[tuple[float, float]]) -> list[Spread]:
    """Return the spread of each dose over the replicates, by dose; points are (dose, value)."""
    values: dict[float, list[float]] = {}
    for dose, value in points:
        values.setdefault(dose, []).append(value)
    return [Spread(dose, min(found), float(np.median(found)), max(found)) for dose, found in sorted(values.items())]


def time_and_quality(entries: Sequence[Compared]) -> Figure:
    """Draw each cell's error against its time, one panel for each dose; the R-factor if the truth is unknown.

    A point is hollow where the method had not converged.
    """
    doses = sorted({entry["dose"] for entry in entries})
    views = _views_of(entries)
    metric, label = _error_of(entries)
    figure, axes = _row_of_panels(len(doses))
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
                mfc=None if _converged(entry) else _HOLLOW,
                label=f"{entry['method']}, {entry['view']}",
            )
            name = f"{entry['method']}, {entry['view']}"
            seen[name] = line[0] if _converged(entry) else seen.get(name, line[0])
        place.set(title=f"{dose:g} photons per pattern", xlabel="time (s), without training", xscale="log")
        place.grid(alpha=0.3)
    axes[0].set_ylabel(label)
    _legend(figure, seen)
    return figure


def _converged(entry: Compared) -> bool:
    """Whether a method had converged; one without epochs has."""
    return entry.get("convergence", {"converged": True})["converged"]


def _value(entry: Compared, metric: str) -> float | None:
    return next((found["value"] for found in entry["measures"] if found["metric"] == metric), None)
