"""A training step as the trainings make it, bare: what several benchmarks measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from ptyproof.study.training import TrainingDesign
from ptyproof.training.data import GroupedScan, GroupSampler
from ptyproof.training.module import PatchTraining
from ptyproof.training.scan import NormalizedScan

Batch = Mapping[str, Tensor]


def batches_of(scan: NormalizedScan, gridsize: int, neighbor_count: int, plan: TrainingDesign, n: int) -> list[Batch]:
    """Return n batches of groups in memory."""
    groups = max(1, plan.patterns_per_step // gridsize**2)
    sampler = GroupSampler(scan.positions_px, gridsize, neighbor_count, n, groups, plan.seed, ("bare",))
    grouped = GroupedScan(scan, plan.shown_fraction)
    return [{name: torch.from_numpy(value) for name, value in grouped[draw].items()} for draw in sampler]


def stepper(plan: TrainingDesign) -> Callable[[Batch], None]:
    """Return what makes a step with a batch, on a network of its own: forward, backward, clip, optimizer, schedule."""
    module = PatchTraining(plan, "")
    settings = module.configure_optimizers()
    optimizer, schedule = settings["optimizer"], settings["lr_scheduler"]["scheduler"]

    def step(batch: Batch) -> None:
        optimizer.zero_grad()
        objective, _ = module.objective(dict(batch))
        objective.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), plan.gradient_clip)
        optimizer.step()
        schedule.step()
        objective.item()

    return step
