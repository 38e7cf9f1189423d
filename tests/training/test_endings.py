"""Short trainings that end badly: they say where, and leave the process as it was."""

from __future__ import annotations

import signal
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ptyproof.errors import DataError
from ptyproof.training.bundle import BUNDLE
from ptyproof.training.data import GroupSampler, hold_back
from ptyproof.training.module import TrainingDivergedError
from ptyproof.training.runner import CHECKPOINT, train
from tests.training.short_training import (
    CPU,
    EPOCHS,
    STEPS,
    names,
    stopping,
    task,
    with_rate,
)


def test_a_diverging_training_says_its_epoch_and_step(scan, tmp_path):
    with pytest.raises(TrainingDivergedError, match=r"epoch 1, step 2; a smaller learning_rate than 1e\+30"):
        train(with_rate(task(1), 1e30), scan, tmp_path, CPU)
    assert names(tmp_path) == []


@pytest.mark.parametrize("value", [np.inf, np.nan, 1e25])
def test_the_first_batch_with_an_impossible_pattern_is_named(scan, tmp_path, value):
    made = task(1, patterns_per_step=8, validation_fraction=0.1, max_epochs=9)
    kept, _ = hold_back(scan.positions_px, 0.1, 1)
    groups = GroupSampler(scan.positions_px[kept], 1, 7, STEPS, 8, made.training.seed, ("groups", made.key))
    place, first = {}, None
    for epoch in range(9):
        groups.set_epoch(epoch)
        for step, batch in enumerate(groups):
            for index in batch.ravel():
                first = place.setdefault(int(index), (epoch + 1, step + 1))
    bad, first = next((index, where) for index, where in place.items() if where[0] > 1 and where[1] > 1)
    amplitude = scan.amplitude.copy()
    amplitude[kept[bad]] = value
    with pytest.raises(TrainingDivergedError, match=f"epoch {first[0]}, step {first[1]};"):
        train(made, replace(scan, amplitude=amplitude), tmp_path, CPU)
    assert BUNDLE not in names(tmp_path)


def test_a_diverging_training_of_groups_says_its_epoch_and_step(scan, tmp_path):
    with pytest.raises(TrainingDivergedError, match="epoch 1, step 2"):
        train(with_rate(task(2), 1e30), scan, tmp_path, CPU)


def test_a_training_that_diverges_in_its_last_step_says_so(scan, tmp_path):
    with pytest.raises(TrainingDivergedError):
        train(with_rate(task(1, max_epochs=1, steps_per_epoch=1), 1e30), scan, tmp_path, CPU)


def test_a_checkpoint_does_not_say_where_it_was_written(reference):
    raw = (reference / CHECKPOINT).read_bytes()
    assert str(reference).encode() not in raw
    assert str(reference.parent).encode() not in raw


def process_state():
    return {
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "benchmark": torch.backends.cudnn.benchmark,
        "grad": torch.is_grad_enabled(),
        "torch": torch.get_rng_state().tolist(),
        "numpy": np.random.get_state(legacy=False)["state"]["key"].tolist(),  # noqa: NPY002
        "folder": Path.cwd(),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
    }


@pytest.mark.parametrize("ends", ["well", "at once", "in its middle", "diverged"])
def test_the_process_has_its_own_state_back(scan, tmp_path, ends):
    torch.set_num_threads(2)
    before = process_state()
    options = replace(CPU, threads=3)
    if ends == "well":
        train(task(), scan, tmp_path, options)
    elif ends == "at once":
        with pytest.raises(DataError):
            train(task(), scan.subset(np.arange(2)), tmp_path, options)
    elif ends == "in its middle":
        with pytest.raises(OSError, match="gone"):
            train(task(), stopping(scan, 4, OSError), tmp_path, options)
    else:
        with pytest.raises(TrainingDivergedError):
            train(with_rate(task(1), 1e30), scan, tmp_path, options)
    assert process_state() == before


def test_an_interrupt_stays_one_and_can_be_repeated(scan, tmp_path):
    handler = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(task(), stopping(scan, 4, KeyboardInterrupt), tmp_path, CPU)
        assert signal.getsignal(signal.SIGINT) == handler
    except SystemExit:
        pytest.fail("the training ended the process")
    finally:
        signal.signal(signal.SIGINT, handler)


def test_every_file_of_a_training_is_whole_or_absent_in_its_own_folder(scan, tmp_path, monkeypatch):
    folders, make = [], tempfile.mkstemp

    def mkstemp(*args, **kwargs):
        folders.append(kwargs.get("dir"))
        return make(*args, **kwargs)

    monkeypatch.setattr(tempfile, "mkstemp", mkstemp)
    train(task(1), scan, tmp_path, CPU)
    assert set(folders) == {tmp_path}
    assert len(folders) == 2 * EPOCHS + 2  # checkpoint and metrics of each epoch, bundle and record
