"""One object from overlapping patches whose global phases are unknown.

A diffraction pattern |F(P O)|^2 stays the same when its patch O is multiplied by a unit factor, so patches that
were each found from their own pattern disagree in phase, and their plain average destroys the phase of the object.
The unit factors z_k and the object O are therefore found together, as the least squares solution of

    minimise  sum_k sum_x w_k(x) |z_k O_k(x) - O(x)|^2.

For given factors the best object is the weighted mean O = sum_k z_k w_k O_k / W with W = sum_k w_k; put in, there
remains to maximise z^H A z with A = U^H U, where U maps numbers v_k to the canvas sum_k v_k w_k O_k / sqrt(W). That
is angular synchronisation (Singer, Appl. Comput. Harmon. Anal. 30, 20, 2011): the phases of the leading eigenvector of
D^-1/2 A D^-1/2, with the degrees D of the moduli, followed by a few rounds of the power method with the phases alone
(Boumal, SIAM J. Optim. 26, 2355, 2016). A is never formed: a product with it is one sum over the canvas and
one read of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from ptyproof.errors import InputError

# A patch says something where its weight is above this fraction of its own peak.
_LIT_FRACTION = 1e-3
_TOLERANCE = 1e-6
_KRYLOV_VECTORS = 20
_MAX_RESTARTS = 100
_FALLBACK_ROUNDS = 200
_PHASE_ROUNDS = 5


@dataclass(frozen=True, eq=False)
class StitchedObject:
    """The result of `stitch`.

    Attributes
    ----------
    obj
        (M, M') complex64 canvas: sum_k z_k w_k O_k / sum_k w_k, zero where no patch has weight.
    illumination
        (M, M') float32 sum of the weights, in their unit.
    factors
        (n,) complex64 unit factors z_k that the patches were multiplied with.
    n_parts
        Number of connected parts of the scan. Phases of different parts cannot be compared. A patch that is zero, or
        has no weight, belongs to no part.
    """

    obj: NDArray[np.complex64]
    illumination: NDArray[np.float32]
    factors: NDArray[np.complex64]
    n_parts: int


def stitch(
    patches: NDArray[np.complexfloating],
    weights: NDArray[np.floating],
    corners_px: NDArray[np.integer],
    shape: tuple[int, int],
    synchronise: bool = True,
) -> StitchedObject:
    """Merge overlapping patches to one object, after giving each the global phase that fits its neighbours.

    Two patches are connected if they share a pixel where both are lit: not zero, and with a weight above 1e-3 of
    their own peak. In each connected part the phase is fixed such that the weighted mean of the part is real and
    positive. The result is a function of the arguments alone, and does not depend on the patches' own phases.

    Parameters
    ----------
    patches
        (n, H, W) complex object patches O_k, each with an unknown global phase.
    weights
        (n, H, W) real, not negative: how much each pixel is to be trusted; the illumination |P_k|^2.
    corners_px
        (n, 2) integer (row, col) of each window's index (0, 0) on the canvas.
    shape
        (M, M') of the canvas, in pixels; it has to hold all windows.
    synchronise
        False leaves the patches' phases as they are: the plain weighted mean, all factors 1.

    Returns
    -------
    StitchedObject

    Raises
    ------
    InputError
        If shapes or dtypes do not fit, numbers are not finite, a weight is negative, or a window is not inside
        the canvas.
    """
    height, width = _checked_stack(patches, weights)
    corners = _checked_corners(corners_px, shape, (height, width))
    if len(corners) != len(patches):
        raise InputError(f"corners_px must have one row for each of the {len(patches)} patches, got {len(corners)}")
    peak = float(weights.max(initial=0.0)) or 1.0
    illumination = np.zeros(shape)
    sums = np.empty(len(patches), dtype=np.complex128)
    for k, (row, col) in enumerate(corners.tolist()):
        weight = np.divide(weights[k], peak, dtype=np.float64)
        illumination[row : row + height, col : col + width] += weight
        sums[k] = np.vdot(weight, patches[k])
    spread, parts = _connect(patches, weights, corners, illumination, peak)
    factors = np.ones(len(patches), dtype=np.complex128)
    if synchronise:
        for members in parts:
            found = _synchronise(spread.subset(members))
            factors[members] = found * _phase(np.conj(found @ sums[members]))
    canvas = np.zeros(shape, dtype=np.complex128)
    for k, (row, col) in enumerate(corners.tolist()):
        weight = np.divide(weights[k], peak, dtype=np.float64)
        canvas[row : row + height, col : col + width] += patches[k] * (factors[k] * weight)
    np.divide(canvas, illumination, out=canvas, where=illumination > 0)
    return StitchedObject(
        canvas.astype(np.complex64),
        (illumination * peak).astype(np.float32),
        factors.astype(np.complex64),
        len(parts),
    )


def cut(
    obj: NDArray[np.complexfloating], corners_px: NDArray[np.integer], window: tuple[int, int]
) -> NDArray[np.complexfloating]:
    """Cut the windows at whole-pixel corners out of a canvas: what `stitch` puts together from perfect patches.

    Parameters
    ----------
    obj
        (M, M') complex canvas.
    corners_px
        (n, 2) integer (row, col) of each window's index (0, 0).
    window
        (H, W) in pixels.

    Returns
    -------
    (n, H, W) of the canvas's dtype; a copy.

    Raises
    ------
    InputError
        If shapes or dtypes do not fit, or a window is not inside the canvas.
    """
    if obj.ndim != 2 or not np.iscomplexobj(obj):
        raise InputError(f"obj must be a complex array (M, M'), got shape {obj.shape} of {obj.dtype}")
    corners = _checked_corners(corners_px, obj.shape, window)
    if len(corners) == 0:
        return np.empty((0, *window), dtype=obj.dtype)
    windows = np.lib.stride_tricks.sliding_window_view(obj, window)
    return np.asarray(windows[corners[:, 0], corners[:, 1]])


@dataclass(frozen=True, eq=False)
class _Spread:
    """The operator U from numbers v_k to a canvas, and its adjoint, over the cropped windows of some patches."""

    waves: NDArray[np.complex64]  # (n, h, w): w_k O_k / sqrt(W), scaled to at most about 1
    corners: NDArray[np.int64]  # (n, 2) of the cropped windows
    shape: tuple[int, int]

    def canvas(self, values: NDArray[np.complexfloating]) -> NDArray[np.complex128]:
        total = np.zeros(self.shape, dtype=np.complex128)
        height, width = self.waves.shape[1:]
        for value, wave, (row, col) in zip(values, self.waves, self.corners.tolist(), strict=True):
            total[row : row + height, col : col + width] += value * wave
        return total

    def project(self, canvas: NDArray[np.complexfloating]) -> NDArray[np.complex128]:
        """<u_k, canvas> for every patch k."""
        height, width = self.waves.shape[1:]
        out = np.empty(len(self.waves), dtype=np.complex128)
        for k, (wave, (row, col)) in enumerate(zip(self.waves, self.corners.tolist(), strict=True)):
            out[k] = np.vdot(wave, canvas[row : row + height, col : col + width])
        return out

    def apply(self, values: NDArray[np.complexfloating]) -> NDArray[np.complex128]:
        """U^H U v."""
        return self.project(self.canvas(np.ravel(values)))

    def subset(self, members: NDArray[np.intp]) -> _Spread:
        """The same for some patches, on a canvas no larger than they need."""
        corners = self.corners[members]
        corners = corners - corners.min(axis=0)
        height, width = (corners.max(axis=0) + self.waves.shape[1:]).tolist()
        return _Spread(self.waves[members], corners, (height, width))


def _connect(
    patches: NDArray[np.complexfloating],
    weights: NDArray[np.floating],
    corners: NDArray[np.int64],
    illumination: NDArray[np.float64],
    peak: float,
) -> tuple[_Spread, list[NDArray[np.intp]]]:
    """Return the operator U, and for each connected part its patches, neighbours next to each other (breadth first)."""
    lit = _lit_pixels(patches, weights)
    top, bottom = _extent(lit.any(axis=(0, 2)))
    left, right = _extent(lit.any(axis=(0, 1)))
    lit = lit[:, top:bottom, left:right]
    inner = corners + (top, left)
    waves = np.empty(lit.shape, dtype=np.complex64)
    strength = float(np.abs(patches).max(initial=0.0)) or 1.0
    root = np.sqrt(illumination)
    for k, (row, col) in enumerate(inner.tolist()):
        weight = np.divide(weights[k, top:bottom, left:right], peak, dtype=np.float64)
        local = root[row : row + lit.shape[1], col : col + lit.shape[2]]
        share = np.divide(weight, local, out=np.zeros_like(weight), where=local > 0)
        waves[k] = patches[k, top:bottom, left:right] * (share / strength)
    return _Spread(waves, inner, (illumination.shape[0], illumination.shape[1])), _parts(lit, inner, illumination.shape)


def _lit_pixels(patches: NDArray[np.complexfloating], weights: NDArray[np.floating]) -> NDArray[np.bool_]:
    lit = np.empty(patches.shape, dtype=bool)
    for mask, patch, weight in zip(lit, patches, weights, strict=True):
        np.logical_and(weight > _LIT_FRACTION * float(weight.max()), patch != 0, out=mask)
    return lit


def _extent(lit: NDArray[np.bool_]) -> tuple[int, int]:
    found = np.flatnonzero(lit)
    return (int(found[0]), int(found[-1]) + 1) if found.size else (0, 0)


def _parts(lit: NDArray[np.bool_], corners: NDArray[np.int64], shape: tuple[int, ...]) -> list[NDArray[np.intp]]:
    """Connected parts, without looking at pairs: every pixel links a patch to the one that lit it last."""
    n, height, width = lit.shape
    owner = np.full(shape, -1, dtype=np.int64)
    links: list[tuple[int, int]] = []
    for k, (row, col) in enumerate(corners.tolist()):
        view = owner[row : row + height, col : col + width]
        links.extend((k, other) for other in np.unique(view[lit[k]]).tolist() if other >= 0)
        view[lit[k]] = k
    ends = np.array(links, dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(2 * len(ends)), (ends.ravel(), ends[:, ::-1].ravel())), shape=(n, n)).tocsr()
    _, labels = connected_components(graph, directed=False)
    seeing = np.flatnonzero(lit.any(axis=(1, 2)))
    _, firsts = np.unique(labels[seeing], return_index=True)
    return [
        breadth_first_order(graph, int(first), return_predecessors=False).astype(np.intp)
        for first in np.sort(seeing[firsts])
    ]


def _synchronise(part: _Spread) -> NDArray[np.complex128]:
    """Unit factors of the patches of one connected part, whose order is such that each meets an earlier one."""
    factors = _chain(part)
    if len(factors) > 2:
        factors = _leading_phases(part, factors)
        for _ in range(_PHASE_ROUNDS):
            factors = _phase(part.apply(factors))
    return factors


def _chain(part: _Spread) -> NDArray[np.complex128]:
    """Fit each patch to the ones before it: a start that depends on the patches' phases in no way that lasts."""
    height, width = part.waves.shape[1:]
    canvas = np.zeros(part.shape, dtype=np.complex128)
    factors = np.ones(len(part.waves), dtype=np.complex128)
    for k, (row, col) in enumerate(part.corners.tolist()):
        view = canvas[row : row + height, col : col + width]
        factors[k] = _phase(np.vdot(part.waves[k], view))
        view += factors[k] * part.waves[k]
    return factors


def _leading_phases(part: _Spread, start: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Phases of the leading eigenvector of D^-1/2 A D^-1/2; the eigenvalue is 1 where the patches agree exactly."""
    moduli = _Spread(np.abs(part.waves).astype(np.complex64), part.corners, part.shape)
    degrees = moduli.apply(np.ones(len(start))).real
    root = np.sqrt(np.maximum(degrees, np.finfo(np.float64).tiny))

    def product(values: NDArray[np.complex128]) -> NDArray[np.complex128]:
        return part.apply(values.ravel() / root) / root

    guess = start * root
    if np.linalg.norm(product(guess) - guess) <= _TOLERANCE * np.linalg.norm(guess):
        return start  # the patches agree; a Krylov space from an eigenvector would have one dimension only
    n = len(start)
    operator = LinearOperator((n, n), matvec=product, dtype=np.complex128)
    try:
        _, vectors = eigsh(
            operator, k=1, which="LA", v0=guess, ncv=min(n, _KRYLOV_VECTORS), tol=_TOLERANCE, maxiter=_MAX_RESTARTS
        )
    except ArpackNoConvergence:
        return _power_method(part, start)
    return _phase(vectors[:, 0])


def _power_method(part: _Spread, factors: NDArray[np.complex128]) -> NDArray[np.complex128]:
    for _ in range(_FALLBACK_ROUNDS):
        factors = _phase(part.apply(factors))
    return factors


def _phase(values: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """values / |values|, and 1 where there is no phase."""
    values = np.asarray(values, dtype=np.complex128)
    moduli = np.abs(values)
    return np.divide(values, moduli, out=np.ones_like(values), where=moduli > 0)


def _checked_stack(patches: NDArray[np.complexfloating], weights: NDArray[np.floating]) -> tuple[int, int]:
    """Return the window (H, W)."""
    if patches.ndim != 3 or 0 in patches.shape[1:] or not np.iscomplexobj(patches):
        raise InputError(f"patches must be a complex array (n, H, W), got shape {patches.shape} of {patches.dtype}")
    if weights.shape != patches.shape or weights.dtype.kind not in "fiu":
        raise InputError(
            f"weights must be a real array of the patches' shape {patches.shape}, got {weights.shape} of {weights.dtype}"
        )
    if not np.all(np.isfinite(patches)):
        raise InputError(f"patches must be finite, but {np.count_nonzero(~np.isfinite(patches))} pixels are not")
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        raise InputError(f"weights must be finite and not negative, but {np.count_nonzero(bad)} are not")
    return patches.shape[1], patches.shape[2]


def _checked_corners(
    corners_px: NDArray[np.integer], shape: tuple[int, ...], window: tuple[int, int]
) -> NDArray[np.int64]:
    """(n, 2) int64 corners whose windows lie inside the canvas."""
    if len(shape) != 2 or min(shape) < 1 or len(window) != 2 or min(window) < 1:
        raise InputError(f"canvas and window must have two sides of at least 1, got {tuple(shape)} and {tuple(window)}")
    corners = np.asarray(corners_px)
    if corners.ndim != 2 or corners.shape[1] != 2 or corners.dtype.kind not in "iu":
        raise InputError(
            f"corners_px must be an integer array (n, 2) of (row, col), got {corners.shape} of {corners.dtype}"
        )
    corners = corners.astype(np.int64)
    last = np.array(shape) - window
    outside = np.flatnonzero(((corners < 0) | (corners > last)).any(axis=1))
    if outside.size:
        first = int(outside[0])
        raise InputError(
            f"every window must lie inside the canvas of shape {tuple(shape)}, but {outside.size} of {len(corners)} do "
            f"not: corner {corners[first].tolist()} at index {first}, window {tuple(window)}"
        )
    return corners
