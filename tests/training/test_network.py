"""The network of groups: what it is before its training, what a stage does, its sizes, and what it sees of noise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

import pytest
import torch

from ptyproof.study.training import NetworkDesign
from ptyproof.training.network import GroupNetwork, Stage
from ptyproof.training.projection import misfit, start_estimate
from tests.helpers.known import known
from tests.helpers.position_groups import changed, doubled, noisy
from tests.helpers.small_networks import SMALL, lively


@pytest.mark.parametrize("n_stages", [1, 2, 3])
@pytest.mark.parametrize(("window", "shrink"), [((8, 12), 4), ((16, 4), 2), ((7, 10), 1)])
def test_before_its_training_the_network_is_its_start_and_a_step_per_stage(
    n_stages: int, window: tuple[int, int], shrink: int
) -> None:
    design = NetworkDesign(n_stages=n_stages, channels=5, n_blocks=2, shrink=shrink, start_iterations=3)
    patterns = noisy(2, 3, window, 1, multiple=shrink)
    network = GroupNetwork(design)
    estimates = list(network.estimates(patterns))
    assert len(estimates) == n_stages
    obj = start_estimate(patterns, 3)
    assert torch.equal(network.start(patterns), obj)
    for estimate in estimates:
        obj = obj + misfit(patterns, obj)
        torch.testing.assert_close(estimate.obj, obj, rtol=0, atol=1e-5)
        assert (estimate.correction == 0).all()
    found = network(patterns)
    assert found.dtype == torch.complex64
    assert found.shape == (2, *patterns.canvas.shape)
    assert torch.equal(found, estimates[-1].obj)


def test_the_first_step_can_move_every_stage() -> None:
    patterns = noisy()
    network = GroupNetwork(SMALL)
    torch.stack([estimate.obj.abs().sum() for estimate in network.estimates(patterns)]).sum().backward()
    for stage in cast("Iterable[Stage]", network.stages):
        assert float(known(stage.head.weight.grad).abs().max()) > 0
        assert float(known(known(stage.head.bias).grad).abs().max()) > 0
        assert float(known(stage.step.grad).abs()) > 0


def test_the_last_stage_moves_all_that_comes_before() -> None:
    network = lively()
    network.train()(noisy()).abs().sum().backward()
    assert all(float(parameter.grad.abs().max()) > 0 for parameter in network.parameters())


# What a stage does


@pytest.mark.parametrize("part", [0, 1])
def test_the_correction_has_a_real_and_an_imaginary_part_and_fades_in_the_dark(part: int) -> None:
    patterns = noisy(seed=2)
    probes = patterns.probes.clone()
    probes[..., :2] = 0
    probes[..., 2] *= 0.03
    patterns = changed(patterns, probes=probes)
    network = GroupNetwork(SMALL)
    area = SMALL.shrink**2
    with torch.no_grad():
        known(cast("Stage", network.stages[0]).head.bias)[part * area : (part + 1) * area] = 0.25
        first = next(iter(network.estimates(patterns)))
    lit = patterns.illumination / (patterns.illumination + 0.01 * patterns.peak)
    assert (patterns.illumination == 0).any()
    torch.testing.assert_close(first.correction, (0.25, 0.25j)[part] * lit.to(torch.complex64), rtol=0, atol=1e-6)
    start = network.start(patterns)
    torch.testing.assert_close(first.obj, start + misfit(patterns, start) + first.correction, rtol=0, atol=1e-5)


def test_a_stage_sees_and_corrects_nothing_but_the_lit_part_of_a_canvas() -> None:
    plain = noisy(2, 3, window=(16, 20), multiple=4)
    patterns = changed(plain, canvas=replace(plain.canvas, dark_px=(5, 6, 8, 4)))
    network = lively()
    rows, cols = patterns.canvas.lit(network.design.shrink)
    assert (rows.start, cols.start) == (4, 8)
    with torch.no_grad():
        first = next(network.estimates(patterns))
        start, lit = network.start(patterns), patterns.illumination / patterns.divisor
        change, shown = misfit(patterns, start), lit * (start - 1)
        brightness = (patterns.illumination / patterns.peak).sqrt()
        planes = torch.stack([shown.real, shown.imag, change.real, change.imag, brightness, lit], dim=1)
        expected = torch.zeros_like(start)
        expected[:, rows, cols] = lit[:, rows, cols] * network.stages[0](planes[..., rows, cols], None)[0]
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(first.correction, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("step", [0.0, 0.5, -1.0])
def test_the_step_along_the_misfit_has_the_learned_length(step: float) -> None:
    patterns = doubled(noisy(seed=3))
    network = GroupNetwork(NetworkDesign(n_stages=1, channels=4, n_blocks=1, shrink=4, start_iterations=2)).double()
    with torch.no_grad():
        cast("Stage", network.stages[0]).step.fill_(step)
        start = network.start(patterns)
        found = network(patterns)
    torch.testing.assert_close(found, start + step * misfit(patterns, start), rtol=0, atol=1e-10)


def test_a_stage_hears_what_the_stage_before_it_has_left() -> None:
    patterns, network = noisy(seed=4), lively()
    area = SMALL.shrink**2
    with torch.no_grad():
        before = list(network.estimates(patterns))
        network.stages[1].stem.weight[:, 6 * area :] = 0
        after = list(network.estimates(patterns))
    assert torch.equal(before[0].correction, after[0].correction)
    assert float((before[1].correction - after[1].correction).abs().max()) > 1e-4


@pytest.mark.parametrize("what", ["amplitude", "probes"])
def test_the_correction_looks_at_amplitude_and_probe(what: str) -> None:
    patterns, network = noisy(1, seed=5), lively()
    with torch.no_grad():
        before = list(network.estimates(patterns))[-1].correction
        other = changed(patterns, **{what: getattr(patterns, what).flip(2)})
        after = list(network.estimates(other))[-1].correction
    assert float((after - before).abs().max()) > 1e-3


# Numbers, sizes, weights


def test_patterns_without_a_photon_give_numbers_and_gradients() -> None:
    patterns = noisy(2, 3, seed=12)
    amplitude = patterns.amplitude.clone()
    amplitude[1] = 0
    network = lively().train()
    obj = network(changed(patterns, amplitude=amplitude))
    assert torch.isfinite(torch.view_as_real(obj)).all()
    obj.abs().sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("n_stages", "channels", "n_blocks", "shrink"), [(2, 8, 1, 4), (1, 5, 3, 2), (3, 1, 2, 1), (1, 8, 2, 8)]
)
def test_the_state_has_the_designs_sizes(n_stages: int, channels: int, n_blocks: int, shrink: int) -> None:
    design = NetworkDesign(n_stages=n_stages, channels=channels, n_blocks=n_blocks, shrink=shrink)
    area, features = shrink**2, 6
    shapes: dict[str, tuple[int, ...]] = {}
    for stage in range(n_stages):
        shapes |= {
            f"stages.{stage}.step": (),
            f"stages.{stage}.stem.weight": (channels, features * area + channels, 3, 3),
            f"stages.{stage}.stem.bias": (channels,),
            f"stages.{stage}.head.weight": (2 * area, channels, 3, 3),
            f"stages.{stage}.head.bias": (2 * area,),
        }
        for block in range(n_blocks):
            for layer in ("first", "second"):
                shapes[f"stages.{stage}.blocks.{block}.{layer}.weight"] = (channels, channels, 3, 3)
                shapes[f"stages.{stage}.blocks.{block}.{layer}.bias"] = (channels,)
    state = GroupNetwork(design).state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == shapes
    assert {value.dtype for value in state.values()} == {torch.float32}


def test_equal_seeds_give_equal_weights() -> None:
    states = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        states.append(GroupNetwork(SMALL).state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert not torch.equal(states[0]["stages.0.stem.weight"], states[2]["stages.0.stem.weight"])
    assert not torch.equal(states[0]["stages.0.stem.weight"], states[0]["stages.1.stem.weight"])


def test_a_canvas_that_shrink_does_not_divide_is_refused() -> None:
    with pytest.raises(RuntimeError, match="divisible"):
        lively()(noisy(1, 1, (8, 10), multiple=1))


# A network that sees the noise level


def seeing(seed: int = 0, *, trained: bool = True) -> Any:
    """A network that sees the noise level; a trained one has no layer that is zero."""
    torch.manual_seed(seed)
    network = GroupNetwork(SMALL, sees_noise=True)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape) if trained else 0)
    return network.eval()


def test_before_its_training_it_changes_nothing_and_with_whole_steps_is_the_network_that_sees_less() -> None:
    patterns = noisy(2, 3, (8, 12))
    network = seeing(trained=False)
    with torch.no_grad():
        assert torch.equal(network(patterns), network.start(patterns))
        for stage in network.stages:
            stage.step.fill_(1.0)
        assert torch.equal(network(patterns), GroupNetwork(SMALL)(patterns))


def test_it_corrects_scans_of_other_doses_in_another_way() -> None:
    """The same patterns with all amplitudes and probes times a factor: only the noise level tells them apart."""
    patterns = noisy(1, 4, (8, 12))
    brighter = replace(patterns, amplitude=10 * patterns.amplitude, probes=10 * patterns.probes)
    start = start_estimate(patterns, 2)
    with torch.no_grad():
        plain = [lively()(found, start) for found in (patterns, brighter)]
        shown = [seeing()(found, start) for found in (patterns, brighter)]
    assert torch.linalg.norm(plain[1] - plain[0]) < 1e-3 * torch.linalg.norm(plain[0])
    assert torch.linalg.norm(shown[1] - shown[0]) > 1e-2 * torch.linalg.norm(shown[0])


def test_a_later_stage_goes_on_a_part_of_the_last_step() -> None:
    patterns = noisy(1, 4, (8, 12))
    network = seeing(trained=False)
    start = network.start(patterns)
    with torch.no_grad():
        for stage in network.stages:
            stage.step.fill_(1.0)
        first, second = network.estimates(patterns, start)
        network.stages[1].momentum.fill_(0.5)
        _, moved = network.estimates(patterns, start)
    assert torch.allclose(moved.obj - second.obj, 0.5 * (first.obj - start), atol=1e-5)
    assert not torch.allclose(moved.obj, second.obj, atol=1e-3)


@pytest.mark.parametrize("shape", [(8, 12), (10, 14), (14, 10)])
def test_coarser_grids_add_nothing_at_first_and_then_reach_farther(shape: tuple[int, int]) -> None:
    design = NetworkDesign(n_stages=1, channels=4, n_blocks=1, shrink=2, start_iterations=1)
    torch.manual_seed(0)
    stage = Stage(design, levels=3)
    features = torch.randn(1, 6, *shape)
    with torch.no_grad():
        for name, parameter in stage.named_parameters():
            if not name.startswith("coarser"):
                parameter.add_(0.1 * torch.randn(parameter.shape))
        fine = stage(features, None)[0]
        coarser, stage.coarser = stage.coarser, None
        assert torch.equal(stage(features, None)[0], fine)
        assert coarser is not None
        for parameter in coarser.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
        stage.coarser = coarser
        other = features.clone()
        other[..., 0, 0] += 1
        assert stage(features, None)[0].shape == (1, *shape)
        assert (stage(other, None)[0] != stage(features, None)[0])[0, -1, -1]
