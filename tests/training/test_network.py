"""The network of groups: what it is before its training, independence, sizes; objects and patches from a scan."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.console import Console
from ptyproof.study.training import NetworkDesign
from ptyproof.training.canvas import Canvas
from ptyproof.training.network import GroupNetwork, Stage
from ptyproof.training.prediction import predict_object, predict_patches
from ptyproof.training.projection import Patterns, misfit, start_estimate
from ptyproof.training.scan import NormalizedScan
from tests.helpers.known import known
from tests.helpers.position_groups import changed, doubled, group_of, noisy, simulated, smooth_object, soft_probe

SMALL = NetworkDesign(n_stages=2, channels=6, n_blocks=1, shrink=4, start_iterations=2)
# Hidden pixels that a stage of SMALL looks at on each side: stem, two convolutions of a block, head.
REACH_PX = SMALL.n_stages * 4 * SMALL.shrink


def lively(design: NetworkDesign = SMALL, seed: int = 0) -> Any:
    """A network none of whose layers is zero, as after some training."""
    torch.manual_seed(seed)
    network = GroupNetwork(design)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape))
    return network.eval()


def dark_scan(
    n: int = 20, window: tuple[int, int] = (8, 12), seed: int = 0, object_scale: float = 2.5, spread: float = 14.0
) -> NormalizedScan:
    """A scan of noise whose object lies somewhere on its grid."""
    patterns = noisy(1, n, window, seed)
    positions = np.random.default_rng(seed).uniform(10, 10 + spread, (n, 2)) + np.array([5, 9])
    amplitude = np.fft.fftshift(patterns.amplitude[0].numpy(), axes=(-2, -1))
    return NormalizedScan(amplitude, patterns.probes[0, 0].numpy(), object_scale, positions, "0" * 64)


def edged_scan(n: int) -> NormalizedScan:
    """The same with a probe that leaves the edges of its windows dark."""
    scan = dark_scan(n, window=(16, 20))
    rows, cols = np.arange(16.0)[:, None], np.arange(20.0)
    probe = 10 * np.exp(-((rows - 6) ** 2 + (cols - 12) ** 2) / 6 + 0.1j * rows * cols).astype(np.complex64)
    edged = replace(scan, probe=probe)
    assert edged.dark_px[1] >= 4 <= edged.dark_px[2]  # as many as one pixel of the coarser grid has
    return edged


def patterns_of(
    scan: NormalizedScan, index: npt.NDArray[np.int64], corners: npt.NDArray[Any], shape: tuple[int, int]
) -> Patterns:
    """The patterns of a scan as one group on a canvas."""
    amplitude = np.fft.ifftshift(scan.amplitude[index], axes=(-2, -1))
    canvas = Canvas(torch.from_numpy(corners)[None], scan.window, shape, scan.dark_px)
    probes = torch.from_numpy(scan.probes(index))[None]
    return Patterns(torch.from_numpy(amplitude)[None], probes, canvas, len(index))


# Before its training


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


# Independence


@settings(max_examples=10)
@given(seed=st.integers(0, 2**16), angle=st.floats(0, 6.28), scale=st.floats(0.3, 10))
def test_the_network_does_not_depend_on_the_probes_phase_nor_on_the_unit(seed: int, angle: float, scale: float) -> None:
    patterns, network = doubled(noisy(2, 4, seed=seed, photons=1e4)), lively().double()
    turned = changed(patterns, probes=patterns.probes * np.exp(1j * angle))
    scaled = changed(patterns, amplitude=patterns.amplitude * scale, probes=patterns.probes * scale)
    with torch.no_grad():
        expected = network(patterns)
        torch.testing.assert_close(network(turned), expected, rtol=0, atol=1e-4)
        torch.testing.assert_close(network(scaled), expected, rtol=0, atol=1e-3)


def test_groups_are_treated_each_by_itself() -> None:
    patterns, network = doubled(noisy(3, 5, seed=6)), lively().double()
    with torch.no_grad():
        together = network(patterns)
        for group in range(3):
            alone = network(group_of(patterns, group))
            torch.testing.assert_close(together[group : group + 1], alone, rtol=0, atol=1e-6)


def test_the_order_of_a_groups_patterns_does_not_matter() -> None:
    patterns, network = doubled(noisy(2, 5, seed=7)), lively().double()
    order = torch.tensor([3, 0, 4, 2, 1])
    canvas = Canvas(patterns.canvas.corners_px[:, order], patterns.canvas.window, patterns.canvas.shape)
    moved = changed(patterns, amplitude=patterns.amplitude[:, order], probes=patterns.probes[:, order], canvas=canvas)
    with torch.no_grad():
        torch.testing.assert_close(network(moved), network(patterns), rtol=0, atol=1e-6)


@pytest.mark.parametrize("block", [1, 3])
def test_blocks_change_nothing_but_rounding(block: int) -> None:
    patterns, network = doubled(noisy(2, 5, seed=8)), lively().double()
    with torch.no_grad():
        torch.testing.assert_close(network(changed(patterns, block=block)), network(patterns), rtol=0, atol=1e-8)


def padded(patterns: Patterns, before: int, after: int) -> Patterns:
    """The same patterns on a larger canvas."""
    height, width = (side + before + after for side in patterns.canvas.shape)
    canvas = Canvas(patterns.canvas.corners_px + before, patterns.canvas.window, (height, width))
    return changed(patterns, canvas=canvas)


def test_the_size_of_the_canvas_does_not_matter_beyond_what_a_stage_sees() -> None:
    patterns, network = doubled(noisy(2, 4, seed=9)), lively().double()
    height, width = patterns.canvas.shape
    found = []
    with torch.no_grad():
        for before, after in ((REACH_PX, REACH_PX), (REACH_PX + 8, REACH_PX + 20)):
            obj = network(padded(patterns, before, after))
            found.append(obj[:, before : before + height, before : before + width])
    torch.testing.assert_close(found[1], found[0], rtol=0, atol=1e-7)


def test_islands_of_a_scan_are_as_each_alone() -> None:
    # 9 patterns are neighbours of each other alone, and the islands are farther apart than a stage sees.
    network = lively().double()
    island = padded(doubled(noisy(1, 9, (8, 8), seed=10)), REACH_PX, REACH_PX)
    other = padded(doubled(noisy(1, 9, (8, 8), seed=11)), REACH_PX, REACH_PX)
    away = island.canvas.shape[1]
    corners = torch.cat([island.canvas.corners_px, other.canvas.corners_px + torch.tensor([0, away])], dim=1)
    shape = (max(island.canvas.shape[0], other.canvas.shape[0]), away + other.canvas.shape[1])
    probe = torch.from_numpy(soft_probe((8, 8), 400.0)).expand(1, 9, 8, 8)
    parts = [changed(one, probes=probe) for one in (island, other)]
    both = Patterns(
        torch.cat([one.amplitude for one in parts], dim=1),
        torch.cat([one.probes for one in parts], dim=1),
        Canvas(corners, (8, 8), shape),
        18,
    )
    with torch.no_grad():
        together = network(both)
        for one, first in zip(parts, (0, away), strict=True):
            lit = one.illumination[0] > 0
            found = together[0, : one.canvas.shape[0], first : first + one.canvas.shape[1]]
            torch.testing.assert_close(found[lit], network(one)[0][lit], rtol=0, atol=1e-4)


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


# Patches and objects of a scan


@pytest.mark.parametrize("made", [dark_scan, edged_scan])
def test_predicted_patches_are_those_of_single_patterns_in_the_files_unit(made: Any) -> None:
    scan, network = made(70), lively()
    patches = predict_patches(network, scan)
    assert patches.dtype == np.complex64
    assert patches.shape == (70, *scan.window)
    for k in (0, 1, 63, 64, 69):
        own = patterns_of(scan, np.array([k]), np.zeros((1, 2), dtype=np.int64), scan.window)
        with torch.no_grad():
            alone = network(own)[0].numpy()
        np.testing.assert_allclose(patches[k], 2.5 * alone, rtol=0, atol=2e-3)


def test_the_starts_of_single_patterns_can_be_predicted() -> None:
    scan, network = dark_scan(5), lively()
    found = predict_patches(network, scan, start_only=True)
    for k in range(5):
        own = patterns_of(scan, np.array([k]), np.zeros((1, 2), dtype=np.int64), (8, 12))
        start = start_estimate(own, SMALL.start_iterations)[0].numpy()
        np.testing.assert_allclose(found[k], 2.5 * start, rtol=0, atol=1e-3)


@pytest.mark.parametrize("n", [4, 16, 40])
@pytest.mark.parametrize("start_only", [True, False])
@pytest.mark.parametrize("made", [dark_scan, edged_scan])
def test_a_predicted_object_is_that_of_all_patterns_together(n: int, start_only: bool, made: Any) -> None:
    scan, network = made(n), lively()
    found = predict_object(network, scan, (60, 70), start_only=start_only)
    assert found.dtype == np.complex64
    assert found.shape == (60, 70)
    origin = scan.corners_px.min(axis=0)
    shape = tuple((-(-(scan.corners_px.max(axis=0) - origin + scan.window) // 4) * 4).tolist())
    whole = patterns_of(scan, np.arange(n), scan.corners_px - origin, shape)
    with torch.no_grad():
        obj = network.start(whole) if start_only else network(whole)
    expected = np.zeros((60, 70), dtype=np.complex64)
    place = np.s_[origin[0] : origin[0] + shape[0], origin[1] : origin[1] + shape[1]]
    expected[place] = 2.5 * torch.where(whole.illumination > 1e-9 * whole.peak, obj, 0)[0].numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-3)


@pytest.mark.parametrize("start_only", [True, False])
@pytest.mark.parametrize("stacked", [False, True])
def test_a_scan_too_large_for_memory_gives_the_same_object(
    start_only: bool, stacked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    n, network, console = 150, lively(), Counted(None, None)
    rng = np.random.default_rng(5)
    valid = rng.random((n, 8, 12) if stacked else (8, 12)) > 0.1
    scan = replace(dark_scan(n), valid_pixels=valid, background=rng.random(valid.shape).astype(np.float32))
    held = predict_object(network, scan, (60, 70), start_only=start_only)
    monkeypatch.setattr("ptyproof.training.prediction.HELD_BYTES", 0)
    most = 0
    probes = NormalizedScan.probes

    def counted(self: NormalizedScan, index: npt.NDArray[np.int64]) -> npt.NDArray[np.complex64]:
        nonlocal most
        most = max(most, len(index))
        return probes(self, index)

    monkeypatch.setattr(NormalizedScan, "probes", counted)
    stored = predict_object(network, scan, (60, 70), start_only=start_only, console=console)
    assert most == 64  # of the 150 were in memory together
    assert console.total == console.done
    np.testing.assert_allclose(stored, held, rtol=0, atol=1e-4 * np.abs(held).max())


def test_where_no_light_falls_a_predicted_object_is_zero() -> None:
    scan = dark_scan(6)
    lit = np.zeros((50, 60), dtype=bool)
    for row, col in scan.corners_px:
        lit[row : row + 8, col : col + 12] = True
    for start_only in (True, False):
        found = predict_object(lively(), scan, (50, 60), start_only=start_only)
        np.testing.assert_array_equal(found != 0, lit)


def test_a_canvas_that_was_rounded_up_does_not_leave_the_objects_grid() -> None:
    scan = dark_scan(9)
    rows, cols = (scan.corners_px.max(axis=0) + scan.window).tolist()
    small = predict_object(lively(), scan, (rows, cols))
    large = predict_object(lively(), scan, (rows + 7, cols + 7))
    assert small.shape == (rows, cols)
    np.testing.assert_array_equal(large[:rows, :cols], small)
    assert (large[rows:] == 0).all()
    assert (large[:, cols:] == 0).all()


def test_the_start_of_a_scan_shows_its_object() -> None:
    window = (14, 12)
    grid = np.stack(np.meshgrid(*(3 * np.arange(4),) * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    truth = smooth_object((40, 40))
    corners = grid + np.array([7, 11])
    patterns = simulated(corners[None], soft_probe(window, 1e6), truth[None])
    amplitude = np.fft.fftshift(patterns.amplitude[0].numpy(), axes=(-2, -1)).astype(np.float32)
    probe = soft_probe(window, 1e6).astype(np.complex64)
    scan = NormalizedScan(amplitude, probe, 0.5, (corners + np.array(window) // 2).astype(np.float64), "0" * 64)
    network = GroupNetwork(NetworkDesign(n_stages=1, channels=1, n_blocks=1, shrink=1, start_iterations=40))
    found = predict_object(network, scan, truth.shape, start_only=True)[10:26, 14:29]
    wanted = truth[10:26, 14:29]
    factor = np.vdot(found, wanted) / np.vdot(found, found)
    assert abs(factor) == pytest.approx(2, rel=0.1)
    assert np.linalg.norm(factor * found - wanted) < 0.2 * np.linalg.norm(wanted)


class Counted(Console):
    """A console that keeps what its bar was told."""

    @contextmanager
    def progress(self, label: str, total: int, unit: str, *args: Any, **kwargs: Any) -> Any:
        self.total, self.unit, self.label, self.done = total, unit, label, 0
        yield self

    def update(self, n: int) -> None:
        self.done += n


@pytest.mark.parametrize("n", [5, 65])
@pytest.mark.parametrize("start_only", [True, False])
def test_predicting_patches_shows_how_far_it_is(n: int, start_only: bool) -> None:
    console = Counted(None, None)
    predict_patches(lively(), dark_scan(n), start_only=start_only, console=console)
    assert (console.total, console.done, console.unit) == (n, n, "pattern")
    assert console.label


@pytest.mark.parametrize("n", [5, 16, 40])
@pytest.mark.parametrize("start_only", [True, False])
def test_predicting_an_object_shows_how_far_it_is_and_ends_at_its_end(n: int, start_only: bool) -> None:
    console = Counted(None, None)
    predict_object(lively(), dark_scan(n), (60, 70), start_only=start_only, console=console)
    assert console.total == console.done > 0
    assert (console.total % n, console.unit) == (0, "pattern")


def test_a_network_may_see_objects_of_any_size_without_being_told() -> None:
    network = lively()
    for n, spread in ((1, 0.0), (3, 5.0), (30, 25.0)):
        obj = predict_object(network, dark_scan(n, spread=spread), (60, 70))
        assert np.isfinite(obj).all()
        assert (obj != 0).any()


# A network that sees the noise level


def seeing(seed: int = 0, *, trained: bool = True) -> Any:
    """A network that sees the noise level; a trained one has no layer that is zero."""
    torch.manual_seed(seed)
    network = GroupNetwork(SMALL, sees_noise=True)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape) if trained else 0)
    return network.eval()


def test_before_its_training_it_is_the_network_that_sees_less() -> None:
    patterns = noisy(2, 3, (8, 12))
    with torch.no_grad():
        assert torch.equal(seeing(trained=False)(patterns), GroupNetwork(SMALL)(patterns))


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
        first, second = network.estimates(patterns, start)
        network.stages[1].momentum.fill_(0.5)
        _, moved = network.estimates(patterns, start)
    assert torch.allclose(moved.obj - second.obj, 0.5 * (first.obj - start), atol=1e-5)
    assert not torch.allclose(moved.obj, second.obj, atol=1e-3)
