"""The running mean of the weights of a network, which is better than the last ones where steps are noisy."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_YOUNG = 10  # steps, over which the mean forgets the weights before the first step


def mean_of(network: nn.Module) -> dict[str, Tensor]:
    """Return the mean that a training begins with: a copy of the weights, real (...) each, by their names."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def update(mean: dict[str, Tensor], network: nn.Module, step: int, past: float) -> None:
    """Take the weights after a step, counted from 0, into the mean, real (...) each.

    The past weighs `past`, and less in the first steps. The exponential form of the mean of Polyak & Juditsky (SIAM J.
    Control Optim. 30, 838, 1992) is common today.
    """
    weight = min(past, (1 + step) / (_YOUNG + step))
    with torch.no_grad():
        for name, value in network.state_dict().items():
            mean[name].lerp_(value, 1 - weight)
