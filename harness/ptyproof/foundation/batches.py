"""Scans of one frame for a step: patterns, initial estimate and truth, in any orientation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ptyproof.foundation.design import FoundationDesign
from ptyproof.foundation.initial import fitted
from ptyproof.foundation.scans import in_network_unit
from ptyproof.foundation.scenes import Scene
from ptyproof.training.canvas import Canvas
from ptyproof.training.forward import Detector
from ptyproof.training.prediction import lit_part, on_device, patterns_of
from ptyproof.training.projection import Patterns, start_estimate
from ptyproof.training.scan import Margins

ORIENTATIONS = 8
_BLOCK = 64  # patterns of a group at a time; a group of a training is not much larger


@dataclass(frozen=True, eq=False)
class Batch:
    """B scans with their objects.

    Parameters
    ----------
    patterns
        What is measured and known.
    start
        What the network corrects, complex (B, h, w).
    truth
        The object in the network's unit, complex (B, h, w).
    """

    patterns: Patterns
    start: Tensor
    truth: Tensor

    @classmethod
    def of(cls, scene: Scene, design: FoundationDesign) -> Batch:
        """Return the batch of one scene, and what the network corrects of it. The processor works it out."""
        scan = in_network_unit(scene.scan)
        unit = np.float32(scan.object_scale)
        corners = torch.from_numpy(scan.corners_px[None])
        canvas = Canvas(corners, scan.window, (scene.obj.shape[0], scene.obj.shape[1]), scan.dark_px)
        patterns = patterns_of(scan, np.arange(len(scan)), canvas, _BLOCK, axis=0)
        estimate = lit_part(patterns, start_estimate(patterns, design.network.start_iterations))[0].numpy()
        start = (
            fitted(scene.scan, (unit * estimate).astype(np.complex64), design.fit_iterations, design.fit_weight) / unit
        )
        return cls(patterns, torch.from_numpy(start[None]), torch.from_numpy(scene.obj[None] / unit))

    @classmethod
    def joined(cls, batches: Sequence[Batch]) -> Batch:
        """Return batches of scans of one frame with the same kinds of flaws as one."""
        first = batches[0].patterns
        canvases = [batch.patterns.canvas for batch in batches]
        dark_px: Margins = tuple(min(margins) for margins in zip(*(one.dark_px for one in canvases), strict=True))
        corners = torch.cat([canvas.corners_px for canvas in canvases])
        canvas = Canvas(corners, first.canvas.window, first.canvas.shape, dark_px)
        patterns = _joined([batch.patterns for batch in batches], canvas)
        return cls(patterns, torch.cat([one.start for one in batches]), torch.cat([one.truth for one in batches]))

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(on_device(self.patterns, device), self.start.to(device), self.truth.to(device))

    def turned(self, orientation: int) -> Batch:
        """Return the same scans in one of eight orientations of the plane: exact, as windows and objects are square.

        An orientation is a sum of 1 (rows reversed), 2 (columns reversed), and 4 (rows and columns exchanged, first).
        """
        found = self._transposed() if orientation & 4 else self
        for axis in (0, 1):
            if orientation & (1 << axis):
                found = found._reversed(axis)
        return found

    def _transposed(self) -> Batch:
        canvas = self.patterns.canvas
        top, bottom, left, right = canvas.dark_px
        turned = Canvas(canvas.corners_px.flip(-1), canvas.window[::-1], canvas.shape[::-1], (left, right, top, bottom))

        def swap(array: Tensor) -> Tensor:
            return array.transpose(-1, -2).contiguous()

        blur = self.patterns.blur
        blur = None if blur is None else replace(blur, rows=blur.cols, cols=blur.rows)
        return self._by(turned, swap, swap, blur=blur)

    def _reversed(self, axis: int) -> Batch:
        canvas, blur = self.patterns.canvas, self.patterns.blur
        corners = canvas.corners_px.clone()
        corners[..., axis] = canvas.shape[axis] - canvas.window[axis] - corners[..., axis]
        dark = list(canvas.dark_px)
        dark[2 * axis : 2 * axis + 2] = dark[2 * axis + 1], dark[2 * axis]
        turned = Canvas(corners, canvas.window, canvas.shape, (dark[0], dark[1], dark[2], dark[3]))

        def back(array: Tensor) -> Tensor:
            return array.flip(axis - 2)

        def back_far(array: Tensor) -> Tensor:  # frequency q becomes -q, and 0 stays the first
            return array.flip(axis - 2).roll(1, axis - 2)

        if blur is not None and blur.rows is not None and blur.cols is not None:
            name = ("rows", "cols")[axis]
            matrix = (blur.rows, blur.cols)[axis]
            blur = replace(blur, **{name: matrix.flip(0, 1).roll((1, 1), (0, 1))})
        return self._by(turned, back, back_far, blur=blur)

    def _by(
        self, canvas: Canvas, image: Callable[[Tensor], Tensor], far: Callable[[Tensor], Tensor], blur: Detector | None
    ) -> Batch:
        """Return the batch on another canvas: images of the object's plane and of the detector's are changed."""

        def known(array: Tensor | None) -> Tensor | None:
            return None if array is None else far(array)

        old = self.patterns
        patterns = replace(
            old,
            amplitude=far(old.amplitude),
            probes=image(old.probes),
            canvas=canvas,
            valid=known(old.valid),
            background=known(old.background),
            further=tuple(image(mode) for mode in old.further),
            saturated=known(old.saturated),
            blur=blur,
        )
        return Batch(patterns, image(self.start), image(self.truth))


def _joined(parts: Sequence[Patterns], canvas: Canvas) -> Patterns:
    """Return groups, each alone so far, as one."""

    def cat(arrays: Sequence[Tensor | None]) -> Tensor | None:
        held = [array for array in arrays if array is not None]
        return torch.cat(held) if len(held) == len(parts) else None

    first = parts[0]
    return Patterns(
        torch.cat([part.amplitude for part in parts]),
        torch.cat([part.probes for part in parts]),
        canvas,
        _BLOCK,
        valid=cat([part.valid for part in parts]),
        background=cat([part.background for part in parts]),
        further=tuple(torch.cat(modes) for modes in zip(*(part.further for part in parts), strict=True)),
        saturated=cat([part.saturated for part in parts]),
        blur=first.blur,
    )
