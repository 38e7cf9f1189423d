"""Simulated scans with their objects: what a shared network is trained and validated on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptyproof.foundation.design import Frame
from ptyproof.foundation.flaws import Flaws, beam_modes, random_detector, told
from ptyproof.foundation.objects import random_object
from ptyproof.foundation.probes import random_probe
from ptyproof.physics.dose import scale_probe_to_dose
from ptyproof.physics.forward import simulate_counts
from ptyproof.physics.probes import encircled_diameter_px
from ptyproof.physics.scans import raster_scan
from ptyproof.reconstruction.method import BlindScan

_SMALLEST_WIDTH = 1.7  # of a probe over the distance of positions
_USUAL_WIDTH_PX = 24.0  # of 0.9 of the light of the built-in probe of 20 px


@dataclass(frozen=True, eq=False)
class Scene:
    """A scan, and the object (M, M') complex64 that it shows, of some kind."""

    scan: BlindScan
    obj: NDArray[np.complex64]
    kind: str


def random_scene(frame: Frame, doses: tuple[float, float], flaws: Flaws, rng: np.random.Generator) -> Scene:
    """Return a scan of a random object with a random probe, with a number of photons between those of `doses`."""
    kind, obj = random_object((frame.object_px, frame.object_px), rng)
    probe = random_probe(frame.window_px, _SMALLEST_WIDTH * frame.step_px, rng)
    wide = encircled_diameter_px(probe) / _USUAL_WIDTH_PX
    photons = float(np.exp(rng.uniform(*np.log(doses)))) * wide**2
    return scene_of(kind, obj, probe, random_positions(frame, rng), photons, flaws, rng)


def random_positions(frame: Frame, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the positions (n, 2) of a raster scan whose displacements have a random size."""
    first = (frame.object_px - (frame.side - 1) * frame.step_px) / 2
    reach = rng.uniform(0.0, frame.reach_px)
    return raster_scan((frame.side, frame.side), frame.step_px, reach, (first, first), rng)


def scene_of(
    kind: str,
    obj: NDArray[np.complex64],
    probe: NDArray[np.complex64],
    positions_px: NDArray[np.float64],
    photons: float,
    flaws: Flaws,
    rng: np.random.Generator,
) -> Scene:
    """Return a scan of an object (M, M') with a probe (N, N) at positions (n, 2), with `photons` in a mean pattern."""
    modes = beam_modes(flaws, probe, rng)
    modes = np.asarray(scale_probe_to_dose(modes, obj, positions_px, photons), dtype=np.complex64)
    detector = random_detector(flaws, obj, modes, positions_px, photons, rng)
    counts = np.concatenate(list(simulate_counts(obj, modes, positions_px, rng, detector=detector)))
    scan = BlindScan(
        np.sqrt(counts).astype(np.float32),
        modes[0],
        positions_px,
        (obj.shape[0], obj.shape[1]),
        told=told(detector, modes),
    )
    return Scene(scan, obj, kind)
