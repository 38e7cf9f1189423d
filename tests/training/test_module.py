"""What a training step lowers: against numpy, and what each part of it asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import poisson

from ptyproof.study.training import NetworkDesign, TrainingDesign
from ptyproof.training.canvas import Canvas
from ptyproof.training.module import PatchTraining
from ptyproof.training.projection import Patterns
from tests.helpers.known import known
from tests.helpers.position_groups import corners_on_canvas, soft_probe, windows_of

SIZES = NetworkDesign(n_stages=3, channels=4, n_blocks=1, shrink=4, start_iterations=2)
PLAN = TrainingDesign(shown_fraction=0.75, restraint=0.2, rate_floor=0.02, network=SIZES)
EARLIER = 0.3


def batch(
    n_groups: int = 2,
    members: int = 3,
    window: tuple[int, int] = (8, 12),
    seed: int = 0,
    shown_fraction: float = 0.75,
    photons: float = 500.0,
    dark_px: tuple[int, int, int, int] = (0, 0, 0, 0),
) -> dict[str, torch.Tensor]:
    """A batch of Poisson counts as `GroupedScan` gives it."""
    rng = np.random.default_rng(seed)
    corners = corners_on_canvas(n_groups, members, seed)
    obj = np.exp(1j * rng.normal(scale=0.4, size=(n_groups, 20, 24)))
    waves = soft_probe(window, photons) * windows_of(obj, corners, window)
    counts = rng.poisson(np.abs(np.fft.fft2(waves, norm="ortho")) ** 2)
    shown = rng.binomial(counts, shown_fraction) if shown_fraction < 1 else counts
    hidden = counts - shown if shown_fraction < 1 else counts
    probes = np.broadcast_to(soft_probe(window, photons), waves.shape).astype(np.complex64)
    arrays = {"probes": probes, "corners_px": corners, "dark_px": np.array(dark_px)}
    arrays |= {"shown": shown.astype(np.float32), "hidden": hidden.astype(np.float32)}
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}


def module_of(plan: TrainingDesign = PLAN, seed: int = 0) -> PatchTraining:
    """A module whose network corrects something."""
    torch.manual_seed(seed)
    module = PatchTraining(plan, "")
    with torch.no_grad():
        for parameter in module.network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape))
    return module


def stages_of(module: PatchTraining, data: dict[str, torch.Tensor], shown_fraction: float) -> Any:
    """Objects, corrections and illumination of a batch's stages, in numpy, and its patterns."""
    shrink = module.design.network.shrink
    (height, width), dark_px = data["probes"].shape[-2:], tuple(data["dark_px"].tolist())
    canvas = Canvas.around(data["corners_px"], (height, width), shrink, dark_px)
    probes = data["probes"] * np.sqrt(np.float32(shown_fraction))
    patterns = Patterns(data["shown"].sqrt(), probes, canvas, 100)
    with torch.no_grad():
        return [(one.obj.numpy(), one.correction.numpy()) for one in module.network.estimates(patterns)]


def numpy_losses(module: PatchTraining, data: dict[str, torch.Tensor]) -> Any:
    """Loss and penalty of each stage, pattern by pattern, the loss by scipy's likelihood."""
    shown_fraction, floor = module.design.shown_fraction, module.design.rate_floor
    judged = 1 - shown_fraction if shown_fraction < 1 else 1.0
    probes, corners = data["probes"].numpy().astype(complex), data["corners_px"].numpy()
    hidden = data["hidden"].numpy().astype(float)
    found = []
    for obj, correction in stages_of(module, data, shown_fraction):
        waves = probes * windows_of(obj.astype(complex), corners, probes.shape[-2:])
        rate = judged * (np.abs(np.fft.fft2(waves, norm="ortho")) ** 2 + floor)
        saturated = np.where(hidden > 0, poisson.logpmf(hidden, np.maximum(hidden, 1e-300)), 0.0)
        loss = (saturated - poisson.logpmf(hidden, rate)).mean() / judged
        added = probes * windows_of(correction.astype(complex), corners, probes.shape[-2:])
        found.append((loss, shown_fraction * np.square(np.abs(added)).mean()))
    return found


