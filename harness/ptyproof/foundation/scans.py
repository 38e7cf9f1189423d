"""A scan as methods are given it, in the unit of a network, with all that it is told."""

from __future__ import annotations

from ptyproof.reconstruction.method import BlindScan
from ptyproof.training.scan import NormalizedScan, normalized_scan


def in_network_unit(dataset: BlindScan) -> NormalizedScan:
    """Return a scan with a probe in photons, and modes, background, mask and the like as it is told them."""
    return normalized_scan(
        dataset.amplitude, dataset.probe, dataset.positions_px, dataset.scan_sha256, told=dataset.told
    )
