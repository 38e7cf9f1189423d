"""Scale a probe so that the mean pattern holds a wanted number of photons.

The dose is the mean over positions of sum |F psi_k|^2; with the unitary F that is the mean of sum |psi_k|^2
(Parseval), so no transform is needed to set it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptyproof.errors import InputError
from ptyproof.physics.detector import Detector
from ptyproof.physics.forward import expected_counts, iterate_patches
from ptyproof.physics.positions import checked_positions


def mean_exit_power(
    obj: NDArray[np.complexfloating], probe: NDArray[np.complexfloating], positions_px: NDArray[np.floating]
) -> float:
    """Mean over positions of the power of the exit wave, sum over pixels (and modes) of |P O_k|^2.

    Parameters
    ----------
    obj
        (M, M') complex object.
    probe
        (H, W) or (n_modes, H, W) complex.
    positions_px
        (n, 2) float64 (row, col) in pixels of the object grid.

    Returns
    -------
    Power in photons, where the probe is in sqrt(photons).

    Raises
    ------
    InputError
        For no positions, unusable shapes or numbers, or a window that reaches beyond the object.
    """
    positions = checked_positions(positions_px)
    if len(positions) == 0:
        raise InputError("positions_px must hold at least one position, got none")
    intensity = probe_intensity(probe)
    window = (intensity.shape[0], intensity.shape[1])
    total = 0.0
    for patches in iterate_patches(obj, positions, window):
        # The sum over positions first: float32 rounding in it is far below the float64 sum over pixels.
        seen = np.square(patches.real, dtype=np.float64).sum(axis=0)
        seen += np.square(patches.imag, dtype=np.float64).sum(axis=0)
        total += float(np.vdot(intensity, seen))
    return total / len(positions)


def mean_photons(
    obj: NDArray[np.complexfloating],
    probe: NDArray[np.complexfloating],
    positions_px: NDArray[np.floating],
    detector: Detector,
) -> float:
    """Return the mean over positions of the counts that a pattern is expected to have when it is recorded.

    Arguments as `forward.simulate_counts`. Without flaws it is the power of the exit wave, and needs no transform.
    """
    if detector.is_perfect:
        return mean_exit_power(obj, probe, positions_px)
    total, first = 0.0, 0
    for patches in iterate_patches(obj, positions_px, (probe.shape[-2], probe.shape[-1])):
        rows = slice(first, first + len(patches))
        expected = detector.expected(expected_counts(probe, patches), rows)
        total += float(detector.mean_recorded(expected, rows).sum())
        first += len(patches)
    return total / len(positions_px)


def scale_probe_to_dose(
    probe: NDArray[np.complexfloating],
    obj: NDArray[np.complexfloating],
    positions_px: NDArray[np.floating],
    photons_per_pattern: float,
) -> NDArray[np.complexfloating]:
    """The probe times the factor that makes the mean pattern hold `photons_per_pattern` expected photons.

    Parameters
    ----------
    probe
        (H, W) or (n_modes, H, W) complex, of any scale.
    obj, positions_px
        As for `mean_exit_power`.
    photons_per_pattern
        The dose, in photons.

    Returns
    -------
    Probe of the same shape and dtype, in sqrt(photons).

    Raises
    ------
    InputError
        If the dose is not a positive finite number, or the probe or the object is zero or not finite.
    """
    if not (np.isfinite(photons_per_pattern) and photons_per_pattern > 0):
        raise InputError(f"photons_per_pattern must be positive and finite, got {photons_per_pattern}")
    power = mean_exit_power(obj, probe, positions_px)
    if not (np.isfinite(power) and power > 0):
        raise InputError(
            f"the mean exit power of probe and object must be positive and finite to be scaled, got {power}"
        )
    return np.asarray(probe * np.sqrt(photons_per_pattern / power), dtype=probe.dtype)


def probe_intensity(probe: NDArray[np.complexfloating]) -> NDArray[np.float64]:
    """|P|^2 as float64 (H, W); the intensities of incoherent modes (n_modes, H, W) are added.

    Raises
    ------
    InputError
        For any other number of axes.
    """
    if probe.ndim not in (2, 3) or 0 in probe.shape:
        raise InputError(f"probe must have shape (H, W) or (n_modes, H, W), got {probe.shape}")
    intensity = np.square(probe.real, dtype=np.float64) + np.square(probe.imag, dtype=np.float64)
    return np.asarray(intensity if probe.ndim == 2 else intensity.sum(axis=0))
