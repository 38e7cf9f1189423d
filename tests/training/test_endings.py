"""Short trainings that end badly: they say where, and leave the process as it was."""

from __future__ import annotations

import signal
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ptyproof.errors import DataError, InputError
from ptyproof.study.layout import CHECKPOINT
from ptyproof.training.module import TrainingDivergedError
from ptyproof.training.runner import train
from ptyproof.training.scan import NormalizedScan
from tests.helpers.messages import naming
from tests.helpers.short_training import (
    CPU,
    EPOCHS,
    GONE,
    file_names,
    stopping,
    task,
    with_rate,
)


def test_a_diverging_training_says_its_epoch_and_step(scan: NormalizedScan, tmp_path: Path) -> None:
    with pytest.raises(TrainingDivergedError, match=naming("epoch 1", "step 2", "learning_rate", "1e+30")):
        train(with_rate(task(1), 1e30), scan, tmp_path, CPU)
    assert file_names(tmp_path) == []


@pytest.mark.parametrize("value", [np.inf, np.nan, 1e25])
@pytest.mark.parametrize("shown_fraction", [0.5, 1.0])
def test_a_pattern_of_no_possible_count_is_refused_before_anything_is_trained(
    scan: NormalizedScan, tmp_path: Path, value: Any, shown_fraction: float
) -> None:
    amplitude = scan.amplitude.copy()
    amplitude[17, 3, 5] = value
    with pytest.raises(InputError, match=naming("2^26", f"{value:g}")):
        train(task(1, shown_fraction=shown_fraction), replace(scan, amplitude=amplitude), tmp_path, CPU)
    assert file_names(tmp_path) == []


def test_a_diverging_training_of_groups_says_its_epoch_and_step(scan: NormalizedScan, tmp_path: Path) -> None:
    with pytest.raises(TrainingDivergedError, match=naming("epoch 1", "step 2")):
        train(with_rate(task(2), 1e30), scan, tmp_path, CPU)


def test_a_training_that_diverges_in_its_last_step_says_so(scan: NormalizedScan, tmp_path: Path) -> None:
    with pytest.raises(TrainingDivergedError):
        train(with_rate(task(1, max_epochs=1, steps_per_epoch=1), 1e30), scan, tmp_path, CPU)


def test_a_checkpoint_does_not_say_where_it_was_written(reference: Path) -> None:
    raw = (reference / CHECKPOINT).read_bytes()
    assert str(reference).encode() not in raw
    assert str(reference.parent).encode() not in raw


def process_state() -> dict[str, Any]:
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
def test_the_process_has_its_own_state_back(scan: NormalizedScan, tmp_path: Path, ends: str) -> None:
    torch.set_num_threads(2)
    before = process_state()
    options = replace(CPU, threads=3)
    if ends == "well":
        train(task(), scan, tmp_path, options)
    elif ends == "at once":
        with pytest.raises(DataError):
            train(task(), scan.subset(np.arange(2)), tmp_path, options)
    elif ends == "in its middle":
        with pytest.raises(OSError, match=GONE):
            train(task(), stopping(scan, 4, OSError), tmp_path, options)
    else:
        with pytest.raises(TrainingDivergedError):
            train(with_rate(task(1), 1e30), scan, tmp_path, options)
    assert process_state() == before


def test_an_interrupt_stays_one_and_can_be_repeated(scan: NormalizedScan, tmp_path: Path) -> None:
    handler = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(task(), stopping(scan, 4, KeyboardInterrupt), tmp_path, CPU)
        assert signal.getsignal(signal.SIGINT) == handler
    except SystemExit:
        pytest.fail("the training ended the process")
    finally:
        signal.signal(signal.SIGINT, handler)


def test_every_file_of_a_training_is_whole_or_absent_in_its_own_folder(
    scan: NormalizedScan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders, make = [], tempfile.mkstemp

    def mkstemp(*args: Any, **kwargs: Any) -> Any:
        folders.append(kwargs.get("dir"))
        return make(*args, **kwargs)

    monkeypatch.setattr(tempfile, "mkstemp", mkstemp)
    train(task(1), scan, tmp_path, CPU)
    assert set(folders) == {tmp_path}
    assert len(folders) == 2 * EPOCHS + 2  # checkpoint and metrics of each epoch, bundle and record
