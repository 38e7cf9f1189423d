"""The pictures of a hub's report: losses, scan positions, diffraction patterns, and objects beside the truth.

Each drawing is a function of arrays, and comes with a caption and a text that says in numbers what it shows. `collect`
draws what a hub's files allow, keeps it under `docs/figures/`, and takes from there what was drawn from the same files
before: so pictures stay when the datasets that they were made from are removed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ptyproof.console import Console
from ptyproof.errors import DataError, InputError, PtyproofError
from ptyproof.evidence.manifest import TOOL_LABEL, file_is_whole
from ptyproof.evidence.run_folder import RunFolder
from ptyproof.io import strict_json
from ptyproof.io.atomic import atomic_path
from ptyproof.io.dataset import Dataset, read_dataset
from ptyproof.io.hashing import sha256_file
from ptyproof.physics.fourier import fft2c
from ptyproof.physics.metrics import poisson_deviance, scaled_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Complex = npt.NDArray[np.complexfloating]
Real = npt.NDArray[np.floating]

_WIDTH_INCH, _DPI, _FONT_PT = 4.7, 150, 10
_BLUE, _ORANGE = "#0072b2", "#d55e00"
FIGURES = "docs/figures"
SOURCES = f"{FIGURES}/sources.json"
SUBJECTS = {
    "training": "loss and learning rate",
    "scan": "scan positions",
    "diffraction": "diffraction patterns",
    "reconstruction": "reconstruction",
}
# Raised with every change of the drawings, so that pictures of an older way of drawing are not taken for these.
_DRAWING = 1
LIT_FRACTION = 1e-3
SMALLEST_SHOWN_PHOTONS = 0.1


@dataclass(frozen=True)
class Drawing:
    """A PNG, what it is, and what it shows in numbers."""

    png: bytes
    caption: str
    alt: str


def draw_training(history: Sequence[Mapping[str, float]], bundle_epoch: int) -> Drawing:
    """Draw the losses of a training over its epochs, and below them the learning rate.

    Parameters
    ----------
    history
        A row per epoch: epoch, train_loss and, where there is one, validation_loss (nats per pixel), learning_rate.
    bundle_epoch
        Epoch whose weights the bundle has.
    """
    epochs = [row["epoch"] for row in history]
    series = {"training": ([row["train_loss"] for row in history], "o-", _BLUE)}
    if "validation_loss" in history[0]:
        series["validation"] = ([row["validation_loss"] for row in history], "s--", _ORANGE)
    rates = [row["learning_rate"] for row in history]

    def fill(figure: Figure) -> None:
        from matplotlib.ticker import MaxNLocator

        losses, rate = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
        for name, (values, style, colour) in series.items():
            losses.plot(epochs, values, style, color=colour, markersize=4, label=f"{name} positions")
        losses.axvline(bundle_epoch, color="0.4", linestyle=":", label=f"bundle: epoch {bundle_epoch}")
        losses.set_ylabel("Poisson loss (nats per pixel)")
        losses.legend(fontsize=_FONT_PT - 1)
        rate.plot(epochs, rates, "o-", color="0.25", markersize=4)
        rate.set(xlabel="epoch", ylabel="learning rate", ylim=(0, None))
        rate.xaxis.set_major_locator(MaxNLocator(integer=True))
        for axes in (losses, rate):
            axes.grid(alpha=0.3)

    parts = [
        f"{name} loss {values[0]:.4g} nats per pixel after the first epoch, {values[-1]:.4g} after the last, "
        f"smallest {min(values):.4g} after epoch {epochs[int(np.argmin(values))]:.0f}"
        for name, (values, _, _) in series.items()
    ]
    alt = f"{len(history)} epochs: {'; '.join(parts)}; learning rate from {rates[0]:.3g} to {rates[-1]:.3g}."
    caption = (
        "Loss and learning rate. Poisson loss above its smallest possible value, mean of each epoch, in nats per "
        "pixel: lower is better. The learning rate is that of the epoch's end."
    )
    return Drawing(_png(4.6, fill), caption, alt)


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
    styles = {"train": ("training", "o", _BLUE), "test": ("held-out", "^", _ORANGE)}
    if obj is None:
        rows, cols = np.ceil(np.concatenate(list(positions_px.values())).max(axis=0) + np.array(window) / 2)
    else:
        rows, cols = obj.shape

    def fill(figure: Figure) -> None:
        from matplotlib.patches import Rectangle

        axes = figure.add_subplot()
        if obj is not None:
            image = axes.imshow(np.abs(obj), cmap="gray", interpolation="nearest")
            figure.colorbar(image, ax=axes, label="object amplitude, truth (no unit)", shrink=0.7)
        for half, points in positions_px.items():
            name, marker, colour = styles[half]
            label = f"{len(points)} {name} positions"
            size = 16 if len(points) <= 400 else 5
            axes.scatter(
                points[:, 1],
                points[:, 0],
                s=size,
                marker=marker,
                color=colour,
                edgecolors="white",
                linewidths=0.4,
                label=label,
            )
        first = positions_px["train"][0]
        corner = (first[1] - window[1] // 2 - 0.5, first[0] - window[0] // 2 - 0.5)
        axes.add_patch(Rectangle(corner, window[1], window[0], fill=False, color="#ffd400", label="a pattern's window"))
        axes.set(xlabel="column (px)", ylabel="row (px)", xlim=(-0.5, cols - 0.5), ylim=(rows - 0.5, -0.5))
        axes.set_aspect("equal")
        figure.legend(loc="outside upper center", ncols=2, fontsize=_FONT_PT - 1)

    parts = [
        f"{len(points)} {styles[half][0]} positions in rows {points[:, 0].min():.1f} to {points[:, 0].max():.1f} "
        f"and columns {points[:, 1].min():.1f} to {points[:, 1].max():.1f} px"
        for half, points in positions_px.items()
    ]
    below = f"on an object of {rows:.0f} × {cols:.0f} px" if obj is not None else "the object is unknown"
    alt = f"{'; '.join(parts)}; {below}; windows of {window[0]} × {window[1]} px."
    caption = (
        "Scan positions of the view over the object. A position is the middle of a pattern's window, in pixels of the "
        "object grid; the window of the first training position is outlined."
    )
    return Drawing(_png(float(np.clip(3.6 * rows / cols + 0.9, 3.0, 6.4)), fill), caption, alt)


def draw_diffraction(counts: Real, expected: Real, losses: Sequence[float], names: Sequence[str]) -> Drawing:
    """Draw measured counts beside those that the network's object predicts, one row per pattern, in one colour range.

    Parameters
    ----------
    counts, expected
        (k, H, W) photons per pixel, zero frequency in the middle.
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
                axes.set_xlabel(f"{what}: {photons.sum():,.0f} photons", fontsize=_FONT_PT - 1)
            row[0].set_ylabel(f"{name}\n{loss:.3g} nats per pixel", fontsize=_FONT_PT - 1)
        label = f"photons per pixel (log scale; {SMALLEST_SHOWN_PHOTONS:g} and less is darkest)"
        figure.colorbar(image, ax=grid, location="bottom", label=label, extend="min", fraction=0.04, aspect=35)

    parts = [
        f"{name}: {measured.sum():,.0f} photons measured, {predicted.sum():,.0f} predicted, brightest pixel "
        f"{measured.max():.4g} and {predicted.max():.4g}, Poisson loss {loss:.4g} nats per pixel"
        for name, measured, predicted, loss in zip(names, counts, expected, losses, strict=True)
    ]
    caption = (
        "Diffraction patterns of the held-out half: measured photon counts, and the counts that the network's stitched "
        "object predicts, in one logarithmic colour range; zero frequency in the middle. Shown are the patterns with "
        "the smallest, the median and the largest Poisson loss (lower is better). Patterns are counted from 0 in the "
        "file."
    )
    height = 0.9 + len(counts) * (1.75 / wide + 0.3)
    return Drawing(_png(height, fill), caption, f"{'; '.join(parts)}.")


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
                axes.set_title(f"{name}: {label.split()[0]}", fontsize=_FONT_PT)
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
        "Reconstruction of the held-out half: object stitched from the network's patches (network), and from those "
        f"of its network-free start (start). {registered} One colour range for all of a column (1st to "
        f"99th percentile of all lit pixels); blank: illumination of {LIT_FRACTION:g} of its maximum or less."
    )
    return Drawing(_png(height, fill), caption, alt)


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


