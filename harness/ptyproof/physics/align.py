"""Bringing a reconstruction onto the truth before they are compared: crop, shift, phase ramp, one complex factor.

Diffraction patterns leave some of an object free: its global phase; a shift, where the probe may shift the other way;
a phase ramp, where the patterns' middle is not known exactly. A comparison removes these freedoms, and nothing else.
All of it works on the complex images. With R a result and T the truth, and <R, T> = sum conj(R) T over the crop:

- the crop holds the pixels that the scan has lit well enough;
- the shift d is where |sum_k F(R)_k conj(F(T)_k) exp(2 pi i k d)| is largest, found on ever finer grids around the
  largest value of the cross-correlation (Guizar-Sicairos, Thurman & Fienup, Opt. Lett. 33, 156, 2008);
- the ramp q is where |sum_r R conj(T) exp(-2 pi i q r)| is largest, found the same way. It is taken from R conj(T) and
  never from each phase by itself, whose wraps are no part of a ramp;
- each connected component of the scan has a phase of its own;
- the factor c = <R, T> / <R, R> has the least squared error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from ptyproof.errors import InputError
from ptyproof.physics.forward import object_patches
from ptyproof.physics.metrics import scaled_error

_ROUNDS = 8
_FINEST_SHIFT_PX = 1e-3
# One cycle of error in a ten-thousandth of a frequency bin turns the phase by 0.3 mrad at the crop's edge.
_ZOOMS = 4
_ZOOM = 10

_Real = NDArray[np.float64]
_Complex = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Crop:
    """The pixels that a comparison looks at.

    Attributes
    ----------
    rows, cols
        (first, one past the last) row and column of the smallest rectangle around them.
    mask
        (rows, cols) of that rectangle: True where a pixel is looked at.
    """

    rows: tuple[int, int]
    cols: tuple[int, int]
    mask: NDArray[np.bool_]

    @property
    def n_px(self) -> int:
        """Number of pixels that are looked at."""
        return int(np.count_nonzero(self.mask))

    def of(self, image: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return the rectangle (h, w) of an image (M, M') on the whole grid; a view."""
        return image[slice(*self.rows), slice(*self.cols)]


@dataclass(frozen=True, eq=False)
class Aligned:
    """A result that was brought onto the truth.

    Attributes
    ----------
    result, truth
        (h, w) complex128: the crop's rectangle of c R and of T.
    mask
        (h, w): the pixels of the rectangle that count.
    shift_px
        (row, col) by which the result lay too far towards larger indices.
    ramp_cycles_per_px
        (row, col) of the phase ramp that the result had.
    scale
        c.
    overlap, overlap_before
        |<R, T>| / sqrt(<R, R> <T, T>) with shift and ramp removed, and with them left in; between 0 and 1.
    unaligned_error
        sqrt(<u R - T, u R - T> / <T, T>) of the result as it came: u = exp(i phase) is the factor that fits best, one
        for each connected component. 0 is perfect; there is no upper limit.
    """

    result: _Complex
    truth: _Complex
    mask: NDArray[np.bool_]
    shift_px: tuple[float, float]
    ramp_cycles_per_px: tuple[float, float]
    scale: complex
    overlap: float
    overlap_before: float
    unaligned_error: float


def illumination_crop(illumination: NDArray[np.floating], min_fraction: float) -> Crop:
    """Return the crop of the pixels that are lit to at least a fraction of the brightest.

    Parameters
    ----------
    illumination
        (M, M') sum over positions of |P(r - r_k)|^2, any unit.
    min_fraction
        In (0, 1].

    Raises
    ------
    InputError
        If the fraction is not in (0, 1], or the illumination is negative, not finite, or zero everywhere.
    """
    if not 0 < min_fraction <= 1:
        raise InputError(f"the crop's fraction of the illumination must be in (0, 1], got {min_fraction}")
    if illumination.ndim != 2 or not np.all(np.isfinite(illumination)) or np.any(illumination < 0):
        raise InputError(
            f"illumination must be (M, M'), finite and not negative, got shape {illumination.shape} with values from "
            f"{np.min(illumination, initial=0.0):g} to {np.max(illumination, initial=0.0):g}"
        )
    peak = illumination.max(initial=0.0)
    if not peak > 0:
        raise InputError(f"illumination must be above zero somewhere, got zeros of shape {illumination.shape}")
    lit = illumination >= min_fraction * peak
    rows, cols = (_extent(lit.any(axis=axis)) for axis in (1, 0))
    return Crop(rows, cols, lit[slice(*rows), slice(*cols)])


