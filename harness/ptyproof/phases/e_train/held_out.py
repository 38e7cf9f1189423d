"""How a trained network and its initial estimate do on the held-out half: all that Phase E reads of the truth.

Patches are judged each with a complex factor of its own. Complex errors are those of what all photons give. A
likelihood of photons that the network has seen would reward a fit of their noise. So nine photons in ten are shown,
and the others judge (binomial thinning): of Poisson counts the two parts are independent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.console import Console
from ptyproof.io.blocks import index_blocks
from ptyproof.io.dataset import read_dataset
from ptyproof.io.knowledge import Tell
from ptyproof.methods.network_prediction import Prediction, canvas_shape, predict
from ptyproof.metrics.improvement import beats_start, below, by_how_much
from ptyproof.physics.metrics import patch_residuals, poisson_deviance, scaled_error
from ptyproof.reconstruction.stitching import cut
from ptyproof.study.seeds import stream
from ptyproof.training.network import GroupNetwork
from ptyproof.training.scan import NormalizedScan, scan_of

_SHOWN_FRACTION = 0.9
METRICS = ("poisson_loss", "complex_error", "patch_poisson_loss", "patch_complex_error")


def held_out_scores(
    network: GroupNetwork,
    test_path: Path,
    rate_floor: float,
    grouped: bool,
    console: Console | None = None,
    tells: Iterable[Tell] = (),
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
    tells
        What the network and its start are told of beam and detector, as far as the dataset knows it.

    Returns
    -------
    The `scores` of a training manifest: for each metric `start`, `network`, and `improvement` = 1 - network / start.

    Raises
    ------
    DataError
        If the file is damaged or breaks the contract.
    """
    scan, truth = _scan_and_truth(test_path, tells)
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
    for metric in METRICS:
        start, trained = found["start"][metric], found["network"][metric]
        scores[metric] = {"start": start, "network": trained, "improvement": _improvement(start, trained)}
    scores["no_truth_because"] = None if truth is not None else "the dataset has no objectGuess"
    scores["beats_start"] = beats_start(scores)
    return scores


def _scan_and_truth(path: Path, tells: Iterable[Tell]) -> tuple[NormalizedScan, npt.NDArray[np.complex64] | None]:
    """Return scan and object of a file; the rest of it, its patches above all, is let go."""
    dataset = read_dataset(path).dataset
    return scan_of(dataset, path, tells), dataset.obj


def describe_scores(scores: dict[str, Any]) -> list[str]:
    """Return the lines that a job's log has about its scores; the answer first."""
    of_start = f"{below(scores)} those of its initial estimate"
    lines = [f"held-out half, {scores['n_patterns']} patterns: errors of the network {of_start}"]
    for metric, label in (
        ("poisson_loss", "Poisson loss of the object, nats per pixel"),
        ("complex_error", "complex error (NRMSE) of the object"),
        ("patch_poisson_loss", "Poisson loss of single patches, nats per pixel"),
        ("patch_complex_error", "complex error (NRMSE) of single patches"),
    ):
        values = scores[metric]
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


def _complex_errors(
    found: Prediction, scan: NormalizedScan, truth: npt.NDArray[np.complex64]
) -> dict[str, float | None]:
    sums = np.zeros(2)
    for index in index_blocks(len(scan)):
        wanted = cut(truth, scan.corners_px[index], scan.window)
        sums += patch_residuals(found.patches_at(index), wanted, np.abs(scan.probes(index)) ** 2).sum(axis=0)
    return {
        "complex_error": scaled_error(found.obj, truth, found.illumination).nrmse,
        "patch_complex_error": float(np.sqrt(sums[0] / sums[1])),
    }


def _poisson_losses(
    found: Prediction, scan: NormalizedScan, hidden: npt.NDArray[np.unsignedinteger], rate_floor: float
) -> dict[str, float | None]:
    return {
        "poisson_loss": _poisson_loss(found.shown_at, scan, hidden, rate_floor),
        "patch_poisson_loss": _poisson_loss(found.patches_at, scan, hidden, rate_floor),
    }


def _poisson_loss(
    patches_at: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.complex64]],
    scan: NormalizedScan,
    hidden: npt.NDArray[np.unsignedinteger],
    rate_floor: float,
) -> float:
    """Return the loss of the hidden counts, divided by their fraction, so that it stands for whole patterns.

    Pixels that were not measured or are saturated do not count.
    """
    judged = 1 - _SHOWN_FRACTION
    total = weights = 0.0
    for index in index_blocks(len(scan)):
        expected, counts = judged * scan.expected(index, patches_at(index)), hidden[index]
        valid, weight = scan.counted(index), float(len(index))
        if valid is not None:
            expected, counts, weight = expected[valid], counts[valid], weight * float(valid.mean())
        total += weight * poisson_deviance(expected, counts, judged * rate_floor)
        weights += weight
    return total / weights / judged
