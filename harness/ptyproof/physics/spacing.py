"""The spacing of scan positions: how close they lie, and which of them keep a minimum distance.

Positions are float64 (n, 2) as (row, col) in pixels of the object grid. Two positions keep the spacing S
when d^2 >= S^2, with d^2 = (row difference)^2 + (col difference)^2 in float64; both selections use this
one comparison, so ties on a lattice fall the same way in both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ptyproof.errors import InputError
from ptyproof.physics.positions import checked_positions

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

_CELL = 0.65  # cell side over S: its diagonal is 0.92 S, and two cells between two positions are 1.3 S
_FREE = 4.0  # a gap of more than S between sorted coordinates may shrink to this many S


def nearest_distances_px(positions_px: FloatArray) -> FloatArray:
    """Distance of each position to the nearest other position.

    Parameters
    ----------
    positions_px
        float64 (n, 2), (row, col) in pixels.

    Returns
    -------
    float64 (n,), pixels: 0 where two positions coincide, inf where there is no other position.

    Raises
    ------
    InputError
        For positions that are not finite (n, 2).
    """
    return np.sqrt(_nearest_squared_px2(checked_positions(positions_px)))


@dataclass(frozen=True)
class SpacingStatistics:
    """Nearest-neighbor distances of a set of positions in pixels; None where there are fewer than two."""

    n_positions: int
    min_px: float | None
    median_px: float | None
    mean_px: float | None
    max_px: float | None


def spacing_statistics(positions_px: FloatArray) -> SpacingStatistics:
    """Minimum, median, mean and maximum of the nearest-neighbor distances.

    Parameters
    ----------
    positions_px
        float64 (n, 2), (row, col) in pixels; n may be 0 or 1, then the distances are undefined (None).

    Raises
    ------
    InputError
        For positions that are not finite (n, 2).
    """
    return _statistics(nearest_distances_px(positions_px))


def select_direct(positions_px: FloatArray, spacing_px: float) -> BoolArray:
    """Mark the positions whose nearest other position is at least S away.

    Parameters
    ----------
    positions_px
        float64 (n, 2), (row, col) in pixels.
    spacing_px
        S in pixels, >= 0.

    Returns
    -------
    bool (n,). A position without any other is marked.

    Raises
    ------
    InputError
        For positions that are not finite (n, 2), or a spacing that is negative or not finite.
    """
    positions = checked_positions(positions_px)
    spacing = _checked_spacing(spacing_px)
    return _nearest_squared_px2(positions) >= spacing * spacing


def select_greedy(positions_px: FloatArray, spacing_px: float) -> BoolArray:
    """Walk the positions by (row, col) and accept each that no accepted one is closer to than S.

    The result is S-separated and maximal: no further position could be added. Equal positions are met
    in their original order. One accepted position at most fits into a cell of side 0.65 S, so each
    decision looks at no more than 15 cells: n log n for the sort, n for the walk, whatever S is.

    Parameters
    ----------
    positions_px
        float64 (n, 2), (row, col) in pixels.
    spacing_px
        S in pixels, >= 0.

    Returns
    -------
    bool (n,), in the order of `positions_px`.

    Raises
    ------
    InputError
        For positions that are not finite (n, 2), or a spacing that is negative or not finite.
    """
    positions = checked_positions(positions_px)
    spacing = _checked_spacing(spacing_px)
    limit = spacing * spacing
    if limit == 0.0:  # d^2 >= 0 always holds
        return np.ones(len(positions), dtype=np.bool_)
    order = np.lexsort((positions[:, 1], positions[:, 0]))
    walk = positions[order]
    mask = np.zeros(len(positions), dtype=np.bool_)
    mask[order[_walk(walk, spacing, limit)]] = True
    return mask


def geometric_acceptance_bound(positions_px: FloatArray, spacing_px: float, cap: float = 0.10) -> float:
    """Share of the positions that discs of diameter S could take up: clip(area / (pi (S/2)^2) / n, 0, cap).

    `area` is that of the positions' bounding box, so a scan along one line has the bound 0. The bound is
    a figure for the record that says how hopeless a spacing is, no strict limit: positions at the rim need
    only part of their disc inside the box.

    Parameters
    ----------
    positions_px
        float64 (n, 2), n >= 1, (row, col) in pixels.
    spacing_px
        S in pixels, >= 0.
    cap
        Upper end of the clip, in [0, 1].

    Raises
    ------
    InputError
        For no or bad positions, a bad spacing, or a cap outside [0, 1].
    """
    positions = checked_positions(positions_px)
    spacing = _checked_spacing(spacing_px)
    if not 0.0 <= cap <= 1.0:
        raise InputError(f"cap must be in [0, 1], got {cap}")
    if len(positions) == 0:
        raise InputError("positions_px must hold at least one position, got none")
    area = math.prod(np.ptp(positions, axis=0).tolist())
    if area == 0.0:
        return 0.0
    disc_areas = math.pi * (spacing / 2.0) * (spacing / 2.0) * len(positions)
    return min(area / disc_areas, cap) if disc_areas > 0.0 else cap


@dataclass(frozen=True)
class SpacingSelection:
    """What a minimum spacing leaves of a scan, with all numbers that the decision rests on.

    `mask` (n,) belongs to `method`; where `accepted` is False it shows what the last method would have kept.
    `spacing_px` is the threshold S; `min_spacing_px` the smallest distance before the selection (None for
    one position). `greedy_acceptance_rate` is None where the direct selection was enough.
    """

    method: Literal["direct", "greedy"]
    accepted: bool
    mask: BoolArray
    n_positions: int
    n_accepted: int
    direct_acceptance_rate: float
    greedy_acceptance_rate: float | None
    acceptance_rate: float
    min_acceptance: float
    spacing_px: float
    min_spacing_px: float | None
    geometric_acceptance_bound: float
    statistics_before: SpacingStatistics
    statistics_after: SpacingStatistics


def select_by_spacing(positions_px: FloatArray, spacing_px: float, min_acceptance: float = 0.10) -> SpacingSelection:
    """Select positions that keep the spacing S: directly, or greedily where too few remain, or not at all.

    The direct selection is used when it keeps at least `min_acceptance` of the positions, else the greedy
    one; when that keeps fewer too, `accepted` is False. Neither threshold is ever lowered.

    Parameters
    ----------
    positions_px
        float64 (n, 2), n >= 1, (row, col) in pixels.
    spacing_px
        S in pixels, >= 0.
    min_acceptance
        Smallest accepted share of the positions, in (0, 1].

    Raises
    ------
    InputError
        For no or bad positions, a bad spacing, or a min_acceptance outside (0, 1].
    """
    positions = checked_positions(positions_px)
    spacing = _checked_spacing(spacing_px)
    if not 0.0 < min_acceptance <= 1.0:
        raise InputError(f"min_acceptance must be in (0, 1], got {min_acceptance}")
    bound = geometric_acceptance_bound(positions, spacing)
    n = len(positions)
    squared = _nearest_squared_px2(positions)
    before = _statistics(np.sqrt(squared))
    method: Literal["direct", "greedy"] = "direct"
    mask = squared >= spacing * spacing
    direct_rate = rate = float(mask.mean())
    greedy_rate = None
    if direct_rate < min_acceptance:
        method = "greedy"
        mask = select_greedy(positions, spacing)
        greedy_rate = rate = float(mask.mean())
    return SpacingSelection(
        method=method,
        accepted=rate >= min_acceptance,
        mask=mask,
        n_positions=n,
        n_accepted=int(np.count_nonzero(mask)),
        direct_acceptance_rate=direct_rate,
        greedy_acceptance_rate=greedy_rate,
        acceptance_rate=rate,
        min_acceptance=min_acceptance,
        spacing_px=spacing,
        min_spacing_px=before.min_px,
        geometric_acceptance_bound=bound,
        statistics_before=before,
        statistics_after=spacing_statistics(positions[mask]),
    )


def _checked_spacing(spacing_px: float) -> float:
    spacing = float(spacing_px)
    if not (math.isfinite(spacing) and spacing >= 0.0):
        raise InputError(f"spacing_px must be finite and >= 0, got {spacing_px}")
    return spacing


def _statistics(distances_px: FloatArray) -> SpacingStatistics:
    n = len(distances_px)
    if n < 2:
        return SpacingStatistics(n, None, None, None, None)
    return SpacingStatistics(
        n_positions=n,
        min_px=float(distances_px.min()),
        median_px=float(np.median(distances_px)),
        mean_px=float(distances_px.mean()),
        max_px=float(distances_px.max()),
    )


def _nearest_squared_px2(positions: FloatArray) -> FloatArray:
    """Squared distance to the nearest other position; 0 for coinciding ones, which the tree never sees.

    A tree cannot split them: its leaf would grow with their number, and the search become quadratic.
    """
    order = np.lexsort((positions[:, 1], positions[:, 0]))
    walk = positions[order]
    same = (walk[1:] == walk[:-1]).all(axis=1)
    first = np.concatenate(([True], ~same))[: len(walk)]
    alone = first & np.concatenate((~same, [True]))[: len(walk)]
    sites = walk[first]
    squared = np.zeros(len(walk))
    if len(sites) < 2:
        squared[alone] = np.inf
    else:
        index = np.asarray(cKDTree(sites).query(sites[alone[first]], k=2)[1])
        difference = walk[alone] - sites[index[:, 1]]
        squared[alone] = difference[:, 0] * difference[:, 0] + difference[:, 1] * difference[:, 1]
    result = np.empty_like(squared)
    result[order] = squared
    return result


def _walk(walk: FloatArray, spacing: float, limit: float) -> list[int]:
    """Numbers of the accepted positions among sorted ones; Python floats round as numpy's float64 does.

    Cells of later rows are still empty, which leaves the own cell, its row of cells and the two before it.
    """
    rows, cols = (_cells(walk[:, axis], spacing) for axis in (0, 1))
    stride = int(cols.max(initial=0)) + 5  # a column offset of +-2 never reaches another row of cells
    around = [dr * stride + dc for dr in (0, -1, -2) for dc in (-1, 1, 0, -2, 2) if (dr, dc) != (0, 0)]
    occupant: dict[int, tuple[float, float]] = {}
    look = occupant.get
    accepted = []
    places = zip((rows * stride + cols).tolist(), walk[:, 0].tolist(), walk[:, 1].tolist(), strict=True)
    for number, (cell, row, col) in enumerate(places):
        if cell in occupant:
            continue
        for offset in around:
            other = look(cell + offset)
            if other is not None:
                row_step = row - other[0]
                col_step = col - other[1]
                if row_step * row_step + col_step * col_step < limit:
                    break
        else:
            occupant[cell] = (row, col)
            accepted.append(number)
    return accepted


def _cells(coordinate: FloatArray, spacing: float) -> IntArray:
    """Cell numbers along one axis; gaps beyond 4 S shrink to 4 S, so the numbers stay below about 7 n."""
    values, inverse = np.unique(coordinate, return_inverse=True)
    gaps = np.minimum(np.diff(values) / spacing, _FREE)
    along = np.concatenate(([0.0], np.cumsum(gaps)))
    return np.floor(along / _CELL).astype(np.int64)[inverse]
