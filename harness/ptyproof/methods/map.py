"""The methods `map` and `map-tv`: the most likely object of a scan, without and with a penalty on its total variation.

They are the network-free answer to the question what the photons of a scan tell: Poisson likelihood from the initial
estimate, and one assumption, that an object's variation is small. How much that assumption counts is chosen on photons
that the fit was not shown, never by the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from ptyproof import clock
from ptyproof.errors import RunError
from ptyproof.methods.network import Start
from ptyproof.reconstruction.likelihood import Likelihood
from ptyproof.reconstruction.map_fit import Penalty, fit
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction
from ptyproof.reconstruction.thinned_scan import ThinnedScan
from ptyproof.reconstruction.tuning import Tuning, walk
from ptyproof.study.training import NetworkDesign

WEIGHTS = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 18.0)  # of `map-tv`; at 1e3 to 1e5 photons per pattern 3 to 12 were chosen
_DEFAULT_ITERATIONS = 60
_LOSS_UNIT = "nats per pixel of the detector: Poisson loss above its smallest possible value, and the penalty"
_SHARE_OF_TUNING = 0.5  # of a time budget: after that no further weight is tried


@dataclass(eq=False)
class MapFit:
    """The most likely object, by L-BFGS from the initial estimate of the whole scan.

    Parameters
    ----------
    name
        `map` or `map-tv`.
    design
        The network's design, which has what the initial estimate needs besides its projections.
    weights
        Weights of the penalty, ascending, in nats for each unit of variation of an object with a modulus of about 1.
        One is taken as it is; of several, the one with the smallest loss of thinned photons; 0 is no penalty.
    epsilon
        Magnitude of the gradient below which the penalty is quadratic.
    projections
        Of the initial estimate.
    """

    name: str
    design: NetworkDesign
    weights: tuple[float, ...] = (0.0,)
    epsilon: float = 0.03
    projections: int = 20
    needs = Needs(iterates=True)

    def unavailable(self) -> str | None:
        """Return the line that installs what the initial estimate needs where it is missing."""
        reason = Start(self.design).unavailable()
        return None if reason is None else reason.replace("start", self.name, 1)

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        """Return the object after the budget's iterations (60 without one); the weight is chosen before.

        Raises
        ------
        RunError
            If photon counts are not known.
        """
        if not dataset.counts_known:
            raise RunError(f"{self.name} needs known photon counts, but this dataset has no intensity_scale")
        began = clock.seconds()
        tuning = self._tuned(dataset, budget, rng, began) if len(self.weights) > 1 else None
        weight = self.weights[0] if tuning is None else float(tuning.chosen.options["weight"])
        tuned = clock.seconds()
        start = self._start(dataset)
        started = clock.seconds()
        history = _History(budget, began, started)
        obj = self._fitted(dataset, start, weight, history.limit, history.add)
        return Reconstruction(
            obj,
            dataset.probe,
            losses=tuple(history.losses),
            seconds=tuple(history.seconds),
            loss_unit=_LOSS_UNIT,
            steps_s={
                **({} if tuning is None else {"choice of the weight": tuned - began}),
                "initial estimate": started - tuned,
                "iterations": clock.seconds() - started,
            },
            stopped_by=history.stopped_by,
            tuning=tuning,
        )

    def _tuned(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator, began: float) -> Tuning:
        """Return the weights that were tried; no further one is tried when half of a time budget is over."""
        thinned = ThinnedScan.of(dataset, rng)
        start = self._start(thinned.shown)
        iterations = budget.epochs or _DEFAULT_ITERATIONS

        def loss(weight: float) -> float:
            obj = self._fitted(thinned.shown, start, weight, iterations, lambda _: False)
            return thinned.loss(obj, thinned.shown.probe)

        def enough() -> bool:
            return budget.seconds is not None and clock.seconds() - began > _SHARE_OF_TUNING * budget.seconds

        return Tuning(walk("weight", self.weights, loss, enough), thinned.shown_fraction)

    def _start(self, dataset: BlindScan) -> npt.NDArray[np.complex64]:
        """Return the joint initial estimate, (M, M') complex64; transparent where no light falls."""
        estimate = Start(replace(self.design, start_iterations=self.projections))
        found = estimate.reconstruct(replace(dataset, grouped=True), Budget(), np.random.default_rng(0)).obj
        return np.where(found == 0, np.complex64(dataset.unit_scale), found)

    def _fitted(
        self,
        dataset: BlindScan,
        start: npt.NDArray[np.complex64],
        weight: float,
        iterations: int | None,
        on_iteration: Callable[[float], bool],
    ) -> npt.NDArray[np.complex64]:
        likelihood = Likelihood.of(dataset)
        scale = np.float32(dataset.unit_scale)
        row, col = dataset.corners_px.min(axis=0).tolist()
        place = slice(row, row + likelihood.shape[0]), slice(col, col + likelihood.shape[1])
        found = fit(likelihood, start[place] / scale, Penalty(weight, self.epsilon), iterations, on_iteration)
        obj = start.copy()
        obj[place] = found * scale
        return obj


class _History:
    """Losses and times of the iterations, and what ended them."""

    def __init__(self, budget: Budget, began: float, started: float) -> None:
        self.losses: list[float] = []
        self.seconds: list[float] = []
        self.limit = budget.epochs or (_DEFAULT_ITERATIONS if budget.seconds is None else None)
        self._budget, self._began, self._started = budget, began, started
        self._is_over = False

    def add(self, loss: float) -> bool:
        """Add an iteration; return whether the time is over."""
        now = clock.seconds()
        self.losses.append(loss)
        self.seconds.append(now - self._started)
        self._budget.on_epoch(len(self.losses))
        self._is_over = self._budget.seconds is not None and now - self._began >= self._budget.seconds
        return self._is_over

    @property
    def stopped_by(self) -> Literal["epochs", "seconds"] | None:
        """What ended the iterations; None where the optimizer found no better object."""
        if len(self.losses) == self.limit:
            return "epochs"
        return "seconds" if self._is_over else None
