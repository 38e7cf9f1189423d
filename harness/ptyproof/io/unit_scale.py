"""The unit in which the modulus of a scan's object is about 1: from photons, and what is known of beam and detector."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ptyproof.io.blocks import index_blocks, let_go, sum_of_squares
from ptyproof.io.told import Told
from ptyproof.physics.detector import blurred
from ptyproof.physics.fourier import fft2c


def unit_scale(amplitude: npt.NDArray[np.float32], probe: npt.NDArray[np.complex64], told: Told) -> float:
    """Return s such that a transparent object, lit by s times the probe, gives as many photons as were measured.

    Photons are those of the light: in pixels that were measured, without the background. 1 where there are none.

    Parameters
    ----------
    amplitude
        (n, H, W): sqrt(counts), zero frequency in the middle.
    probe
        (H, W): the strongest mode.
    told
        What is known: further modes and factors of the intensity are part of the beam.
    """
    modes = probe[None] if told.further_modes is None else np.concatenate([probe[None], told.further_modes])
    measured = sum_of_squares(amplitude) / len(amplitude)
    power = float(sum(np.square(np.abs(mode), dtype=np.float64).sum() for mode in modes))
    if told.valid_pixels is not None or told.background is not None or told.intensity_factors is not None:
        light = _light(amplitude, modes, told)
        if min(light) > 0:
            measured, power = light
    return float(np.sqrt(measured / power)) if measured > 0 and power > 0 else 1.0


def _light(amplitude: npt.NDArray[np.float32], modes: npt.NDArray[np.complex64], told: Told) -> tuple[float, float]:
    """Return the photons of the light in a mean pattern, and those of a transparent object in the probe's unit."""
    n, valid, background = len(amplitude), told.valid_pixels, told.background
    pattern = np.square(np.abs(fft2c(modes)), dtype=np.float64).sum(axis=0)
    pattern = blurred(pattern, told.psf_sigma_px)
    factors = np.ones(n) if told.intensity_factors is None else told.intensity_factors
    measured = expected = 0.0
    for block in index_blocks(n):
        light = np.square(amplitude[block], dtype=np.float64)
        let_go(amplitude)
        model = factors[block, None, None] * pattern
        if background is not None:
            light -= background if background.ndim == 2 else background[block]
        if valid is not None:
            seen = valid if valid.ndim == 2 else valid[block]
            light, model = light * seen, model * seen
        measured += float(light.sum())
        expected += float(model.sum())
    return measured / n, expected / n
