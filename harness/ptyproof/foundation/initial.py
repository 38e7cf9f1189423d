"""The object that a shared network corrects: the joint initial estimate, and a few iterations of a penalized fit.

Projections find what many patterns say together, and fit noise. A few iterations of `reconstruction.map_fit` with a
penalty on the variation take most of that noise away, so the network begins near the fit that needs no network.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ptyproof.reconstruction.likelihood import Likelihood
from ptyproof.reconstruction.map_fit import Penalty, fit
from ptyproof.reconstruction.method import BlindScan


def fitted(
    scan: BlindScan, obj: npt.NDArray[np.complex64], iterations: int, weight: float
) -> npt.NDArray[np.complex64]:
    """Return an object after iterations of the fit, where the scan's windows lie; what lies outside stays.

    Parameters
    ----------
    scan
        With all that is told of it.
    obj
        (M, M') complex64 in the unit of the scan's probe; zero, which is where no light falls, becomes transparent.
    iterations
        Of the optimizer; without any the object is returned as it is.
    weight
        Of the penalty, nats.

    Returns
    -------
    (M, M') complex64.
    """
    if iterations == 0:
        return obj
    unit = np.float32(scan.unit_scale)
    found = np.where(obj == 0, np.complex64(unit), obj)
    likelihood = Likelihood.of(scan)
    part = (found[likelihood.place] / unit).astype(np.complex64)
    found[likelihood.place] = unit * fit(likelihood, part, Penalty(weight), iterations, lambda *_: False)
    return found
