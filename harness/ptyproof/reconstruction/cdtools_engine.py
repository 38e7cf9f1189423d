"""Reconstructions by CDTools: automatic differentiation of the amplitudes' squared error, with Adam.

The recipe is that of the engine's own example `fancy_ptycho.py`: its workhorse model FancyPtycho, half of the epochs
with a learning rate of 0.02 and 10 patterns in a batch, then half with a quarter of the rate and five times the batch.
What is known is held fixed: positions, exposures, the missing background, and the probe where it is the dataset's own.
The object starts as ones. Conventions: CDTools' Fourier transform is unitary with the zero frequency in the middle, as
ours; it cuts the object at the rounded-down position and shifts the probe by the rest. Lengths are given in pixels: of
a far field only they matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ptyproof import clock
from ptyproof.errors import RunError
from ptyproof.extras import CDTOOLS, missing, needs
from ptyproof.reconstruction.contained import contained
from ptyproof.reconstruction.history import History
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction
from ptyproof.reconstruction.options import Option

_DEFAULT_EPOCHS = 100
_MARGIN_PX = 1  # a position that is rounded down may lie a pixel before the grid
_SECOND_HALF = 0.25, 5  # factors of rate and batch
_LOSS_UNIT = "sum of (sqrt(I) - sqrt(n))^2 over the epoch, divided by the counts"


class CDTools:
    """CDTools' FancyPtycho as a method."""

    name = "cdtools"
    package = "cdtools-py"
    needs = Needs(probe="either", iterates=True)
    options: ClassVar[Mapping[str, Option]] = {
        "learning_rate": Option(0.02, low=1e-6, high=1.0),
        "patterns_per_step": Option(10, low=1, high=1e6),
    }

    def __init__(self, learning_rate: float = 0.02, patterns_per_step: int = 10) -> None:
        self._learning_rate, self._patterns_per_step = learning_rate, patterns_per_step

    def configured(self, options: Mapping[str, Any]) -> CDTools:
        """Return the method with its options: rate and batch of the first half."""
        return CDTools(**options)

    def unavailable(self) -> str | None:
        """Return the line that installs CDTools where it is missing."""
        absent = missing(CDTOOLS)
        return needs(self.name, absent) if absent else None

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        """Return the object after the budget's epochs (100 without one), from an object of ones."""
        return self.refine(dataset, budget, rng, None)

    def refine(
        self,
        dataset: BlindScan,
        budget: Budget,
        rng: np.random.Generator,
        start: npt.NDArray[np.complex64] | None,
    ) -> Reconstruction:
        """Return the object after the budget's epochs, from the object `start` (M, M'); None starts from ones.

        Raises
        ------
        RunError
            If the loss is no finite number any more.
        """
        with contained():
            import torch

            began = clock.seconds()
            torch.set_default_dtype(torch.float32)
            torch.manual_seed(int(rng.integers(2**31)))
            scale = dataset.unit_scale
            model, data = _model(dataset, scale, start), _data(dataset)
            history = History(budget, _DEFAULT_EPOCHS)
            set_up = clock.seconds()
            for loss in self._epochs(model, data, history):
                if history.add(loss) or not np.isfinite(loss):
                    break
            inner = tuple(slice(_MARGIN_PX, _MARGIN_PX + size) for size in dataset.object_shape)
            obj = model.obj.detach().numpy()[inner] * np.float32(scale)
            probe = (model.probe * model.probe_norm).detach().numpy()[0] / np.float32(scale)
        if not np.isfinite(history.losses[-1]):
            raise RunError(f"{self.name} diverged: its loss became {history.losses[-1]} in epoch {len(history.losses)}")
        return Reconstruction(
            obj.astype(np.complex64),
            probe.astype(np.complex64) if dataset.probe_knowledge == "estimated" else dataset.probe,
            losses=tuple(history.losses),
            seconds=tuple(history.seconds),
            loss_unit=_LOSS_UNIT,
            steps_s={"set-up": set_up - began, "iterations": clock.seconds() - set_up},
            stopped_by=history.stopped_by,
        )

    def _epochs(self, model: Any, data: Any, history: History) -> Iterator[float]:
        from cdtools.reconstructors import AdamReconstructor

        adam = AdamReconstructor(model, data)
        rate, batch = self._learning_rate, self._patterns_per_step
        while True:
            second = history.share >= 0.5
            factor, times = _SECOND_HALF if second else (1.0, 1)
            size = min(len(data), batch * times)
            options = {"lr": rate * factor, "batch_size": size, "calculation_width": size, "thread": False}
            yield from (float(loss) for loss in adam.optimize(1, **options))


def _model(dataset: BlindScan, scale: float, start: npt.NDArray[np.complex64] | None) -> Any:
    """Return the model with everything that is known held fixed; objects have a modulus of about 1 there."""
    import torch
    from cdtools.models import FancyPtycho

    obj = np.ones([size + 2 * _MARGIN_PX for size in dataset.object_shape], dtype=np.complex64)
    if start is not None:
        obj[_MARGIN_PX:-_MARGIN_PX, _MARGIN_PX:-_MARGIN_PX] = start / np.float32(scale)
    pixel = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])  # columns: a step along rows, and along columns
    model = FancyPtycho(
        1.0,
        {"distance": 1.0, "basis": pixel, "corner": None},
        pixel,
        (dataset.probe * np.float32(scale)).astype(np.complex64)[None],
        obj,
        background=1e-6 * np.ones(dataset.window, dtype=np.float32),
        weights=np.ones(len(dataset), dtype=np.float32),
        translation_offsets=np.zeros((len(dataset), 2), dtype=np.float32),
    )
    known = [model.background, model.weights, model.translation_offsets]
    for parameter in known + ([model.probe] if dataset.probe_knowledge == "true" else []):
        parameter.requires_grad = False
    return model


def _data(dataset: BlindScan) -> Any:
    """Return the patterns, and the first pixel of each window as a length in pixels."""
    from cdtools.datasets import Ptycho2DDataset

    corners = dataset.positions_px - np.array(dataset.window) // 2 + _MARGIN_PX
    places = np.concatenate([corners, np.zeros((len(corners), 1))], axis=1).astype(np.float32)
    return Ptycho2DDataset(places, np.square(dataset.amplitude), wavelength=1.0)
