"""The picture of a reconstruction: amplitude and phase of objects below those of the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ptyproof.phases.figures import FONT_PT, Complex, Drawing, Real, png
from ptyproof.physics.metrics import scaled_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LIT_FRACTION = 1e-3


def draw_reconstruction(results: Mapping[str, Complex], truth: Complex | None, illumination: Real) -> Drawing:
    """Draw amplitude and phase of reconstructions below those of the truth, on one color scale each.

    Parameters
    ----------
    results
        (M, M') complex objects by name; each is multiplied by the complex factor that fits best (`scaled_error`).
    truth
        (M, M'), or None if it is unknown; then the results are drawn as they are.
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
            low, high, colors = _color_range([quantity(value[lit]) for value in shown.values()], label)
            for axes, (name, value) in zip(grid[:, column], shown.items(), strict=True):
                image = axes.imshow(
                    np.where(lit, quantity(value), np.nan)[box],
                    cmap=colors,
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
    alt = f"Rows {rows[0]} to {rows[-1]}, columns {cols[0]} to {cols[-1]}, {int(lit.sum())} illuminated pixels. " + (
        "; ".join(parts) + "."
    )
    fitted = (
        "The truth is unknown, so the free complex factor of each object is not fitted."
        if truth is None
        else "Each is multiplied by the complex factor that fits the truth best. Complex error: lower is better."
    )
    caption = (
        f"Reconstruction of the held-out half: the object of the network (network) and its initial estimate (start). "
        f"{fitted} The panels of a column share one color range, from the 1st to the 99th percentile of the "
        f"illuminated pixels. Blank: illumination of {LIT_FRACTION:g} of its maximum or less."
    )
    return Drawing(png(height, fill), caption, alt)


def _label_columns(row: Sequence[Axes]) -> None:
    for axes in row:
        axes.set_xlabel("column (px)")


def _ranges(values: Complex) -> str:
    amplitude, phase = np.abs(values), np.angle(values)
    return f"amplitude {amplitude.min():.3f} to {amplitude.max():.3f}, phase {phase.min():.3f} to {phase.max():.3f} rad"


def _color_range(values: Sequence[Real], label: str) -> tuple[float, float, str]:
    """Return the range of 98 % of all values, and a color map: a cyclic one for phases over the full circle."""
    low, high = (float(edge) for edge in np.percentile(np.concatenate(values), [1, 99]))
    is_phase = label.startswith("phase")
    if is_phase and high - low > 5.5:
        return -np.pi, np.pi, "twilight"
    margin = 0.0 if high - low > 1e-6 * max(abs(low), abs(high)) else 0.1 * max(abs(low), 1.0)
    return low - margin, high + margin, "viridis" if is_phase else "gray"
