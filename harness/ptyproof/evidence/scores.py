"""How a trained network and its network-free start do on the held-out half: the one place where truth is read.

A network of groups looks at the whole scan, and its patches are what the object shows through each window. One of
single patterns gives a patch per pattern, whose global phase is free, and the object that they stitch to after their
phases were synchronised. Patches are judged each with a complex factor of its own.

Complex errors are those of what all photons give. A likelihood of photons that were seen would reward whoever fits
their noise, so for it nine photons in ten are shown, and the others judge: of Poisson counts the two are independent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.console import Console
from ptyproof.evidence.verdict import beats_start, by_how_much
from ptyproof.io.dataset import read_dataset
from ptyproof.physics.fourier import fft2c
from ptyproof.physics.metrics import patch_residuals, poisson_deviance, scaled_error
from ptyproof.reconstruction.method import illumination
from ptyproof.reconstruction.stitching import cut, label_parts, stitch
from ptyproof.study.seeds import stream
from ptyproof.training.network import GroupNetwork
from ptyproof.training.prediction import predict_object, predict_patches
from ptyproof.training.scan import Scan, scan_of

_BLOCK = 64
_SHOWN_FRACTION = 0.9
MEASURES = ("poisson_loss", "complex_error", "patch_poisson_loss", "patch_complex_error")


@dataclass(frozen=True, eq=False)
class Prediction:
    """An object (M, M') complex64 in the unit of the file's probe, of one phase in each part, and its patches.

    `illumination` (M, M') is sum |P_k|^2 in the network's unit; `n_parts` numbers the scan's unconnected parts. `own`
    are the patches of single patterns, (n, H, W) complex64; None where the object shows them.
    """

    scan: Scan
    obj: npt.NDArray[np.complex64]
    illumination: npt.NDArray[np.float32]
    n_parts: int
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
    scan: Scan,
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
        _, n_parts = label_parts(illuminations(scan), scan.corners_px, shape)
        light = illumination(scan.probe, scan.positions_px, shape)
        return Prediction(scan, obj, light, n_parts)
    patches = predict_patches(network, scan, start_only=start_only, console=console)
    found = stitch(patches, illuminations(scan), scan.corners_px, shape)
    patches *= found.factors[:, None, None].astype(np.complex64)
    return Prediction(scan, found.obj, found.illumination, found.n_parts, patches)


def illuminations(scan: Scan) -> npt.NDArray[np.float32]:
    """Return |P_k|^2 of each pattern, (n, H, W) float32."""
    weights = np.empty(scan.amplitude.shape, dtype=np.float32)
    for index in _blocks(len(scan)):
        weights[index] = np.abs(scan.probes(index)) ** 2
    return weights


def canvas_shape(scan: Scan) -> tuple[int, int]:
    """Return the smallest grid that holds all windows, for a scan whose object is unknown."""
    rows, cols = scan.corners_px.max(axis=0) + np.array(scan.window)
    return int(rows), int(cols)


def held_out_scores(
    network: GroupNetwork, test_path: Path, rate_floor: float, grouped: bool, console: Console | None = None
) -> dict[str, Any]:
    """Score a network and its network-free start on a dataset that the training did not see.

    Parameters
    ----------
    network
        The trained network.
    test_path
        DATA-001 file of the held-out half; complex errors need its `objectGuess`.
    rate_floor
        Photons per pixel added to the expected counts in the likelihood.
    grouped
        Whether the training looked at groups of patterns.
    console
        Where progress is shown; None is silent.

    Returns
    -------
    The `scores` of a training manifest: for each measure `start`, `network`, and `improvement` = 1 - network / start.

    Raises
    ------
    DataError
        If the file is damaged or breaks the contract.
    """
    scan, truth = _scan_and_truth(test_path)
    shape = canvas_shape(scan) if truth is None else truth.shape
    shown, hidden = scan.divided(_SHOWN_FRACTION, stream(0, "held-out photons"))
    found = {}
    for name in ("start", "network"):
        how: dict[str, Any] = {"grouped": grouped, "start_only": name == "start", "console": console}
        losses = _poisson_losses(predict(network, shown, shape, **how), scan, hidden, rate_floor)
        errors: dict[str, float | None] = dict.fromkeys(("complex_error", "patch_complex_error"))
        if truth is not None:
            errors = _complex_errors(predict(network, scan, shape, **how), scan, truth)
        found[name] = losses | errors
    scores: dict[str, Any] = {"half": "test", "n_patterns": len(scan)}
    for measure in MEASURES:
        start, trained = found["start"][measure], found["network"][measure]
        scores[measure] = {"start": start, "network": trained, "improvement": _improvement(start, trained)}
    scores["no_truth_because"] = None if truth is not None else "the dataset has no objectGuess"
    scores["beats_start"] = beats_start(scores)
    return scores


def _scan_and_truth(path: Path) -> tuple[Scan, npt.NDArray[np.complex64] | None]:
    """Return scan and object of a file; the rest of it, its patches above all, is let go."""
    dataset = read_dataset(path).dataset
    return scan_of(dataset, path), dataset.obj


def describe_scores(scores: dict[str, Any]) -> list[str]:
    """Return the lines that a job's log has about its scores; the answer first."""
    verdict = "beats" if scores["beats_start"] else "does NOT beat"
    lines = [f"held-out half, {scores['n_patterns']} patterns: the network {verdict} its network-free start"]
    for measure, label in (
        ("poisson_loss", "Poisson loss of the object, nats per pixel"),
        ("complex_error", "complex error (NRMSE) of the object"),
        ("patch_poisson_loss", "Poisson loss of single patches, nats per pixel"),
        ("patch_complex_error", "complex error (NRMSE) of single patches"),
    ):
        values = scores[measure]
        if values["start"] is None:
            lines.append(f"  {label}: not known, {scores['no_truth_because']}")
            continue
        lines.append(
            f"  {label}: start {values['start']:.5f}, network {values['network']:.5f} "
            f"({by_how_much(values['improvement'])})"
        )
    return lines


def _improvement(start: float | None, trained: float | None) -> float | None:
    return None if start is None or trained is None or start == 0 else 1 - trained / start


def _complex_errors(found: Prediction, scan: Scan, truth: npt.NDArray[np.complex64]) -> dict[str, float | None]:
    sums = np.zeros(2)
    for index in _blocks(len(scan)):
        wanted = cut(truth, scan.corners_px[index], scan.window)
        sums += patch_residuals(found.patches_at(index), wanted, np.abs(scan.probes(index)) ** 2).sum(axis=0)
    return {
        "complex_error": scaled_error(found.obj, truth, found.illumination).nrmse,
        "patch_complex_error": float(np.sqrt(sums[0] / sums[1])),
    }


def _poisson_losses(
    found: Prediction, scan: Scan, hidden: npt.NDArray[np.unsignedinteger], rate_floor: float
) -> dict[str, float | None]:
    return {
        "poisson_loss": _poisson_loss(found.shown_at, scan, hidden, rate_floor),
        "patch_poisson_loss": _poisson_loss(found.patches_at, scan, hidden, rate_floor),
    }


def _poisson_loss(
    patches_at: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.complex64]],
    scan: Scan,
    hidden: npt.NDArray[np.unsignedinteger],
    rate_floor: float,
) -> float:
    """Return the loss of the hidden counts, divided by their fraction, so that it stands for whole patterns."""
    judged = 1 - _SHOWN_FRACTION
    total = 0.0
    for index in _blocks(len(scan)):
        waves = scan.probes(index) * patches_at(index) / np.float32(scan.object_scale)
        expected = judged * np.abs(fft2c(waves)) ** 2
        total += len(index) * poisson_deviance(expected, hidden[index], judged * rate_floor)
    return total / len(scan) / judged


def _blocks(n: int) -> list[npt.NDArray[np.int64]]:
    return [np.arange(first, min(first + _BLOCK, n)) for first in range(0, n, _BLOCK)]
