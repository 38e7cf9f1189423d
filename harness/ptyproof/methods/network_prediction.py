"""Objects and patches of a scan, as a trained network sees them.

A network of groups looks at the whole scan, and its patches are what the object shows through each window. One of
single patterns gives a patch per pattern, whose phase is free and whose phase ramp is rough; they are joined in the
gauge of the joint initial estimate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ptyproof.console import Console
from ptyproof.io.blocks import index_blocks
from ptyproof.physics.gauge import fit_ramps, turned
from ptyproof.reconstruction.method import illumination
from ptyproof.reconstruction.stitching import StitchedObject, cut, label_components, stitch
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
    found = join(patches, joint_estimate(network, scan, shape, console), scan)
    patches *= found.factors[:, None, None]
    return Prediction(scan, found.obj, found.illumination, found.n_components, patches)


def joint_estimate(
    network: GroupNetwork, scan: NormalizedScan, shape: tuple[int, int], console: Console | None = None
) -> npt.NDArray[np.complex64]:
    """Return the initial estimate of the whole scan, (M, M') complex64: the gauge of single patterns."""
    return predict_object(network, scan, shape, start_only=True, console=console)


def join(patches: npt.NDArray[np.complex64], gauge: npt.NDArray[np.complex64], scan: NormalizedScan) -> StitchedObject:
    """Return the object of patches that were each found alone, in the gauge of an object of the whole scan.

    A pattern does not determine the phase of its patch, and the ramp over it only roughly. Both are fitted to what the
    gauge shows through the window; then the patches are averaged, each with the illumination of its probe.

    Parameters
    ----------
    patches
        (n, H, W) complex64.
    gauge
        (M, M') complex64 object: what patches are fitted to.
    scan
        The n patterns.

    Returns
    -------
    StitchedObject; its factors give patches the phase of the gauge, without the ramps.
    """
    lights = illuminations(scan)
    fitted = np.empty_like(patches)
    factors = np.ones(len(patches), dtype=np.complex64)
    for index in index_blocks(len(scan)):
        shown = cut(gauge, scan.corners_px[index], scan.window)
        fitted[index] = turned(patches[index], *fit_ramps(patches[index], shown, lights[index]))
        common = (lights[index] * patches[index].conj() * shown).sum(axis=(1, 2))
        factors[index] = np.exp(1j * np.angle(common))
    found = stitch(fitted, lights, scan.corners_px, gauge.shape, synchronize=False)
    return replace(found, factors=factors)


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
