"""How far an object is from the true one: the error that a shared network is trained and judged by."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ptyproof.training.projection import Group

EARLIER_STAGES = 0.2  # weight of their errors beside that of the last
_DIM = 0.02  # of a probe's brightest pixel: where less light falls nothing is asked for
_SMALLEST = 1e-6  # what is added to squared errors, so that a perfect object has one


def weights(patterns: Group) -> Tensor:
    """Return what each pixel of an object counts, real (B, h, w): its illumination, up to that of a probe's peak."""
    illumination, peak = patterns.illumination, patterns.peak
    return (illumination / peak).clamp(max=1.0) * (illumination > _DIM * peak)


def squared_error(found: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean of |found - truth|^2 after the best phase of each object, real (B,).

    `found` and `truth` are complex (B, h, w), `weight` is real (B, h, w).
    """
    overlap = (weight * truth * found.conj()).sum((-2, -1), keepdim=True).detach()
    turned = found * (overlap / overlap.abs().clamp_min(1e-9))
    return (weight * (turned - truth).abs().square()).sum((-2, -1)) / weight.sum((-2, -1))


def objective(stages: Sequence[Tensor], start: Tensor, truth: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a step lowers, and the squared error of the last stage over that of the start: () real each.

    The objective is the logarithm of that ratio, and a part of those of earlier stages, so that each is pulled
    straight. So all doses count alike, and scans on which a network fails do not outweigh the others. The ratio that is
    returned is the geometric mean over scans. `stages` are complex (B, h, w) each, `start` and `truth` complex
    (B, h, w), `weight` real (B, h, w).
    """
    base = squared_error(start, truth, weight) + _SMALLEST
    ratios = [((squared_error(obj, truth, weight) + _SMALLEST) / base).log().mean() for obj in stages]
    earlier = torch.stack(ratios[:-1]).sum() if len(ratios) > 1 else ratios[-1].new_zeros(())
    return EARLIER_STAGES * earlier + ratios[-1], ratios[-1].detach().exp()
