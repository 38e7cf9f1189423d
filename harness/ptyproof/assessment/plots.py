"""Pictures of an assessment: the object that a method found, and the ring correlation of its two half-scans."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ptyproof.metrics.protocol import Recipe
from ptyproof.phases.figures import new_figure, save
from ptyproof.phases.g_compare.object_images import limits, masked_colors, scale_bar, step_of
from ptyproof.phases.g_compare.plots import draw_thresholds
from ptyproof.physics.align import illumination_crop
from ptyproof.physics.frc import NYQUIST, RingCorrelation
from ptyproof.records.archive import ReconstructionArchive


def draw_object(path: Path, found: ReconstructionArchive, title: str, recipe: Recipe) -> Path:
    """Draw amplitude and phase of an object where it is illuminated, and the probe's amplitude; return the file."""
    crop = illumination_crop(found.illumination, recipe.crop_fraction)
    obj = crop.of(found.obj)
    phase = np.angle(obj * np.conj(obj[crop.mask].mean()))
    amplitude = np.abs(obj) / np.abs(obj[crop.mask]).mean()
    step = step_of(crop.mask.shape)
    images = [
        ("object amplitude (mean 1)", np.where(crop.mask, amplitude, np.nan)[::step, ::step], "gray"),
        ("object phase (rad)", np.where(crop.mask, phase, np.nan)[::step, ::step], "viridis"),
        ("probe amplitude (maximum 1)", np.abs(found.probe) / np.abs(found.probe).max(), "magma"),
    ]
    figure = new_figure((12.0, 4.2))
    figure.suptitle(title)
    for place, (label, image, colors) in zip(figure.subplots(1, 3), images, strict=True):
        low, high = (0.0, 1.0) if label.startswith("probe") else limits([image])
        shown = place.imshow(image, vmin=low, vmax=high, cmap=masked_colors(colors), interpolation="nearest")
        place.set(title=label, xticks=[], yticks=[])
        figure.colorbar(shown, ax=place, fraction=0.046, pad=0.02)
        scale_bar(place, image.shape[1], 1 if label.startswith("probe") else step)
    return save(figure, path)


def draw_half_scans(path: Path, curves: Mapping[str, RingCorrelation], title: str, recipe: Recipe) -> Path:
    """Draw the ring correlations of two half-scans with the thresholds; return the file."""
    figure = new_figure((7.0, 4.2))
    figure.suptitle(f"Fourier ring correlation of two independent half-scans, {title}")
    place = figure.subplots()
    for image, curve in curves.items():
        place.plot(curve.frequency / NYQUIST, curve.correlation, label=image)
    if curves:
        draw_thresholds(place, next(iter(curves.values())), recipe)
        place.legend(fontsize="small")
    else:
        place.text(0.5, 0.5, "not defined", ha="center", transform=place.transAxes)
    place.set(xlabel="spatial frequency (1 = Nyquist, 2 px)", ylabel="FRC", xlim=(0, 1), ylim=(-0.2, 1.02))
    place.grid(alpha=0.3)
    return save(figure, path)
