"""Iterative reconstructions by pty-chi: LSQML, rPIE and ePIE.

Odstrcil, Menzel & Guizar-Sicairos, Opt. Express 26, 3108 (2018); Maiden, Johnson & Li, Optica 4, 736 (2017); Maiden &
Rodenburg, Ultramicroscopy 109, 1256 (2009). The object starts as ones, or as a start that is handed in, and never as
the truth, which is not there. `ptychi_inputs` has pty-chi's conventions, and `ptychi_model` puts its model right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.errors import RunError
from ptyproof.extras import ENGINES as ENGINE_PACKAGES
from ptyproof.extras import missing
from ptyproof.io.knowledge import Knowledge
from ptyproof.physics.beam import MAX_MODES
from ptyproof.reconstruction.contained import contained
from ptyproof.reconstruction.engine import Engine, by_power
from ptyproof.reconstruction.history import History
from ptyproof.reconstruction.method import BlindScan, Needs
from ptyproof.reconstruction.options import Option
from ptyproof.reconstruction.ptychi_inputs import Canvas, Patterns, inputs, modes_of, variable_probe
from ptyproof.reconstruction.ptychi_model import blur, clip, shift_all_modes
from ptyproof.reconstruction.ptychi_options import BATCHINGS, CORRECTIONS, INTENSITIES, opr_modes_of, options_of
from ptyproof.remedies import import_torchvision
from ptyproof.study.reconstruction import Value


@dataclass(frozen=True)
class _Kind:
    """A kind of engine of pty-chi: its options class there, what a study may set, and what it can be told."""

    kind: str
    options: Mapping[str, Option]
    uses: tuple[Knowledge, ...]


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
# 0 modes: those that are told. PtychoShelves' variable probe (OPR) belongs to a probe that is refined.
_MODES = {"modes": Option(0, low=0, high=MAX_MODES), "opr_modes": Option(0, low=0, high=MAX_MODES)}
_POSITIONS = {
    "position_start": Option(5, low=0),
    "position_step": Option(2.0, low=0.0, high=10.0),
    "position_limit_px": Option(0.3, low=1e-6, high=16.0),
    "position_correction": Option("gradient", CORRECTIONS),
}
_INTENSITY = {"intensity": Option("given", INTENSITIES)}
_TOLD: tuple[Knowledge, ...] = ("mask", "modes", "intensity", "saturation")  # no engine has a background
_COMMON = _MODES | _POSITIONS
_ENGINES = {
    "lsqml": _Kind(
        "LSQMLOptions",
        _batches("compact", 1) | _MOMENTUM | _batches("random", 0, "refining_") | _COMMON | _INTENSITY,
        (*_TOLD, "psf"),  # the PIEs replace moduli, and have a blur for the loss that they show alone
    ),
    "rpie": _Kind("RPIEOptions", _batches("uniform", 0) | {"alpha": Option(0.3, low=0.0, high=1.0)} | _COMMON, _TOLD),
    "epie": _Kind("EPIEOptions", _batches("random", 0) | {"alpha": Option(1.0, low=0.0, high=1.0)} | _COMMON, _TOLD),
}
ENGINES = tuple(_ENGINES)


class PtyChi(Engine):
    """An engine of pty-chi as a method: `lsqml`, `rpie` or `epie`; the object starts as ones."""

    packages = ENGINE_PACKAGES
    loss_unit = "mean over pixels of (sqrt(I) - sqrt(n))^2, from patterns as they were before their update"

    def __init__(self, name: str, settings: Mapping[str, Value] | None = None) -> None:
        self.name = name
        self.needs = Needs(probe="either", iterates=True, positions="either", uses=_ENGINES[name].uses)
        self.options = _ENGINES[name].options
        self._settings: dict[str, Any] = {key: option.default for key, option in self.options.items()} | dict(
            settings or {}
        )

    def configured(self, options: Mapping[str, Value]) -> PtyChi:
        """Return the engine with these options."""
        return PtyChi(self.name, options)

    def _check(self, dataset: BlindScan) -> None:
        if self._settings["opr_modes"] and dataset.probe_knowledge != "estimated":
            raise RunError(
                f"{self.name} can vary a probe alone that it refines: opr_modes = {self._settings['opr_modes']} needs "
                'probe_knowledge = "estimated"'
            )

    def _load(self) -> str | None:
        return _import_ptychi()

    def _run(self, dataset: BlindScan, rng: np.random.Generator, start: npt.NDArray[np.complex64] | None) -> _Run:
        import ptychi.api as api
        from ptychi.api.task import PtychographyTask

        canvas, patterns = Canvas.of(dataset), Patterns.of(dataset)
        seed = int(rng.integers(2**31))
        modes = modes_of(dataset, self._settings["modes"])
        given = inputs(dataset, patterns, canvas, modes, start)
        n_opr_modes = opr_modes_of(self._settings)
        if n_opr_modes:
            given |= variable_probe(given["probe_data"], len(dataset), n_opr_modes, seed)
        options = options_of(api, _ENGINES[self.name].kind, self._settings, dataset, patterns, len(modes), seed)
        task: Any = PtychographyTask(options, **given)
        # pty-chi draws the order of the patterns from a generator that its random_seed does not reach
        task.reconstructor.dataloader.generator.manual_seed(seed)
        if len(modes) > 1:
            shift_all_modes(task)
        if patterns.saturated is not None:
            clip(task, patterns.saturated)
        if dataset.told.psf_sigma_px is not None:
            blur(task, dataset.told.psf_sigma_px, dataset.window)
        middle = np.asarray(task.get_data_to_cpu("probe_positions", as_numpy=True)).mean(axis=0)
        return _Run(task, canvas, dataset, start, self._settings.get("intensity") == "estimated", middle)


@dataclass(frozen=True, eq=False)
class _Run:
    """A task of pty-chi."""

    task: Any
    canvas: Canvas
    dataset: BlindScan
    start: npt.NDArray[np.complex64] | None
    weighted: bool
    middle: npt.NDArray[np.float32]

    def epochs(self, _: History) -> Iterator[float]:
        import torch

        while True:
            self.task.run(1)
            if self.dataset.position_knowledge == "estimated":  # a common shift is one of the object
                moved = self._array("probe_positions")
                with torch.no_grad():
                    self.task.probe_positions.set_data(moved - (moved.mean(axis=0) - self.middle))
            yield float(self.task.reconstructor.loss_tracker.table["loss"].iloc[-1])

    def obj(self) -> npt.NDArray[np.complex64]:
        obj = self._array("object")[0]
        if self.weighted:  # the probe has the mean weight 1
            obj = obj * self._array("opr_mode_weights")[:, 0].mean()
        return self.canvas.on_grid(obj, self.dataset, self.start)

    def probe(self) -> npt.NDArray[np.complex64]:
        return np.asarray(self._modes()[0])

    def further_modes(self) -> npt.NDArray[np.complex64] | None:
        modes = self._modes()
        return modes[1:] if len(modes) > 1 else None

    def positions_px(self) -> npt.NDArray[np.float64]:
        first = np.array(self.dataset.window) // 2 + np.array(self.canvas.origin)
        return self.dataset.inside(self._array("probe_positions") + first)

    def _modes(self) -> npt.NDArray[np.complex64]:
        factor = np.sqrt(self.dataset.probe.size) / self.dataset.unit_scale
        return by_power(self._array("probe")[0] * factor)

    def _array(self, name: str) -> npt.NDArray[Any]:
        return np.asarray(self.task.get_data_to_cpu(name, as_numpy=True))


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