def _png(height_inch: float, fill: Callable[[Figure], None]) -> bytes:
    """Return a PNG without time or program name, so that equal arrays give equal bytes."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    stream = io.BytesIO()
    with mpl.rc_context({"font.size": _FONT_PT}):
        layout = ConstrainedLayoutEngine(w_pad=0.09, h_pad=0.06)
        figure = Figure(figsize=(_WIDTH_INCH, height_inch), layout=layout, facecolor="white")
        FigureCanvasAgg(figure)
        fill(figure)
        figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()


@dataclass(frozen=True)
class Source:
    """A file that a picture was made from: its path in the hub, and its sha256."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Picture:
    """A picture under `docs/figures/`: of which cell, of what (a key of `SUBJECTS`), from which files."""

    file: str
    cell: str
    subject: str
    sha256: str
    caption: str
    alt: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Album:
    """The pictures of a hub by (cell, subject), and for those that there are not, the reason."""

    pictures: Mapping[tuple[str, str], Picture]
    missing: Mapping[tuple[str, str], str]


def collect(hub: Path, training: Mapping[str, Any] | None, console: Console | None = None) -> Album:
    """Draw the pictures of the jobs of a training manifest into `docs/figures/`; keep those that are drawn already.

    A picture that was drawn from the same files before is kept, also where these are gone by now. One that was drawn
    from others is removed. A picture that cannot be drawn is missing for a reason; that is no error.

    Parameters
    ----------
    hub
        The hub; `docs/figures/` is made.
    training
        The training manifest, or None where there is none.
    console
        Where progress is shown; None is silent.
    """
    (hub / FIGURES).mkdir(parents=True, exist_ok=True)
    earlier = {picture.file: picture for picture in _recorded(hub)}
    pictures: dict[tuple[str, str], Picture] = {}
    missing: dict[tuple[str, str], str] = {}
    jobs = [] if training is None else training["jobs"]
    with (console or Console.silent()).progress("pictures", len(jobs) * len(SUBJECTS), "picture") as progress:
        for job in jobs:
            cell = _Cell(hub, job)
            for subject in SUBJECTS:
                key = (job["job"], subject)
                try:
                    pictures[key] = _picture(hub, cell, subject, earlier)
                except PtyproofError as error:
                    missing[key] = str(error).replace(f"{hub}/", "")
                except ModuleNotFoundError as error:
                    missing[key] = f"drawing it needs `pip install 'pytest-ptyproof[train]'`: {error}"
                progress.update(1)
    kept = {picture.file for picture in pictures.values()}
    for file in earlier.keys() - kept:
        (hub / FIGURES / file).unlink(missing_ok=True)
    records = [asdict(picture) for picture in pictures.values()]
    strict_json.write_json(hub / SOURCES, {"tool": TOOL_LABEL, "drawing": _DRAWING, "pictures": records})
    return Album(pictures, missing)


