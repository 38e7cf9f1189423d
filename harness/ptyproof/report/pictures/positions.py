"""The picture of a scan: the positions of a view over the object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ptyproof.phases.figures import BLUE, FONT_PT, ORANGE, Complex, Drawing, Real, png

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_scan(obj: Complex | None, positions_px: Mapping[str, Real], window: tuple[int, int]) -> Drawing:
    """Draw the scan positions of a view over the amplitude of the object.

    Parameters
    ----------
    obj
        (M, M') truth, or None where it is unknown.
    positions_px
        (n, 2) float64 (row, col) of the halves `train` and `test`, pixels of the object grid.
    window
        (H, W) of a pattern; that of the first training position is outlined.
    """
    styles = {"train": ("training", "o", BLUE), "test": ("held-out", "^", ORANGE)}
    if obj is None:
        rows, cols = np.ceil(np.concatenate(list(positions_px.values())).max(axis=0) + np.array(window) / 2)
    else:
        rows, cols = obj.shape

    def fill(figure: Figure) -> None:
        from matplotlib.colors import LinearSegmentedColormap
        from matplotlib.patches import Rectangle

        axes = figure.add_subplot()
        if obj is not None:
            pale = LinearSegmentedColormap.from_list("pale", ["0.45", "1.0"])  # so that positions stand out
            image = axes.imshow(np.abs(obj), cmap=pale, interpolation="nearest")
            figure.colorbar(image, ax=axes, label="object amplitude, truth (no unit)", shrink=0.7)
        for half, points in positions_px.items():
            name, marker, color = styles[half]
            label = f"{len(points)} {name} positions"
            few = len(points) <= 400
            axes.scatter(
                points[:, 1],
                points[:, 0],
                s=16 if few else 6,
                marker=marker,
                color=color,
                edgecolors="white" if few else "none",
                linewidths=0.4,
                label=label,
            )
        first = positions_px["train"][0]
        corner = (first[1] - window[1] // 2 - 0.5, first[0] - window[0] // 2 - 0.5)
        axes.add_patch(
            Rectangle(
                corner, window[1], window[0], fill=False, color="black", linewidth=1.5, label="a pattern's window"
            )
        )
        axes.set(xlabel="column (px)", ylabel="row (px)", xlim=(-0.5, cols - 0.5), ylim=(rows - 0.5, -0.5))
        axes.set_aspect("equal")
        figure.legend(loc="outside upper center", ncols=2, fontsize=FONT_PT - 1, markerscale=1.6)

    parts = [
        f"{len(points)} {styles[half][0]} positions in rows {points[:, 0].min():.1f} to {points[:, 0].max():.1f} "
        f"and columns {points[:, 1].min():.1f} to {points[:, 1].max():.1f} px"
        for half, points in positions_px.items()
    ]
    below = f"on an object of {rows:.0f} × {cols:.0f} px" if obj is not None else "the object is unknown"
    alt = f"{'; '.join(parts)}; {below}; windows of {window[0]} × {window[1]} px."
    caption = (
        "Scan positions of the view over the object. A position is the center of a pattern's window, in pixels of the "
        "object grid. The window of the first training position is outlined."
    )
    return Drawing(png(float(np.clip(3.3 * rows / cols + 0.9, 3.0, 6.4)), fill), caption, alt)
