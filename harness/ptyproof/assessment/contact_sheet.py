"""A picture of a measurement on which wrong axes are seen: mean pattern, mask, positions, probe, first estimate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ptyproof.assessment.quick_look import QuickLook, neighbors, quick_look
from ptyproof.errors import InputError
from ptyproof.io.blocks import row_blocks
from ptyproof.io.dataset import Dataset
from ptyproof.phases.figures import BLUE, ORANGE, new_figure, save
from ptyproof.phases.g_compare.object_images import limits, masked_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PATTERNS, _WINDOW_PX = 400, 128  # of the first estimate
_LIT = 0.05  # of the brightest illumination, from which on the estimate is shown
_MANY = 5_000  # positions, above which they are drawn as pixels


def draw_contact_sheet(path: Path, dataset: Dataset, title: str) -> QuickLook:
    """Draw the sheet of a measurement; return the estimate that is on it.

    Rows run downward and columns to the right in each picture, as in the arrays.

    Raises
    ------
    InputError
        If the dataset has no patterns.
    """
    if dataset.diffraction is None:
        raise InputError("a contact sheet needs patterns, and the dataset has none")
    look = quick_look(dataset, neighbors(dataset, _PATTERNS), _WINDOW_PX)
    figure = new_figure((13.5, 8.4))
    figure.suptitle(title)
    pattern, mask, positions, probe, amplitude, phase = figure.subplots(2, 3).flat
    _draw_pattern(pattern, dataset)
    _draw_mask(mask, dataset)
    _draw_positions(positions, dataset)
    _draw_probe(probe, dataset)
    _draw_estimate(amplitude, phase, look)
    save(figure, path, dpi=100)
    return look


def _draw_pattern(place: Axes, dataset: Dataset) -> None:
    mean = np.log10(np.maximum(_mean_intensity(dataset), 1e-3))
    if dataset.valid_pixels is not None and dataset.valid_pixels.ndim == 2:
        mean = np.where(dataset.valid_pixels, mean, np.nan)
    _image(place, mean, "viridis", "mean pattern, log10 of the intensity")
    height, width = dataset.probe.shape
    place.plot(width // 2, height // 2, "+", color=ORANGE, markersize=14)


def _draw_mask(place: Axes, dataset: Dataset) -> None:
    valid = dataset.valid_pixels
    if valid is None:
        valid = np.ones(dataset.probe.shape, bool)
    share = valid if valid.ndim == 2 else valid.mean(axis=0)
    _image(place, share.astype(np.float64), "gray", f"valid pixels ({100 * float(share.mean()):.4g} %)", (0.0, 1.0))


def _draw_positions(place: Axes, dataset: Dataset) -> None:
    rows, cols = dataset.positions_px.T
    if len(rows) <= _MANY:
        place.plot(cols, rows, "-", color="0.8", linewidth=0.6)
    place.scatter(cols, rows, c=np.arange(len(rows)), s=12 if len(rows) <= _MANY else 1, cmap="viridis")
    place.plot(cols[0], rows[0], "o", color=ORANGE, markersize=9, fillstyle="none", label="first")
    (height, width), (row, col) = dataset.probe.shape, (rows.min(), cols.min())
    corners = np.array([[0, 0], [0, width], [height, width], [height, 0], [0, 0]]) - (height // 2, width // 2)
    place.plot(col + corners[:, 1], row + corners[:, 0], color=BLUE, linewidth=1, label="a window")
    place.invert_yaxis()
    place.set(aspect="equal", xlabel="column / px", ylabel="row / px")
    place.set_title(f"{len(rows)} positions in their order, dark to bright", fontsize=10)
    place.legend(fontsize="x-small")


def _draw_probe(place: Axes, dataset: Dataset) -> None:
    modes = "" if dataset.further_modes is None else f", the strongest of {len(dataset.modes)} modes"
    amplitude = np.abs(dataset.probe)
    colors = _phase_colors(dataset.probe, amplitude / amplitude.max())
    place.imshow(colors, interpolation="nearest")
    place.set_title(f"probe, hue is phase{modes}", fontsize=10)


def _draw_estimate(amplitude: Axes, phase: Axes, look: QuickLook) -> None:
    lit = look.illumination >= _LIT * look.illumination.max()
    rows, cols = (slice(line.min(), line.max() + 1) for line in np.nonzero(lit))
    lit, obj = lit[rows, cols], look.obj[rows, cols]
    shown = np.where(lit, obj, 0)
    turned = np.where(lit, np.angle(shown * np.conj(shown.sum())), np.nan)
    note = f"{look.n_patterns} patterns, R-factor {look.r_factor:.3f}"
    size = np.where(lit, np.abs(obj), np.nan)
    _image(amplitude, size, "gray", f"first estimate, amplitude ({note})", limits([size]))
    _image(phase, turned, "twilight", "first estimate, phase / rad", (-np.pi, np.pi))


def _phase_colors(field: npt.NDArray[np.complexfloating], brightness: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    from matplotlib.colors import hsv_to_rgb

    hue = (np.angle(field) / (2 * np.pi)) % 1.0
    return np.asarray(hsv_to_rgb(np.stack([hue, np.ones_like(hue), brightness], axis=-1)))


def _image(
    place: Axes, image: npt.NDArray[Any], colors: str, title: str, between: tuple[float, float] | None = None
) -> None:
    low, high = between or (None, None)
    shown = place.imshow(image, cmap=masked_colors(colors), vmin=low, vmax=high, interpolation="nearest")
    place.set_title(title, fontsize=10)
    place.get_figure(root=True).colorbar(shown, ax=place, fraction=0.046, pad=0.02)  # type: ignore[union-attr]


def _mean_intensity(dataset: Dataset) -> npt.NDArray[np.float64]:
    assert dataset.diffraction is not None  # draw_contact_sheet has looked
    scale = 1.0 if dataset.intensity_scale is None else dataset.intensity_scale
    total = np.zeros(dataset.probe.shape)
    for rows in row_blocks(dataset.diffraction):
        total += np.square(dataset.diffraction[rows] * scale, dtype=np.float64).sum(axis=0)
    return total / len(dataset)