def _picture(hub: Path, cell: _Cell, subject: str, earlier: Mapping[str, Picture]) -> Picture:
    """Return a picture: the one that is there if it was made from the same files, or one that is drawn now."""
    sources = cell.sources(subject)
    file = f"{cell.job['job']}_{subject}.png"
    known = earlier.get(file)
    if known is not None and known.sources == sources:
        return known
    for source in sources:
        cell.check(source)
    drawing = cell.draw(subject)
    with atomic_path(hub / FIGURES / file) as temporary:
        temporary.write_bytes(drawing.png)
    digest = hashlib.sha256(drawing.png).hexdigest()
    return Picture(file, cell.job["job"], subject, digest, drawing.caption, drawing.alt, sources)


def _recorded(hub: Path) -> Iterator[Picture]:
    """Yield the pictures that are recorded and whole; a record that is damaged is as good as none."""
    try:
        record = strict_json.read_json(hub / SOURCES)
        if record["drawing"] != _DRAWING:
            return
        found = [
            Picture(**{**entry, "sources": tuple(Source(**source) for source in entry["sources"])})
            for entry in record["pictures"]
        ]
    except (DataError, KeyError, TypeError):
        return
    for picture in found:
        if picture.file == f"{picture.cell}_{picture.subject}.png" and "/" not in picture.file:
            path = hub / FIGURES / picture.file
            if path.is_file() and sha256_file(path) == picture.sha256:
                yield picture


