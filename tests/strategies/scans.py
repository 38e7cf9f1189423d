"""Hypothesis strategies for probes, objects and scan positions."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray


def complex_noise(shape: tuple[int, ...], seed: int) -> NDArray[np.complex64]:
    """Complex Gaussian noise of the given shape, complex64: nothing in it is symmetric or real."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.standard_normal(shape) + 1j * rng.standard_normal(shape), dtype=np.complex64)


@st.composite
def windows(draw: st.DrawFn, low: int = 3, high: int = 12) -> tuple[int, int]:
    """Window (H, W), even and odd sides, mostly not square."""
    return draw(st.integers(low, high)), draw(st.integers(low, high))


@st.composite
def banded_probes(draw: st.DrawFn) -> NDArray[np.complex64]:
    """Complex probe that is exactly zero in some first and last rows of its window."""
    height, width = draw(windows())
    first = draw(st.integers(0, height - 1))
    last = draw(st.integers(first, height - 1))
    probe = complex_noise((height, width), draw(st.integers(0, 2**16)))
    probe[:first] = 0
    probe[last + 1 :] = 0
    return probe


@st.composite
def positions_in(
    draw: st.DrawFn, shape: tuple[int, int], window: tuple[int, int], min_size: int = 1, max_size: int = 30
) -> NDArray[np.float64]:
    """(n, 2) positions whose windows lie inside an object of `shape`; whole and half pixels are common."""
    axes = []
    size = draw(st.integers(min_size, max_size))
    for length, side in zip(shape, window, strict=True):
        low, high = side // 2, length - side + side // 2
        whole = st.integers(low, high).map(float)
        half = st.integers(2 * low, 2 * high).map(lambda twice: twice / 2)
        fractional = st.floats(low, high, allow_nan=False)
        axes.append(draw(st.lists(whole | half | fractional, min_size=size, max_size=size)))
    return np.array(axes, dtype=np.float64).T.reshape(-1, 2)
