"""Iterative engines of other packages as methods: what all of them share, from the import to the result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ptyproof import clock
from ptyproof.errors import RunError
from ptyproof.extras import missing, needs
from ptyproof.io.probe_modes import powers
from ptyproof.reconstruction.contained import contained
from ptyproof.reconstruction.history import History
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction

DEFAULT_EPOCHS = 100


class EngineRun(Protocol):
    """An engine that is set up for a scan."""

    def epochs(self, history: History) -> Iterator[float]:
        """Run an epoch for each loss that is taken; the engine may plan by the history's share of the budget."""
        ...

    def obj(self) -> npt.NDArray[np.complex64]:
        """Return the object as it is now, (M, M') on the object's grid, in the unit of the dataset's probe."""
        ...

    def probe(self) -> npt.NDArray[np.complex64]:
        """Return the probe as it is now, (H, W) in the unit of the dataset's probe."""
        ...


@runtime_checkable
class RefinesPositions(Protocol):
    """A run that can refine positions."""

    def positions_px(self) -> npt.NDArray[np.float64]:
        """Return the positions as they are now, (n, 2) inside the object's grid."""
        ...


@runtime_checkable
class RefinesModes(Protocol):
    """A run that can refine several modes of the probe."""

    def further_modes(self) -> npt.NDArray[np.complex64] | None:
        """Return the modes beside the probe as they are now, (P - 1, H, W) in its unit; None where there are none."""
        ...


def by_power(modes: npt.NDArray[np.complexfloating]) -> npt.NDArray[np.complex64]:
    """Return modes (P, H, W) by falling power."""
    return modes[np.argsort(-powers(modes), kind="stable")].astype(np.complex64)


class Engine(ABC):
    """An engine of another package as a method.

    `packages` are those that it needs, by their import names; `loss_unit` says what its loss is.
    """

    name: str
    needs: Needs
    packages: ClassVar[tuple[str, ...]]
    loss_unit: ClassVar[str]

    def unavailable(self) -> str | None:
        """Return the line that installs the engine where it is missing."""
        absent = missing(self.packages)
        return needs(self.name, absent) if absent else None

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        """Return the object after the budget's epochs (100 without one), from the engine's own start."""
        return self.refine(dataset, budget, rng, None)

    def refine(
        self,
        dataset: BlindScan,
        budget: Budget,
        rng: np.random.Generator,
        start: npt.NDArray[np.complex64] | None,
    ) -> Reconstruction:
        """Return the object after the budget's epochs, from the object `start` (M, M'); None is the engine's own start.

        Raises
        ------
        RunError
            If the engine cannot take the scan, or its loss is no longer finite.
        """
        self._check(dataset)
        with contained():
            remedy = self._load()
            began = clock.seconds()
            run = self._run(dataset, rng, start)
            history = History(budget, DEFAULT_EPOCHS)
            set_up = clock.seconds()
            for loss in run.epochs(history):
                if history.add(loss, run.obj) or not np.isfinite(loss):
                    break
            obj, probe = run.obj(), run.probe()
            estimated = dataset.probe_knowledge == "estimated"
            further_modes = run.further_modes() if estimated and isinstance(run, RefinesModes) else None
            refines = dataset.position_knowledge == "estimated"
            positions_px = run.positions_px() if refines and isinstance(run, RefinesPositions) else None
        if not np.isfinite(history.losses[-1]):
            raise RunError(f"{self.name} diverged: its loss became {history.losses[-1]} in epoch {len(history.losses)}")
        return Reconstruction(
            obj,
            probe if estimated else dataset.probe,
            losses=tuple(history.losses),
            seconds=tuple(history.seconds),
            loss_unit=self.loss_unit,
            steps_s={"set-up": set_up - began, "iterations": clock.seconds() - set_up},
            stopped_by=history.stopped_by,
            remedies=() if remedy is None else (remedy,),
            positions_px=positions_px,
            further_modes=further_modes,
        )

    def _check(self, dataset: BlindScan) -> None:
        """Raise RunError if the engine cannot take the scan."""
        return

    @abstractmethod
    def _load(self) -> str | None:
        """Import the engine, whose time does not count; return what had to be done for it."""

    @abstractmethod
    def _run(self, dataset: BlindScan, rng: np.random.Generator, start: npt.NDArray[np.complex64] | None) -> EngineRun:
        """Return the engine set up for a scan."""
