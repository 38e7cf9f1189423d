"""The picture of a reconstruction: amplitude and phase of objects below those of the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ptyproof.physics.metrics import scaled_error
from ptyproof.report.pictures.canvas import FONT_PT, Complex, Drawing, Real, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LIT_FRACTION = 1e-3


def draw_reconstruction(results: Mapping[str, Complex], truth: Complex | None, illumination: Real) -> Drawing:
    """Draw amplitude and phase of reconstructions below those of the truth, in one colour range each.

    Parameters
    ----------
    results
        (M, M') complex objects by name; each is multiplied with its one best complex factor (`scaled_error`).
    truth
        (M, M'), or None where it is unknown: the results are drawn as they are then.
    illumination
        (M, M') summed |P|^2; pixels with `LIT_FRACTION` of its maximum or less are left blank.
    """
    lit = illumination > LIT_FRACTION * illumination.max()
    rows, cols = (np.flatnonzero(lit.any(axis=axis)) for axis in (1, 0))
    box = np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    shown, parts = {}, []
    for name, result in results.items():
        if truth is None:
            shown[name] = result
            parts.append(f"{name}: {_ranges(result[lit])}")
        else:
            error = scaled_error(result, truth, illumination)
            shown[name] = result * error.scale
            parts.append(f"{name}: complex error {error.nrmse:.4f}, {_ranges(shown[name][lit])}")
    if truth is not None:
        shown = {"truth": truth, **shown}
        parts.insert(0, f"truth: {_ranges(truth[lit])}")
    quantities: tuple[tuple[str, Callable[[Complex], Any]], ...] = (
        ("amplitude (no unit)", np.abs),
        ("phase (rad)", np.angle),
    )
    shape = (rows[-1] + 1 - rows[0], cols[-1] + 1 - cols[0])

    def fill(figure: Figure) -> None:
        grid = figure.subplots(len(shown), 2, squeeze=False, sharex=True, sharey=True)
        extent = (cols[0] - 0.5, cols[-1] + 0.5, rows[-1] + 0.5, rows[0] - 0.5)
        for column, (label, quantity) in enumerate(quantities):
            low, high, colours = _colour_range([quantity(value[lit]) for value in shown.values()], label)
            for axes, (name, value) in zip(grid[:, column], shown.items(), strict=True):
                image = axes.imshow(
                    np.where(lit, quantity(value), np.nan)[box],
                    cmap=colours,
                    vmin=low,
                    vmax=high,
                    interpolation="nearest",
                    extent=extent,
                )
                axes.set_title(f"{name}: {label.split()[0]}", fontsize=FONT_PT)
            figure.colorbar(image, ax=list(grid[:, column]), location="bottom", label=label, extend="both", aspect=18)
        for axes in grid[:, 0]:
            axes.set_ylabel("row (px)")
        _label_columns(grid[-1])

    height = 1.1 + len(shown) * min(1.8 * shape[0] / shape[1] + 0.3, 3.0)
    alt = f"Rows {rows[0]} to {rows[-1]}, columns {cols[0]} to {cols[-1]}, {int(lit.sum())} lit pixels. " + (
        "; ".join(parts) + "."
    )
    registered = (
        "The truth is unknown, so the factor that both are free to have is as it came out."
        if truth is None
        else "Each is registered to the truth by its one best complex factor; complex error: lower is better."
    )
    caption = (
        "Reconstruction of the held-out half: the network's object (network), and its "
        f"network-free start (start). {registered} One colour range for all of a column (1st to "
        f"99th percentile of all lit pixels); blank: illumination of {LIT_FRACTION:g} of its maximum or less."
    )
    return Drawing(png(height, fill), caption, alt)


def _label_columns(row: Sequence[Axes]) -> None:
    for axes in row:
        axes.set_xlabel("column (px)")


def _ranges(values: Complex) -> str:
    amplitude, phase = np.abs(values), np.angle(values)
    return f"amplitude {amplitude.min():.3f} to {amplitude.max():.3f}, phase {phase.min():.3f} to {phase.max():.3f} rad"


def _colour_range(values: Sequence[Real], label: str) -> tuple[float, float, str]:
    """Return the range that holds 98 % of all values, and a colour map; phases that go around have a cyclic one."""
    low, high = (float(edge) for edge in np.percentile(np.concatenate(values), [1, 99]))
    is_phase = label.startswith("phase")
    if is_phase and high - low > 5.5:
        return -np.pi, np.pi, "twilight"
    margin = 0.0 if high - low > 1e-6 * max(abs(low), abs(high)) else 0.1 * max(abs(low), 1.0)
    return low - margin, high + margin, "viridis" if is_phase else "gray"
