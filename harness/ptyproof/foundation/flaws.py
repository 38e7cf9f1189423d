"""Flaws of beam and detector to train on, of the kinds that methods can be told (`ptyproof.io.knowledge`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptyproof.io.knowledge import KNOWLEDGE, Knowledge
from ptyproof.io.told import Told
from ptyproof.physics.beam import hermite_modes
from ptyproof.physics.detector import Detector
from ptyproof.physics.flaws import dead_pixel_mask, gap_mask, intensity_factors
from ptyproof.physics.forward import expected_peak_and_mean

_FEWEST_SATURATED = 4.0  # counts


@dataclass(frozen=True)
class Flaws:
    """The kinds of flaws of some scans, and the blur in pixels, which is one for all of them; None is a sharp detector.

    `kinds` are words of `ptyproof.io.knowledge`, without `psf`.
    """

    kinds: frozenset[Knowledge]
    psf_sigma_px: float | None = None


def random_flaws(flawed_fraction: float, rng: np.random.Generator) -> Flaws:
    """Return no flaw, or with a probability one or two kinds."""
    if rng.random() >= flawed_fraction:
        return Flaws(frozenset())
    wanted = rng.choice(len(KNOWLEDGE), 1 + int(rng.random() < 0.3), replace=False).tolist()
    kinds = frozenset(KNOWLEDGE[number] for number in wanted)
    sigma_px = float(rng.uniform(0.3, 1.0))
    return Flaws(kinds - {"psf"}, sigma_px if "psf" in kinds else None)


def beam_modes(flaws: Flaws, probe: NDArray[np.complex64], rng: np.random.Generator) -> NDArray[np.complex64]:
    """Return the modes (P, N, N) of a beam with a probe (N, N)."""
    if "modes" not in flaws.kinds:
        return probe[None]
    second = rng.uniform(0.03, 0.25)
    return np.asarray(hermite_modes(probe, (1 - second, second)), dtype=np.complex64)


def random_detector(
    flaws: Flaws,
    obj: NDArray[np.complex64],
    modes: NDArray[np.complex64],
    positions_px: NDArray[np.float64],
    photons: float,
    rng: np.random.Generator,
) -> Detector:
    """Return a detector with these kinds of flaws.

    Parameters
    ----------
    flaws
        The kinds, and the blur.
    obj
        (M, M') complex64, the object.
    modes
        (P, N, N) complex64, the modes of the beam, scaled to the photons.
    positions_px
        (n, 2) float64 (row, col) of the scan on the object.
    photons
        Of a mean pattern.
    rng
        Decides all that is random.
    """
    window = (modes.shape[1], modes.shape[2])
    kinds, size = flaws.kinds, modes[0].size
    detector = Detector(psf_sigma_px=flaws.psf_sigma_px)
    if "intensity" in kinds:
        factors = intensity_factors(len(positions_px), rng.uniform(0.03, 0.15), rng)
        detector = Detector(detector.psf_sigma_px, factors)
    valid = _random_mask(window, rng) if "mask" in kinds else None
    level = np.float32(rng.uniform(0.005, 0.08) * photons / size)
    background = np.full(window, level) if "background" in kinds else None
    limit = None
    if "saturation" in kinds:
        peak, _ = expected_peak_and_mean(obj, modes, positions_px, detector)
        limit = max(_FEWEST_SATURATED, float(np.floor(rng.uniform(0.3, 0.8) * peak)))
    return Detector(flaws.psf_sigma_px, detector.factors, background, limit, valid)


def told(detector: Detector, modes: NDArray[np.complex64]) -> Told:
    """Return what a method is told of a detector and the modes (P, N, N) of a beam: all of it."""
    return Told(
        valid_pixels=detector.valid,
        further_modes=modes[1:] if len(modes) > 1 else None,
        background=None if detector.background is None else detector.background.astype(np.float32),
        psf_sigma_px=detector.psf_sigma_px,
        intensity_factors=detector.factors,
        saturation_counts=detector.saturation_counts,
    )


def _random_mask(window: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
    width = int(rng.integers(1, 5))
    first = int(rng.integers(window[0] // 8, window[0] - window[0] // 8 - width))
    is_row = rng.random() < 0.5
    gaps = [(first, width)] if rng.random() < 0.7 else []
    return gap_mask(window, gaps if is_row else [], [] if is_row else gaps) & dead_pixel_mask(
        window, rng.uniform(0.0, 0.01), rng
    )
