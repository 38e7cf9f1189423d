"""Pictures of a comparison: each is drawn as soon as its cells are there; ring correlations are drawn here.

Matplotlib draws them without pyplot, so they need no screen and leave no state. All panels of one kind in a picture
share one color scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.io.atomic import atomic_path
from ptyproof.io.file_record import file_record
from ptyproof.metrics.protocol import Recipe
from ptyproof.phases.figures import new_figure, save
from ptyproof.phases.g_compare.colors import color_of
from ptyproof.phases.g_compare.convergence_plot import convergence
from ptyproof.phases.g_compare.metric_plots import against_dose, error_against_dose, time_and_quality
from ptyproof.phases.g_compare.object_images import objects
from ptyproof.phases.g_compare.sheet import Sheet, Telling, sheet_of, telling
from ptyproof.phases.g_compare.tables import place_of
from ptyproof.physics.frc import HALF_BIT, NYQUIST, ONE_BIT, RingCorrelation
from ptyproof.study.layout import cell_of, replicate_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ptyproof.phases.g_compare.cell import ComparedCell
    from ptyproof_schemas.types.comparison_manifest import Compared
    from ptyproof_schemas.types.comparison_manifest import Figure as FigureRecord


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
        self._most_telling: dict[str, tuple[Telling, Compared, Sheet]] = {}  # by half

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
            self._save(error_against_dose(entries), f"error_against_dose_{split}", "error against dose")
            self._save(against_dose(entries, self._recipe), f"measures_against_dose_{split}", "measures against dose")
            self._save(time_and_quality(entries), f"time_and_quality_{split}", "time against quality")
        for _, entry, found in self._most_telling.values():
            path = self._folder / f"sheet_{cell_of(entry)}-{entry['split']}.png"
            with atomic_path(path) as temporary:
                temporary.write_bytes(found.png)
            self._record(path, "sheet", entry, found)
        return self._drawn

    def _draw_group(self) -> None:
        cells, self._group = self._group, []
        entry = cells[0].entry
        name = f"{cell_of(entry)}-{entry['split']}"
        self._save(objects(cells, name), f"objects_{name}", "objects", entry)
        self._keep_if_telling(cells)
        figure = convergence(cells, name)
        if figure is not None:
            self._save(figure, f"convergence_{name}", "convergence", entry)
        curves = {cell.entry["method"]: cell.scored.curves for cell in cells if cell.scored.curves}
        if curves:
            self._save(ring_correlations(curves, name, self._recipe), f"frc_{name}", "ring correlations", entry)

    def _keep_if_telling(self, cells: Sequence[ComparedCell]) -> None:
        """Keep the sheet of these cells if no earlier ones of their half told as much."""
        found, half = telling(cells), cells[0].entry["split"]
        if found is not None and (half not in self._most_telling or found > self._most_telling[half][0]):
            self._most_telling[half] = found, cells[0].entry, sheet_of(cells, found)

    def _save(self, figure: Figure, name: str, what: str, entry: Compared | None = None) -> None:
        self._record(save(figure, self._folder / f"{name}.png"), what, entry)

    def _record(self, path: Path, what: str, entry: Compared | None, found: Sheet | None = None) -> None:
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
        if found is not None:
            record["sheet"] = found.record
        self._drawn.append(record)


def draw_thresholds(place: Axes, curve: RingCorrelation, recipe: Recipe) -> None:
    """Draw the thresholds of a ring correlation against the fraction of the Nyquist frequency."""
    x = curve.frequency / NYQUIST
    for level, label in ((recipe.frc_level, f"{recipe.frc_level:g}"), (1 / 7, "1/7")):
        place.axhline(level, color="0.3", lw=0.8, ls="--" if label != "1/7" else ":", label=label)
    place.plot(x, curve.threshold(snr=ONE_BIT), color="k", lw=0.9, ls="-.", label="1 bit")
    place.plot(x, curve.threshold(snr=HALF_BIT), color="k", lw=0.9, ls=(0, (1, 3)), label="1/2 bit")


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
