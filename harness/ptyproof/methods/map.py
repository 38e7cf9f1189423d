"""The methods `map` and `map-tv`: the most likely object of a scan, without and with a penalty on its total variation.

They are the network-free answer to the question what the photons of a scan tell: Poisson likelihood from the initial
estimate, and one assumption, that an object's variation is small. How much that assumption counts is chosen on photons
that the fit was not shown, never by the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof import clock
from ptyproof.errors import RunError
from ptyproof.io.knowledge import KNOWLEDGE
from ptyproof.methods.network import Start
from ptyproof.reconstruction.history import History
from ptyproof.reconstruction.likelihood import Likelihood
from ptyproof.reconstruction.map_fit import Penalty, fit
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction
from ptyproof.reconstruction.options import Option
from ptyproof.study.training import NetworkDesign

_DEFAULT_ITERATIONS = 60
_LOSS_UNIT = "nats per pixel of the detector: Poisson loss above its smallest possible value, and the penalty"
_OPTIONS = {"projections": Option(20, low=1, high=1000)}
_OF_PENALTY = {"weight": Option(5.0, low=0.0, high=1e6), "epsilon": Option(0.03, low=1e-6, high=10.0)}
_WEIGHTS = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 18.0)


class MapFit:
    """The most likely object, by L-BFGS from the initial estimate of the whole scan.

    Parameters
    ----------
    name
        `map`, or `map-tv` with a penalty.
    design
        The network's design, which has what the initial estimate needs besides its projections.
    projections
        Of the initial estimate.
    weight, epsilon
        Of the penalty, see `reconstruction.map_fit.Penalty`; a weight of 0 is no penalty.
    """

    needs = Needs(iterates=True, uses=KNOWLEDGE)

    def __init__(
        self, name: str, design: NetworkDesign, projections: int = 20, weight: float = 0.0, epsilon: float = 0.03
    ) -> None:
        self.name = name
        self._start = Start(replace(design, start_iterations=projections))
        self._design, self._penalty = design, Penalty(weight, epsilon)
        self.options = _OPTIONS | (_OF_PENALTY if name == "map-tv" else {})
        self.tuning = {"weight": _WEIGHTS} if name == "map-tv" else {}

    def configured(self, options: Mapping[str, Any]) -> MapFit:
        """Return the method with its options."""
        return MapFit(self.name, self._design, **options)

    def unavailable(self) -> str | None:
        """Return the line that installs what the initial estimate needs where it is missing."""
        reason = self._start.unavailable()
        return None if reason is None else reason.replace(self._start.name, self.name, 1)

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        """Return the object after the budget's iterations (60 without one); fewer if the optimizer finds no better one.

        Raises
        ------
        RunError
            If photon counts are not known.
        """
        if not dataset.counts_known:
            raise RunError(f"{self.name} needs known photon counts, but this dataset has no intensity_scale")
        began = clock.seconds()
        obj = self._initial(dataset)
        likelihood = Likelihood.of(dataset)
        history = History(budget, _DEFAULT_ITERATIONS)
        started = clock.seconds()
        scale = np.float32(dataset.unit_scale)
        row, col = dataset.corners_px.min(axis=0).tolist()
        place = slice(row, row + likelihood.shape[0]), slice(col, col + likelihood.shape[1])

        def whole(part: npt.NDArray[np.complex64]) -> npt.NDArray[np.complex64]:
            found = obj.copy()
            found[place] = scale * part
            return found

        def after(loss: float, part: Callable[[], npt.NDArray[np.complex64]]) -> bool:
            return history.add(loss, lambda: whole(part()))

        fitted = whole(fit(likelihood, obj[place] / scale, self._penalty, history.limit, after))
        return Reconstruction(
            fitted,
            dataset.probe,
            losses=tuple(history.losses),
            seconds=tuple(history.seconds),
            loss_unit=_LOSS_UNIT,
            steps_s={"initial estimate": started - began, "iterations": clock.seconds() - started},
            stopped_by=history.stopped_by,
        )

    def _initial(self, dataset: BlindScan) -> npt.NDArray[np.complex64]:
        """Return the joint initial estimate, (M, M') complex64; transparent where no light falls."""
        found = self._start.reconstruct(replace(dataset, grouped=True), Budget(), np.random.default_rng(0)).obj
        return np.where(found == 0, np.complex64(dataset.unit_scale), found)
