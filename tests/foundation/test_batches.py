"""Scans of a step: the same physics in every orientation, and in the unit in which methods are given scans."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from ptyproof.foundation.batches import ORIENTATIONS, Batch
from ptyproof.foundation.design import Frame
from ptyproof.foundation.flaws import Flaws
from ptyproof.foundation.loss import squared_error, weights
from ptyproof.foundation.scenes import random_scene
from ptyproof.io.knowledge import KNOWLEDGE
from ptyproof.study.seeds import stream
from ptyproof.training.projection import misfit
from tests.helpers.foundation import DESIGN

FRAME = Frame(24, 4, 3.0)
PERFECT = Flaws(frozenset())
EVERYTHING = Flaws(frozenset(KNOWLEDGE) - {"psf"}, 0.7)


def batch(flaws: Flaws = PERFECT, dose: float = 1e5, n: int = 2, projections: int = 8, iterations: int = 2) -> Batch:
    scenes = [random_scene(FRAME, (dose, dose), flaws, stream(3, "test", str(number))) for number in range(n)]
    network = replace(DESIGN.network, start_iterations=projections)
    design = replace(DESIGN, network=network, fit_iterations=iterations)
    return Batch.joined([Batch.of(scene, design) for scene in scenes])


def turned_image(image: torch.Tensor, orientation: int) -> torch.Tensor:
    found = image.transpose(-1, -2) if orientation & 4 else image
    found = found.flip(-2) if orientation & 1 else found
    return found.flip(-1) if orientation & 2 else found


@pytest.mark.parametrize("orientation", range(ORIENTATIONS))
@pytest.mark.parametrize("flaws", [PERFECT, EVERYTHING], ids=["perfect", "every flaw"])
def test_what_the_measurement_asks_for_turns_with_the_scan(flaws: Flaws, orientation: int) -> None:
    whole = batch(flaws)
    change = misfit(whole.patterns, whole.start)
    found = whole.turned(orientation)
    assert torch.equal(found.truth, turned_image(whole.truth, orientation))
    expected = turned_image(change, orientation)
    assert torch.linalg.norm(misfit(found.patterns, found.start) - expected) < 1e-4 * torch.linalg.norm(expected)
    assert torch.allclose(
        found.patterns.illumination, turned_image(whole.patterns.illumination, orientation), rtol=1e-4
    )


def test_orientations_differ() -> None:
    whole = batch()
    for orientation in range(1, ORIENTATIONS):
        assert not torch.equal(whole.turned(orientation).truth, whole.truth)


def test_the_truth_explains_the_counts() -> None:
    found = batch(dose=1e7)
    change = misfit(found.patterns, found.truth)
    seen = weights(found.patterns)
    assert float((seen * change.abs()).sum() / seen.sum()) < 0.02


@pytest.mark.parametrize("word", KNOWLEDGE)
def test_the_truth_explains_the_counts_of_scans_with_a_flaw(word: Any) -> None:
    flaws = Flaws(frozenset(), 0.7) if word == "psf" else Flaws(frozenset({word}))
    found = batch(flaws, dose=1e7)
    seen = weights(found.patterns)
    change = float((seen * misfit(found.patterns, found.truth).abs()).sum() / seen.sum())
    assert change < 0.03


def test_the_start_is_nearer_to_the_truth_than_a_transparent_object() -> None:
    found = batch(projections=20)
    weight = weights(found.patterns)
    start = squared_error(found.start, found.truth, weight)
    nothing = squared_error(torch.ones_like(found.start), found.truth, weight)
    assert torch.all(start < 0.5 * nothing)


@pytest.mark.parametrize("flaws", [PERFECT, EVERYTHING], ids=["perfect", "every flaw"])
def test_the_fit_is_nearer_to_the_truth_than_projections(flaws: Flaws) -> None:
    projected, found = (batch(flaws, 1e3, projections=20, iterations=number) for number in (0, 10))
    errors = [squared_error(one.start, one.truth, weights(one.patterns)).sum() for one in (projected, found)]
    assert errors[1] < 0.9 * errors[0]


def test_shrink_divides_canvases() -> None:
    assert all(frame.object_px % DESIGN.network.shrink == 0 for frame in DESIGN.frames)
