"""A network that looks at a scan in another orientation.

Networks are trained on scans in all orientations of the plane, but do not turn with them exactly. The mean of what one
makes of a scan in several orientations does, and is nearer to the truth (self-ensemble: Lim et al., CVPR Workshops
2017, 1132). Stages look at images of the object's plane alone. So these are turned for them, and patterns stay as they
are.
"""

from __future__ import annotations

from copy import deepcopy
from typing import cast

from torch import Tensor, nn

from ptyproof.training.network import GroupNetwork, Stage

HALF_TURN = (0, 3)  # sums of 1 (rows reversed), 2 (columns reversed) and 4 (rows and columns exchanged, first)


class TurnedStage(nn.Module):
    """A stage whose images are turned before it sees them, and whose correction is turned back."""

    def __init__(self, stage: Stage, orientation: int) -> None:
        super().__init__()
        self.stage = stage
        self.step = stage.step
        self.momentum = stage.momentum
        self.orientation = orientation

    def forward(self, features: Tensor, hidden: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the correction, complex (B, h, w), and the hidden channels, which stay turned, as `Stage` does."""
        turned = features.transpose(-1, -2) if self.orientation & 4 else features
        axes = [axis - 2 for axis in (0, 1) if self.orientation & (1 << axis)]
        correction, hidden = self.stage(turned.flip(axes), hidden)
        back = correction.flip(axes)
        return (back.transpose(-1, -2) if self.orientation & 4 else back), hidden


def in_orientation(network: GroupNetwork, orientation: int) -> GroupNetwork:
    """Return a copy of a network that looks at scans in an orientation."""
    found = deepcopy(network)
    stages = cast("list[Stage]", list(found.stages))
    found.stages = nn.ModuleList([TurnedStage(stage, orientation) for stage in stages])
    return found
