"""The methods that need the network or what it begins from: `start`, `pinn`, and LSQML from the result of either.

They bring training and reconstruction together, which do not know each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ptyproof import clock
from ptyproof.errors import DataError, RunError
from ptyproof.extras import INFERENCE, missing, needs
from ptyproof.foundation.scans import in_network_unit
from ptyproof.io.knowledge import KNOWLEDGE
from ptyproof.reconstruction.iterative import PtyChi
from ptyproof.reconstruction.likelihood import Likelihood
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction
from ptyproof.reconstruction.position_fit import moved, position_step, without_affine
from ptyproof.study.reconstruction import Value
from ptyproof.study.training import NetworkDesign
from ptyproof.training.scan import NormalizedScan

_ROUNDS = 6  # of steps of positions
_SHORT = 12  # projections of a start that shows where positions are wrong

if TYPE_CHECKING:
    from ptyproof.training.network import GroupNetwork
    from ptyproof.training.prediction import Clocked


class Start:
    """The network-free estimate that the network begins from: a control for the network."""

    name = "start"
    needs = Needs(grouping=True, positions="either", uses=KNOWLEDGE)

    def __init__(self, design: NetworkDesign) -> None:
        self._design = design

    def unavailable(self) -> str | None:
        """Return the line that installs torch where it is missing."""
        return _unavailable(self.name)

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        """Return the start of the whole scan, or, where patterns are not looked at together, the joined starts.

        Positions are refined between short starts of the whole scan.

        Raises
        ------
        RunError
            If photon counts are not known.
        """
        if dataset.position_knowledge == "estimated":
            refined = self.refined(dataset)
            return replace(self.reconstruct(refined, budget, rng), positions_px=refined.positions_px)
        import torch

        from ptyproof.training.network import GroupNetwork

        with torch.random.fork_rng(devices=[]):  # the network draws weights, which the estimate does not use
            network = GroupNetwork(self._design).eval()
        return _inferred(network, dataset, dataset.grouped, start_only=True)

    def refined(self, dataset: BlindScan) -> BlindScan:
        """Return a scan at positions that are refined as far as short starts show them."""
        short = Start(replace(self._design, start_iterations=min(_SHORT, self._design.start_iterations)))
        scan = replace(dataset, position_knowledge="given", grouped=True)
        for _ in range(_ROUNDS):
            obj = short.reconstruct(scan, Budget(), np.random.default_rng(0)).obj
            likelihood = Likelihood.of(scan)
            step = position_step(likelihood, (obj[likelihood.place] / scan.unit_scale).astype(np.complex64))
            scan = moved(scan, dataset.positions_px, without_affine(step, dataset.positions_px))
        return replace(scan, grouped=dataset.grouped)


class Pinn:
    """The network that was trained on the other half of the cell.

    One that was trained on groups looks at the whole scan at once; of one that was trained on single patterns the
    patches are joined in the gauge of the joint initial estimate.
    """

    name = "pinn"
    needs = Needs(training=True, uses=KNOWLEDGE)

    def unavailable(self) -> str | None:
        """Return the line that installs torch and safetensors where one is missing."""
        return _unavailable(self.name)

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        """Return what the network in the dataset's bundle makes of the scan.

        Raises
        ------
        RunError
            If there is no bundle, or photon counts are not known.
        DataError
            If the bundle is damaged, or its network was trained on patterns of another size.
        """
        import torch

        from ptyproof.training.bundle import read_bundle

        if dataset.bundle_path is None:
            raise RunError("pinn needs the bundle of a trained network, but got none")
        with torch.random.fork_rng(devices=[]):  # the network draws weights before it is given those of the bundle
            bundle = read_bundle(dataset.bundle_path)
        if bundle.window != dataset.window:
            raise DataError(
                dataset.bundle_path.name,
                f"was trained on patterns of {_size(bundle.window)} px, but the dataset has {_size(dataset.window)} px",
            )
        return _inferred(bundle.network, dataset, bundle.record["gridsize"] > 1, start_only=False)


class ThenLsqml:
    """The result of another method, refined by epochs of LSQML; its options are those of `lsqml`.

    Parameters
    ----------
    first
        The other method, without iterations. It is given the whole scan at once.
    engine
        LSQML with its options; None takes the defaults.
    """

    def __init__(self, first: Start | Pinn, engine: PtyChi | None = None) -> None:
        self._first = first
        self._engine = engine or PtyChi("lsqml")
        self.name = f"{first.name}+lsqml"
        refining = self._engine.needs
        self.needs = Needs(
            training=first.needs.training, iterates=True, positions=refining.positions, uses=refining.uses
        )
        self.options = self._engine.options

    def configured(self, options: Mapping[str, Value]) -> ThenLsqml:
        """Return the method with these options of LSQML."""
        return ThenLsqml(self._first, self._engine.configured(options))

    def unavailable(self) -> str | None:
        """Return the line that installs pty-chi, or what the first method needs, where it is missing."""
        return self._first.unavailable() or self._engine.unavailable()

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        """Return the refined object; errors are those of both methods."""
        refines = self._first.needs.positions == "either"
        knowledge = dataset.position_knowledge if refines else "given"
        first = self._first.reconstruct(replace(dataset, grouped=True, position_knowledge=knowledge), budget, rng)
        if first.positions_px is not None:
            dataset = replace(dataset, positions_px=first.positions_px)
        # where no light falls the patches have no value, and the engine needs a transparent object
        start = np.where(first.obj == 0, np.complex64(dataset.unit_scale), first.obj)
        refined = self._engine.refine(dataset, budget, rng, start)
        return replace(refined, steps_s={**first.steps_s, **refined.steps_s})


def whole_object(
    network: GroupNetwork,
    dataset: BlindScan,
    *,
    start: npt.NDArray[np.complex64] | None = None,
    start_only: bool = False,
) -> Reconstruction:
    """Return what a network, or its start alone, makes of a whole scan with all that it is told.

    `start`, complex64 (M, M') in the unit of the probe, is what the network corrects; None is its initial estimate.

    Raises
    ------
    RunError
        If photon counts are not known.
    """
    _check_counts(dataset)
    began = clock.seconds()
    return _of_whole(network, in_network_unit(dataset), dataset, began, start_only, start)


def _inferred(network: GroupNetwork, dataset: BlindScan, grouped: bool, *, start_only: bool) -> Reconstruction:
    from ptyproof.methods.network_prediction import join, joint_estimate
    from ptyproof.training.prediction import Clocked, predict_patches

    _check_counts(dataset)
    began = clock.seconds()
    scan = in_network_unit(dataset)
    if grouped:
        return _of_whole(network, scan, dataset, began, start_only)
    clocked = Clocked()
    patches = predict_patches(network, scan, start_only=start_only, clocked=clocked)
    inferred = clock.seconds()
    gauge = joint_estimate(network, scan, dataset.object_shape)
    estimated = clock.seconds()
    found = join(patches, gauge, scan)
    steps = {
        **_steps(clocked, inferred - began, start_only),
        "joint initial estimate": estimated - inferred,
        "stitching": clock.seconds() - estimated,
    }
    return Reconstruction(found.obj, dataset.probe, steps_s=steps, gauge="joint_initial_estimate")


def _of_whole(
    network: GroupNetwork,
    scan: NormalizedScan,
    dataset: BlindScan,
    began: float,
    start_only: bool,
    start: npt.NDArray[np.complex64] | None = None,
) -> Reconstruction:
    from ptyproof.training.prediction import Clocked, predict_object

    clocked = Clocked()
    obj = predict_object(network, scan, dataset.object_shape, start=start, start_only=start_only, clocked=clocked)
    steps = _steps(clocked, clock.seconds() - began, start_only)
    return Reconstruction(obj, dataset.probe, steps_s=steps)


def _check_counts(dataset: BlindScan) -> None:
    if not dataset.counts_known:
        raise RunError("a network needs known photon counts, but this dataset has no intensity_scale")


def _steps(clocked: Clocked, total_s: float, start_only: bool) -> dict[str, float]:
    """Return the seconds of the initial estimate, and of what the network adds to it."""
    if start_only:
        return {"initial estimate": total_s}
    return {"initial estimate": clocked.initial_estimate_s, "inference": total_s - clocked.initial_estimate_s}


def _unavailable(name: str) -> str | None:
    absent = missing(INFERENCE)
    return needs(name, absent) if absent else None


def _size(window: tuple[int, int]) -> str:
    return f"{window[0]} x {window[1]}"
