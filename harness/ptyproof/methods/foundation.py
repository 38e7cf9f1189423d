"""The method `foundation`: one shared network for any scan, trained once on simulated objects and not in the study.

Its bundle comes with ptyproof, or is named by an option. It sees the scan alone, as other methods do, and makes use of
all that it is told of beam and detector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ptyproof import clock
from ptyproof.errors import DataError, DesignError, RunError
from ptyproof.extras import INFERENCE, missing, needs
from ptyproof.foundation.initial import fitted
from ptyproof.io.hashing import sha256_file
from ptyproof.io.knowledge import KNOWLEDGE
from ptyproof.methods.network import Start, whole_object
from ptyproof.reconstruction.likelihood import Likelihood
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction
from ptyproof.reconstruction.options import Option
from ptyproof.study.reconstruction import Value
from ptyproof.study.training import NetworkDesign

if TYPE_CHECKING:
    from ptyproof.foundation.bundle import SharedNetwork

SHIPPED = "shipped"
_ANY = "any"
_RANGE = 2  # times the smallest and largest pattern of the training: larger or smaller ones are refused
LARGEST_EXCESS_NATS = 1.0
_DIM = 0.02  # of the brightest light on a pixel: where less falls, a pixel is not counted
_PATH = r"(?!/)[^\\]+\.safetensors"


class Foundation:
    """A shared network, from its bundle.

    Parameters
    ----------
    design
        What the start takes besides its projections, where positions are refined.
    bundle
        `shipped`, or the path of a bundle of `ptyproof foundation train`.
    bundle_sha256
        What the digest of the bundle has to be, or `any`.

    Attributes
    ----------
    found_options
        The options, with the digest of the bundle that was found.
    """

    name = "foundation"
    needs = Needs(positions="either", uses=KNOWLEDGE)
    options: Mapping[str, Option] = {
        "bundle": Option(
            SHIPPED, pattern=f"{SHIPPED}|{_PATH}", allowed=f"{SHIPPED}, or a relative path, *.safetensors"
        ),
        "bundle_sha256": Option(_ANY, pattern=f"{_ANY}|[0-9a-f]{{64}}", allowed=f"{_ANY}, or a sha256 of 64 digits"),
    }

    def __init__(self, design: NetworkDesign, bundle: str = SHIPPED, bundle_sha256: str = _ANY) -> None:
        self._design = design
        self._path = _shipped() if bundle == SHIPPED else Path(bundle)
        self.found_options: Mapping[str, Value] = {"bundle": bundle, "bundle_sha256": bundle_sha256}
        if self._path is not None and bundle != SHIPPED and not self._path.is_file():
            raise DataError(self._path, "is missing; a shared network is made by `ptyproof foundation train`")
        self._sha256 = None if self._path is None else sha256_file(self._path)
        if self._sha256 is not None:
            if bundle_sha256 not in (_ANY, self._sha256):
                raise DesignError(
                    f"bundle_sha256 is {bundle_sha256}, but the sha256 of {self._path.name if self._path else ''} is "
                    f"{self._sha256}"
                )
            self.found_options = {"bundle": bundle, "bundle_sha256": self._sha256}

    def configured(self, options: Mapping[str, Value]) -> Foundation:
        """Return the method with its options.

        Raises
        ------
        DataError
            If the bundle is missing.
        DesignError
            If it is another one than the study wants.
        """
        return Foundation(self._design, str(options["bundle"]), str(options["bundle_sha256"]))

    def unavailable(self) -> str | None:
        """Return the line that installs torch and safetensors where one is missing, or that there is no bundle."""
        if absent := missing(INFERENCE):
            return needs(self.name, absent)
        if self._path is None:
            made = "make one with `ptyproof foundation train`, and name it in the option bundle"
            return f"{self.name} needs the bundle of a shared network, and none comes with this ptyproof; {made}"
        return None

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        """Return what the network makes of the whole scan; positions are refined as those of `start` are.

        Raises
        ------
        RunError
            If photon counts are not known, or the bundle is another one now.
        DataError
            If the bundle is damaged, or patterns are much smaller or larger than any of its training.
        """
        import torch

        from ptyproof.foundation.bundle import read_bundle

        if self._path is None:
            raise RunError(str(self.unavailable()))
        with torch.random.fork_rng(devices=[]):  # a network draws weights before it is given those of the bundle
            shared = read_bundle(self._path)
        if shared.sha256 != self._sha256:
            raise RunError(f"{self._path.name} changed while it was in use: its sha256 was {self._sha256}")
        smallest, largest = shared.windows_px[0], shared.windows_px[-1]
        if min(dataset.window) * _RANGE < smallest or max(dataset.window) > largest * _RANGE:
            sizes = f"{smallest} to {largest} px, and takes {-(-smallest // _RANGE)} to {largest * _RANGE} px"
            height, width = dataset.window
            raise DataError(
                self._path.name, f"was trained on patterns of {sizes}, but the dataset has {height} x {width} px"
            )
        positions_px = None
        if dataset.position_knowledge == "estimated":
            dataset = replace(Start(self._design).refined(dataset), position_knowledge="given")
            positions_px = dataset.positions_px
        return replace(_corrected(shared, dataset), positions_px=positions_px)


def _corrected(shared: SharedNetwork, dataset: BlindScan) -> Reconstruction:
    """Return what a shared network makes of a whole scan, from what it was trained to correct.

    That is the mean over two orientations, if it explains the photons as well as a true object would; else it is what
    the network was to correct.
    """
    from ptyproof.methods.orientations import HALF_TURN, in_orientation

    first = whole_object(shared.network, dataset, start_only=True)
    began, design = clock.seconds(), shared.record["design"]
    start = fitted(dataset, first.obj, design["fit_iterations"], design["fit_weight"])
    fitted_by = clock.seconds()
    turned = [in_orientation(shared.network, orientation) for orientation in HALF_TURN]
    found = np.mean([whole_object(network, dataset, start=start).obj for network in turned], axis=0)
    excess = excess_nats(dataset, found, start)
    remedies: tuple[str, ...] = ()
    if not excess <= LARGEST_EXCESS_NATS:
        found = np.where(first.obj != 0, start, 0)
        remedies = (
            f"foundation: the network's object explains the photons worse than the estimate that it corrects, by "
            f"{excess:.3g} nats for each pixel with light, where {LARGEST_EXCESS_NATS:g} is what noise can do; the "
            f"result is the estimate",
        )
    steps = {**first.steps_s, "penalized fit": fitted_by - began, "inference": clock.seconds() - fitted_by}
    return Reconstruction(found.astype(np.complex64), dataset.probe, steps_s=steps, remedies=remedies)


def excess_nats(dataset: BlindScan, found: npt.NDArray[np.complex64], start: npt.NDArray[np.complex64]) -> float:
    """Return how much less likely an object is than another, in nats for each pixel of it with light.

    A fit can make the photons of a true object at most about one nat a pixel more likely than the object itself, since
    a pixel is two numbers (Wilks, Ann. Math. Stat. 9, 60, 1938). `found` and `start` are complex64 (M, M') in the unit
    of the scan's probe.
    """
    likelihood, unit = Likelihood.of(dataset), np.float32(dataset.unit_scale)
    light = likelihood.illumination
    n_lit = np.count_nonzero(light > _DIM * light.max())
    losses = [likelihood.loss((obj[likelihood.place] / unit).astype(np.complex64)) for obj in (found, start)]
    return float((losses[0] - losses[1]) * likelihood.n_measured / n_lit)


def _shipped() -> Path | None:
    from ptyproof.foundation.shipped import shipped

    return shipped()
