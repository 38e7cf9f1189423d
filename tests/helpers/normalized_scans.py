"""Scans of noise, and the shift of a probe as sums over frequencies."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.training.scan import NormalizedScan
from tests.strategies.scans import complex_noise


def scan_at(positions_px: npt.NDArray[Any], window: tuple[int, int] = (8, 10), seed: int = 0) -> NormalizedScan:
    """A scan of noise at given positions."""
    amplitude = np.abs(complex_noise((len(positions_px), *window), seed)).astype(np.float32)
    return NormalizedScan(
        amplitude, complex_noise(window, seed + 1), 1.0, np.asarray(positions_px, dtype=np.float64), "0" * 64
    )


def brute_shift(plane: npt.NDArray[Any], shift: tuple[float, float]) -> npt.NDArray[Any]:
    """The trigonometric interpolation of a plane at (i - shift_row, j - shift_col), as sums over frequencies."""
    matrices = []
    for length, amount in zip(plane.shape, shift, strict=True):
        index = np.arange(length)
        matrix = np.zeros((length, length), dtype=complex)
        for sample in range(length):
            distance = index - amount - sample
            whole = np.arange(-((length - 1) // 2), (length - 1) // 2 + 1)
            matrix[:, sample] = np.exp(2j * np.pi * np.outer(distance, whole) / length).sum(axis=1) / length
            if length % 2 == 0:  # half of the highest frequency at each sign
                matrix[:, sample] += (
                    np.cos(np.pi * distance) / length if amount == 0 else nyquist(index, amount, sample)
                )
        matrices.append(matrix)
    return np.asarray(matrices[0] @ plane @ matrices[1].T)


def nyquist(index: npt.NDArray[Any], amount: float, sample: int) -> npt.NDArray[Any]:
    return np.asarray(np.cos(np.pi * amount) * np.cos(np.pi * (index - sample)) / len(index))
