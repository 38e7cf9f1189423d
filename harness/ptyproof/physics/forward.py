"""From object and probe to photon counts: object patches, expected counts, Poisson draws.

Notation: O is the object, P the probe (scaled to the dose), r_k the position k in pixels of the object
grid, where the window's index (H // 2, W // 2) lies. The exit wave is psi_k = P O_k, with
O_k[i, j] = O(row_k - H//2 + i, col_k - W//2 + j); the detector sees I_k = |F psi_k|^2 photons on average and
n_k ~ Poisson(I_k) once, with F of `ptyproof.physics.fourier` (Rodenburg & Maiden, in Springer Handbook of
Microscopy, 2019, ch. 17). Everything works in blocks of positions, so memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from ptyproof.errors import InputError
from ptyproof.physics.detector import Detector
from ptyproof.physics.fourier import phase_ramp
from ptyproof.physics.positions import checked_positions

# An amplitude stored as float32 is sqrt(n) (1 + e), |e| <= 2^-24, so its square is off by n 2^-23: below one
# half, and thus rounded to n again, for n < 2^22.
MAX_COUNTS_PER_PIXEL = 2**22
# A Poisson draw exceeds its mean by eight standard deviations once in about 1e15 draws.
MAX_EXPECTED_COUNTS = float(MAX_COUNTS_PER_PIXEL - 8 * int(np.sqrt(MAX_COUNTS_PER_PIXEL)))

DEFAULT_MARGIN_PX = 8
_TAPER_BETA = 10.0
BLOCK_BYTES = 32 * 2**20
_CACHE_BYTES = 2**20


def object_patches(
    obj: NDArray[np.complexfloating],
    positions_px: NDArray[np.floating],
    window: tuple[int, int],
    margin_px: int = DEFAULT_MARGIN_PX,
) -> NDArray[np.complexfloating]:
    """Cut the object as seen through the window at each position, sub-pixel.

    Pixel (i, j) of patch k samples the object at (row_k - H//2 + i, col_k - W//2 + j). The nearest
    whole-pixel window is cut with `margin_px` more on each side, the margins are tapered towards the object's
    mean, and the patch is shifted by the remaining fraction with a Fourier phase ramp, axis by axis, and
    cropped. Without the taper the jump between opposite edges of the patch would ring through the window.
    The taper is the running sum of a Kaiser window, as in Kaiser-Bessel-derived windows (Princen, Johnson &
    Bradley 1987), so its spectrum dies out before it mixes with aliases. With the default margin the error
    is below 1e-4 of the object's modulus for content up to 0.25 cycles per pixel; a constant object and
    positions on whole pixels are exact. Where the object has no room for the margin its edge values are
    continued.

    Parameters
    ----------
    obj
        (M, M') complex object.
    positions_px
        (n, 2) float64 (row, col) in pixels of the object grid.
    window
        (H, W) in pixels.
    margin_px
        Margin of interpolation on each side, in pixels; at least 1.

    Returns
    -------
    (n, H, W) of the object's dtype.

    Raises
    ------
    InputError
        If shapes or numbers are unusable, or a window reaches beyond the object.
    """
    positions = checked_positions(positions_px)
    _check_object(obj)
    if margin_px < 1:
        raise InputError(f"margin_px must be at least 1, got {margin_px}")
    starts = _window_starts(positions, obj.shape, window)
    mean = obj.mean()
    padded = np.pad(obj - mean, _paddings(window, margin_px), mode="edge")
    whole = np.rint(starts).astype(np.int64)
    fractions = starts - whole
    out = np.empty((len(positions), *window), dtype=obj.dtype)
    for rows in _batches(len(positions), _batch_size(window, obj.dtype.itemsize, _CACHE_BYTES)):
        _sample_batch(padded, whole[rows], fractions[rows], margin_px, out[rows])
    out += mean
    exact = ~fractions.any(axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(obj, window)
    out[exact] = windows[whole[exact, 0], whole[exact, 1]]
    return out


def expected_counts(probe: NDArray[np.complexfloating], patches: NDArray[np.complexfloating]) -> NDArray[np.floating]:
    """Expected counts I_k = sum_m |F(P_m O_k)|^2, zero frequency in the middle.

    Parameters
    ----------
    probe
        (H, W), or (n_modes, H, W) for mutually incoherent modes m; in units of sqrt(photons).
    patches
        (n, H, W) object patches O_k.

    Returns
    -------
    (n, H, W) photons, in the precision of probe and patches (float32 for complex64).

    Raises
    ------
    InputError
        If the shapes do not fit each other.
    """
    modes = _modes(probe)
    if patches.ndim != 3 or patches.shape[1:] != modes.shape[1:]:
        raise InputError(
            f"patches must have the probe's window, (n, {modes.shape[1]}, {modes.shape[2]}), got shape {patches.shape}"
        )
    kind = np.result_type(modes, patches)
    out = np.empty(patches.shape, dtype=kind.type(0).real.dtype)
    for rows in _batches(len(patches), _batch_size(patches.shape[1:], kind.itemsize, _CACHE_BYTES)):
        _fill_expected(modes, patches[rows], out[rows])
    return out


def simulate_counts(
    obj: NDArray[np.complexfloating],
    probe: NDArray[np.complexfloating],
    positions_px: NDArray[np.floating],
    rng: np.random.Generator,
    block: int | None = None,
    detector: Detector | None = None,
) -> Iterator[NDArray[np.int64]]:
    """Draw photon counts for all positions, block by block.

    The draws are consumed in the order of the positions and, within a pattern, row by row: the result does
    not depend on `block`.

    Parameters
    ----------
    obj
        (M, M') complex object.
    probe
        (H, W) or (n_modes, H, W), scaled to the dose (`ptyproof.physics.dose.scale_probe_to_dose`).
    positions_px
        (n, 2) float64 (row, col) in pixels of the object grid.
    rng
        Source of the Poisson draws.
    block
        Patterns in a block; by default as many as fill 32 MiB of counts.
    detector
        What is made of the intensity; None is a perfect detector.

    Returns
    -------
    Iterator over int64 blocks (<= block, H, W) of counts, zero frequency in the middle; together (n, H, W).

    Raises
    ------
    InputError
        At once, for unusable shapes or numbers and windows beyond the object. While iterating, before a block
        is drawn, if an expected count is above MAX_EXPECTED_COUNTS (or no number): its counts could not be
        told from a float32 amplitude again. It is the dose that was handed in that cannot be used.
    """
    modes = _modes(probe)
    window = (modes.shape[1], modes.shape[2])
    positions = checked_positions(positions_px)
    _check_object(obj)
    _window_starts(positions, obj.shape, window)
    size = _batch_size(window, np.dtype(np.int64).itemsize, BLOCK_BYTES) if block is None else block
    if size < 1:
        raise InputError(f"block must be at least 1, got {block}")
    return _draw_blocks(obj, modes, positions, rng, size, detector or Detector())


def expected_peak_and_mean(
    obj: NDArray[np.complexfloating],
    probe: NDArray[np.complexfloating],
    positions_px: NDArray[np.floating],
    detector: Detector | None = None,
) -> tuple[float, NDArray[np.float64]]:
    """Return the largest expected count of any pixel at any position, and the mean expected pattern (H, W), in photons.

    Arguments as `simulate_counts`; saturation and mask are not applied. Without a background, expected counts are
    proportional to the dose, so one call tells for every dose whether its counts can be drawn (`MAX_EXPECTED_COUNTS`),
    and where on the detector they fall.
    """
    modes = _modes(probe)
    window = (modes.shape[1], modes.shape[2])
    peak, total, first = 0.0, np.zeros(window), 0
    detector = detector or Detector()
    for patches in iterate_patches(obj, positions_px, window):
        rates = detector.expected(expected_counts(modes, patches), slice(first, first + len(patches)))
        first += len(patches)
        peak = max(peak, float(rates.max()))
        total += rates.sum(axis=0)
    return peak, total / len(positions_px)


def iterate_patches(
    obj: NDArray[np.complexfloating], positions_px: NDArray[np.floating], window: tuple[int, int]
) -> Iterator[NDArray[np.complexfloating]]:
    """The patches of `object_patches` in order, in blocks (k, H, W) of bounded memory (about 32 MiB)."""
    positions = checked_positions(positions_px)
    for rows in _batches(len(positions), _batch_size(window, obj.dtype.itemsize, BLOCK_BYTES)):
        yield object_patches(obj, positions[rows], window)


def _draw_blocks(
    obj: NDArray[np.complexfloating],
    modes: NDArray[np.complexfloating],
    positions: NDArray[np.float64],
    rng: np.random.Generator,
    size: int,
    detector: Detector,
) -> Iterator[NDArray[np.int64]]:
    window = (modes.shape[1], modes.shape[2])
    for rows in _batches(len(positions), size):
        rates = detector.expected(expected_counts(modes, object_patches(obj, positions[rows], window)), rows)
        largest = float(rates.max())
        if not largest <= MAX_EXPECTED_COUNTS:  # written so that NaN is refused too
            raise InputError(
                f"the dose gives {largest:g} expected photons in one pixel, but at most "
                f"{MAX_EXPECTED_COUNTS:g} are allowed, so that float32 amplitudes give the counts back"
            )
        yield detector.recorded(rng.poisson(rates), rows)


def _sample_batch(
    padded: NDArray[np.complexfloating],
    whole: NDArray[np.int64],
    fractions: NDArray[np.float64],
    margin: int,
    out: NDArray[np.complexfloating],
) -> None:
    """Fill `out` (k, H, W) with the object at `whole` + `fractions` (k, 2), counted without the padding."""
    height, width = out.shape[1:]
    lengths = _padded_lengths((height, width), margin)
    tapers = [_edge_taper(n, margin, kept) for n, kept in zip(lengths, (height, width), strict=True)]
    patches = np.lib.stride_tricks.sliding_window_view(padded, lengths)[whole[:, 0], whole[:, 1]]
    patches *= np.outer(*tapers).astype(patches.real.dtype)
    rows = _sample_lines(patches, fractions[:, 0], axis=1)[:, margin : margin + height]
    out[:] = _sample_lines(rows, fractions[:, 1], axis=2)[:, :, margin : margin + width]


def _sample_lines(
    patches: NDArray[np.complexfloating], fraction: NDArray[np.float64], axis: int
) -> NDArray[np.complexfloating]:
    """Sample each patch at i + its fraction along `axis`, periodically; `patches` may be overwritten."""
    ramp = phase_ramp(patches.shape[axis], -fraction, patches.dtype)
    spectrum = scipy.fft.fft(patches, axis=axis, overwrite_x=True)
    spectrum *= ramp[:, :, None] if axis == 1 else ramp[:, None, :]
    return np.asarray(scipy.fft.ifft(spectrum, axis=axis, overwrite_x=True))


def _edge_taper(padded_length: int, margin: int, length: int) -> NDArray[np.float64]:
    """(padded_length,) weights: one on the window, falling to zero over the margins before and after it."""
    taper = np.ones(padded_length)
    taper[:margin] = _rise(margin)
    taper[margin + length :] = _rise(padded_length - margin - length)[::-1]
    return taper


def _rise(width: int) -> NDArray[np.float64]:
    weights = np.kaiser(width + 1, _TAPER_BETA)
    return np.asarray(np.cumsum(weights)[:-1] / weights.sum())


def _fill_expected(
    modes: NDArray[np.complexfloating], patches: NDArray[np.complexfloating], out: NDArray[np.floating]
) -> None:
    total: NDArray[np.floating] | None = None
    for mode in modes:
        spectrum = scipy.fft.fft2(mode * patches, axes=(1, 2), norm="ortho", overwrite_x=True)
        intensity = np.square(spectrum.real)
        intensity += np.square(spectrum.imag)
        total = intensity if total is None else total + intensity
    assert total is not None
    out[:] = np.fft.fftshift(total, axes=(1, 2))


def _padded_lengths(window: tuple[int, int], margin: int) -> tuple[int, int]:
    """Window plus at least `margin` on both sides, raised to lengths that are fast to transform."""
    return (
        scipy.fft.next_fast_len(window[0] + 2 * margin),
        scipy.fft.next_fast_len(window[1] + 2 * margin),
    )


def _paddings(window: tuple[int, int], margin: int) -> list[tuple[int, int]]:
    lengths = _padded_lengths(window, margin)
    return [(margin, length - size - margin) for length, size in zip(lengths, window, strict=True)]


def _window_starts(
    positions: NDArray[np.float64], shape: tuple[int, ...], window: tuple[int, int]
) -> NDArray[np.float64]:
    """(n, 2) coordinates of the windows' index (0, 0); InputError if a window is not inside the object."""
    if min(window) < 1 or window[0] > shape[0] or window[1] > shape[1]:
        raise InputError(f"window must be between (1, 1) and the object's shape {shape}, got {window}")
    starts = positions - np.array([window[0] // 2, window[1] // 2], dtype=np.float64)
    last = np.array([shape[0] - window[0], shape[1] - window[1]], dtype=np.float64)
    outside = np.flatnonzero(((starts < 0) | (starts > last)).any(axis=1))
    if outside.size:
        first = int(outside[0])
        raise InputError(
            f"every window must be inside the object of shape {shape}, but {outside.size} of "
            f"{len(positions)} do not: position {positions[first].tolist()} at index {first}, window {window}"
        )
    return starts


def _modes(probe: NDArray[np.complexfloating]) -> NDArray[np.complexfloating]:
    if probe.ndim not in (2, 3) or 0 in probe.shape:
        raise InputError(f"probe must have shape (H, W) or (n_modes, H, W), got {probe.shape}")
    return probe if probe.ndim == 3 else probe[None]


def _check_object(obj: NDArray[np.complexfloating]) -> None:
    if obj.ndim != 2 or not np.iscomplexobj(obj):
        raise InputError(f"obj must be a complex array (M, M'), got shape {obj.shape} of {obj.dtype}")
    if not np.all(np.isfinite(obj)):
        raise InputError(f"obj must be finite, but {np.count_nonzero(~np.isfinite(obj))} of its pixels are not")


def _batch_size(window: tuple[int, ...], itemsize: int, budget_bytes: int) -> int:
    return max(1, budget_bytes // (window[0] * window[1] * itemsize))


def _batches(count: int, size: int) -> Iterator[slice]:
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