def soft_window(mask: NDArray[np.bool_], edge_px: float) -> _Real:
    """Return weights that rise from the edges of a mask, holes and the rectangle's own edges included, as a cosine.

    0.5 (1 - cos(pi min(d / edge_px, 1))) with d the distance to the nearest pixel outside, less half a pixel; a sharp
    edge would spread every frequency of an image over all others.

    Parameters
    ----------
    mask
        (h, w); everything beyond the rectangle counts as outside.
    edge_px
        Width of the rise, in pixels, above 0.

    Returns
    -------
    (h, w) float64 between 0 and 1, zero outside the mask.
    """
    distance = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    depth = np.clip((distance - 0.5) / edge_px, 0.0, 1.0)
    return np.asarray(0.5 * (1.0 - np.cos(np.pi * depth)) * mask)


def align(
    result: NDArray[np.complexfloating],
    truth: NDArray[np.complexfloating],
    crop: Crop,
    *,
    components: NDArray[np.integer] | None = None,
    max_shift_px: float = 8.0,
    edge_px: float = 8.0,
    phase_only: bool = False,
) -> Aligned:
    """Bring a result onto the truth: sub-pixel shift, phase ramp and complex factor removed, in this order, in rounds.

    Ramp and shift hide each other, so rounds begin once with the ramp and once with the shift; of these, and of
    leaving the result as it is, the one with the largest overlap is taken. Beyond its grid a result is continued by
    its edge values. A constant result has no shift.

    Parameters
    ----------
    result, truth
        (M, M') complex, on one grid.
    crop
        Where to compare.
    components
        (M, M') number of the connected component of the scan that each pixel belongs to, from 1; 0 belongs to no
        component. Components share no illuminated pixel, so each has a phase of its own, which is removed first and
        once more at the end. None is one component.
    max_shift_px
        The largest shift that is looked for, on each axis.
    edge_px
        Width of the soft edges of the window in which images are correlated.
    phase_only
        Remove the phase alone, one for each connected component, and leave shift, ramp and scale in. It shows what a
        method makes of a scan whose probe and positions are known, as then only the phase is free.

    Returns
    -------
    Aligned; shifts are found to 1e-3 px, ramps to 1e-4 cycles over the crop.

    Raises
    ------
    InputError
        If shapes differ, a number is not finite, the crop is not inside the grid, or the truth is zero in it.
    """
    _check(result, truth, crop)
    pair = _Pair(result, truth, crop, components, max_shift_px, edge_px)
    none = (0.0, 0.0)
    as_it_came = pair.brought(none, none)
    best = before = (_overlap(as_it_came, pair.target, crop.mask), none, none)
    if not phase_only and (np.ptp(pair.whole.real) > 0 or np.ptp(pair.whole.imag) > 0):
        for ramp_first in (True, False):
            best = max(best, _search(pair, ramp_first), key=lambda candidate: candidate[0])
    overlap, shift, ramp = best
    brought = pair.brought(shift, ramp)
    scale = scaled_error(brought, pair.target, crop.mask.astype(np.float64)).scale
    turn, unaligned_error = _turned(as_it_came, pair.target, crop.mask)
    scale = turn if phase_only else scale
    overlap, overlap_before = (min(1.0, value) for value in (overlap, before[0]))  # rounding can lift it above 1
    return Aligned(
        scale * brought, pair.target, crop.mask, shift, ramp, scale, overlap, overlap_before, unaligned_error
    )


def brought_alike(
    result: NDArray[np.complexfloating],
    truth: NDArray[np.complexfloating],
    crop: Crop,
    aligned: Aligned,
    components: NDArray[np.integer] | None = None,
) -> NDArray[np.complex128]:
    """Return another result (M, M') brought onto the truth (M, M') as the result of `aligned` was.

    It has the same shift and ramp, and a complex factor of its own; `components` (M, M') are as in `align`.

    Returns
    -------
    (h, w) complex128: the crop's rectangle.

    Raises
    ------
    InputError
        As `align`.
    """
    _check(result, truth, crop)
    pair = _Pair(result, truth, crop, components, 1.0 + max(map(abs, aligned.shift_px)), 1.0)
    brought = pair.brought(aligned.shift_px, aligned.ramp_cycles_per_px)
    return scaled_error(brought, pair.target, crop.mask.astype(np.float64)).scale * brought


