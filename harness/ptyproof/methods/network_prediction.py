"""Objects and patches of a scan, as a trained network sees them.

A network of groups looks at the whole scan, and its patches are what the object shows through each window. One of
single patterns gives a patch per pattern, whose global phase is free, and the object that they stitch to after their
phases were synchronized.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ptyproof.console import Console
from ptyproof.io.blocks import index_blocks
from ptyproof.reconstruction.method import illumination
from ptyproof.reconstruction.stitching import cut, label_components, stitch
from ptyproof.training.network import GroupNetwork
from ptyproof.training.prediction import predict_object, predict_patches
from ptyproof.training.scan import NormalizedScan


@dataclass(frozen=True, eq=False)
class Prediction:
    """An object (M, M') complex64 in the unit of the file's probe, and its patches.

    Each connected component of the object has one phase.

    `illumination` (M, M') is sum |P_k|^2 in the network's unit; `n_components` is the number of the scan's
    connected components. `own` are the patches of single patterns, (n, H, W) complex64; None where the object shows
    them.
    """

    scan: NormalizedScan
    obj: npt.NDArray[np.complex64]
    illumination: npt.NDArray[np.float32]
    n_components: int
    own: npt.NDArray[np.complex64] | None = None

    @property
    def patches(self) -> npt.NDArray[np.complex64]:
        """All patches, (n, H, W) complex64, in the phase of the object."""
        return self.patches_at(np.arange(len(self.scan)))

    def patches_at(self, index: npt.NDArray[np.int64]) -> npt.NDArray[np.complex64]:
        """Return some of the patches, (m, H, W)."""
        if self.own is not None:
            return self.own[index]
        return self.shown_at(index)

    def shown_at(self, index: npt.NDArray[np.int64]) -> npt.NDArray[np.complex64]:
        """Return what the object shows in some of the windows, (m, H, W) complex64."""
        seen: npt.NDArray[np.complex64] = cut(self.obj, self.scan.corners_px[index], self.scan.window)
        return seen


def predict(
    network: GroupNetwork,
    scan: NormalizedScan,
    shape: tuple[int, int],
    *,
    grouped: bool,
    start_only: bool = False,
    console: Console | None = None,
) -> Prediction:
    """Return patches and object of a scan; `shape` is that of the object's grid.

    `grouped` looks at all patterns together, as is right for a network that was trained on groups of them.
    """
    if grouped:
        obj = predict_object(network, scan, shape, start_only=start_only, console=console)
        _, n_components = label_components(illuminations(scan), scan.corners_px, shape)
        covered = illumination(scan.probe, scan.positions_px, shape)
        return Prediction(scan, obj, covered, n_components)
    patches = predict_patches(network, scan, start_only=start_only, console=console)
    found = stitch(patches, illuminations(scan), scan.corners_px, shape)
    patches *= found.factors[:, None, None].astype(np.complex64)
    return Prediction(scan, found.obj, found.illumination, found.n_components, patches)


def illuminations(scan: NormalizedScan) -> npt.NDArray[np.float32]:
    """Return |P_k|^2 of each pattern, (n, H, W) float32."""
    weights = np.empty(scan.amplitude.shape, dtype=np.float32)
    for index in index_blocks(len(scan)):
        weights[index] = np.abs(scan.probes(index)) ** 2
    return weights


def canvas_shape(scan: NormalizedScan) -> tuple[int, int]:
    """Return the smallest grid that holds all windows, for a scan whose object is unknown."""
    rows, cols = scan.corners_px.max(axis=0) + np.array(scan.window)
    return int(rows), int(cols)
