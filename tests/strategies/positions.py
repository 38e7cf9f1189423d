"""Hypothesis strategies for scan positions: float64 (n, 2), (row, col) in pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Positions = NDArray[np.float64]


def scattered_positions(min_size: int = 1, max_size: int = 60) -> st.SearchStrategy[Positions]:
    """Positions anywhere in a field of 200 x 120 px, rarely with equal distances."""
    point = st.tuples(_coordinate(200.0), _coordinate(120.0))
    return st.lists(point, min_size=min_size, max_size=max_size).map(_as_array)


def lattice_positions(min_size: int = 1, max_size: int = 60) -> st.SearchStrategy[Positions]:
    """Positions on whole pixels of a small field: exact ties and coinciding positions are common."""
    point = st.tuples(st.integers(-4, 9), st.integers(0, 6))
    return st.lists(point, min_size=min_size, max_size=max_size).map(_as_array)


def collinear_positions(min_size: int = 1, max_size: int = 60) -> st.SearchStrategy[Positions]:
    """Positions on one row, one column or one diagonal."""
    direction = st.sampled_from([(0.0, 1.0), (1.0, 0.0), (3.0, -4.0)])
    steps = st.lists(st.integers(-20, 20) | _coordinate(20.0), min_size=min_size, max_size=max_size)
    return st.tuples(direction, steps).map(lambda drawn: np.outer(drawn[1], drawn[0]).astype(np.float64))


@st.composite
def clustered_positions(draw: st.DrawFn, min_size: int = 1, max_size: int = 60) -> Positions:
    """Piles of coinciding positions and tight clusters, far from each other."""
    n = draw(st.integers(min_size, max_size))
    centres = np.array([[0.0, 0.0], [0.0, 1e4], [3e5, -2e5]])
    which = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    step = draw(st.sampled_from([0.0, 1e-6, 1.0]))
    offsets = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=n, max_size=n))
    return centres[which].reshape(-1, 2) + step * np.array(offsets, dtype=np.float64).reshape(-1, 2)


def positions(min_size: int = 1, max_size: int = 60) -> st.SearchStrategy[Positions]:
    """Positions of all kinds above."""
    kinds = (scattered_positions, lattice_positions, collinear_positions, clustered_positions)
    return st.one_of(*(kind(min_size, max_size) for kind in kinds))


def _coordinate(extent: float) -> st.SearchStrategy[float]:
    return st.floats(0.0, extent, allow_subnormal=False)


def _as_array(points: Sequence[tuple[float, float]]) -> Positions:
    return np.array(points, dtype=np.float64).reshape(-1, 2)
