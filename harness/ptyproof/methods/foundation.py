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

from ptyproof import clock
from ptyproof.errors import DataError, DesignError, RunError
from ptyproof.extras import INFERENCE, missing, needs
from ptyproof.foundation.initial import fitted
from ptyproof.io.hashing import sha256_file
from ptyproof.io.knowledge import KNOWLEDGE
from ptyproof.methods.network import Start, whole_object
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction
from ptyproof.reconstruction.options import Option
from ptyproof.study.reconstruction import Value
from ptyproof.study.training import NetworkDesign

if TYPE_CHECKING:
    from ptyproof.foundation.bundle import SharedNetwork

SHIPPED = "shipped"
_ANY = "any"
_RANGE = 2  # times the smallest and largest pattern of the training: larger or smaller ones are refused
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
    """Return what a shared network makes of a whole scan, from what it was trained to correct."""
    first = whole_object(shared.network, dataset, start_only=True)
    began, design = clock.seconds(), shared.record["design"]
    start = fitted(dataset, first.obj, design["fit_iterations"], design["fit_weight"])
    between = clock.seconds() - began
    found = whole_object(shared.network, dataset, start=start)
    return replace(found, steps_s={**first.steps_s, "penalized fit": between, "inference": sum(found.steps_s.values())})


def _shipped() -> Path | None:
    from ptyproof.foundation.shipped import shipped

    return shipped()
