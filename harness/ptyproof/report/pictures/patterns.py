"""The picture of diffraction patterns: measured photons beside those that a network predicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ptyproof.phases.figures import FONT_PT, Drawing, Real, png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMALLEST_SHOWN_PHOTONS = 0.1


def draw_diffraction(counts: Real, expected: Real, losses: Sequence[float], names: Sequence[str]) -> Drawing:
    """Draw measured counts beside those that the network's object predicts, one row per pattern, on one color scale.

    Parameters
    ----------
    counts, expected
        (k, H, W) photons per pixel, zero frequency in the center.
    losses
        Poisson loss of each pattern, nats per pixel.
    names
        What each pattern is, as in `best: pattern 7`.
    """
    top = max(float(counts.max()), float(expected.max()), 10 * SMALLEST_SHOWN_PHOTONS)
    wide = counts.shape[2] / counts.shape[1]

    def fill(figure: Figure) -> None:
        from matplotlib.colors import LogNorm

        grid = figure.subplots(len(counts), 2, squeeze=False)
        norm = LogNorm(SMALLEST_SHOWN_PHOTONS, top)
        for row, name, loss, *pair in zip(grid, names, losses, counts, expected, strict=True):
            for axes, photons, what in zip(row, pair, ("measured", "predicted"), strict=True):
                shown = np.maximum(photons, SMALLEST_SHOWN_PHOTONS)
                image = axes.imshow(shown, cmap="viridis", norm=norm, interpolation="nearest")
                axes.set_xticks([])
                axes.set_yticks([])
                axes.set_xlabel(f"{what}: {photons.sum():,.0f} photons", fontsize=FONT_PT - 1)
            row[0].set_ylabel(f"{name}\n{loss:.3g} nats per pixel", fontsize=FONT_PT - 1)
        label = f"photons per pixel (log scale; {SMALLEST_SHOWN_PHOTONS:g} and less is darkest)"
        figure.colorbar(image, ax=grid, location="bottom", label=label, extend="min", fraction=0.04, aspect=35)

    parts = [
        f"{name}: {measured.sum():,.0f} photons measured, {predicted.sum():,.0f} predicted, brightest pixel "
        f"{measured.max():.4g} and {predicted.max():.4g}, Poisson loss {loss:.4g} nats per pixel"
        for name, measured, predicted, loss in zip(names, counts, expected, losses, strict=True)
    ]
    caption = (
        "Diffraction patterns of the held-out half: measured photon counts beside the counts that the network's "
        "object predicts, on one logarithmic color scale. The zero frequency is in the center. The rows show the "
        "patterns with the smallest, the median and the largest Poisson loss (lower is better). Patterns are numbered "
        "from 0 in the file."
    )
    height = 0.9 + len(counts) * (1.75 / wide + 0.3)
    return Drawing(png(height, fill), caption, f"{'; '.join(parts)}.")
