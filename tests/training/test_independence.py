"""What a network does not depend on: phase, unit, other groups, order, blocks, the size of a canvas, other islands."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.training.canvas import Canvas
from ptyproof.training.projection import Patterns
from tests.helpers.position_groups import changed, doubled, group_of, noisy, soft_probe
from tests.helpers.small_networks import SMALL, lively

# Hidden pixels that a stage of SMALL looks at on each side: stem, two convolutions of a block, head.
REACH_PX = SMALL.n_stages * 4 * SMALL.shrink


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
