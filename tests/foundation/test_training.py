"""The training of a shared network: exact after an interruption, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ptyproof.errors import DataError, RunError
from ptyproof.foundation.loss import objective, weights
from ptyproof.foundation.pool import make_scan
from ptyproof.foundation.training import CHECKPOINT, relative_rate, train
from ptyproof.training.checkpoint import read_state, write_state
from tests.helpers.foundation import CPU, DESIGN


def weights_of(course: Any) -> dict[str, torch.Tensor]:
    return {**{f"mean {name}": value for name, value in course.mean.items()}, **course.network.state_dict()}


def assert_equal(found: Any, expected: Any) -> None:
    left, right = weights_of(found), weights_of(expected)
    assert left.keys() == right.keys()
    assert [name for name in left if not torch.equal(left[name], right[name])] == []
    assert found.history == expected.history


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return train(DESIGN, 7, tmp_path_factory.mktemp("whole"), CPU)


def test_an_interrupted_training_ends_with_the_same_bits(whole: Any, tmp_path: Path) -> None:
    first = train(DESIGN, 7, tmp_path, CPU, seconds=1e-9)
    assert first.step == 0
    for _ in range(20):  # a call of no time ends after the step that it is in
        course = train(DESIGN, 7, tmp_path, CPU, seconds=0.15)
        if course.step == 7:
            break
    else:
        course = train(DESIGN, 7, tmp_path, CPU)
    assert_equal(course, whole)


def test_scans_that_other_processes_make_give_the_same_bits(whole: Any, tmp_path: Path) -> None:
    assert_equal(train(DESIGN, 7, tmp_path, replace(CPU, num_workers=2)), whole)


def test_a_training_goes_on_as_a_longer_one_until_its_rate_falls(whole: Any, tmp_path: Path) -> None:
    short = replace(DESIGN, decay_fraction=0.3)
    assert short.decay_begins(7) == 5
    train(short, 14, tmp_path, CPU, seconds=1e-9)
    state = read_state(tmp_path / CHECKPOINT)
    assert state["planned"] == 14
    assert_equal(train(short, 7, tmp_path, CPU), whole)
    with pytest.raises(DataError):
        train(short, 14, tmp_path, CPU)


def test_an_end_that_was_reached_stays(whole: Any, tmp_path: Path) -> None:
    train(DESIGN, 7, tmp_path, CPU)
    assert_equal(train(DESIGN, 7, tmp_path, CPU), whole)


@pytest.mark.parametrize(
    "change", [{"seed": 5}, {"learning_rate": 1e-3}, {"doses": (500.0, 600.0)}, {"frames": DESIGN.frames[:1]}]
)
def test_a_checkpoint_of_another_design_is_refused(tmp_path: Path, change: Any) -> None:
    train(DESIGN, 1, tmp_path, CPU)
    with pytest.raises(DataError, match=CHECKPOINT):
        train(replace(DESIGN, **change), 1, tmp_path, CPU)


@pytest.mark.parametrize("part", ["mean", "optimizer", "network", "step"])
def test_a_checkpoint_without_a_part_is_refused(tmp_path: Path, part: str) -> None:
    train(DESIGN, 1, tmp_path, CPU)
    state = read_state(tmp_path / CHECKPOINT)
    write_state(tmp_path / CHECKPOINT, {name: value for name, value in state.items() if name != part})
    with pytest.raises(DataError, match=CHECKPOINT):
        train(DESIGN, 2, tmp_path, CPU)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"no checkpoint")
    with pytest.raises(DataError, match=CHECKPOINT):
        train(DESIGN, 2, tmp_path, CPU)


def test_the_rate_rises_stays_and_falls() -> None:
    rates = [relative_rate(DESIGN, step, 20) for step in range(20)]
    begins = DESIGN.decay_begins(20)
    assert rates[0] == pytest.approx(1 / DESIGN.warm_up)
    assert rates[DESIGN.warm_up - 1 : begins] == [1.0] * (begins - DESIGN.warm_up + 1)
    assert rates[-1] == pytest.approx(0.01)
    assert all(rates[step + 1] < rates[step] for step in range(begins, 19))


def test_steps_lower_the_error_of_scans_that_are_seen_again(tmp_path: Path) -> None:
    design = replace(DESIGN, frames=DESIGN.frames[:1], scans_per_step=1, held=1, uses=100, warm_up=5, average=0.5)
    batch = make_scan(design, design.frames[0], 0, 0)
    course = train(design, 120, tmp_path, CPU)
    course.network.load_state_dict(course.mean)
    assert _ratio(course.network, batch, batch.truth) < 0.9


def test_a_wrong_truth_makes_the_loss_worse() -> None:
    batch = make_scan(DESIGN, DESIGN.frames[0], 0, 0)
    weight = weights(batch.patterns)
    wrong = batch.truth.flip(-1)
    _, right = objective([batch.truth + 0.01], batch.start, batch.truth, weight)
    _, worse = objective([batch.truth + 0.01], batch.start, wrong, weight)
    assert right < 0.1
    assert worse > right * 5


def test_a_global_phase_does_not_count() -> None:
    batch = make_scan(DESIGN, DESIGN.frames[0], 0, 0)
    weight = weights(batch.patterns)
    turned = batch.start * torch.polar(torch.ones(()), torch.tensor(2.0))
    loss, ratio = objective([turned], batch.start, batch.truth, weight)
    assert ratio.item() == pytest.approx(1.0, abs=1e-4)
    assert loss.item() == pytest.approx(0.0, abs=1e-4)


def test_an_error_that_is_no_number_ends_the_training(tmp_path: Path) -> None:
    train(DESIGN, 1, tmp_path, CPU)
    state = read_state(tmp_path / CHECKPOINT)
    state["network"]["stages.0.step"].fill_(torch.nan)
    write_state(tmp_path / CHECKPOINT, {**state, "planned": 2})
    with pytest.raises(RunError):
        train(DESIGN, 2, tmp_path, CPU)


def _ratio(network: Any, batch: Any, truth: torch.Tensor) -> float:
    with torch.no_grad():
        found = network(batch.patterns, batch.start)
    return float(objective([found], batch.start, truth, weights(batch.patterns))[1])
