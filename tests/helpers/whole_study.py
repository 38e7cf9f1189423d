"""A study through all phases, as tests look at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptyproof.console import Console
from ptyproof.methods.reconstruction_jobs import ReconstructionFilters
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.d_overlap.overlap import overlap
from ptyproof.phases.e_train.train import TrainingPhase
from ptyproof.phases.f_reconstruct.reconstruct import ReconstructionPhase
from ptyproof.phases.g_compare.compare import open_comparison, run_comparison
from ptyproof.study.design import StudyDesign
from ptyproof.study.jobs import JobFilters
from ptyproof.training.device import RunOptions


@dataclass(frozen=True)
class Made:
    """What a study has left: its folder, and the manifest of each phase by the phase's letter."""

    root: Path
    manifests: Mapping[str, Any]


def run(design: StudyDesign, root: Path) -> Made:
    """Run all phases of a study."""
    options, roots = RunOptions(accelerator="cpu", threads=1), (root / "c", root / "d", root / "e")
    c = generate(design, load_base(design, "builtin"), roots[0])
    manifests: dict[str, Any] = {"c": c, "d": overlap(*roots[:2], design=design)}
    roots[2].mkdir()
    trainings = TrainingPhase.opened(*roots, options)
    trainings.run(trainings.enumerate(), JobFilters(), False, Console.silent())
    reconstructions = ReconstructionPhase.opened(*roots, options)
    reconstructions.run(reconstructions.enumerate(), ReconstructionFilters(), False, Console.silent())
    manifests |= {"e": trainings.ledger.read(), "f": reconstructions.ledger.read()}
    manifests["g"] = run_comparison(open_comparison(root / "e", figures=False))
    return Made(root, manifests)
