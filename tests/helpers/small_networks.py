"""A small network that has learned something."""

from __future__ import annotations

from typing import Any

import torch

from ptyproof.study.training import NetworkDesign
from ptyproof.training.network import GroupNetwork

SMALL = NetworkDesign(n_stages=2, channels=6, n_blocks=1, shrink=4, start_iterations=2)


def lively(design: NetworkDesign = SMALL, seed: int = 0) -> Any:
    """A network none of whose layers is zero, as after some training."""
    torch.manual_seed(seed)
    network = GroupNetwork(design)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape))
    return network.eval()
