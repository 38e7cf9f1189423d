"""Positions of a scan, refined by the likelihood of its patterns under an object that is known so far.

Notation as in `ptyproof.reconstruction.likelihood`. A position that moves by d moves the probe on its patch, P(r - d).
So the expected counts E change along an axis by

    dE = f G * sum_m 2 Re[(F P_m O)* F(dP_m O)]

with dP = -grad P, and L by sum (1 - n / E) dE. The Fisher information of the two coordinates is sum dE dE^T / E, and a
step of scoring solves it for the gradient: Newton's step with the expected curvature, which is never negative. Each
pattern has a step of its own. A shift of all positions is a shift of the object, so the mean of the given ones is kept.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import scipy.fft

from ptyproof.reconstruction.likelihood import Likelihood
from ptyproof.reconstruction.method import BlindScan

MAX_STEP_PX = 0.5  # of a step along an axis: beyond, the expansion means little
MAX_CHANGE_PX = 4.0  # of a position along an axis, from the given one
_DAMPING = 1e-3  # of the mean information of the patterns: those that tell nothing of their position stay

Positions = npt.NDArray[np.float64]


def probe_slopes(
    probes: npt.NDArray[np.complexfloating],
) -> tuple[npt.NDArray[np.complexfloating], npt.NDArray[np.complexfloating]]:
    """Return dP / d(position) along rows and columns, (n, H, W) each, of probes (n, H, W).

    They are derivatives of the trigonometric interpolation; the Nyquist frequency of an even length has none.
    """
    spectrum = scipy.fft.fft2(probes)
    found = []
    for axis in (-2, -1):
        size = probes.shape[axis]
        frequencies = np.fft.fftfreq(size)
        if size % 2 == 0:
            frequencies[size // 2] = 0
        factor = (-2j * np.pi * frequencies).astype(np.complex64)
        found.append(scipy.fft.ifft2(spectrum * (factor[:, None] if axis == -2 else factor)))
    return found[0], found[1]


def position_slopes(
    likelihood: Likelihood, obj: npt.NDArray[np.complex64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return dL / d(position), (n, 2) nats per pixel, and the Fisher information, (n, 2, 2), under an object (h, w)."""
    slopes, information = np.zeros((likelihood.n_patterns, 2)), np.zeros((likelihood.n_patterns, 2, 2))
    for block in likelihood.blocks():
        seen = likelihood.seen(obj, block)
        change = [np.zeros_like(seen.rates), np.zeros_like(seen.rates)]
        for probes, far in zip(seen.modes, seen.fields, strict=True):
            for axis, moved in enumerate(probe_slopes(probes)):
                change[axis] += 2 * (far.conj() * scipy.fft.fft2(moved * seen.patches, norm="ortho")).real
        lines = [likelihood.detector.adjoint(one, block) for one in change]  # without its background it is symmetric
        weight, excess = 1 / seen.rates, 1 - seen.counts / seen.rates
        if seen.counted is not None:
            weight, excess = weight * seen.counted, excess * seen.counted
        for a, first in enumerate(lines):
            slopes[block, a] = np.einsum("khw,khw->k", excess, first)
            for b, second in enumerate(lines):
                information[block, a, b] = np.einsum("khw,khw,khw->k", weight, first, second)
    return slopes, information


def position_step(likelihood: Likelihood, obj: npt.NDArray[np.complex64]) -> Positions:
    """Return how positions (n, 2) should change, in pixels, each by at most `MAX_STEP_PX` along an axis."""
    slopes, information = position_slopes(likelihood, obj)
    mean = np.trace(information, axis1=1, axis2=2).mean() / 2
    if mean <= 0:
        return np.zeros_like(slopes)
    step = -np.linalg.solve(information + _DAMPING * mean * np.eye(2), slopes[..., None])[..., 0]
    return np.asarray(np.clip(step, -MAX_STEP_PX, MAX_STEP_PX))


def without_affine(step_px: Positions, positions_px: Positions) -> Positions:
    """Return steps (n, 2) without the part that scales, rotates or shears the positions (n, 2) as a whole.

    Patterns tell least about it, and an object that is still blurred tells it wrong.
    """
    places = np.column_stack([np.ones(len(positions_px)), positions_px - positions_px.mean(axis=0)])
    return np.asarray(step_px - places @ np.linalg.lstsq(places, step_px, rcond=None)[0])


def moved(scan: BlindScan, given_px: Positions, step_px: Positions) -> BlindScan:
    """Return the scan with its positions a step farther: near the given ones, with their mean, inside the object.

    `given_px` (n, 2) are the dataset's positions, `step_px` (n, 2) is the change.
    """
    positions_px = scan.positions_px + step_px
    positions_px -= (positions_px - given_px).mean(axis=0)
    half = np.array(scan.window) // 2
    lowest = np.maximum(given_px - MAX_CHANGE_PX, half)
    highest = np.minimum(given_px + MAX_CHANGE_PX, np.array(scan.object_shape) - np.array(scan.window) + half)
    return replace(scan, positions_px=np.clip(positions_px, lowest, highest))
