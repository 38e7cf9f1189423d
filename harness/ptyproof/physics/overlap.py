"""Overlap of scan positions, for probes that are taken as discs of one diameter D.

Two equal discs whose centers lie d apart share the fraction

    o(t) = (2 / pi) (arccos t - t sqrt(1 - t^2)),   t = d / D < 1,   else 0

of their area (the circular lens). Three metrics average it: inside groups (1), over images and their
nearest others (2), and over group centers (3). Positions are float64 (n, 2) as (row, col) in pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from ptyproof.errors import InputError
from ptyproof.physics.grouping import checked_groups, nearest_others
from ptyproof.physics.positions import checked_positions
from ptyproof.physics.spacing import FloatArray, IntArray

MAX_CENTRE_PAIRS = 2_000_000_000
BLOCK_PAIRS = 1 << 16  # few enough to stay in the cache
_STRIPS = 3  # strips per diameter: more of them look at fewer pairs in vain, at more cost per center


def disc_overlap(distance_px: ArrayLike, diameter_px: float) -> FloatArray:
    """Shared fraction of the area of two discs.

    Parameters
    ----------
    distance_px
        float64, (...) of any shape: distance of the centers in pixels, >= 0.
    diameter_px
        D in pixels, > 0.

    Returns
    -------
    float64, the shape of `distance_px`: 1 for d = 0, 0 for d >= D.

    Raises
    ------
    InputError
        For a distance that is negative or no number, or a diameter that is not finite and > 0.
    """
    diameter = _checked_diameter(diameter_px)
    distance = np.asarray(distance_px, dtype=np.float64)
    if not (distance >= 0.0).all():
        raise InputError(f"distance_px must be >= 0 everywhere, got {distance.min()}")
    return _lens(distance, diameter)


def group_overlap(positions_px: FloatArray, groups: IntArray, diameter_px: float) -> float | None:
    """Metric 1: mean over the groups of the mean overlap of the C (C - 1) / 2 pairs in a group.

    Parameters
    ----------
    positions_px
        float64 (n, 2), (row, col) in pixels.
    groups
        int64 (n_groups, C), indices of positions.
    diameter_px
        D in pixels, > 0.

    Returns
    -------
    A fraction in [0, 1], or None where there is no pair: C = 1, or no group.

    Raises
    ------
    InputError
        For bad positions, groups that do not index them, or a bad diameter.
    """
    positions = checked_positions(positions_px)
    groups = checked_groups(groups, len(positions))
    diameter = _checked_diameter(diameter_px)
    size = groups.shape[1]
    if size < 2 or len(groups) == 0:
        return None
    total = 0.0
    for start in range(0, len(groups), BLOCK_PAIRS):
        members = positions[groups[start : start + BLOCK_PAIRS].T]
        for a, b in combinations(range(size), 2):
            total += float(_lens(_length(members[a] - members[b]), diameter).sum())
    return total / (len(groups) * math.comb(size, 2))


def image_overlap(positions_px: FloatArray, neighbor_count: int, diameter_px: float) -> float | None:
    """Metric 2: mean over all images of the mean overlap with their nearest other images.

    Parameters
    ----------
    positions_px
        float64 (n, 2), (row, col) in pixels; each is one image, however many groups use it.
    neighbor_count
        Number of nearest other images, >= 1; all n - 1 others where there are fewer.
    diameter_px
        D in pixels, > 0.

    Returns
    -------
    A fraction in [0, 1], or None for fewer than two images.

    Raises
    ------
    InputError
        For bad positions, a neighbor_count below 1, or a bad diameter.
    """
    positions = checked_positions(positions_px)
    diameter = _checked_diameter(diameter_px)
    if neighbor_count < 1:
        raise InputError(f"neighbor_count must be at least 1, got {neighbor_count}")
    if len(positions) < 2:
        return None
    _, distances = nearest_others(positions, min(neighbor_count, len(positions) - 1))
    return float(_lens(distances, diameter).mean())


def group_centre_overlap(
    positions_px: FloatArray, groups: IntArray, diameter_px: float, max_pairs: int = MAX_CENTRE_PAIRS
) -> float | None:
    """Metric 3: mean over the groups of the mean overlap with all other group centers nearer than D.

    A center is the mean of its group's positions; a group with no other center nearer than D counts 0.
    The value is exact: every pair is evaluated, groups with the same center once with their multiplicity.
    Time grows with the number of pairs of different centers nearer than D, memory with that of the groups.

    Parameters
    ----------
    positions_px
        float64 (n, 2), (row, col) in pixels.
    groups
        int64 (n_groups, C), indices of positions.
    diameter_px
        D in pixels, > 0.
    max_pairs
        Refuse to evaluate more pairs than this; they are counted before the first is evaluated.

    Returns
    -------
    A fraction in [0, 1], or None for fewer than two groups.

    Raises
    ------
    InputError
        For bad positions, groups that do not index them, a bad diameter, or more than `max_pairs` pairs.
    """
    positions = checked_positions(positions_px)
    groups = checked_groups(groups, len(positions))
    diameter = _checked_diameter(diameter_px)
    if len(groups) < 2:
        return None
    pairs = _centre_pairs(_centres(positions, groups), diameter)
    if pairs.n_pairs > max_pairs:
        raise InputError(pairs.too_many(max_pairs))
    return _mean_centre_overlap(pairs)


@dataclass(frozen=True)
class OverlapMetrics:
    """The three overlaps with what they were computed from; a value that is None has a reason beside it."""

    probe_diameter_px: float
    n_positions: int
    n_groups: int
    neighbor_count: int
    group_overlap: float | None
    group_overlap_reason: str | None
    image_overlap: float | None
    image_overlap_reason: str | None
    group_centre_overlap: float | None
    group_centre_overlap_reason: str | None


def overlap_metrics(
    positions_px: FloatArray,
    groups: IntArray,
    neighbor_count: int,
    diameter_px: float,
    max_pairs: int = MAX_CENTRE_PAIRS,
) -> OverlapMetrics:
    """Compute the three metrics; one that is undefined or out of reach is None, with the reason.

    Parameters
    ----------
    positions_px
        float64 (n, 2), (row, col) in pixels.
    groups
        int64 (n_groups, C), indices of positions.
    neighbor_count
        Number of nearest other images for metric 2, >= 1.
    diameter_px
        D, the diameter of the probe in pixels, > 0.
    max_pairs
        Metric 3 is left out where more pairs of group centers than this would have to be evaluated.

    Raises
    ------
    InputError
        For bad positions, groups that do not index them, a neighbor_count below 1, or a bad diameter.
    """
    positions = checked_positions(positions_px)
    groups = checked_groups(groups, len(positions))
    diameter = _checked_diameter(diameter_px)
    inside = group_overlap(positions, groups, diameter)
    inside_reason = "no group has a second member" if groups.shape[1] < 2 else "there is no group"
    images = image_overlap(positions, neighbor_count, diameter)
    between, between_reason = _centre_metric(positions, groups, diameter, max_pairs)
    return OverlapMetrics(
        probe_diameter_px=diameter,
        n_positions=len(positions),
        n_groups=len(groups),
        neighbor_count=neighbor_count,
        group_overlap=inside,
        group_overlap_reason=inside_reason if inside is None else None,
        image_overlap=images,
        image_overlap_reason="there are fewer than two images" if images is None else None,
        group_centre_overlap=between,
        group_centre_overlap_reason=between_reason,
    )


def _checked_diameter(diameter_px: float) -> float:
    diameter = float(diameter_px)
    if not (math.isfinite(diameter) and diameter > 0.0):
        raise InputError(f"diameter_px must be finite and > 0, got {diameter_px}")
    return diameter


def _lens(distance_px: FloatArray, diameter_px: float) -> FloatArray:
    t = np.minimum(distance_px / diameter_px, 1.0)
    overlap: FloatArray = (2.0 / math.pi) * (np.arccos(t) - t * np.sqrt(1.0 - t * t))
    return overlap


def _length(difference: FloatArray) -> FloatArray:
    rows, cols = difference[..., 0], difference[..., 1]
    length: FloatArray = np.sqrt(rows * rows + cols * cols)
    return length


def _centre_metric(
    positions: FloatArray, groups: IntArray, diameter: float, max_pairs: int
) -> tuple[float | None, str | None]:
    if len(groups) < 2:
        return None, "there are fewer than two groups"
    pairs = _centre_pairs(_centres(positions, groups), diameter)
    if pairs.n_pairs > max_pairs:
        return None, pairs.too_many(max_pairs)
    return _mean_centre_overlap(pairs), None


@dataclass(frozen=True)
class _CentrePairs:
    """Different group centers ordered by (strip, col), and who lies near whom.

    Center i is compared with the centers begin <= j < end of each (begin, end) in `ranges`, which
    name every pair nearer than D once, and some that are not.
    """

    diameter: float
    rows: FloatArray
    cols: FloatArray
    multiplicity: FloatArray  # (n,): groups with that center
    ranges: list[tuple[IntArray, IntArray]]
    n_pairs: int

    def too_many(self, max_pairs: int) -> str:
        return (
            f"max_pairs must be at least {self.n_pairs} to compare the group centres within "
            f"{self.diameter:g} px of each other, got {max_pairs}"
        )


def _centres(positions: FloatArray, groups: IntArray) -> FloatArray:
    """(n_groups, 2); members are summed in the order of their indices, so equal sets have equal centers."""
    members = np.sort(groups, axis=1)
    total = np.zeros((len(groups), 2))
    for column in members.T:
        total += positions[column]
    total /= groups.shape[1]
    return total


def _centre_pairs(centres: FloatArray, diameter: float) -> _CentrePairs:
    """Find the pairs strip by strip: rows are cut into strips, each strip is ordered by col.

    A center at row r meets those of its own strip with larger col, up to D away, and in each of the
    next strips, whose nearest row is `gap` below r, those within sqrt(D^2 - gap^2) of its col. Strips and
    columns make one sorted key, so each range is two binary searches. Everything is widened by the rounding
    error of the key: that adds pairs which turn out not to be near, and loses none.
    """
    order = np.lexsort((centres[:, 1], centres[:, 0]))
    walk = centres[order]
    begins = np.concatenate(([True], (walk[1:] != walk[:-1]).any(axis=1)))
    multiplicity = np.diff(np.append(np.flatnonzero(begins), len(walk))).astype(np.float64)
    sites = walk[begins]
    rows, cols = (sites - sites.min(axis=0)).T

    slack = 8.0 * float(np.spacing(max(rows.max(), cols.max(), diameter)))
    height = diameter / _STRIPS + slack
    strips = np.floor(rows / height).astype(np.int64)
    steps = np.minimum(np.diff(strips, prepend=strips[0]), _STRIPS + 1)  # wide gaps shrink: small keys
    compact = np.cumsum(steps).astype(np.float64)
    width = float(cols.max()) + 2.0 * diameter
    slack += 8.0 * float(np.spacing((compact[-1] + _STRIPS + 1) * 2.0 * width))
    stride = width + 2.0 * slack  # so that no range reaches into another strip
    key = compact * stride + cols
    order = np.argsort(key, kind="stable")
    key, below = key[order], rows[order] - strips[order] * height

    own = np.arange(1, len(key) + 1)
    ranges = [(own, np.maximum(own, np.searchsorted(key, key + (diameter + slack), side="right")))]
    for offset in range(1, _STRIPS + 1):
        gap = np.maximum(offset * height - below - slack, 0.0)
        reach = np.sqrt(np.maximum(diameter * diameter - gap * gap, 0.0)) + slack
        there = key + offset * stride
        begin = np.searchsorted(key, there - reach, side="left")
        ranges.append((begin, np.searchsorted(key, there + reach, side="right")))
    n_pairs = sum(int((end - begin).sum()) for begin, end in ranges)
    rows, cols = np.ascontiguousarray(sites[order].T)
    return _CentrePairs(diameter, rows, cols, multiplicity[order], ranges, n_pairs)


def _mean_centre_overlap(pairs: _CentrePairs) -> float:
    same = pairs.multiplicity - 1.0  # the other groups with the same center overlap by 1
    overlap = same.copy()
    near = same.copy()
    for begin, end in pairs.ranges:
        counts = end - begin
        first = np.flatnonzero(counts)
        starts = np.concatenate(([0], np.cumsum(counts[first])))
        start = 0
        while start < len(first):
            stop = int(np.searchsorted(starts, starts[start] + BLOCK_PAIRS, side="right")) - 1
            stop = max(stop, start + 1)
            block = first[start:stop]
            _add_pairs(pairs, block, begin[block], counts[block], overlap, near)
            start = stop
    mean = np.divide(overlap, near, out=np.zeros_like(overlap), where=near > 0.0)
    return float((mean * pairs.multiplicity).sum() / pairs.multiplicity.sum())


def _add_pairs(
    pairs: _CentrePairs,
    first: IntArray,
    begin: IntArray,
    counts: IntArray,
    overlap: FloatArray,
    near: FloatArray,
) -> None:
    """Add the pairs of first[i] and begin[i] <= j < begin[i] + counts[i] to both sums of both centers."""
    ends = np.cumsum(counts)
    a = np.repeat(first, counts)
    b = np.arange(ends[-1]) + np.repeat(begin - (ends - counts), counts)
    row_steps = pairs.rows[a] - pairs.rows[b]
    col_steps = pairs.cols[a] - pairs.cols[b]
    distance = np.sqrt(row_steps * row_steps + col_steps * col_steps)
    close = np.flatnonzero(distance < pairs.diameter)
    if len(close) == 0:
        return
    a, b = a[close], b[close]
    shared = _lens(distance[close], pairs.diameter)
    for mine, other in ((a, b), (b, a)):
        low = int(mine.min())
        mine = mine - low
        weight = pairs.multiplicity[other]
        sums = np.bincount(mine, shared * weight)
        overlap[low : low + len(sums)] += sums
        near[low : low + len(sums)] += np.bincount(mine, weight)
