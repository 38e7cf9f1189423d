"""Digests of short trainings: equal where the trainings are, and different in the step where something was changed."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ptyproof.study.layout import BUNDLE
from ptyproof.training.bundle import read_bundle
from ptyproof.training.digest_record import EpochDigest, read_digests
from ptyproof.training.digests import DigestLog, sha256_state, sha256_tensors
from ptyproof.training.engine import Callback
from ptyproof.training.runner import METRICS, Trained, train
from ptyproof.training.scan import NormalizedScan
from tests.helpers.short_training import CPU, EPOCHS, STEPS, task


def digests_of(
    scan: NormalizedScan, folder: Path, *others: Any, last_epoch: int | None = None, **changes: Any
) -> tuple[list[EpochDigest], Trained]:
    """Digests of a short training, and how it ended."""
    folder.mkdir(exist_ok=True)
    path = folder / "digests.jsonl"
    trained = train(task(**changes), scan, folder, CPU, watchers=[*others, DigestLog(path, last_epoch)])
    return read_digests(path), trained


class Nudge(Callback):
    """Changes a weight by its last bit before a step of the second epoch."""

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.current_epoch == 1 and batch_idx == 1:
            weight = next(iter(pl_module.network.parameters())).data.view(-1)
            weight[0] = torch.nextafter(weight[0], torch.tensor(math.inf))


class Draw(Callback):
    """Draws a random number at the beginning of the second epoch."""

    def __init__(self, draw: Callable[..., Any]) -> None:
        self.draw = draw

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        if trainer.current_epoch == 1:
            self.draw()


@pytest.fixture(scope="module")
def whole(scan: NormalizedScan, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[EpochDigest], Trained]:
    return digests_of(scan, tmp_path_factory.mktemp("whole"))


def test_two_trainings_have_the_same_digests_and_watching_changes_nothing(
    scan: NormalizedScan, whole: Any, reference: Path, tmp_path: Path
) -> None:
    digests, trained = whole
    again, _ = digests_of(scan, tmp_path)
    assert again == digests
    assert trained.bundle_path.read_bytes() == (reference / BUNDLE).read_bytes()
    assert (trained.bundle_path.parent / METRICS).read_bytes() == (reference / METRICS).read_bytes()


def test_digests_hold_what_the_training_says(whole: tuple[list[EpochDigest], Trained]) -> None:
    digests, trained = whole
    assert [digest.epoch for digest in digests] == [1, EPOCHS]
    assert all(len(digest.steps) == STEPS for digest in digests)
    assert [digest.loss for digest in digests] == [row["train_loss"] for row in trained.history]
    assert [digest.validation_loss for digest in digests] == [row["validation_loss"] for row in trained.history]
    for digest in digests:
        assert all(math.isfinite(step.loss) for step in digest.steps)
        assert digest.steps[-1].weights == digest.weights
    assert len({step.batch for digest in digests for step in digest.steps}) == EPOCHS * STEPS
    weights = read_bundle(trained.bundle_path).network.state_dict()
    named = {f"network.{name}": value for name, value in weights.items()}
    assert sha256_tensors(named) == digests[trained.bundle_epoch - 1].weights


def test_a_bit_of_one_weight_is_seen_in_its_step(
    scan: NormalizedScan, whole: tuple[list[EpochDigest], Trained], tmp_path: Path
) -> None:
    digests, _ = digests_of(scan, tmp_path, Nudge())
    assert digests[0] == whole[0][0]
    ours, theirs = digests[1].steps, whole[0][1].steps
    assert ours[0] == theirs[0]
    assert [step.batch for step in ours] == [step.batch for step in theirs]
    assert all(ours[number].weights != theirs[number].weights for number in (1, 2))
    assert digests[1].steps_sha256 != whole[0][1].steps_sha256


DRAWS = {"torch": lambda: torch.rand(1), "random": random.random, "numpy": lambda: np.random.rand()}  # noqa: NPY002


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_random_number_that_somebody_draws_is_seen_in_its_epoch(
    scan: NormalizedScan, whole: tuple[list[EpochDigest], Trained], tmp_path: Path, draw: Callable[..., Any]
) -> None:
    digests, _ = digests_of(scan, tmp_path, Draw(draw))
    assert digests[0] == whole[0][0]
    assert digests[1] == replace(whole[0][1], rng=digests[1].rng)
    assert digests[1].rng != whole[0][1].rng


def test_another_seed_is_seen_at_once(
    scan: NormalizedScan, whole: tuple[list[EpochDigest], Trained], tmp_path: Path
) -> None:
    digests, _ = digests_of(scan, tmp_path, seed=5)
    assert digests[0].steps[0].batch != whole[0][0].steps[0].batch


def test_a_training_ends_after_the_epoch_that_was_asked_for(
    scan: NormalizedScan, whole: tuple[list[EpochDigest], Trained], tmp_path: Path
) -> None:
    digests, trained = digests_of(scan, tmp_path, last_epoch=1)
    assert digests == whole[0][:1]
    assert trained.epochs_completed == 1


def test_no_file_has_no_digests(tmp_path: Path) -> None:
    assert read_digests(tmp_path / "none") == []


states = st.recursive(
    st.integers() | st.floats(allow_nan=False) | st.text() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(states, states)
def test_states_with_equal_digests_are_equal(one: Any, other: Any) -> None:
    assert (sha256_state([one, 1]) == sha256_state([other, 1])) <= (repr(flat(one)) == repr(flat(other)))


def flat(value: Any, place: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """What a state holds, with the way to it; what is empty holds nothing."""
    if isinstance(value, dict):
        return [part for key in sorted(value) for part in flat(value[key], (*place, key))]
    if isinstance(value, list):
        return [part for number, inner in enumerate(value) for part in flat(inner, (*place, str(number)))]
    return [(place, value)]


def test_tensors_differ_by_name_type_shape_and_content() -> None:
    ones = torch.ones(2, 3)
    others = [{"b": ones}, {"a": ones.double()}, {"a": ones.T}, {"a": ones * (1 + 1e-7)}, {"a": ones, "b": ones}]
    assert len({sha256_tensors(tensors) for tensors in [{"a": ones}, *others]}) == 6