class _Pair:
    """A result that can be brought onto the truth in the crop's rectangle by a shift and a ramp."""

    def __init__(
        self,
        result: NDArray[np.complexfloating],
        truth: NDArray[np.complexfloating],
        crop: Crop,
        components: NDArray[np.integer] | None,
        max_shift_px: float,
        edge_px: float,
    ) -> None:
        pad = int(np.ceil(max_shift_px))
        self.max_shift_px = max_shift_px
        self.whole = np.pad(np.asarray(result, dtype=np.complex128), pad, mode="edge")
        self.target = np.asarray(crop.of(truth), dtype=np.complex128)
        self.window = soft_window(crop.mask, edge_px)
        numbers = 1 if components is None else crop.of(components)
        self.labels = np.where(crop.mask, numbers, 0).astype(np.int64)
        self.shape = (crop.mask.shape[0], crop.mask.shape[1])
        self._middle = np.array([crop.rows[0], crop.cols[0]]) + np.array(self.shape) // 2 + pad

    def brought(self, shift: tuple[float, float], ramp: tuple[float, float]) -> _Complex:
        """Return R(r + shift) exp(-2 pi i ramp r) at the pixels r of the rectangle.

        Each connected component has the target's phase.
        """
        image = object_patches(self.whole, (self._middle + np.array(shift))[None], self.shape)[0]
        return self._levelled(image * np.conj(_wave(self.shape, ramp)))

    def clipped(self, shift: _Real) -> tuple[float, float]:
        """Return a shift within the largest one."""
        row, col = np.clip(shift, -self.max_shift_px, self.max_shift_px).tolist()
        return row, col

    def ramp_of(self, image: _Complex) -> tuple[float, float]:
        """Return (row, col) of the ramp in R conj(T), in cycles per pixel; R is `image`.

        The frequency bin is that of the components' summed power, as their phases need not agree before the ramp is
        known.
        """
        product = np.where(self.labels > 0, image * np.conj(self.target), 0)
        components = [number for number in np.unique(self.labels) if number > 0]
        power = sum(np.abs(scipy.fft.fft2(np.where(self.labels == number, product, 0))) ** 2 for number in components)
        found = np.unravel_index(int(np.argmax(power)), self.shape)
        bins = [scipy.fft.fftfreq(n)[i] for n, i in zip(self.shape, found, strict=True)]
        flattened = self._levelled(image * np.conj(_wave(self.shape, (bins[0], bins[1])))) * np.conj(self.target)
        places = [np.arange(n, dtype=np.float64) for n in self.shape]
        product = np.where(self.labels > 0, flattened, 0)
        rest = _zoomed(product, places, np.zeros(2), 1.0 / np.array(self.shape), _ZOOMS)
        return float(bins[0] + rest[0]), float(bins[1] + rest[1])

    def _levelled(self, image: _Complex) -> _Complex:
        """Return an image with each component's phase brought to the target's; one component alone is left as it is."""
        count = int(self.labels.max()) + 1
        if count <= 2:
            return image
        product = np.conj(image) * self.target
        sums = [np.bincount(self.labels.ravel(), part.ravel(), count) for part in (product.real, product.imag)]
        inner = sums[0] + 1j * sums[1]
        turns = np.divide(inner, np.abs(inner), out=np.ones(count, dtype=np.complex128), where=np.abs(inner) > 0)
        return np.asarray(image * turns[self.labels])


def _search(pair: _Pair, ramp_first: bool) -> tuple[float, tuple[float, float], tuple[float, float]]:
    """Return (overlap, shift, ramp) after rounds of both."""
    shift = ramp = (0.0, 0.0)
    image = pair.brought(shift, ramp)
    for number in range(_ROUNDS):
        if number > 0 or ramp_first:
            ramp = _sum(ramp, pair.ramp_of(image))
            image = pair.brought(shift, ramp)
        step = _displacement(image, pair.target, pair.window, pair.max_shift_px)
        shift = pair.clipped(np.array(shift) + step)
        image = pair.brought(shift, ramp)
        if np.abs(step).max() < _FINEST_SHIFT_PX and number > 0:
            break
    ramp = _sum(ramp, pair.ramp_of(image))
    return _overlap(pair.brought(shift, ramp), pair.target, pair.labels > 0), shift, ramp


