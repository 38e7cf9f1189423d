"""Iterative reconstructions by pty-chi: LSQML, rPIE and ePIE.

Odstrcil, Menzel & Guizar-Sicairos, Opt. Express 26, 3108 (2018); Maiden, Johnson & Li, Optica 4, 736 (2017); Maiden &
Rodenburg, Ultramicroscopy 109, 1256 (2009). The object starts as ones, or as a start that is handed in, and never as
the truth, which is not there. Conventions: pty-chi's Fourier transform has no factor, so that its probe is ours divided
by sqrt(H W). Left to itself, it moves the zero frequency of patterns to the first pixel by fftshift, which is one pixel
off where a size is odd; so it is given patterns that ifftshift has moved, and told to move nothing. It cuts the object
at the rounded position and shifts the probe by the rest, so positions are those of the windows' first pixels, whole for
a window on whole pixels, and the origin is the middle of the first window, (H - 1) / 2 for odd and even sizes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.extras import ENGINES as ENGINE_PACKAGES
from ptyproof.extras import missing
from ptyproof.reconstruction.contained import contained
from ptyproof.reconstruction.engine import Engine
from ptyproof.reconstruction.history import History
from ptyproof.reconstruction.method import BlindScan, Needs
from ptyproof.reconstruction.options import Option
from ptyproof.remedies import import_torchvision
from ptyproof.study.reconstruction import Value

_MARGIN_PX = 2  # pty-chi cuts windows of one pixel more on each side to shift them


BATCHINGS = ("compact", "random", "uniform")


@dataclass(frozen=True)
class _Kind:
    """A kind of engine of pty-chi: its options class there, and what a study may set."""

    kind: str
    options: Mapping[str, Option]


def _batches(batching: str, n_batches: int, prefix: str = "") -> dict[str, Option]:
    """Return the options that say which patterns an update sees, and how many updates an epoch has.

    0 updates: as many as the study's batch size needs, and ten or more.
    """
    return {f"{prefix}batching": Option(batching, BATCHINGS), f"{prefix}n_batches": Option(n_batches, low=0)}


# With a known probe, LSQML sees all patterns at once, which leaves out the noise of small batches, and pty-chi applies
# momentum to the object in the compact mode alone. A probe that is refined needs more than one update in an epoch. rPIE
# divides by little where there is little light; patterns that overlap in one update then make it diverge, so its
# batches are spread over the scan, and alpha is larger than pty-chi's 0.1 for single patterns.
_MOMENTUM = {"momentum": Option(0.5, low=0.0, high=2.0)}
_ENGINES = {
    "lsqml": _Kind("LSQMLOptions", _batches("compact", 1) | _MOMENTUM | _batches("random", 0, "refining_")),
    "rpie": _Kind("RPIEOptions", _batches("uniform", 0) | {"alpha": Option(0.3, low=0.0, high=1.0)}),
    "epie": _Kind("EPIEOptions", _batches("random", 0) | {"alpha": Option(1.0, low=0.0, high=1.0)}),
}
_BATCH_OF_SCAN = 10  # an update sees no more than a tenth of the scan: its patterns overlap little
ENGINES = tuple(_ENGINES)


class PtyChi(Engine):
    """An engine of pty-chi as a method: `lsqml`, `rpie` or `epie`; the object starts as ones."""

    needs = Needs(probe="either", iterates=True)
    packages = ENGINE_PACKAGES
    loss_unit = "mean over pixels of (sqrt(I) - sqrt(n))^2, from patterns as they were before their update"

    def __init__(self, name: str, settings: Mapping[str, Value] | None = None) -> None:
        self.name = name
        self.options = _ENGINES[name].options
        self._settings = {key: option.default for key, option in self.options.items()} | dict(settings or {})

    def configured(self, options: Mapping[str, Value]) -> PtyChi:
        """Return the engine with these options."""
        return PtyChi(self.name, options)

    def _load(self) -> str | None:
        return _import_ptychi()

    def _run(self, dataset: BlindScan, rng: np.random.Generator, start: npt.NDArray[np.complex64] | None) -> _Run:
        import ptychi.api as api
        from ptychi.api.task import PtychographyTask

        canvas = _Canvas.of(dataset)
        seed = int(rng.integers(2**31))
        options = _options(api, _ENGINES[self.name].kind, self._settings, dataset, seed)
        task: Any = PtychographyTask(options, **_inputs(dataset, canvas, dataset.unit_scale, start))
        # pty-chi draws the order of the patterns from a generator that its random_seed does not reach
        task.reconstructor.dataloader.generator.manual_seed(seed)
        return _Run(task, canvas, dataset, start)


@dataclass(frozen=True, eq=False)
class _Run:
    """A task of pty-chi."""

    task: Any
    canvas: _Canvas
    dataset: BlindScan
    start: npt.NDArray[np.complex64] | None

    def epochs(self, _: History) -> Iterator[float]:
        while True:
            self.task.run(1)
            yield float(self.task.reconstructor.loss_tracker.table["loss"].iloc[-1])

    def obj(self) -> npt.NDArray[np.complex64]:
        return self.canvas.on_grid(self._array("object")[0], self.dataset, self.start)

    def probe(self) -> npt.NDArray[np.complex64]:
        factor = np.sqrt(self.dataset.probe.size) / self.dataset.unit_scale
        return np.asarray(self._array("probe")[0, 0] * factor, np.complex64)

    def _array(self, name: str) -> npt.NDArray[Any]:
        return np.asarray(self.task.get_data_to_cpu(name, as_numpy=True))


@dataclass(frozen=True)
class _Canvas:
    """The part of the object's grid that windows touch, with a margin: object (h, w), and where it lies on the grid.

    `inner` cuts the grid and `crop` the canvas to what they share.
    """

    shape: tuple[int, int]
    origin: tuple[int, int]
    inner: tuple[slice, slice]
    crop: tuple[slice, slice]

    @classmethod
    def of(cls, dataset: BlindScan) -> _Canvas:
        starts = dataset.positions_px - np.array(dataset.window) // 2
        first = np.floor(starts.min(axis=0)).astype(int) - _MARGIN_PX
        last = np.ceil(starts.max(axis=0)).astype(int) + np.array(dataset.window) + _MARGIN_PX
        inner, crop = [], []
        for low, high, size in zip(first.tolist(), last.tolist(), dataset.object_shape, strict=True):
            top, bottom = max(low, 0), min(high, size)
            inner.append(slice(top, bottom))
            crop.append(slice(top - low, bottom - low))
        shape, origin = (last - first).tolist(), first.tolist()
        return cls((shape[0], shape[1]), (origin[0], origin[1]), (inner[0], inner[1]), (crop[0], crop[1]))

    def on_grid(
        self, obj: npt.NDArray[np.complex64], dataset: BlindScan, start: npt.NDArray[np.complex64] | None
    ) -> npt.NDArray[np.complex64]:
        """Return the engine's object (h, w) on the grid (M, M'), in the unit of the dataset's probe."""
        scale = np.float32(dataset.unit_scale)
        whole = np.full(dataset.object_shape, scale, np.complex64) if start is None else start.copy()
        whole[self.inner] = (obj * scale)[self.crop]
        return whole


