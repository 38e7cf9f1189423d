"""A shared network that is small enough to train in a test."""

from __future__ import annotations

from pathlib import Path

from ptyproof.foundation.bundle import write_bundle
from ptyproof.foundation.design import FoundationDesign, Frame
from ptyproof.foundation.training import train
from ptyproof.study.training import NetworkDesign
from ptyproof.training.device import RunOptions

CPU = RunOptions("cpu", threads=1)
DESIGN = FoundationDesign(
    network=NetworkDesign(n_stages=2, channels=4, n_blocks=1, shrink=2, start_iterations=2),
    frames=(Frame(24, 3, 3.0, share=2), Frame(16, 4, 2.0)),
    scans_per_step=2,
    uses=2,
    held=2,
    warm_up=3,
    flawed_fraction=0.5,
)


def write_shared_bundle(folder: Path, design: FoundationDesign = DESIGN) -> Path:
    """Train a small network for some steps; return the path of its bundle in a folder."""
    return write_bundle(folder, train(design, 4, folder, CPU), design, CPU)
