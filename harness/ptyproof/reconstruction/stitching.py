"""One object from overlapping patches whose global phases are unknown.

A diffraction pattern |F(P O)|^2 stays the same when its patch O is multiplied by a unit factor, so patches that
were each found from their own pattern disagree in phase, and their plain average destroys the phase of the object.
Finding the unit factors z_k of the patches is angular synchronization (Singer, Appl. Comput. Harmon. Anal. 30, 20,
2011): with A_jk = <w_j O_j, w_k O_k> over the pixels that two patches share, the best factors maximize z^H A z. A is
never formed: A v is one sum over the canvas, C = sum_k v_k w_k O_k, and one read of it, <w_j O_j, C>.

Each patch is first fitted to those before it, neighbor by neighbor; Newton's method on the phases then removes what
has added up along the way, and a few rounds of the power method z <- phase(A z) (Boumal, SIAM J. Optim. 26, 2355, 2016)
end it. The leading eigenvector of A, the usual start, is no good one for large scans: noise makes it live on a part of
the patches. For 5,000 patches with noise its factors were on average 71 degrees off where this way leaves 3.4 degrees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from ptyproof.errors import InputError
from ptyproof.io.blocks import index_blocks

# A patch says something where its weight is above this fraction of its own peak.
_LIT_FRACTION = 1e-3
_NEWTON_STEPS = 8
_CONJUGATE_STEPS = 50
_CONJUGATE_REDUCTION = 0.03
# Newton's error after a step goes as the step's square or better, so steps this small (rms) are the last.
_LAST_STEP_RAD = 1e-2
_PHASE_ROUNDS = 5


class Weights(Protocol):
    """Weights (n, H, W) that are computed when they are asked for."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n, H, W)."""

    def __len__(self) -> int:
        """Return n."""

    def __getitem__(self, index: Any) -> NDArray[np.floating]:
        """Return the weights (m, H, W) of an index (m,)."""


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
    n_components
        Number of connected components of the scan. Phases of different components cannot be compared. A patch that is
        zero, or has no weight, belongs to no component.
    """

    obj: NDArray[np.complex64]
    illumination: NDArray[np.float32]
    factors: NDArray[np.complex64]
    n_components: int


def stitch(
    patches: NDArray[np.complexfloating],
    weights: NDArray[np.floating],
    corners_px: NDArray[np.integer],
    shape: tuple[int, int],
    synchronize: bool = True,
) -> StitchedObject:
    """Merge overlapping patches to one object, after giving each the global phase that fits its neighbors.

    Two patches are connected if they share a pixel where both are lit: not zero, and with a weight above 1e-3 of
    their own peak. In each connected component the phase is fixed such that the component's weighted mean is real and
    positive. The result is a function of the arguments alone, and does not depend on the patches' own phases.

    Parameters
    ----------
    patches
        (n, H, W) complex object patches O_k, each with an unknown global phase.
    weights
        (n, H, W) real, not negative: the weight of each pixel, the illumination |P_k|^2.
    corners_px
        (n, 2) integer (row, col) of each window's index (0, 0) on the canvas.
    shape
        (M, M') of the canvas, in pixels; it has to hold all windows.
    synchronize
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
    spread, lit = _connect(patches, weights, corners, (shape[0], shape[1]), peak)
    components = _components(lit, spread.corners, shape)
    factors = np.ones(len(patches), dtype=np.complex128)
    if synchronize:
        for members in components:
            factors[members] = _synchronize(spread.subset(members))
            factors[members] *= _gauge(patches, weights, factors, members, peak)
    canvas = np.zeros(shape, dtype=np.complex128)
    illumination = np.zeros(shape)
    for factor, patch, weight, (row, col) in zip(factors, patches, weights, corners.tolist(), strict=True):
        share = np.divide(weight, peak, dtype=np.float64)
        canvas[row : row + height, col : col + width] += patch * (factor * share)
        illumination[row : row + height, col : col + width] += share
    np.divide(canvas, illumination, out=canvas, where=illumination > 0)
    return StitchedObject(
        canvas.astype(np.complex64),
        (illumination * peak).astype(np.float32),
        factors.astype(np.complex64),
        len(components),
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


def label_components(
    weights: NDArray[np.floating] | Weights, corners_px: NDArray[np.integer], shape: tuple[int, int]
) -> tuple[NDArray[np.int32], int]:
    """Number the connected components of a scan; the phases of different components cannot be compared.

    Two windows are connected if they share a pixel where both are lit: with a weight above 1e-3 of their own peak.

    Parameters
    ----------
    weights
        (n, H, W) real, not negative: the illumination |P_k|^2. They are asked for in blocks, in order.
    corners_px
        (n, 2) integer (row, col) of each window's index (0, 0) on the canvas.
    shape
        (M, M') of the canvas, in pixels; it has to hold all windows.

    Returns
    -------
    (M, M') int32, 0 where no window is lit and the number of the connected component, from 1, elsewhere; and the number
    of components.

    Raises
    ------
    InputError
        If shapes do not fit, or a window is not inside the canvas.
    """
    corners = _checked_corners(corners_px, shape, (weights.shape[1], weights.shape[2]))
    if len(corners) != len(weights):
        raise InputError(f"corners_px must have one row for each of the {len(weights)} windows, got {len(corners)}")
    n, (height, width) = len(corners), weights.shape[1:]
    last = np.full(shape, -1, dtype=np.int64)  # that lit a pixel
    first = np.arange(n + 1)  # the first window that each is connected with; the last entry is for pixels without light
    for k, ((row, col), lit) in enumerate(zip(corners.tolist(), _lit(weights), strict=True)):
        view = last[row : row + height, col : col + width]
        before = np.unique(view[lit])
        known = np.unique(first[before[before >= 0]])
        if known.size:
            first[k] = known[0]
            for other in known[1:].tolist():
                first[first == other] = known[0]
        view[lit] = k
    lighting = np.unique(last[last >= 0])
    numbers, number_of = np.unique(first[lighting], return_inverse=True)
    labels = np.zeros(n + 1, dtype=np.int32)
    labels[lighting] = number_of + 1
    return labels[last], len(numbers)


def _lit(weights: NDArray[np.floating] | Weights) -> Iterator[NDArray[np.bool_]]:
    """Yield where each window is lit, (H, W)."""
    for index in index_blocks(len(weights)):
        block = weights[index]
        yield from block > _LIT_FRACTION * block.max(axis=(1, 2), initial=0.0, keepdims=True)


@dataclass(frozen=True, eq=False)
class _Spread:
    """The operator U from numbers v_k to a canvas, and its adjoint, over the cropped windows of some patches.

    Single precision is enough: its rounding is averaged over all pixels of a window.
    """

    waves: NDArray[np.complex64]  # (n, h, w): w_k O_k, scaled to a modulus of at most 1
    corners: NDArray[np.int64]  # (n, 2) of the cropped windows
    shape: tuple[int, int]

    def canvas(self, values: NDArray[np.complexfloating]) -> NDArray[np.complex64]:
        """C = sum_k v_k w_k O_k."""
        total = np.zeros(self.shape, dtype=np.complex64)
        height, width = self.waves.shape[1:]
        for value, wave, (row, col) in zip(values.astype(np.complex64), self.waves, self.corners.tolist(), strict=True):
            total[row : row + height, col : col + width] += value * wave
        return total

    def project(self, canvas: NDArray[np.complex64]) -> NDArray[np.complex128]:
        """<w_k O_k, canvas> for every patch k."""
        height, width = self.waves.shape[1:]
        products = [
            np.vdot(wave, canvas[row : row + height, col : col + width])
            for wave, (row, col) in zip(self.waves, self.corners.tolist(), strict=True)
        ]
        return np.array(products, dtype=np.complex128)

    def apply(self, values: NDArray[np.complexfloating]) -> NDArray[np.complex128]:
        """A v = U^H U v."""
        return self.project(self.canvas(values))

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
    shape: tuple[int, int],
    peak: float,
) -> tuple[_Spread, NDArray[np.bool_]]:
    """Crop the windows to what is lit in any of them; return the operator U and the lit pixels (n, h, w)."""
    lit = np.empty(patches.shape, dtype=bool)
    for mask, patch, weight in zip(lit, patches, weights, strict=True):
        np.logical_and(weight > _LIT_FRACTION * float(weight.max()), patch != 0, out=mask)
    top, bottom = _extent(np.any(lit, axis=(0, 2)))
    left, right = _extent(np.any(lit, axis=(0, 1)))
    inner = (slice(None), slice(top, bottom), slice(left, right))
    strength = max((float(np.abs(patch).max()) for patch in patches), default=0.0) or 1.0
    waves = np.empty(lit[inner].shape, dtype=np.complex64)
    for wave, patch, weight in zip(waves, patches[inner], weights[inner], strict=True):
        wave[:] = (patch / strength) * (weight / peak)
    return _Spread(waves, corners + np.array([top, left]), shape), lit[inner]


def _extent(lit: NDArray[np.bool_]) -> tuple[int, int]:
    found = np.flatnonzero(lit)
    return (int(found[0]), int(found[-1]) + 1) if found.size else (0, 0)


def _components(lit: NDArray[np.bool_], corners: NDArray[np.int64], shape: tuple[int, ...]) -> list[NDArray[np.intp]]:
    """Connected components, without looking at pairs: every pixel links a patch to the one that lit it last."""
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


def _synchronize(component: _Spread) -> NDArray[np.complex128]:
    """Unit factors of the patches of one connected component, whose order is such that each meets an earlier one."""
    factors = _chain(component)
    if len(factors) > 2:  # two are exact by then
        factors = _newton(component, factors)
        for _ in range(_PHASE_ROUNDS):
            factors = _phase(component.apply(factors))
    return factors


def _chain(component: _Spread) -> NDArray[np.complex128]:
    """Fit each patch to the ones before it: a start that depends on the patches' phases in no way that lasts."""
    height, width = component.waves.shape[1:]
    canvas = np.zeros(component.shape, dtype=np.complex128)
    factors = np.ones(len(component.waves), dtype=np.complex128)
    for k, (row, col) in enumerate(component.corners.tolist()):
        view = canvas[row : row + height, col : col + width]
        factors[k] = _phase(np.vdot(component.waves[k], view))
        view += factors[k] * component.waves[k]
    return factors


def _newton(component: _Spread, factors: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Maximize z^H A z over the phases of z; a step that makes it smaller gives way to one of the power method.

    With g = conj(z) A z, entry by entry, the phases have the gradient Im g and, where it vanishes, the Hessian
    Re(Z^H A Z) - diag|g|.
    """
    image = component.apply(factors)
    for _ in range(_NEWTON_STEPS):
        step = _newton_step(component, factors, np.conj(factors) * image)
        proposed = factors * np.exp(1j * step)
        proposed_image = component.apply(proposed)
        if np.vdot(proposed, proposed_image).real < np.vdot(factors, image).real:
            proposed = _phase(image)  # A has no negative eigenvalue, so this never lowers z^H A z
            proposed_image = component.apply(proposed)
        factors, image = proposed, proposed_image
        if np.sqrt(np.mean(step**2)) < _LAST_STEP_RAD:
            break
    return factors


def _newton_step(
    component: _Spread, factors: NDArray[np.complex128], gains: NDArray[np.complex128]
) -> NDArray[np.float64]:
    """Solve for the phase changes (radians) by conjugate gradients, up to where the curvature is not negative."""
    diagonal = np.abs(gains)
    own = np.array([np.vdot(wave, wave).real for wave in component.waves])
    scale = np.maximum(diagonal - own, 1e-3 * diagonal + np.finfo(np.float64).tiny)
    step = np.zeros(len(gains))
    rest = gains.imag.copy()
    goal = _CONJUGATE_REDUCTION * np.linalg.norm(rest)
    direction = rest / scale
    product = float(rest @ direction)
    for _ in range(_CONJUGATE_STEPS):
        image = diagonal * direction - (np.conj(factors) * component.apply(factors * direction)).real
        curvature = float(direction @ image)
        if curvature <= 0:
            break
        step += product / curvature * direction
        rest -= product / curvature * image
        if np.linalg.norm(rest) <= goal:
            break
        before, product = product, float(rest @ (rest / scale))
        direction = rest / scale + product / before * direction
    return step


def _gauge(
    patches: NDArray[np.complexfloating],
    weights: NDArray[np.floating],
    factors: NDArray[np.complex128],
    members: NDArray[np.intp],
    peak: float,
) -> NDArray[np.complex128]:
    """The unit factor that makes the weighted mean of a component real and positive."""
    total = sum(factors[k] * np.vdot(weights[k] / np.float64(peak), patches[k]) for k in members.tolist())
    return np.conj(_phase(np.asarray(total)))


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
            f"weights must be a real array of the patches' shape {patches.shape}, "
            f"got {weights.shape} of {weights.dtype}"
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