def _options(api: Any, kind: str, settings: Mapping[str, Any], dataset: BlindScan, seed: int) -> Any:
    options = getattr(api, kind)()
    reconstructor = options.reconstructor_options
    reconstructor.default_device = api.Devices.CPU
    estimated = dataset.probe_knowledge == "estimated"
    prefix = "refining_" if estimated and "refining_batching" in settings else ""
    batching = settings[f"{prefix}batching"]
    reconstructor.batch_size = _batch_size(settings[f"{prefix}n_batches"], dataset)
    reconstructor.batching_mode = api.BatchingModes[batching.upper()]
    reconstructor.random_seed = seed
    reconstructor.displayed_loss_function = api.LossFunctions.MSE_SQRT
    reconstructor.allow_nondeterministic_algorithms = False
    options.data_options.fft_shift = False
    options.object_options.determine_position_origin_coords_by = api.ObjectPosOriginCoordsMethods.SPECIFIED
    options.object_options.position_origin_coords = (np.array(dataset.window) - 1) / 2
    if batching == "compact" and "momentum" in settings:
        reconstructor.momentum_acceleration_gain = settings["momentum"]
    if "alpha" in settings:
        options.object_options.alpha = settings["alpha"]
    if kind == "EPIEOptions":
        options.probe_options.alpha = settings["alpha"]
    if not estimated:
        options.probe_options.optimizable = False
        options.object_options.remove_object_probe_ambiguity.enabled = False
        if kind == "LSQMLOptions":
            reconstructor.rescale_probe_intensity_in_first_epoch = False
    return options


def _batch_size(n_batches: int, dataset: BlindScan) -> int:
    if n_batches:
        return max(1, -(-len(dataset) // n_batches))
    return max(1, min(dataset.batch_size, len(dataset) // _BATCH_OF_SCAN))


def _inputs(
    dataset: BlindScan, canvas: _Canvas, scale: float, start: npt.NDArray[np.complex64] | None
) -> dict[str, npt.NDArray[Any]]:
    obj = np.ones(canvas.shape, dtype=np.complex64)
    if start is not None:
        obj[canvas.crop] = start[canvas.inner] / np.float32(scale)
    starts = dataset.positions_px - np.array(dataset.window) // 2 - np.array(canvas.origin)
    positions = starts.astype(np.float32)
    factor = scale / np.sqrt(dataset.probe.size)
    return {
        "diffraction_data": np.fft.ifftshift(np.square(dataset.amplitude), axes=(-2, -1)),
        "object_data": obj[None],
        "probe_data": (dataset.probe * factor).astype(np.complex64)[None, None],
        "probe_position_x_px": positions[:, 1],
        "probe_position_y_px": positions[:, 0],
    }


def preload() -> None:
    """Import pty-chi where it is installed: a process that was started by one that has it need not."""
    if not missing(ENGINE_PACKAGES):
        with contained():
            _import_ptychi()


def _import_ptychi() -> str | None:
    """Import pty-chi after what its own import needs; return what was done for it."""
    remedy = import_torchvision()
    import ptychi.api.task  # noqa: F401 - so that it is there

    return remedy
