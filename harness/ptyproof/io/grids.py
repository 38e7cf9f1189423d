"""Scans on a grid: patterns with two axes of positions, made a list of patterns in the scan's order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.errors import InputError
from ptyproof.io.reading import AxisOrder, Reading, ScanOrder, say_which

Array = npt.NDArray[Any]


_CLEARLY = 4.0  # times as much spread within the pieces of the other order


def as_list(
    stack: Array, positions: Sequence[Array], probe: tuple[int, ...] | None, reading: Reading
) -> tuple[Array, tuple[int, int], str]:
    """Return patterns with four axes as (n, H, W) in the order of their positions.

    Parameters
    ----------
    stack
        Patterns (ny, nx, H, W) or (H, W, ny, nx), of any real dtype, which is kept.
    positions
        Coordinates of the positions, each (n,), or (ny, nx), which then tells the order. A list that runs in lines of
        the other length tells that the order is another one.
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
        With the end of a sentence, if shapes do not fit, fit in two ways, or leave the order open, or if the positions
        run in the other order.
    """
    shape = positions[0].shape
    axes = _axes(stack.shape, shape, probe, reading.axis_order)
    moved = stack if axes == "nhw" else np.moveaxis(stack, (2, 3), (0, 1))
    grid = (moved.shape[0], moved.shape[1])
    if shape != grid and reading.scan_order is not None:
        _agree_with_positions(grid, positions, reading.scan_order)
    patterns, order = _in_order(moved, shape == grid, reading.scan_order)
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


def _agree_with_positions(grid: tuple[int, int], positions: Sequence[Array], order: ScanOrder) -> None:
    """Raise where the positions, a list, run in lines of the other length than `order` says.

    A line of a scan has one coordinate that hardly changes. Pieces of nx positions are lines if the list runs row by
    row, pieces of ny if it runs column by column.
    """
    ny, nx = grid
    spread = {name: _spread_within(positions, length) for name, length in (("rows", nx), ("columns", ny))}
    other: ScanOrder = "columns" if order == "rows" else "rows"
    if not _CLEARLY * spread[other] < spread[order]:
        return
    lines, of = (nx, ny) if other == "columns" else (ny, nx)
    raise InputError(
        f"has the axes (ny, nx, H, W) with ny = {ny} and nx = {nx}, and the positions run in {lines} lines of {of}, "
        f"where scan_order {order} has {of} lines of {lines}; {say_which('scan_order', other)}, or save the positions "
        "with the shape (ny, nx)"
    )


def _spread_within(positions: Sequence[Array], length: int) -> float:
    """Return the mean variance of a coordinate within pieces of a list, of the coordinate that has the least."""
    pieces = [np.asarray(coordinate, dtype=np.float64).reshape(-1, length) for coordinate in positions]
    return min(float(piece.var(axis=1).mean()) for piece in pieces)


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
            f"has the axes (ny, nx, H, W), shape {stack.shape}, but (n, H, W) is expected, and the positions are a "
            "list, whose order over the grid is unknown; " + say_which("scan_order", "rows", "columns")
        )
    return stack.reshape(-1, *stack.shape[2:]), words
