"""Binomial thinning: the photons of a pattern divided at random into shown and hidden ones.

Each photon is shown with one probability, whatever becomes of the others. For Poisson counts both parts are
independent, so a fit of the shown photons is judged by the hidden ones of the same patterns: noise that was fitted does
not help (Batson & Royer, Noise2Self, ICML 2019).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptyproof.errors import InputError

_BLOCK_PIXELS = 1 << 22


def thinned(
    amplitude: NDArray[np.floating], shown_fraction: float, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.unsignedinteger]]:
    """Divide the photons of patterns.

    Parameters
    ----------
    amplitude
        (n, H, W) square roots of counts.
    shown_fraction
        Probability with which a photon is shown, in [0, 1].
    rng
        Source of the division.

    Returns
    -------
    (n, H, W) float32 square roots of the shown counts, and (n, H, W) unsigned hidden counts.

    Raises
    ------
    InputError
        If the fraction is not in [0, 1], or `amplitude` does not have three axes.
    """
    if not 0 <= shown_fraction <= 1:
        raise InputError(f"shown_fraction must be in [0, 1], got {shown_fraction}")
    if amplitude.ndim != 3:
        raise InputError(f"amplitude must be (n, H, W), got shape {amplitude.shape}")
    largest = round(float(amplitude.max(initial=0.0)) ** 2)
    shown = np.empty(amplitude.shape, dtype=np.float32)
    hidden = np.empty(amplitude.shape, dtype=np.min_scalar_type(largest))
    step = max(1, _BLOCK_PIXELS // max(1, amplitude[0].size if len(amplitude) else 1))
    for first in range(0, len(amplitude), step):  # what is computed on the way stays small
        index = slice(first, first + step)
        counts = np.rint(np.square(amplitude[index], dtype=np.float64)).astype(np.int64)
        kept = rng.binomial(counts, shown_fraction)
        shown[index] = np.sqrt(kept)
        hidden[index] = counts - kept
    return shown, hidden
