"""What a shared network is trained on: reproducible, varied, and nothing of what studies test on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ptyproof.foundation.batches import Batch
from ptyproof.foundation.design import FRAMES, FoundationDesign, Frame, design_of
from ptyproof.foundation.flaws import random_flaws
from ptyproof.foundation.objects import KINDS, random_object
from ptyproof.foundation.pool import Pool, make_scan, turns
from ptyproof.foundation.probes import random_probe
from ptyproof.foundation.scenes import random_scene
from ptyproof.physics.names import IMAGE_NAMES
from ptyproof.physics.objects import make_object
from ptyproof.physics.probes import encircled_diameter_px
from ptyproof.study.builtin import STUDY_NAMES, builtin_study
from ptyproof.study.seeds import of_replicate, stream
from tests.helpers.foundation import DESIGN

SHAPE = (48, 48)


def drawn(number: int) -> tuple[str, np.ndarray]:
    rng = stream(FoundationDesign().seed, "foundation", "scan", "64/7/8", str(number), "0")
    return random_object(SHAPE, rng)


def test_objects_have_every_kind_and_moduli_that_reconstructions_have() -> None:
    made = [drawn(number) for number in range(40)]
    assert {kind for kind, _ in made} == set(KINDS)
    assert all(obj.dtype == np.complex64 and obj.shape == SHAPE for _, obj in made)
    assert all(np.abs(obj).min() > 0.1 and np.abs(obj).max() <= 1.01 for _, obj in made)
    assert len({obj.tobytes() for _, obj in made}) == 40


def test_equal_numbers_give_equal_objects() -> None:
    assert np.array_equal(drawn(3)[1], drawn(3)[1])


def test_no_kind_is_one_that_studies_hold_back() -> None:
    assert not {*IMAGE_NAMES, "siemens"} & set(KINDS)


def test_no_object_is_one_of_a_built_in_study() -> None:
    """Objects are compared by their streams: equal first numbers would give equal grains."""
    firsts = set()
    for name in STUDY_NAMES:
        design = builtin_study(name)
        seeds = {design.base.seed} if design.base else set()
        if design.objects:
            seeds |= {entry.seed for entry in (*design.objects.train, *design.objects.test)}
        for seed in seeds | {1008}:  # 1008: other objects, which choices are made on
            for replicate in range(1, 6):
                firsts.add(stream(seed, *of_replicate(("base", "object"), replicate)).random())
    for frame in FRAMES:
        label = f"{frame.window_px}/{frame.side}/{frame.step_px:g}"
        for number in range(300):
            rng = stream(FoundationDesign().seed, "foundation", "scan", label, str(number), "0")
            assert rng.random() not in firsts


def test_drawn_grains_are_not_those_of_a_study() -> None:
    design = builtin_study("fly64")
    assert design.base is not None
    own = make_object("grains", SHAPE, stream(design.base.seed, "base", "object"))
    grains = [obj for kind, obj in map(drawn, range(40)) if kind == "grains"]
    assert grains
    assert all(abs(np.corrcoef(np.angle(own).ravel(), np.angle(obj).ravel())[0, 1]) < 0.6 for obj in grains)


@pytest.mark.parametrize("window", [16, 32, 64, 128])
def test_probes_have_unit_power_and_die_out_inside_the_window(window: int) -> None:
    for number in range(12):
        probe = random_probe(window, 0.25 * window, np.random.default_rng(number))
        assert np.sum(np.abs(probe) ** 2) == pytest.approx(1.0, rel=1e-4)
        assert np.abs(probe[0]).max() < 1e-3 * np.abs(probe).max()
        assert 0.15 * window < encircled_diameter_px(probe) < 0.95 * window


def test_scans_have_the_photons_that_were_asked_for() -> None:
    frame = Frame(32, 4, 4.0)
    for number in range(6):
        flaws = random_flaws(0.0, np.random.default_rng(0))
        scene = random_scene(frame, (1e4, 1e4), flaws, np.random.default_rng(number))
        wide = encircled_diameter_px(scene.scan.probe) / 24.0
        photons = np.square(scene.scan.amplitude.astype(float)).sum(axis=(1, 2)).mean()
        assert photons == pytest.approx(1e4 * wide**2, rel=0.05)


def test_frames_take_turns_by_their_shares() -> None:
    order = turns(FRAMES)
    assert [order.count(number) for number in range(len(FRAMES))] == [frame.share for frame in FRAMES]
    assert max(order.index(number) for number in range(len(FRAMES))) < 12


def test_a_step_sees_the_same_scans_whatever_was_seen_before() -> None:
    cpu = torch.device("cpu")
    one, other = Pool(DESIGN, (0, 9), cpu), Pool(DESIGN, (8, 9), cpu)
    seen = [one.batch(step) for step in range(9)]
    late = other.batch(8)
    frame = DESIGN.frames[turns(DESIGN.frames)[0]]
    first = Batch.joined([make_scan(DESIGN, frame, 0, member) for member in range(DESIGN.scans_per_step)])
    assert torch.equal(*(batch.patterns.amplitude.flatten().sort().values for batch in (seen[0], first)))
    assert torch.equal(late.patterns.amplitude, seen[8].patterns.amplitude)
    assert torch.equal(late.start, seen[8].start)
    assert len({batch.patterns.amplitude.numpy().tobytes() for batch in seen}) > 4


def test_scans_of_other_streams_or_seeds_differ() -> None:
    frame = DESIGN.frames[0]
    first = make_scan(DESIGN, frame, 0, 0)
    others = [
        make_scan(DESIGN, frame, 1, 0),
        make_scan(DESIGN, frame, 0, 1),
        make_scan(replace(DESIGN, seed=5), frame, 0, 0),
    ]
    assert not any(torch.equal(first.truth, other.truth) for other in others)


def test_a_design_comes_back_from_its_table() -> None:
    assert design_of(DESIGN.as_dict()) == DESIGN
    assert design_of(FoundationDesign().as_dict()) == FoundationDesign()
    coarse = replace(DESIGN, levels=2)
    assert design_of(coarse.as_dict()) == coarse
    assert "levels" not in DESIGN.as_dict()  # as in records of before
    assert DESIGN.recipe_sha256() != FoundationDesign().recipe_sha256()