class _Cell:
    """A job of the training manifest, what its pictures are made from, and the making."""

    def __init__(self, hub: Path, job: Mapping[str, Any]) -> None:
        self.hub = hub
        self.job = job
        self.root = RunFolder(hub).real_run

    def sources(self, subject: str) -> tuple[Source, ...]:
        """Return the files of a picture as they are recorded; they may be gone.

        Raises
        ------
        InputError
            If the job has none: it did not end well, or it was not recorded what it read.
        """
        result = self.job["result"]
        if subject == "training":
            if result["metrics_path"] is None:
                ended = result["status"] == "success"
                raise InputError("the losses were not written" if ended else f"the training is {result['status']}")
            path = self._path(posixpath.join(self.job["artifact_dir"], result["metrics_path"]))
            if not (self.hub / path).is_file():
                raise InputError(f"{path} is not in the hub")
            return (Source(path, sha256_file(self.hub / path)),)
        if self.job["datasets"] is None:
            raise InputError(f"the training is {result['status']}, and its datasets were not read")
        if subject == "scan":
            return self._dataset("train"), self._dataset("test")
        if result["bundle_path"] is None:
            raise InputError(f"the training is {result['status']}, so there is no network that predicts anything")
        bundle = self._path(posixpath.join(self.job["artifact_dir"], result["bundle_path"]))
        return self._dataset("test"), Source(bundle, result["bundle_sha256"])

    def check(self, source: Source) -> None:
        """Refuse a file that is not there, or is not the recorded one."""
        path = self.hub / source.path
        if not path.is_file():
            why = ": datasets are removed at the end of a run without --keep-datasets" if path.suffix == ".npz" else ""
            raise InputError(f"{source.path} is not in the hub any more{why}")
        record = {"path": source.path, "sha256": source.sha256, "size_bytes": path.stat().st_size}
        if not file_is_whole(record, self.hub):
            raise InputError(f"{source.path} is not the file that was recorded: its sha256 is another")

    def draw(self, subject: str) -> Drawing:
        """Draw a picture."""
        makers: dict[str, Callable[[], Drawing]] = {
            "training": self._training,
            "scan": self._scan,
            "diffraction": self._diffraction,
            "reconstruction": self._reconstruction,
        }
        return makers[subject]()

    def _training(self) -> Drawing:
        (source,) = self.sources("training")
        try:
            with (self.hub / source.path).open(encoding="utf-8", newline="") as file:
                history = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
            return draw_training(history, self.job["result"]["bundle_epoch"])
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise DataError(source.path, f"is no table of losses: {error}") from error

    def _scan(self) -> Drawing:
        train, test = (self._read(half) for half in ("train", "test"))
        window = (train.probe.shape[-2], train.probe.shape[-1])
        return draw_scan(train.obj, {"train": train.positions_px, "test": test.positions_px}, window)

    def _diffraction(self) -> Drawing:
        from ptyproof.reconstruction.stitching import cut

        scan, predicted, floor = self._scan_of_test, self._predicted["network"], self.job["training"]["rate_floor"]
        seen = cut(predicted.stitched.obj, scan.corners_px, scan.window)
        losses = np.empty(len(scan))
        counts: list[Real] = []
        expected: list[Real] = []
        for index in range(len(scan)):
            one = np.array([index])
            wave = scan.probes(one) * seen[one] / np.float32(scan.object_scale)
            expected.append(np.abs(fft2c(wave)[0]) ** 2)
            counts.append(np.rint(np.square(scan.amplitude[index], dtype=np.float64)))
            losses[index] = poisson_deviance(expected[-1], counts[-1], floor)
        order = np.argsort(losses, kind="stable")
        chosen = {int(order[0]): "best", int(order[len(order) // 2]): "median", int(order[-1]): "worst"}
        return draw_diffraction(
            np.stack([counts[index] for index in chosen]),
            np.stack([expected[index] for index in chosen]),
            [float(losses[index]) for index in chosen],
            [f"{name}: pattern {index}" for index, name in chosen.items()],
        )

    def _reconstruction(self) -> Drawing:
        results = {name: found.stitched.obj for name, found in self._predicted.items()}
        return draw_reconstruction(results, self._test.obj, self._predicted["network"].stitched.illumination)

    @cached_property
    def _test(self) -> Dataset:
        return self._read("test")

    @cached_property
    def _scan_of_test(self) -> Any:
        from ptyproof.training.data import scan_of

        return scan_of(self._test, self._dataset("test").path)

    @cached_property
    def _predicted(self) -> dict[str, Any]:
        """The predictions `network` and `start` (network-free) of the held-out half, as they were scored."""
        from ptyproof.evidence.scores import canvas_shape, predict
        from ptyproof.training.bundle import read_bundle

        _, bundle = self.sources("diffraction")
        network, scan, truth = read_bundle(self.hub / bundle.path).network, self._scan_of_test, self._test.obj
        shape = canvas_shape(scan) if truth is None else truth.shape
        return {
            "network": predict(network, scan, shape),
            "start": predict(network, scan, shape, start_only=True),
        }

    def _read(self, half: str) -> Dataset:
        return read_dataset(self.hub / self._dataset(half).path).dataset

    def _dataset(self, half: str) -> Source:
        record = self.job["datasets"][half]
        return Source(self._path(record["path"]), record["sha256"])

    def _path(self, name: str) -> str:
        """Return the path in the hub of a file that the training manifest names; none outside is ever opened."""
        path = posixpath.normpath(posixpath.join(self.root.name, name))
        if path.startswith(("../", "/")) or not (self.hub / path).resolve().is_relative_to(self.hub.resolve()):
            raise InputError(f"{path} lies outside the hub")
        return path
