"""Pixels that were measured: an array that is True there, of shape (H, W) for all patterns or (n, H, W) for each.

A pixel that is not valid holds 0 in every pattern that it is not valid for, so readers that take no notice of the mask
see a dark pixel, never the marks that detectors write there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.io.blocks import row_blocks

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


def of_rows(per_window: Array, rows: slice | npt.NDArray[Any]) -> Array:
    """Return what of an array of any dtype belongs to the patterns `rows`, a slice or an index (m,).

    `per_window` is (H, W), for all patterns, which is returned, or (n, H, W), of which (m, H, W) is.
    """
    return per_window if per_window.ndim == 2 else per_window[rows]


def cleared(diffraction: Array, valid: Mask) -> tuple[Array, int]:
    """Return patterns (n, H, W) of any real dtype with 0 in pixels that are not valid, and how many were not 0.

    NaN is not 0; `valid` is bool (H, W) or (n, H, W). Patterns without such values are returned as they are.
    """
    n = stray(diffraction, valid)
    if n == 0:
        return diffraction, 0
    found = np.array(diffraction)
    for rows in row_blocks(found):
        found[rows][np.broadcast_to(~of_rows(valid, rows), found[rows].shape)] = 0
    return found, n


def stray(diffraction: Array, valid: Mask) -> int:
    """Return how many values of pixels that are not valid are other than 0.

    `diffraction` is (n, H, W) of any real dtype, `valid` bool (H, W) or (n, H, W).
    """
    return sum(
        int(np.count_nonzero((diffraction[rows] != 0) & ~of_rows(valid, rows))) for rows in row_blocks(diffraction)
    )
