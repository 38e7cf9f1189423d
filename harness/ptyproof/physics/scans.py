"""Scan positions: where the probe's window stands on the object grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptyproof.errors import InputError
from ptyproof.physics.forward import DEFAULT_MARGIN_PX
from ptyproof.physics.positions import checked_positions


def raster_scan(
    shape: tuple[int, int],
    step_px: float,
    jitter_px: float,
    origin_px: tuple[float, float],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Row-major raster of scan positions with uniform jitter.

    Position (a, b) lies at origin + step * (a, b) + u, with both components of u uniform in
    [-jitter_px, jitter_px]. The jitter breaks the periodicity that lets a raster's artifacts stay hidden
    ("raster grid pathology", Thibault et al. 2009).

    Parameters
    ----------
    shape
        (n_rows, n_cols), number of positions along each axis.
    step_px
        Distance of neighbors along rows and columns before the jitter, in pixels.
    jitter_px
        Largest displacement along each axis, in pixels.
    origin_px
        (row, col) of the first position before the jitter, in pixels of the object grid.
    rng
        Source of the jitter.

    Returns
    -------
    (n_rows * n_cols, 2) float64 (row, col), in pixels of the object grid.

    Raises
    ------
    InputError
        For a shape below (1, 1), a step that is not positive, a jitter that is negative, or numbers that are
        not finite.
    """
    n_rows, n_cols = shape
    if n_rows < 1 or n_cols < 1:
        raise InputError(f"the scan's shape must be at least (1, 1), got {shape}")
    if not (np.isfinite(step_px) and step_px > 0):
        raise InputError(f"step_px must be positive and finite, got {step_px}")
    if not (np.isfinite(jitter_px) and jitter_px >= 0):
        raise InputError(f"jitter_px must be finite and not negative, got {jitter_px}")
    if not np.all(np.isfinite(origin_px)):
        raise InputError(f"origin_px must be finite, got {origin_px}")
    grid = np.stack(np.meshgrid(np.arange(n_rows), np.arange(n_cols), indexing="ij"), axis=-1).reshape(-1, 2)
    jitter = rng.uniform(-jitter_px, jitter_px, size=grid.shape)
    return np.asarray(origin_px, dtype=np.float64) + step_px * grid + jitter


def scan_origin_px(
    window: tuple[int, int], jitter_px: float, margin_px: int = DEFAULT_MARGIN_PX
) -> tuple[float, float]:
    """Origin (row, col) that keeps all windows of a jittered raster `margin_px` away from the object's first
    row and column.

    Raises
    ------
    InputError
        For a window below (1, 1) or a negative jitter or margin.
    """
    _check_window(window, margin_px)
    if not (np.isfinite(jitter_px) and jitter_px >= 0):
        raise InputError(f"jitter_px must be finite and not negative, got {jitter_px}")
    return window[0] // 2 + margin_px + jitter_px, window[1] // 2 + margin_px + jitter_px


def object_shape_for(
    positions_px: NDArray[np.floating], window: tuple[int, int], margin_px: int = DEFAULT_MARGIN_PX
) -> tuple[int, int]:
    """Smallest object that holds every window, with `margin_px` more after the last row and column.

    Parameters
    ----------
    positions_px
        (n, 2) float64 (row, col), in pixels of the object grid.
    window
        (H, W) in pixels.
    margin_px
        Room for the interpolation, in pixels.

    Returns
    -------
    (rows, cols) of the object.

    Raises
    ------
    InputError
        For no positions, and for a window that begins before the object's index (0, 0): a larger object
        would not help it.
    """
    positions = checked_positions(positions_px)
    _check_window(window, margin_px)
    if len(positions) == 0:
        raise InputError("positions_px must hold at least one position, got none")
    starts = positions - np.array([window[0] // 2, window[1] // 2], dtype=np.float64)
    if starts.min() < 0:
        first = int(np.flatnonzero((starts < 0).any(axis=1))[0])
        raise InputError(
            f"every window must begin at (0, 0) or later, but position {positions[first].tolist()} at index "
            f"{first} puts a {window[0]} x {window[1]} window at {starts[first].tolist()}"
        )
    ends = np.ceil(starts.max(axis=0)).astype(np.int64)
    return int(ends[0]) + window[0] + margin_px, int(ends[1]) + window[1] + margin_px


def _check_window(window: tuple[int, int], margin_px: int) -> None:
    if min(window) < 1:
        raise InputError(f"window must be at least (1, 1), got {window}")
    if margin_px < 0:
        raise InputError(f"margin_px must not be negative, got {margin_px}")
