"""The network: from the measured amplitudes of a group of patterns to the complex object on the group's canvas.

It corrects an initial estimate in stages. A stage sees the object so far, the change that the measurement asks of it
(`projection.misfit`) and the illumination, takes a step of a learned length along that change, and adds a correction
that it computes on a coarser grid (pixel-unshuffle) from those and from what the stage before it has left in its hidden
channels; dark margins of a canvas are left out there. A network may look at grids that are coarser still. Learned
gradient descent: Adler & Oktem, Inverse Probl. 33, 124007 (2017). One that is for every dose is also shown how much
light there was, and its last step. Nothing in it depends on the size of a canvas or the number of patterns, so a
network that was trained on small groups looks at a whole scan at once; it has no normalization, whose statistics would
be other ones there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ptyproof.study.training import NetworkDesign
from ptyproof.training.projection import Group, misfit, start_estimate

_N_FEATURES = 6
_N_OF_NOISE = 3  # more of a network that sees the noise level: that, and its last step
_NOISE_UNIT = 0.2  # of the logarithm of photons, which so is about as large as the other features


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a stage leaves: object, complex (B, h, w), and its own correction of it, complex (B, h, w)."""

    obj: Tensor
    correction: Tensor


class ResidualBlock(nn.Module):
    """x + conv(silu(conv(silu(x)))) with 3 x 3 convolutions; adds nothing before its first training step."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        _zero(self.second)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output, real (B, channels, h, w) as x."""
        added: Tensor = x + self.second(functional.silu(self.first(functional.silu(x))))
        return added


class Coarser(nn.Module):
    """What is seen on a grid of half as many pixels along each axis, and on coarser ones; adds nothing at first.

    The cascade of Ronneberger, Fischer & Brox (MICCAI 2015, 234), with sums in place of joined channels.
    """

    def __init__(self, channels: int, levels: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(channels, channels, 2, stride=2)
        self.block = ResidualBlock(channels)
        self.coarser = Coarser(channels, levels - 1) if levels > 1 else None
        self.up = nn.ConvTranspose2d(channels, channels, 2, stride=2)
        _zero(self.up)

    def forward(self, x: Tensor) -> Tensor:
        """Return x, real (B, channels, h, w), with what is seen there added."""
        height, width = x.shape[-2:]
        seen = self.block(self.down(functional.pad(x, (0, width % 2, 0, height % 2))))
        if self.coarser is not None:
            seen = self.coarser(seen)
        added: Tensor = x + self.up(seen)[..., :height, :width]
        return added


class Stage(nn.Module):
    """One correction of the object, from its features (B, F, h, w) and the hidden channels of the stage before.

    There are 6 features, and 9 of a network that sees the noise level.
    """

    def __init__(self, design: NetworkDesign, *, sees_noise: bool = False, levels: int = 1) -> None:
        super().__init__()
        area = design.shrink**2
        self.shrink = design.shrink
        self.step = nn.Parameter(torch.zeros(()) if sees_noise else torch.ones(()))
        self.momentum = nn.Parameter(torch.zeros(())) if sees_noise else None
        n_features = _N_FEATURES + (_N_OF_NOISE if sees_noise else 0)
        self.stem = nn.Conv2d(n_features * area + design.channels, design.channels, 3, padding=1)
        self.blocks = nn.Sequential(*[ResidualBlock(design.channels) for _ in range(design.n_blocks)])
        self.coarser = Coarser(design.channels, levels - 1) if levels > 1 else None
        self.head = nn.Conv2d(design.channels, 2 * area, 3, padding=1)
        _zero(self.head)

    def forward(self, features: Tensor, hidden: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the correction, complex (B, h, w), and the hidden channels, real (B, channels, h / s, w / s).

        `features` is real (B, F, h, w), and `hidden` is what the stage before returned; s is the factor of the grids.
        """
        planes = functional.pixel_unshuffle(features, self.shrink)
        if hidden is None:
            hidden = planes.new_zeros(planes.shape[0], self.stem.out_channels, *planes.shape[-2:])
        hidden = self.blocks(self.stem(torch.cat([planes, hidden], dim=1)))
        if self.coarser is not None:
            hidden = self.coarser(hidden)
        correction = functional.pixel_shuffle(self.head(functional.silu(hidden)), self.shrink)
        return torch.complex(correction[:, 0], correction[:, 1]), hidden


class GroupNetwork(nn.Module):
    """The object of groups of patterns, by an initial estimate and learned stages.

    Parameters
    ----------
    design
        Its sizes.
    sees_noise
        Whether it is shown how many photons fell on each pixel, and the step before; a network for many doses needs it.
    levels
        Grids that a stage looks at, each with half as many pixels along an axis as the one before; on coarser ones
        there is one block.
    """

    def __init__(self, design: NetworkDesign, *, sees_noise: bool = False, levels: int = 1) -> None:
        super().__init__()
        self.design = design
        self.sees_noise = sees_noise
        self.stages = nn.ModuleList(
            [Stage(design, sees_noise=sees_noise, levels=levels) for _ in range(design.n_stages)]
        )

    def start(self, patterns: Group) -> Tensor:
        """Return what the network corrects: `start_estimate`, complex (B, h, w)."""
        return start_estimate(patterns, self.design.start_iterations)

    def estimates(self, patterns: Group, start: Tensor | None = None) -> Iterator[Estimate]:
        """Yield what each stage leaves; `start`, complex (B, h, w), is that of `start` where it is known already."""
        obj = self.start(patterns) if start is None else start
        illumination = patterns.illumination
        lit = illumination / patterns.divisor
        brightness = (illumination / patterns.peak).sqrt()
        photons = _NOISE_UNIT * torch.log1p(illumination) * lit if self.sees_noise else None
        last = obj
        hidden: Tensor | None = None
        rows, cols = patterns.canvas.lit(self.design.shrink)
        around = (cols.start, illumination.shape[-1] - cols.stop, rows.start, illumination.shape[-2] - rows.stop)
        for stage in cast("list[Stage]", list(self.stages)):
            change = misfit(patterns, obj)
            shown = lit * (obj - 1)
            planes = [shown.real, shown.imag, change.real, change.imag, brightness, lit]
            way = obj - last if self.sees_noise else None
            if photons is not None and way is not None:
                planes += [photons, way.real, way.imag]
            correction, hidden = stage(torch.stack([plane[:, rows, cols] for plane in planes], dim=1), hidden)
            correction = lit * functional.pad(correction, around)
            last, obj = obj, obj + stage.step * change + correction
            if stage.momentum is not None and way is not None:
                obj = obj + stage.momentum * way
            yield Estimate(obj, correction)

    def forward(self, patterns: Group, start: Tensor | None = None) -> Tensor:
        """Return the object, complex (B, h, w), on canvases whose sides are multiples of `design.shrink`.

        `start` is as in `estimates`.
        """
        obj = None
        for estimate in self.estimates(patterns, start):
            obj = estimate.obj
        assert obj is not None  # a design has a stage
        return obj


def _zero(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
