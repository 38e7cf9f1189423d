"""A scan divided into photons that a method sees and photons that judge it, so that no truth is needed to choose."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ptyproof.physics.fourier import PLANE_AXES
from ptyproof.physics.thinning import thinned
from ptyproof.reconstruction.likelihood import Likelihood
from ptyproof.reconstruction.method import BlindScan, Reconstruction

SHOWN_FRACTION = 0.9


@dataclass(frozen=True, eq=False)
class ThinnedScan:
    """A scan of some of the photons, and the others.

    Parameters
    ----------
    shown
        The scan of the shown photons; its probe is scaled to them, so objects keep their unit.
    hidden
        (n, H, W) unsigned counts of the others, zero frequency in the middle.
    shown_fraction
        Probability with which a photon is shown.
    """

    shown: BlindScan
    hidden: npt.NDArray[np.unsignedinteger]
    shown_fraction: float

    @classmethod
    def of(cls, scan: BlindScan, rng: np.random.Generator, shown_fraction: float = SHOWN_FRACTION) -> ThinnedScan:
        """Divide the photons of a scan; its counts have to be known."""
        amplitude, hidden = thinned(scan.amplitude, shown_fraction, rng)
        probe = (scan.probe * np.float32(np.sqrt(shown_fraction))).astype(np.complex64)
        told = scan.told.shown(scan.amplitude, shown_fraction)
        return cls(replace(scan, amplitude=amplitude, probe=probe, told=told), hidden, shown_fraction)

    def loss(self, found: Reconstruction) -> float:
        """Return the Poisson loss of the hidden photons, in nats per pixel of the detector.

        `found` is what a method has made of the shown photons.
        """
        factor = np.sqrt((1 - self.shown_fraction) / self.shown_fraction)
        scaled = (found.probe * np.float32(factor)).astype(np.complex64)
        counts = np.fft.ifftshift(self.hidden, axes=PLANE_AXES).astype(np.float32)
        shown, told = self.shown, self.shown.told.dimmed(factor**2)
        if found.positions_px is not None:
            shown = replace(shown, positions_px=found.positions_px)
        likelihood = Likelihood.over(counts, scaled, shown.positions_px, shown.corners_px, shown.object_shape, told)
        return likelihood.loss(found.obj)
