"""The methods `map` and `map-tv`: the most likely object of a scan, without and with a penalty on its total variation.

They are the network-free answer to the question what the photons of a scan tell: Poisson likelihood from the initial
estimate, and one assumption, that an object's variation is small. How much that assumption counts, and after how many
iterations the fit ends, is chosen on photons that the fit was not shown, never by the truth.
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
from ptyproof.reconstruction.position_fit import MAX_CHANGE_PX, moved, position_step
from ptyproof.study.training import NetworkDesign

_DEFAULT_ITERATIONS = 60
_ROUND = 10  # iterations between two steps of positions
_MARGIN_PX = int(np.ceil(MAX_CHANGE_PX)) + 1
_LOSS_UNIT = "nats per pixel of the detector: Poisson loss above its smallest possible value, and the penalty"
_OPTIONS = {"projections": Option(20, low=1, high=1000)}
_OF_PENALTY = {
    "weight": Option(5.0, low=0.0, high=1e6),
    "epsilon": Option(0.03, low=1e-6, high=10.0),
    "budget_share": Option(1.0, low=0.01, high=1.0),
}
_WEIGHTS = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 18.0)
_SHARES = (0.15, 0.22, 0.33, 0.5, 0.75, 1.0)


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
    budget_share
        Share of the budget's iterations that is spent: where photons do not determine the object, more iterations fit
        noise.
    """

    needs = Needs(iterates=True, positions="either", uses=KNOWLEDGE)

    def __init__(
        self,
        name: str,
        design: NetworkDesign,
        projections: int = 20,
        weight: float = 0.0,
        epsilon: float = 0.03,
        budget_share: float = 1.0,
    ) -> None:
        self.name = name
        self._start = Start(replace(design, start_iterations=projections))
        self._design, self._penalty, self._share = design, Penalty(weight, epsilon), budget_share
        self.options = _OPTIONS | (_OF_PENALTY if name == "map-tv" else {})
        self.tuning = {"weight": _WEIGHTS, "budget_share": _SHARES} if name == "map-tv" else {}

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
        first = self._start.reconstruct(replace(dataset, grouped=True), Budget(), np.random.default_rng(0))
        obj = np.where(first.obj == 0, np.complex64(dataset.unit_scale), first.obj)
        history = History(budget, _DEFAULT_ITERATIONS, self._share)
        started = clock.seconds()
        scan = dataset if first.positions_px is None else replace(dataset, positions_px=first.positions_px)
        fitted = _Fit(scan, obj, self._penalty, history)
        if first.positions_px is not None:
            fitted.refine_positions(dataset.positions_px)
        fitted.run(history.limit)
        return Reconstruction(
            fitted.whole(fitted.part),
            dataset.probe,
            losses=tuple(history.losses),
            seconds=tuple(history.seconds),
            loss_unit=_LOSS_UNIT,
            steps_s={"initial estimate": started - began, "iterations": clock.seconds() - started},
            stopped_by=history.stopped_by,
            positions_px=None if first.positions_px is None else fitted.scan.positions_px,
        )


class _Fit:
    """A fit that goes on: the scan, with its positions as they are, and the object on its canvas.

    Parameters
    ----------
    scan, obj
        The scan, and the object (M, M') to start from, transparent where no light falls.
    penalty
        On the object's variation.
    history
        Of the iterations; it ends the fit.
    """

    def __init__(self, scan: BlindScan, obj: npt.NDArray[np.complex64], penalty: Penalty, history: History) -> None:
        self.scan, self._obj, self._penalty, self._history = scan, obj, penalty, history
        self._scale = np.float32(scan.unit_scale)
        self.likelihood = Likelihood.of(scan, 0 if scan.position_knowledge == "given" else _MARGIN_PX)
        self.part: npt.NDArray[np.complex64] = obj[self.likelihood.place] / self._scale
        self._ended = False

    def whole(self, part: npt.NDArray[np.complex64]) -> npt.NDArray[np.complex64]:
        """Return the object (M, M') with a part on the canvas, in the unit of the file's probe."""
        found = self._obj.copy()
        found[self.likelihood.place] = self._scale * part
        return found

    def run(self, iterations: int | None) -> None:
        """Go on for some iterations; None is without a limit."""
        done = len(self._history.losses)
        left = None if iterations is None else iterations - done
        if not self._ended and (left is None or left > 0):
            self.part = fit(self.likelihood, self.part, self._penalty, left, self._after)

    def refine_positions(self, given_px: npt.NDArray[np.float64]) -> None:
        """Take a step of the positions after every few iterations, in the first two thirds of the budget."""
        limit = self._history.limit or _DEFAULT_ITERATIONS
        for done in range(_ROUND, 2 * limit // 3 + 1, _ROUND):
            self.run(done)
            if self._ended:
                break
            self.scan = moved(self.scan, given_px, position_step(self.likelihood, self.part))
            self.likelihood = self.likelihood.at(self.scan)

    def _after(self, loss: float, part: Callable[[], npt.NDArray[np.complex64]]) -> bool:
        self._ended = self._history.add(loss, lambda: self.whole(part()))
        return self._ended