def _sum(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
    return first[0] + second[0], first[1] + second[1]


def _displacement(moving: _Complex, target: _Complex, window: _Real, largest_px: float) -> _Real:
    """Return (row, col) by which `moving` lies further on than `target`: where their cross-correlation is largest."""
    spectra = [scipy.fft.fft2(window * (image - np.average(image, weights=window))) for image in (moving, target)]
    product = np.conj(spectra[0]) * spectra[1]
    if not np.abs(product).max() > 0:
        return np.zeros(2)
    # conj(F(R)) F(T) is the transform of the correlation sum_r conj(R(r + d)) T(r), at -d.
    correlation = np.abs(scipy.fft.fft2(product))
    offsets = [scipy.fft.fftfreq(n, 1 / n) for n in product.shape]
    inside = [np.abs(offset) <= largest_px for offset in offsets]
    correlation[~np.logical_and.outer(*inside)] = -1.0
    found = np.unravel_index(int(np.argmax(correlation)), correlation.shape)
    start = np.array([offset[i] for offset, i in zip(offsets, found, strict=True)])
    frequencies = [scipy.fft.fftfreq(n) for n in product.shape]
    return _zoomed(product, frequencies, start, 1.0, int(np.log10(1 / _FINEST_SHIFT_PX)))


def _zoomed(array: _Complex, places: list[_Real], start: _Real, spacing: float | _Real, zooms: int) -> _Real:
    """Return (u, v) near `start` at which |sum_ij A_ij exp(-2 pi i (x_i u + y_j v))| is largest.

    Each zoom looks one spacing to either side, in steps of a tenth of it, which are the next spacing; the sums on such
    a small grid are two products of matrices (Guizar-Sicairos et al., 2008).
    """
    best, spacing = start, np.broadcast_to(np.asarray(spacing, dtype=np.float64), 2)
    for _ in range(zooms):
        grids = [
            centre + step * np.arange(-_ZOOM, _ZOOM + 1) / _ZOOM for centre, step in zip(best, spacing, strict=True)
        ]
        left, right = (np.exp(-2j * np.pi * np.outer(grid, x)) for grid, x in zip(grids, places, strict=True))
        found = np.unravel_index(int(np.argmax(np.abs(left @ array @ right.T))), (2 * _ZOOM + 1,) * 2)
        best = np.array([grid[i] for grid, i in zip(grids, found, strict=True)])
        spacing = spacing / _ZOOM
    return best


def _wave(shape: tuple[int, ...], ramp: tuple[float, float]) -> _Complex:
    """exp(2 pi i q r), with r counted from the rectangle's first pixel."""
    lines = [np.exp(2j * np.pi * slope * np.arange(n)) for slope, n in zip(ramp, shape, strict=True)]
    return np.asarray(np.outer(*lines))


def _overlap(moving: _Complex, target: _Complex, mask: NDArray[np.bool_]) -> float:
    a, b = moving[mask], target[mask]
    norm = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.abs(np.vdot(a, b)) / norm) if norm > 0 else 0.0


def _turned(image: _Complex, target: _Complex, mask: NDArray[np.bool_]) -> tuple[complex, float]:
    """Return the unit factor that brings an image closest to the target in the mask, and the relative error then."""
    a, b = image[mask], target[mask]
    inner = complex(np.vdot(a, b))
    turn = inner / abs(inner) if inner != 0 else 1.0 + 0.0j
    return turn, float(np.linalg.norm(turn * a - b) / np.linalg.norm(b))


def _extent(line: NDArray[np.bool_]) -> tuple[int, int]:
    found = np.flatnonzero(line)
    return int(found[0]), int(found[-1]) + 1


def _check(result: NDArray[np.complexfloating], truth: NDArray[np.complexfloating], crop: Crop) -> None:
    if result.ndim != 2 or result.shape != truth.shape:
        raise InputError(f"result and truth must have one shape (M, M'), got {result.shape} and {truth.shape}")
    for name, image in (("result", result), ("truth", truth)):
        if not np.all(np.isfinite(image)):
            raise InputError(f"{name} must be finite, but {np.count_nonzero(~np.isfinite(image))} values are not")
    size = (crop.rows[1] - crop.rows[0], crop.cols[1] - crop.cols[0])
    inside = min(crop.rows[0], crop.cols[0]) >= 0 and crop.rows[1] <= truth.shape[0] and crop.cols[1] <= truth.shape[1]
    if not inside or crop.mask.shape != size:
        raise InputError(
            f"the crop must be inside the object of shape {truth.shape}, got rows {crop.rows}, columns {crop.cols} "
            f"and a mask of shape {crop.mask.shape}"
        )
    if not crop.mask.any():
        raise InputError(f"the crop must hold a pixel, got an empty mask of shape {crop.mask.shape}")
