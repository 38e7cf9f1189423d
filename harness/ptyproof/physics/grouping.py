"""Position groups: which C = gridsize^2 scan positions are looked at together.

Positions are float64 (n, 2) as (row, col) in pixels of the object grid. "Nearest" is ordered by (squared
distance in float64, index), so a group depends on the positions and the generator alone, and neither on
the inner workings of a search tree nor on internal block sizes.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ptyproof.errors import InputError
from ptyproof.physics.positions import checked_positions
from ptyproof.physics.spacing import FloatArray, IntArray

BLOCK_ENTRIES = 1 << 21  # array entries handled at a time
TABLE_ROWS = 1 << 16  # with at most this many subsets of a neighborhood, they are listed


def effective_neighbor_count(n_positions: int, neighbor_count: int) -> int:
    """Return K as `position_groups` uses it: a scan of n positions has no more than n of them near a seed."""
    return min(n_positions, neighbor_count)


def position_groups(
    positions_px: FloatArray,
    gridsize: int,
    neighbor_count: int,
    n_groups: int,
    rng: np.random.Generator,
) -> IntArray:
    """Draw groups of C = gridsize^2 positions: a seed and C - 1 of the K - 1 other positions nearest to it.

    Seeds are random permutations of all positions, one after the other until there are `n_groups`
    (oversampling), the last one cut short. The other members are drawn without replacement, all subsets
    alike probable. Where a seed's comb(K - 1, C - 1) subsets are at most 65536, its groups are all
    different until every subset was used, and then repeat; where they are more, draws are independent and
    a repetition is improbable.

    Parameters
    ----------
    positions_px
        float64 (n, 2), n >= C, (row, col) in pixels. Coinciding positions are different positions; of a
        pile of more than K, only the first K by index are anybody's neighbors.
    gridsize
        Positions along one side of a group, >= 1.
    neighbor_count
        K >= C: the seed and its K - 1 nearest others; `effective_neighbor_count` of them are used.
    n_groups
        Number of groups, >= 1.
    rng
        Source of the permutations and of the draws.

    Returns
    -------
    int64 (n_groups, C): indices into the positions, C different ones per row; column 0 is the seed, the
    others follow by (distance to the seed, index).

    Raises
    ------
    InputError
        For bad positions, fewer than C of them, K < C, or a count below 1.
    """
    positions = checked_positions(positions_px)
    members = _checked_group_size(len(positions), gridsize, neighbor_count, n_groups)
    n = len(positions)
    passes = -(-n_groups // n)
    seeds = np.concatenate([rng.permutation(n) for _ in range(passes)])[:n_groups]
    if members == 1:
        return seeds[:, np.newaxis].astype(np.int64)
    others = effective_neighbor_count(n, neighbor_count) - 1
    wanted = seeds if passes == 1 else None
    neighbors, _ = nearest_others(positions, others, wanted)
    groups = np.empty((n_groups, members), dtype=np.int64)
    groups[:, 0] = seeds
    if math.comb(others, members - 1) <= TABLE_ROWS:
        table = np.array(list(itertools.combinations(range(others), members - 1)), dtype=np.int64)
        chosen = table[_subset_numbers(seeds, n, len(table), rng)]
        source = np.arange(n_groups) if wanted is not None else seeds
        groups[:, 1:] = neighbors[source[:, np.newaxis], chosen]
        return groups
    step = max(1, BLOCK_ENTRIES // others)
    for start in range(0, n_groups, step):
        stop = min(start + step, n_groups)
        ranks = rng.random((stop - start, others)).argsort(axis=1, kind="stable")[:, : members - 1]
        ranks.sort(axis=1)
        source = np.arange(start, stop) if wanted is not None else seeds[start:stop]
        groups[start:stop, 1:] = neighbors[source[:, np.newaxis], ranks]
    return groups


def n_distinct_groups(groups: IntArray) -> int:
    """Count the different groups as sets: the order of the members, and which is the seed, do not matter.

    Parameters
    ----------
    groups
        int64 (n_groups, C), indices of positions.

    Raises
    ------
    InputError
        For groups that are no two-dimensional array of integers.
    """
    groups = checked_groups(groups)
    if len(groups) == 0:
        return 0
    members = np.sort(groups, axis=1)
    ordered = members[np.lexsort(members.T)]
    return 1 + int(np.count_nonzero((ordered[1:] != ordered[:-1]).any(axis=1)))


def nearest_others(
    positions_px: FloatArray, count: int, of: NDArray[np.int64] | None = None
) -> tuple[IntArray, FloatArray]:
    """The `count` nearest other positions of each position, by (squared distance, index).

    Parameters
    ----------
    positions_px
        float64 (n, 2), (row, col) in pixels.
    count
        Neighbors per position, 1 <= count < n.
    of
        int64 (m,), the positions whose neighbors are wanted; None for all n in their order.

    Returns
    -------
    int64 (m, count) indices into the positions, never the position itself, and float64 (m, count)
    distances in pixels, ascending.

    Raises
    ------
    InputError
        For bad positions, or a count that the positions do not have.
    """
    positions = checked_positions(positions_px)
    n = len(positions)
    if not 1 <= count < n:
        raise InputError(f"count must be in 1..{n - 1} for {n} positions, got {count}")
    wanted = np.arange(n) if of is None else of
    kept = _first_of_each_pile(positions, count + 1)
    # The leaves' order keeps neighbors together in memory: shuffled positions cost three times as much.
    kept = kept[cKDTree(positions[kept]).indices]
    tree = cKDTree(positions[kept])
    place = np.zeros(n, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    open_rows = np.argsort(place[wanted], kind="stable")
    indices = np.empty((len(wanted), count), dtype=np.int64)
    distances = np.empty((len(wanted), count))
    asked = min(count + 2, len(kept))  # itself, its neighbors, and one more that shows whether a tie goes on
    while len(open_rows):
        step = max(1, BLOCK_ENTRIES // asked)
        tied = []
        for start in range(0, len(open_rows), step):
            rows = open_rows[start : start + step]
            found, squared = _search(positions, kept, tree, wanted[rows], asked)
            indices[rows], distances[rows] = found[:, :count], np.sqrt(squared[:, :count])
            tied.append(rows[squared[:, count - 1] == squared[:, -1]])
        open_rows = np.concatenate(tied) if asked < len(kept) else open_rows[:0]
        asked = min(2 * asked, len(kept))
    return indices, distances


def checked_groups(groups: IntArray, n_positions: int | None = None) -> IntArray:
    """Return groups as int64 (n_groups, C).

    Raises
    ------
    InputError
        For another shape, another type, or an index out of range.
    """
    array = np.asarray(groups)
    if array.ndim != 2 or array.shape[1] < 1 or array.dtype.kind not in "iu":
        raise InputError(f"groups must be integers (n_groups, C), got {array.dtype} {array.shape}")
    if n_positions is not None and array.size and not 0 <= array.min() <= array.max() < n_positions:
        raise InputError(f"groups must hold indices in 0..{n_positions - 1}, got {array.min()}..{array.max()}")
    return array.astype(np.int64, copy=False)


def _checked_group_size(n_positions: int, gridsize: int, neighbor_count: int, n_groups: int) -> int:
    for name, value in (("gridsize", gridsize), ("neighbor_count", neighbor_count), ("n_groups", n_groups)):
        if value < 1:
            raise InputError(f"{name} must be at least 1, got {value}")
    members = gridsize * gridsize
    if neighbor_count < members:
        raise InputError(
            f"neighbor_count must be at least gridsize^2 = {members} (gridsize {gridsize}), got {neighbor_count}"
        )
    if n_positions < members:
        raise InputError(
            f"positions_px must hold at least gridsize^2 = {members} positions (gridsize {gridsize}), got {n_positions}"
        )
    return members


def _subset_numbers(seeds: IntArray, n: int, subsets: int, rng: np.random.Generator) -> IntArray:
    """A subset for each group: every seed walks through all of them from a random start in random strides.

    A stride that shares no divisor with the number of subsets meets each of them once per round.
    """
    coprime = np.array([s for s in range(1, subsets + 1) if math.gcd(s, subsets) == 1], dtype=np.int64)
    start = rng.integers(subsets, size=n)
    stride = coprime[rng.integers(len(coprime), size=n)]
    round_number = np.arange(len(seeds)) // n % subsets
    numbers: IntArray = (start[seeds] + round_number * stride[seeds]) % subsets
    return numbers


def _first_of_each_pile(positions: FloatArray, size: int) -> IntArray:
    """Indices of all positions less those that come after `size` coinciding ones.

    No more than that can be among the nearest; a tree with all of a pile would search it point by point.
    """
    order = np.lexsort((positions[:, 1], positions[:, 0]))
    walk = positions[order]
    begins = np.concatenate(([True], (walk[1:] != walk[:-1]).any(axis=1)))
    number = np.arange(len(walk))
    rank = number - np.maximum.accumulate(np.where(begins, number, 0))
    return order[rank < size]


def _search(
    positions: FloatArray, kept: IntArray, tree: cKDTree, wanted: IntArray, asked: int
) -> tuple[IntArray, FloatArray]:
    """The asked - 1 nearest others (indices, squared distances) of the wanted positions, ties by index.

    The tree holds `positions[kept]`. What lies beyond the last of them may tie with it.
    """
    seeds = positions[wanted]
    found = kept[tree.query(seeds, k=asked)[1]]
    row_steps = positions[found, 0] - seeds[:, :1]
    col_steps = positions[found, 1] - seeds[:, 1:]
    squared = row_steps * row_steps + col_steps * col_steps
    # Itself goes last: it is missing only from the search of a pile with more positions than were asked for.
    squared[found == wanted[:, np.newaxis]] = np.inf
    order = np.lexsort((found, squared), axis=-1)[:, :-1]
    return np.take_along_axis(found, order, axis=1), np.take_along_axis(squared, order, axis=1)
