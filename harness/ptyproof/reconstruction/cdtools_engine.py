"""Reconstructions by CDTools: automatic differentiation of the amplitudes' squared error, with Adam.

The recipe is that of the engine's own example `fancy_ptycho.py`: its workhorse model FancyPtycho, half of the epochs
with a learning rate of 0.02 and 10 patterns in a batch, then half with a quarter of the rate and five times the batch.
What is known is held fixed: exposures, background, and positions and modes of the probe where they are the dataset's
own. Of what is told it has mask (a pixel that is not measured in one pattern counts in none), modes, background (the
mean of one for each pattern), factors of the intensity, and saturation, which clips what is expected. The object starts
as ones. Conventions: CDTools' Fourier transform is unitary with the zero frequency in the middle, as
ours; it cuts the object at the rounded-down position and shifts the probe by the rest. Lengths are given in pixels: of
a far field only they matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ptyproof.extras import CDTOOLS
from ptyproof.reconstruction.engine import Engine, by_power
from ptyproof.reconstruction.history import History
from ptyproof.reconstruction.method import BlindScan, Needs
from ptyproof.reconstruction.options import Option

_MARGIN_PX = 1  # a position that is rounded down may lie a pixel before the grid
_SECOND_HALF = 0.25, 5  # factors of rate and batch


class CDTools(Engine):
    """CDTools' FancyPtycho as a method; the object starts as ones."""

    name = "cdtools"
    package = "cdtools-py"
    packages = CDTOOLS
    needs = Needs(
        probe="either",
        positions="either",
        iterates=True,
        uses=("mask", "modes", "background", "intensity", "saturation"),
    )
    loss_unit = "sum of (sqrt(I) - sqrt(n))^2 over the epoch, divided by the counts"
    options: ClassVar[Mapping[str, Option]] = {
        "learning_rate": Option(0.02, low=1e-6, high=1.0),
        "patterns_per_step": Option(10, low=1, high=1e6),
    }

    def __init__(self, learning_rate: float = 0.02, patterns_per_step: int = 10) -> None:
        self._learning_rate, self._patterns_per_step = learning_rate, patterns_per_step

    def configured(self, options: Mapping[str, Any]) -> CDTools:
        """Return the method with its options: rate and batch of the first half."""
        return CDTools(**options)

    def _load(self) -> None:
        import cdtools  # noqa: F401 - so that it is there

    def _run(self, dataset: BlindScan, rng: np.random.Generator, start: npt.NDArray[np.complex64] | None) -> _Run:
        import torch

        torch.set_default_dtype(torch.float32)
        torch.manual_seed(int(rng.integers(2**31)))
        return _Run(_model(dataset, start), _data(dataset), dataset, self._learning_rate, self._patterns_per_step)


@dataclass(frozen=True, eq=False)
class _Run:
    """A model of CDTools, its data, and the rate and batch of the first half."""

    model: Any
    data: Any
    dataset: BlindScan
    learning_rate: float
    patterns_per_step: int

    def epochs(self, history: History) -> Iterator[float]:
        from cdtools.reconstructors import AdamReconstructor

        adam = AdamReconstructor(self.model, self.data)
        offsets = self.model.translation_offsets
        while True:
            factor, times = _SECOND_HALF if history.spent >= 0.5 else (1.0, 1)
            size = min(len(self.data), self.patterns_per_step * times)
            rate = self.learning_rate * factor
            options = {"lr": rate, "batch_size": size, "calculation_width": size, "thread": False}
            losses = [float(loss) for loss in adam.optimize(1, **options)]
            if offsets.requires_grad:  # a common shift is one of the object
                offsets.data -= offsets.data.mean(dim=0)
            yield from losses

    def obj(self) -> npt.NDArray[np.complex64]:
        inner = tuple(slice(_MARGIN_PX, _MARGIN_PX + size) for size in self.dataset.object_shape)
        found = self.model.obj.detach().numpy()[inner] * np.float32(self.dataset.unit_scale)
        return np.asarray(found, np.complex64)

    def probe(self) -> npt.NDArray[np.complex64]:
        return np.asarray(self._modes()[0])

    def further_modes(self) -> npt.NDArray[np.complex64] | None:
        modes = self._modes()
        return modes[1:] if len(modes) > 1 else None

    def _modes(self) -> npt.NDArray[np.complex64]:
        found = (self.model.probe * self.model.probe_norm).detach().numpy() / np.float32(self.dataset.unit_scale)
        return by_power(found)

    def positions_px(self) -> npt.NDArray[np.float64]:
        return self.dataset.inside(self.dataset.positions_px + self.model.translation_offsets.detach().numpy())


def _model(dataset: BlindScan, start: npt.NDArray[np.complex64] | None) -> Any:
    """Return the model with everything that is known held fixed; objects have a modulus of about 1 there."""
    import torch
    from cdtools.models import FancyPtycho

    scale, told, factors = dataset.unit_scale, dataset.told, dataset.told.intensity_factors
    obj = np.ones([size + 2 * _MARGIN_PX for size in dataset.object_shape], dtype=np.complex64)
    if start is not None:
        obj[_MARGIN_PX:-_MARGIN_PX, _MARGIN_PX:-_MARGIN_PX] = start / np.float32(scale)
    pixel = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])  # columns: a step along rows, and along columns
    model = FancyPtycho(
        1.0,
        {"distance": 1.0, "basis": pixel, "corner": None},
        pixel,
        (dataset.modes * np.float32(scale)).astype(np.complex64),
        obj,
        background=_root_of_background(dataset),
        mask=None if told.valid_pixels is None else told.valid_pixels.reshape(-1, *dataset.window).all(axis=0),
        weights=np.ones(len(dataset), np.float32) if factors is None else np.sqrt(factors).astype(np.float32),
        translation_offsets=np.zeros((len(dataset), 2), dtype=np.float32),
        saturation=told.saturation_counts,
    )
    model.background.requires_grad = model.weights.requires_grad = False
    model.translation_offsets.requires_grad = dataset.position_knowledge == "estimated"
    model.probe.requires_grad = dataset.probe_knowledge == "estimated"
    return model


def _root_of_background(dataset: BlindScan) -> npt.NDArray[np.float32]:
    """Return the square root (H, W) of the background; CDTools wants one above 0."""
    told = dataset.told.background
    if told is None:
        return 1e-6 * np.ones(dataset.window, dtype=np.float32)
    return np.asarray(np.sqrt(np.maximum(told.reshape(-1, *dataset.window).mean(axis=0), 1e-12)), np.float32)


def _data(dataset: BlindScan) -> Any:
    """Return the patterns, and the first pixel of each window as a length in pixels."""
    from cdtools.datasets import Ptycho2DDataset

    corners = dataset.positions_px - np.array(dataset.window) // 2 + _MARGIN_PX
    places = np.concatenate([corners, np.zeros((len(corners), 1))], axis=1).astype(np.float32)
    return Ptycho2DDataset(places, np.square(dataset.amplitude), wavelength=1.0)
