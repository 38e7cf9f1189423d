"""The network of a design."""

from __future__ import annotations

from ptyproof.foundation.design import FoundationDesign
from ptyproof.training.network import GroupNetwork


def network_of(design: FoundationDesign) -> GroupNetwork:
    """Return a network of the design's sizes, before its first step: it changes nothing."""
    return GroupNetwork(design.network, sees_noise=True, levels=design.levels)
