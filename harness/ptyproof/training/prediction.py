"""Object patches of a scan from a trained network, and from its network-free start."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from ptyproof.console import Console
from ptyproof.training.data import Scan
from ptyproof.training.network import PatchNetwork

_PATTERNS = 64


def predict_patches(
    network: PatchNetwork, scan: Scan, *, start_only: bool = False, console: Console | None = None
) -> npt.NDArray[np.complex64]:
    """Return the object patches of a scan, one pattern at a time (no merging), each with a global phase of its own.

    Parameters
    ----------
    network
        The network; it is evaluated on its own device.
    scan
        n patterns (H, W).
    start_only
        Return the network-free start that the network corrects.
    console
        Where progress is shown; None is silent.

    Returns
    -------
    complex64 (n, H, W), in the unit of the file's probe: the object on its pixel grid in the windows at
    `scan.corners_px`.
    """
    patches: npt.NDArray[np.complex64] = np.empty((len(scan), *scan.window), dtype=np.complex64)
    device = next(network.parameters()).device
    estimate = network.start if start_only else network
    label = "network-free start" if start_only else "predict"
    with torch.inference_mode(), (console or Console.silent()).progress(label, len(scan), "pattern") as progress:
        for first in range(0, len(scan), _PATTERNS):
            index = np.arange(first, min(first + _PATTERNS, len(scan)))
            amplitude = torch.from_numpy(scan.amplitude[index]).to(device)
            probes = torch.from_numpy(scan.probes(index)).to(device)
            patches[index] = estimate(amplitude, probes).cpu().numpy()
            progress.update(len(index))
    patches *= np.float32(scan.object_scale)
    return patches
