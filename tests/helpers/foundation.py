"""A shared network that is small enough to train in a test."""

from __future__ import annotations

from ptyproof.foundation.design import FoundationDesign, Frame
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
