"""The most likely object of a scan, with or without a penalty on its total variation, by L-BFGS-B.

Minimized is L(O) + weight V(O): L of `reconstruction.likelihood` in nats, V of `physics.variation` for the object with
a modulus of about 1. The variable is x = O sqrt(illumination + 2 % of its peak), so a step of the optimizer changes the
expected counts about as much wherever the object is lit; without this, bright and dark places converge at very
different rates. The optimizer is scipy's L-BFGS-B (Byrd, Lu, Nocedal & Zhu, SIAM J. Sci. Comput. 16, 1190, 1995)
without bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from ptyproof.physics.variation import huber_variation
from ptyproof.reconstruction.likelihood import Likelihood

_DIM = 0.02  # of the brightest light: where less falls, a step is no larger than there
_PAIRS = 8  # of steps and changes of gradient that the optimizer keeps


@dataclass(frozen=True)
class Penalty:
    """What variation costs: `weight` nats for each unit of it; Huber's `epsilon` as in `huber_variation`."""

    weight: float = 0.0
    epsilon: float = 0.03


def fit(
    likelihood: Likelihood,
    start: npt.NDArray[np.complex64],
    penalty: Penalty,
    iterations: int | None,
    on_iteration: Callable[[float, Callable[[], npt.NDArray[np.complex64]]], bool],
) -> npt.NDArray[np.complex64]:
    """Return the object after at most some iterations; fewer where the optimizer finds no better one.

    Parameters
    ----------
    likelihood
        Of the photons that are fitted.
    start
        (h, w) complex64 object to start from, with a modulus of about 1.
    penalty
        What is added to the likelihood; nothing where its weight is zero.
    iterations
        The optimizer's iterations; None is without a limit.
    on_iteration
        Called after each iteration with the objective, in nats per pixel of the detector, and a function that returns
        the object as it is, (h, w) complex64; ends the fit by True.

    Returns
    -------
    (h, w) complex64.
    """
    illumination = likelihood.illumination
    damping = np.sqrt(illumination + _DIM * illumination.max()).astype(np.float64)

    def object_of(x: npt.NDArray[np.float64]) -> npt.NDArray[np.complex64]:
        return np.asarray(x.view(np.complex128).reshape(damping.shape) / damping, np.complex64)

    def objective(x: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        obj = object_of(x)
        loss, slope = likelihood(obj)
        if penalty.weight > 0:
            variation, turn = huber_variation(obj, penalty.epsilon)
            loss, slope = loss + penalty.weight * variation, slope + np.float32(penalty.weight) * turn
        return loss, (slope / damping).ravel().view(np.float64)

    def after(intermediate_result: Any) -> None:
        found = intermediate_result
        if on_iteration(float(found.fun) / likelihood.n_measured, lambda: object_of(found.x)):
            raise StopIteration

    limit = 10**6 if iterations is None else iterations
    found = minimize(
        objective,
        (start * damping).ravel().view(np.float64),
        jac=True,
        method="L-BFGS-B",
        callback=after,
        options={"maxiter": limit, "maxfun": 20 * limit, "maxcor": _PAIRS, "ftol": 0.0, "gtol": 0.0},
    )
    return object_of(found.x)
