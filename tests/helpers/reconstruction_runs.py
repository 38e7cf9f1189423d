"""Phase F on dose 1000 of the smoke study, with methods that do what a test tells them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ptyproof.console import Console
from ptyproof.methods.reconstruction_jobs import ReconstructionFilters
from ptyproof.methods.registry import Provider
from ptyproof.phases.f_reconstruct.reconstruct import ReconstructionPhase
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction
from ptyproof.study.builtin import builtin_study
from ptyproof.study.design import StudyDesign
from ptyproof.study.jobs import JobFilters
from ptyproof.study.reconstruction import MethodDesign
from ptyproof.study.views import AllPositions, View
from ptyproof.training.device import RunOptions

_NEEDS_NOTHING = Needs()
MINE = Provider("mine", "1.0")
CPU = RunOptions(accelerator="cpu", threads=1)


class Mine:
    """A method of a test, which does what it is told."""

    def __init__(self, name: str, make: Callable[[BlindScan], Any], needs: Any = _NEEDS_NOTHING) -> None:
        self.name, self.make, self.needs = name, make, needs
        self.calls = 0

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        self.calls += 1
        made: Reconstruction = self.make(dataset)
        return made


def ones(dataset: BlindScan) -> Reconstruction:
    """A sound result."""
    return Reconstruction(np.ones(dataset.object_shape, np.complex64), dataset.probe)


def phase_of(root: Path, *methods: Mine, design: StudyDesign | None = None, **how: Any) -> ReconstructionPhase:
    """Return Phase F of a folder, with methods of a test."""
    others = tuple((method, MINE) for method in methods)
    return ReconstructionPhase.opened(root / "c", root / "d", root / "e", CPU, design, others=others, **how)


def run(phase: ReconstructionPhase, *methods: str, views: tuple[str, ...] | None = ("dense",)) -> Mapping[str, Any]:
    """Run methods on dose 1000; return the manifest."""
    filters = ReconstructionFilters(JobFilters(doses=(1e3,), views=views), methods=methods or None)
    phase.run(phase.enumerate(filters), filters, False, Console.silent())
    manifest = phase.ledger.read()
    assert manifest is not None
    return manifest


def entry(manifest: Mapping[str, Any], method: str, view: str = "dense") -> dict[str, Any]:
    """Return the entry of a cell."""
    (found,) = [job for job in manifest["jobs"] if (job["method"], job["view"]) == (method, view)]
    return dict(found)


def with_methods(design: StudyDesign, *methods: str) -> StudyDesign:
    """Return a study of other methods."""
    chosen = tuple(MethodDesign(name) for name in methods)
    return replace(design, reconstruction=replace(design.reconstruction, methods=chosen))


def twins() -> StudyDesign:
    """Two views of the same data, looked at one by one and in groups."""
    views = (View("baseline", 1, AllPositions()), View("groups", 2, AllPositions()))
    return replace(builtin_study("fly64-smoke"), name="twins", views=views, doses_photons_per_pattern=(1e3,))
