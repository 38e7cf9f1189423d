"""Small scans whose object is known: without noise or with Poisson noise, of any window, at any fraction of a pixel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from ptyproof.io.hashing import combine_digests, sha256_array
from ptyproof.physics.dose import scale_probe_to_dose
from ptyproof.physics.forward import expected_counts, object_patches
from ptyproof.physics.metrics import scaled_error
from ptyproof.physics.objects import make_object
from ptyproof.physics.probes import make_probe
from ptyproof.reconstruction.method import BlindScan, illumination

ARRAYS = ("amplitude", "probe", "positions_px")
HIGH_DOSE = 1e5
_SIDE = 8  # positions on a side
_STEP_PX = 3
_PROBE_DIAMETER_PX = 10.0
_MARGIN_PX = 3
_ERROR_PX = 0.5
_LARGEST_ERROR_PX = 1.5
_LIT = 0.1  # of the brightest illumination


@dataclass(frozen=True, eq=False)
class Scene:
    """A scan as a method is given it, and what the method is not given.

    Attributes
    ----------
    scan
        Patterns, probe and positions.
    obj
        (M, M') complex64, the true object.
    lit
        (M, M') float64, 1 where at least a tenth of the brightest illumination falls, else 0.
    """

    scan: BlindScan
    obj: npt.NDArray[np.complex64]
    lit: npt.NDArray[np.float64]

    def error(self, found: npt.NDArray[np.complexfloating]) -> float:
        """Return the complex NRMSE of an object (M, M') at its place: one complex scale is fitted, no shift."""
        return scaled_error(found, self.obj, self.lit).nrmse

    def shift_px(self, found: npt.NDArray[np.complexfloating]) -> tuple[float, float]:
        """Return how far (row, col) an object (M, M') lies from the true one, for shifts below a pixel.

        A shift by d turns T into about T - d . grad T; this is fitted where there is light, with a complex scale and
        a phase ramp beside it.
        """
        truth, lit = self.obj.astype(np.complex128), self.lit
        scale = np.vdot(truth * lit, truth * lit) / np.vdot(found * lit, truth * lit).conj()
        ramps = [line - line.mean() for line in np.meshgrid(*map(np.arange, truth.shape), indexing="ij")]
        parts = [*np.gradient(truth), truth, 1j * truth, *(1j * truth * ramp for ramp in ramps)]
        columns = np.stack([(part * lit).ravel() for part in parts], axis=1)
        wanted = (found * scale * lit).ravel()
        real, aim = np.concatenate([columns.real, columns.imag]), np.concatenate([wanted.real, wanted.imag])
        row, col = np.linalg.lstsq(real, aim, rcond=None)[0][:2]
        return float(-row), float(-col)

    def difference(self, found: npt.NDArray[np.complexfloating], other: npt.NDArray[np.complexfloating]) -> float:
        """Return the complex NRMSE of `found` (M, M') against `other` (M, M'), after one complex scale."""
        return scaled_error(found, other, self.lit).nrmse


@cache
def make_scene(
    window: tuple[int, int] = (24, 24),
    offset_px: tuple[float, float] = (0.0, 0.0),
    dose: float = HIGH_DOSE,
    noisy: bool = False,
) -> Scene:
    """Return a scan of 64 positions of one object; equal arguments give the same scene.

    Parameters
    ----------
    window
        (H, W) of the patterns, pixels.
    offset_px
        What is added to all positions, which are whole pixels without it.
    dose
        Photons per pattern.
    noisy
        Whether Poisson noise is drawn; otherwise the patterns are the expected counts themselves.
    """
    rng = np.random.default_rng(17)
    steps = np.arange(_SIDE) * _STEP_PX
    grid = np.stack(np.meshgrid(steps, steps, indexing="ij"), -1).reshape(-1, 2)
    places = grid + rng.integers(-1, 2, grid.shape) + _MARGIN_PX
    span = (_SIDE - 1) * _STEP_PX + 2 * _MARGIN_PX
    whole = make_object("grains", (span + 40, span + 46), rng)
    top, left = (20 - size // 2 for size in window)
    obj = whole[top : top + span + window[0], left : left + span + window[1]]
    obj = (np.abs(obj) * np.exp(0.5j * np.angle(obj))).astype(np.complex64)
    positions = places + np.array(window) // 2 + np.array(offset_px)
    probe = scale_probe_to_dose(make_probe("soft_aperture", window, _PROBE_DIAMETER_PX), obj, positions, dose)
    counts = expected_counts(probe, object_patches(obj, positions, window))
    if noisy:
        counts = rng.poisson(counts).astype(np.float32)
    light = illumination(probe, positions, obj.shape)
    scan = BlindScan(np.sqrt(counts).astype(np.float32), probe, positions.astype(np.float64), obj.shape)
    return Scene(scan, obj, (light >= _LIT * light.max()).astype(float))


def position_errors(n: int) -> npt.NDArray[np.float64]:
    """Return errors (n, 2) of positions, half a pixel rms along an axis, with which windows stay inside the object."""
    errors: npt.NDArray[np.float64] = np.random.default_rng(5).normal(0, _ERROR_PX, (n, 2))
    return np.clip(errors, -_LARGEST_ERROR_PX, _LARGEST_ERROR_PX)


def flipped(scene: Scene) -> Scene:
    """Return a scene turned by 180 degrees: both axes of patterns, probe, object and positions; odd windows alone."""
    scan, last = scene.scan, np.array(scene.obj.shape) - 1
    turned = replace(
        scan,
        amplitude=scan.amplitude[:, ::-1, ::-1].copy(),
        probe=scan.probe[::-1, ::-1].copy(),
        positions_px=last - scan.positions_px,
    )
    return Scene(turned, scene.obj[::-1, ::-1], scene.lit[::-1, ::-1])


def copied(scan: BlindScan, *, writeable: bool) -> BlindScan:
    """Return a scan with arrays of its own and their digest; arrays to write to are those of a careless caller."""
    arrays = {name: getattr(scan, name).copy() for name in ARRAYS}
    own = replace(scan, **arrays, scan_sha256=combine_digests({name: sha256_array(arrays[name]) for name in ARRAYS}))
    for array in arrays.values():
        array.flags.writeable = writeable
    return own
