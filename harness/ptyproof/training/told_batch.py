"""What batches of a training have of what is told of beam and detector.

A scan gives it as arrays beside counts and probes, a training step takes it as tensors; where nothing is told there is
nothing. Photons that are shown or hidden have no limit of their own, so saturated pixels do not count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ptyproof.physics.detector import blur_matrix
from ptyproof.training.forward import Detector, expected_counts, poisson_loss
from ptyproof.training.projection import Patterns
from ptyproof.training.scan import NormalizedScan


def told_arrays(scan: NormalizedScan, groups: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
    """Return what is told of the groups (B, C) of patterns of a scan, zero frequency first; an empty dict is nothing.

    Returns
    -------
    `valid`, bool (B, C, H, W); `background`, float32 (B, C, H, W); `further`, complex64 (P - 1, B, C, H, W);
    `blur_rows`, float32 (H, H), and `blur_cols`, (W, W).
    """
    index, shape = groups.reshape(-1), (*groups.shape, *scan.window)
    found: dict[str, npt.NDArray[Any]] = {}
    valid, background = scan.counted(index), scan.background
    if valid is not None:
        found["valid"] = np.fft.ifftshift(valid.reshape(shape), axes=(-2, -1))
    if background is not None:
        of_patterns = np.broadcast_to(
            background if background.ndim == 2 else background[index], (len(index), *scan.window)
        )
        found["background"] = np.fft.ifftshift(of_patterns.reshape(shape), axes=(-2, -1)).astype(np.float32)
    if scan.further_modes is not None:
        found["further"] = np.stack([mode.reshape(shape) for mode in scan.further_probes(index)])
    if scan.psf_sigma_px is not None:
        for name, size in zip(("blur_rows", "blur_cols"), scan.window, strict=True):
            found[name] = np.fft.ifftshift(blur_matrix(size, scan.psf_sigma_px)).astype(np.float32)
    return found


@dataclass(frozen=True, eq=False)
class ToldBatch:
    """What a training step is told of B groups of C patterns; None is nothing.

    Parameters
    ----------
    valid, further
        As `told_arrays` gives them.
    detector
        Blur and background.
    """

    valid: Tensor | None
    further: tuple[Tensor, ...]
    detector: Detector

    @classmethod
    def of(cls, batch: dict[str, Tensor]) -> ToldBatch:
        """Return what a batch has of what `told_arrays` gives: of patterns (B, C, H, W)."""
        further = batch.get("further")
        detector = Detector(batch.get("blur_rows"), batch.get("blur_cols"), batch.get("background"))
        return cls(batch.get("valid"), () if further is None else tuple(further), detector)

    def shown(self, patterns: Patterns, fraction: float) -> Patterns:
        """Return patterns of a fraction of the photons with what is told of them."""
        background, blur = self.detector.background, Detector(self.detector.rows, self.detector.cols)
        return replace(
            patterns,
            valid=self.valid,
            background=None if background is None else background * fraction,
            further=tuple(mode * math.sqrt(fraction) for mode in self.further),
            blur=None if blur.rows is None else blur,
        )

    def loss(self, probes: Tensor, patches: Tensor, counts: Tensor, fraction: float, floor: float) -> Tensor:
        """Return the Poisson loss () of the counts of a fraction of the photons, mean over pixels that count, in nats.

        `probes`, `patches` and `counts` are (B, C, H, W), and `floor` is added to the expected counts.
        """
        light = expected_counts(probes, patches)
        for mode in self.further:
            light = light + expected_counts(mode, patches)
        expected = fraction * self.detector.expected(light)
        if self.valid is None:
            return poisson_loss(expected, counts, floor)
        kept = expected.where(self.valid, counts - floor)  # a pixel that does not count costs nothing
        return poisson_loss(kept, counts, floor) * (counts.numel() / self.valid.sum().clamp_min(1))