@pytest.mark.parametrize("shown_fraction", [0.3, 0.75, 1.0])
@pytest.mark.parametrize("restraint", [0.0, 0.2])
@pytest.mark.parametrize(("n_stages", "dark_px"), [(1, (0, 0, 0, 0)), (3, (0, 0, 0, 0)), (3, (4, 0, 0, 5))])
def test_objective_and_loss_are_what_numpy_and_scipy_say(
    shown_fraction: float, restraint: float, n_stages: int, dark_px: tuple[int, int, int, int]
) -> None:
    sizes = replace(SIZES, n_stages=n_stages)
    module = module_of(replace(PLAN, shown_fraction=shown_fraction, restraint=restraint, network=sizes))
    data = batch(shown_fraction=shown_fraction, dark_px=dark_px)
    objective, loss = module.objective(data)
    losses = numpy_losses(module, data)
    assert len(losses) == n_stages
    weights = [EARLIER] * (n_stages - 1) + [1.0]
    expected = sum(weight * one + restraint * penalty for weight, (one, penalty) in zip(weights, losses, strict=True))
    assert losses[-1][1] > 1e-3
    assert loss.item() == pytest.approx(losses[-1][0], rel=1e-4)
    assert module.loss(data).item() == pytest.approx(loss.item(), rel=1e-6)
    assert objective.item() == pytest.approx(expected, rel=1e-4)


def test_a_step_has_projections_of_its_own() -> None:
    data = batch()
    sizes = replace(SIZES, start_iterations=9)
    own = module_of(replace(PLAN, network=sizes, step_projections=2)).objective(data)
    assert own == module_of(PLAN).objective(data)
    assert own != module_of(replace(PLAN, network=sizes)).objective(data)


def test_the_network_does_not_see_what_it_is_judged_by() -> None:
    module, data = module_of(), batch()
    before = stages_of(module, data, 0.75)
    other = data | {"hidden": data["hidden"].flip(0) + 3}
    after = stages_of(module, other, 0.75)
    assert all((left[0] == right[0]).all() for left, right in zip(before, after, strict=True))
    assert module.loss(other).item() != module.loss(data).item()


def test_the_loss_stands_for_whole_patterns_whatever_is_hidden() -> None:
    # Without noise the same object is found from any part of the light, and judged by the rest of it.
    data, losses = batch(photons=1e6, shown_fraction=1.0), []
    other = data["hidden"].flip(0) + 100
    for shown_fraction in (0.5, 0.9):
        module = PatchTraining(replace(PLAN, shown_fraction=shown_fraction), "")
        divided = {"shown": shown_fraction * data["shown"], "hidden": (1 - shown_fraction) * other}
        losses.append(module.loss(data | divided).item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    assert losses[0] > 1


def test_the_penalty_is_the_illumination_times_the_squared_corrections() -> None:
    data = batch()
    plain, priced = (module_of(replace(PLAN, restraint=value)) for value in (0.0, 2.0))
    penalty = sum(one for _, one in numpy_losses(plain, data))
    assert (priced.objective(data)[0] - plain.objective(data)[0]).item() == pytest.approx(2 * penalty, rel=1e-3)
    untrained = PatchTraining(replace(PLAN, restraint=2.0), "")
    losses = numpy_losses(untrained, data)
    assert [one for _, one in losses] == [0, 0, 0]


def test_every_weight_is_moved_by_the_objective() -> None:
    module = module_of()
    module.objective(batch())[0].backward()
    assert all(float(known(parameter.grad).abs().max()) > 0 for parameter in module.parameters())


def test_patterns_without_a_photon_have_a_finite_loss_and_gradient() -> None:
    module, data = module_of(), batch()
    data = data | {name: torch.zeros_like(data[name]) for name in ("shown", "hidden")}
    objective, _ = module.objective(data)
    objective.backward()
    assert torch.isfinite(objective)
    assert all(torch.isfinite(known(parameter.grad)).all() for parameter in module.parameters())
