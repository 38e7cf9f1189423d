"""Scans on a grid: patterns with two axes of positions, made a list of patterns in the scan's order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.errors import InputError
from ptyproof.io.reading import AxisOrder, Reading, ScanOrder, say_which

Array = npt.NDArray[Any]


def as_list(
    stack: Array, positions: tuple[int, ...], probe: tuple[int, ...] | None, reading: Reading
) -> tuple[Array, tuple[int, int], str]:
    """Return patterns with four axes as (n, H, W) in the order of their positions.

    Parameters
    ----------
    stack
        Patterns (ny, nx, H, W) or (H, W, ny, nx).
    positions
        Shape of the positions: (n,), or (ny, nx), which then tells the order.
    probe
        Shape of the probe where it has two axes; it settles which axes are the window's.
    reading
        What the caller says of axes and order.

    Returns
    -------
    patterns, grid, words
        (n, H, W), (ny, nx), and axes and order in words.

    Raises
    ------
    InputError
        With the end of a sentence, if shapes do not fit, fit in two ways, or leave the order open.
    """
    axes = _axes(stack.shape, positions, probe, reading.axis_order)
    moved = stack if axes == "nhw" else np.moveaxis(stack, (2, 3), (0, 1))
    grid = (moved.shape[0], moved.shape[1])
    patterns, order = _in_order(moved, positions == grid, reading.scan_order)
    names = "(ny, nx, H, W)" if axes == "nhw" else "(H, W, ny, nx)"
    return patterns, grid, f"axes {names} {stack.shape} made {patterns.shape}, {order}"


def _axes(
    shape: tuple[int, ...], positions: tuple[int, ...], probe: tuple[int, ...] | None, order: AxisOrder | None
) -> AxisOrder:
    grids: Mapping[AxisOrder, tuple[tuple[int, ...], tuple[int, ...]]] = {
        "nhw": (shape[:2], shape[2:]),
        "hwn": (shape[2:], shape[:2]),
    }
    fitting = [
        name
        for name, (grid, window) in grids.items()
        if (positions == grid if len(positions) == 2 else positions == (math.prod(grid),))
        and (probe is None or window == probe)
        and order in (None, name)
    ]
    if len(fitting) == 1:
        return fitting[0]
    found = f"has the shape {shape}, with positions of shape {positions} and a probe of shape {probe}"
    if fitting:
        raise InputError(
            f"{found}, so its axes may be (ny, nx, H, W) or (H, W, ny, nx); " + say_which("axis_order", *fitting)
        )
    raise InputError(f"{found}; the axes (ny, nx, H, W) need ny x nx positions and a probe of shape (H, W)")


def _in_order(stack: Array, positions_on_grid: bool, order: ScanOrder | None) -> tuple[Array, str]:
    ny, nx = stack.shape[:2]
    if positions_on_grid or order == "rows" or min(ny, nx) == 1:
        why = "as positions have the same grid" if positions_on_grid else "nx the fast axis"
        words = f"scan order row by row ({why}): pattern [iy, ix] belongs to position iy * {nx} + ix"
    elif order == "columns":
        stack = np.swapaxes(stack, 0, 1)
        words = f"scan order column by column (ny the fast axis): pattern [iy, ix] belongs to position ix * {ny} + iy"
    else:
        raise InputError(
            f"has the axes (ny, nx, H, W), shape {stack.shape}, where (n, H, W) is expected, and the positions are a "
            "list, whose order over the grid is not known; " + say_which("scan_order", "rows", "columns")
        )
    return stack.reshape(-1, *stack.shape[2:]), words
