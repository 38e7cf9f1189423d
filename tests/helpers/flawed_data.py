"""The perfect scan with one flaw of beam or detector, and what there is to tell of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ptyproof.io.knowledge import Knowledge
from ptyproof.io.told import Told
from ptyproof.physics.beam import hermite_modes
from ptyproof.physics.detector import Detector
from ptyproof.physics.flaws import gap_mask, intensity_factors
from ptyproof.physics.forward import expected_counts, object_patches
from ptyproof.reconstruction.method import BlindScan
from tests.helpers.perfect_data import PerfectData

_FACTORS_RMS = 0.3
_PSF_SIGMA_PX = 0.5


def flawed(data: PerfectData, word: Knowledge) -> BlindScan:
    """Return the scan of expected counts with one flaw, told of it."""
    scan = data.scan
    patches = object_patches(data.obj, scan.positions_px, scan.window)
    modes, told = scan.probe[None], Told()
    if word == "modes":
        modes = hermite_modes(scan.probe, (0.85, 0.15)).astype(np.complex64)
        told = Told(further_modes=modes[1:].copy())
    counts = sum(expected_counts(mode, patches).astype(np.float64) for mode in modes)
    if word == "mask":
        told = Told(valid_pixels=gap_mask(scan.window, ((scan.window[0] // 2 + 5, 2),), ()))
    elif word == "psf":
        told = Told(psf_sigma_px=_PSF_SIGMA_PX)
    elif word == "intensity":
        told = Told(intensity_factors=intensity_factors(len(scan), _FACTORS_RMS, np.random.default_rng(5)))
    elif word == "saturation":
        told = Told(saturation_counts=0.2 * float(np.max(counts)))
    elif word == "background":
        told = Told(background=np.full(scan.window, 0.05 * float(np.mean(counts)), np.float32))
    detector = Detector(told.psf_sigma_px, told.intensity_factors, told.background, valid=told.valid_pixels)
    expected = detector.expected(np.asarray(counts))
    if told.saturation_counts is not None:
        expected = np.minimum(expected, told.saturation_counts)
    if told.valid_pixels is not None:
        expected = np.where(told.valid_pixels, expected, 0)
    return replace(scan, amplitude=np.sqrt(expected).astype(np.float32), probe=modes[0].copy(), told=told)
