"""A scan as methods are given it, in the unit of a network, with all that it is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ptyproof.reconstruction.method import BlindScan
from ptyproof.training.scan import NormalizedScan, normalized_scan


def in_network_unit(dataset: BlindScan) -> NormalizedScan:
    """Return a scan with a probe in photons, and modes, background, mask and the like as it is told them."""
    scale, told = dataset.unit_scale, dataset.told
    modes = told.further_modes
    scan = normalized_scan(dataset.amplitude, dataset.probe, dataset.positions_px, dataset.scan_sha256, scale)
    return replace(
        scan,
        valid_pixels=told.valid_pixels,
        background=told.background,
        further_modes=None if modes is None else (modes * np.float32(scale)).astype(np.complex64),
        intensity_factors=told.intensity_factors,
        psf_sigma_px=told.psf_sigma_px,
        saturation_counts=told.saturation_counts,
    )
