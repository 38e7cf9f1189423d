"""A first probe for a scan that has none: what a focused beam with the mean pattern would be, out of focus."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ptyproof.physics.fourier import ifft2c
from ptyproof.physics.probes import defocused, encircled_diameter_px

STEPS = 2.5  # of a scan that a beam is usually wide
LARGEST = 0.45  # of the window
_MOST_RAD = 200.0
_HALVINGS = 24


def first_probe(mean_counts: npt.NDArray[np.floating], diameter_px: float) -> tuple[npt.NDArray[np.complex64], float]:
    """Return a probe (H, W) whose circle with 90 % of its power has a diameter, and that diameter.

    The amplitude of its spectrum is the root of the mean pattern, which is true where the object's spectrum is narrow
    beside the probe's; the phase of its spectrum is quadratic, as if it were out of focus. A method that keeps the
    probe fixed is of no use with it: it is a start for one that refines the probe.

    Parameters
    ----------
    mean_counts
        (H, W) mean of the patterns, zero frequency in the middle, photons.
    diameter_px
        The wanted diameter. A mean pattern that is too narrow, or a window that is too small, gives another one, the
        nearest.
    """
    focused = np.fft.fftshift(ifft2c(np.sqrt(np.maximum(mean_counts, 0.0))))
    low, high = 0.0, _MOST_RAD
    for _ in range(_HALVINGS):
        phase = (low + high) / 2
        if encircled_diameter_px(defocused(focused, phase)) < diameter_px:
            low = phase
        else:
            high = phase
    probe = defocused(focused, (low + high) / 2)
    return probe, encircled_diameter_px(probe)
