"""How a trained network and its network-free start do on the held-out half: the one place where truth is read.

Both give a patch per pattern. A patch's global phase is free, so patches are judged as they are, each with a complex
factor of its own, and as the object that they stitch to after their phases were synchronised.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.console import Console
from ptyproof.evidence.verdict import beats_start, by_how_much
from ptyproof.io.dataset import read_dataset
from ptyproof.physics.fourier import fft2c
from ptyproof.physics.metrics import patch_error, poisson_deviance, scaled_error
from ptyproof.reconstruction.stitching import StitchedObject, cut, stitch
from ptyproof.training.data import Scan, scan_of
from ptyproof.training.network import PatchNetwork
from ptyproof.training.prediction import predict_patches

_BLOCK = 64
MEASURES = ("poisson_loss", "complex_error", "patch_poisson_loss", "patch_complex_error")


@dataclass(frozen=True, eq=False)
class Prediction:
    """Patches (n, H, W) complex64, and the object that they stitch to, in the unit of the file's probe."""

    patches: npt.NDArray[np.complex64]
    stitched: StitchedObject


def predict(
    network: PatchNetwork,
    scan: Scan,
    shape: tuple[int, int],
    *,
    start_only: bool = False,
    console: Console | None = None,
) -> Prediction:
    """Return patches and stitched object of a scan; `shape` is that of the object's grid."""
    patches = predict_patches(network, scan, start_only=start_only, console=console)
    weights = illuminations(scan)
    return Prediction(patches, stitch(patches, weights, scan.corners_px, shape))


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
    network: PatchNetwork, test_path: Path, rate_floor: float, console: Console | None = None
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
    dataset = read_dataset(test_path).dataset
    scan = scan_of(dataset, test_path)
    shape = canvas_shape(scan) if dataset.obj is None else dataset.obj.shape
    truth = dataset.obj
    found = {
        name: _measures(
            predict(network, scan, shape, start_only=name == "start", console=console), scan, truth, rate_floor
        )
        for name in ("start", "network")
    }
    scores: dict[str, Any] = {"half": "test", "n_patterns": len(scan)}
    for measure in MEASURES:
        start, trained = found["start"][measure], found["network"][measure]
        scores[measure] = {"start": start, "network": trained, "improvement": _improvement(start, trained)}
    scores["no_truth_because"] = None if truth is not None else "the dataset has no objectGuess"
    scores["beats_start"] = beats_start(scores)
    return scores


def describe_scores(scores: dict[str, Any]) -> list[str]:
    """Return the lines that a job's log has about its scores; the answer first."""
    verdict = "beats" if scores["beats_start"] else "does NOT beat"
    lines = [f"held-out half, {scores['n_patterns']} patterns: the network {verdict} its network-free start"]
    for measure, label in (
        ("poisson_loss", "Poisson loss of the stitched object, nats per pixel"),
        ("complex_error", "complex error (NRMSE) of the stitched object"),
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


def _measures(
    found: Prediction, scan: Scan, truth: npt.NDArray[np.complex64] | None, rate_floor: float
) -> dict[str, float | None]:
    stitched = found.stitched
    seen = cut(stitched.obj, scan.corners_px, scan.window)
    measures: dict[str, float | None] = dict.fromkeys(MEASURES)
    measures["poisson_loss"] = _poisson_loss(seen, scan, rate_floor)
    measures["patch_poisson_loss"] = _poisson_loss(found.patches, scan, rate_floor)
    if truth is not None:
        measures["complex_error"] = scaled_error(stitched.obj, truth, stitched.illumination).nrmse
        wanted = cut(truth, scan.corners_px, scan.window)
        measures["patch_complex_error"] = patch_error(found.patches, wanted, illuminations(scan))
    return measures


def _poisson_loss(patches: npt.NDArray[np.complex64], scan: Scan, rate_floor: float) -> float:
    total = 0.0
    for index in _blocks(len(scan)):
        waves = scan.probes(index) * patches[index] / np.float32(scan.object_scale)
        counts = np.rint(np.square(scan.amplitude[index], dtype=np.float64))
        total += len(index) * poisson_deviance(np.abs(fft2c(waves)) ** 2, counts, rate_floor)
    return total / len(scan)


def _blocks(n: int) -> list[npt.NDArray[np.int64]]:
    return [np.arange(first, min(first + _BLOCK, n)) for first in range(0, n, _BLOCK)]
