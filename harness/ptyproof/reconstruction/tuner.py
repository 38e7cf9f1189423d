"""A method whose options are chosen on each scan before it reconstructs: by thinned photons, never by the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ptyproof import clock
from ptyproof.errors import RunError
from ptyproof.reconstruction.method import BlindScan, Budget, Method, Reconstruction, run_method, unavailable
from ptyproof.reconstruction.options import configured, declared
from ptyproof.reconstruction.thinned_scan import ThinnedScan
from ptyproof.reconstruction.tuning import Table, Tuning, search
from ptyproof.study.reconstruction import Value


class Tuned:
    """A method that tries options on the scan that it is given, and reconstructs with the best.

    A trial sees nine tenths of the photons of every pattern, and may spend what the reconstruction may. The Poisson
    loss of the other photons judges it. All trials have the same photons and the same random numbers.

    Parameters
    ----------
    method
        What is tuned, as it was declared.
    options
        Options that are not tuned.
    table
        The values that may be tried, by option.
    """

    def __init__(self, method: Method, options: Mapping[str, Value], table: Table) -> None:
        self.name, self.needs = method.name, method.needs
        self.options = declared(method)
        self._method, self._fixed, self._table = method, options, table

    def unavailable(self) -> str | None:
        """Return why the method cannot run here."""
        return unavailable(self._method)

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        """Return the reconstruction with the chosen options, all photons seen; it says what was tried.

        Raises
        ------
        RunError
            If photon counts are not known, or the method fails with each of the options.
        """
        if not dataset.counts_known:
            raise RunError(f"tuning {self.name} needs known photon counts, but this dataset has no intensity_scale")
        began = clock.seconds()
        thinned = ThinnedScan.of(dataset, rng)
        seed = int(rng.integers(2**63))
        quiet = Budget(budget.epochs, budget.seconds)  # nobody watches a trial

        def loss(options: dict[str, Value]) -> float:
            found = run_method(self._with(options), thinned.shown, quiet, np.random.default_rng(seed))
            return thinned.loss(found)

        tuning = Tuning(search(self._table, loss), thinned.shown_fraction)
        tuned = clock.seconds()
        found = run_method(self._with(tuning.chosen.options), dataset, budget, rng)
        steps = found.steps_s or {"reconstruction": clock.seconds() - tuned}
        return replace(found, tuning=tuning, steps_s={"tuning": tuned - began, **steps})

    def _with(self, options: Mapping[str, Value]) -> Method:
        return configured(self._method, {**self._fixed, **options})[0]
