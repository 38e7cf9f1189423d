"""Phases of neighboring places from the slopes that were measured at them.

Each pattern of a scan tells the slope of the object's phase under its probe, and no pattern tells the phase itself. The
phases that fit all slopes best are those of a least-squares problem on the graph of neighbors, as in wavefront sensing
(Fried, J. Opt. Soc. Am. 67, 370, 1977; Southwell, J. Opt. Soc. Am. 70, 998, 1980): between neighbors j and k the phase
rises by (r_k - r_j) . (g_j + g_k) / 2, which is exact for phases up to second order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, eye_array
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from ptyproof.errors import InputError

_N_NEIGHBORS = 8
_TIE = 1e-6  # to phase zero, relative to a link between places one pixel apart: a constant is free


def integrate_ramps(places_px: NDArray[np.floating], ramps: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the phases, one for each place, whose differences fit the slopes best.

    Parameters
    ----------
    places_px
        (B, C, 2) (row, col) of C places in each of B groups, pixels.
    ramps
        (B, C, 2) slopes of the phase along rows and columns at the places, radians per pixel.

    Returns
    -------
    float64 (B, C), radians; a constant in each group is free, and chosen such that the group's mean is zero.

    Raises
    ------
    InputError
        If shapes differ, or are not (B, C, 2).
    """
    if places_px.ndim != 3 or places_px.shape[2] != 2 or ramps.shape != places_px.shape:
        raise InputError(f"places and ramps must be (B, C, 2) alike, got {places_px.shape} and {ramps.shape}")
    n_groups, members = places_px.shape[:2]
    if members == 1 or n_groups == 0:
        return np.zeros((n_groups, members))
    first, second = _links(places_px)
    places = places_px.reshape(-1, 2).astype(np.float64)
    slopes = ramps.reshape(-1, 2).astype(np.float64)
    way = places[second] - places[first]
    rise = 0.5 * np.sum(way * (slopes[first] + slopes[second]), axis=1)
    weight = 1 / np.maximum(np.sum(way**2, axis=1), 1.0)
    n = len(places)
    values = np.concatenate([weight, weight, -weight, -weight])
    rows = np.concatenate([first, second, first, second])
    cols = np.concatenate([first, second, second, first])
    system = csc_array((values, (rows, cols)), shape=(n, n)) + _TIE * eye_array(n, format="csc")
    right = np.bincount(second, weight * rise, n) - np.bincount(first, weight * rise, n)
    phases = splu(system.tocsc()).solve(right).reshape(n_groups, members)
    phases -= phases.mean(axis=1, keepdims=True)
    return np.asarray(phases)


def _links(places_px: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the two ends of every link, as indices of the flattened places: each place and its nearest others."""
    members = places_px.shape[1]
    wanted = min(_N_NEIGHBORS + 1, members)
    first, second = [], []
    for group, places in enumerate(places_px):
        _, near = cKDTree(places).query(places, wanted)
        ends = np.asarray(near, dtype=np.int64) + group * members
        own = np.repeat(np.arange(members, dtype=np.int64) + group * members, wanted)
        different = ends.ravel() != own  # of places that coincide, any may come first
        first.append(own[different])
        second.append(ends.ravel()[different])
    return np.concatenate(first), np.concatenate(second)
