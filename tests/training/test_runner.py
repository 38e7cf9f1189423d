"""Real short trainings: what decides their bits, and what they leave."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ptyproof.console import Console
from ptyproof.errors import DataError, ManifestError
from ptyproof.io.dataset import read_dataset, write_dataset
from ptyproof.physics.forward import expected_counts
from ptyproof.study.design import MAX_DOSE
from ptyproof.study.layout import BUNDLE, CHECKPOINT
from ptyproof.training.bundle import RECORD, read_bundle
from ptyproof.training.data import hold_back
from ptyproof.training.engine import Callback
from ptyproof.training.prediction import predict_patches
from ptyproof.training.runner import METRICS, train
from ptyproof.training.scan import NormalizedScan, read_scan
from tests.helpers.known import known
from tests.helpers.messages import naming
from tests.helpers.phases import Phase
from tests.helpers.short_training import (
    CPU,
    EPOCHS,
    FILES,
    GONE,
    ROOT,
    SIZES,
    STEPS,
    batches_until_epoch_2,
    file_names,
    same_result,
    same_weights,
    stopping,
    task,
)
from tests.strategies.scans import complex_noise

# What decides the bits


@pytest.mark.parametrize("gridsize", [1, 2])
def test_the_truth_of_the_data_does_not_change_a_bit(
    npz: Path, scan: NormalizedScan, reference: Path, tmp_path: Path, gridsize: int
) -> None:
    dataset = read_dataset(npz).dataset
    changed = replace(
        dataset, obj=complex_noise(known(dataset.obj).shape, 1), patches=complex_noise(known(dataset.patches).shape, 2)
    )
    write_dataset(tmp_path / "changed.npz", changed)
    folders = [tmp_path / "original", tmp_path / "other truth"]
    for folder, source in zip(folders, (npz, tmp_path / "changed.npz"), strict=True):
        folder.mkdir()
        train(task(gridsize), read_scan(source), folder, CPU)
    assert same_result(*folders)
    assert same_result(folders[0], reference) == (gridsize == 2)


BODY = """
import sys
from pathlib import Path
import tests.helpers.short_training as t
from ptyproof.training.scan import read_scan
from ptyproof.training.runner import train

npz, whole, killed, batches = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
train(t.task(), read_scan(npz), whole, t.CPU)
train(t.task(), t.stopping(read_scan(npz), batches, None), killed, t.CPU)
"""


@pytest.mark.campaign
def test_a_fresh_process_gives_the_same_bits_and_one_that_was_killed_goes_on(
    npz: Path, scan: NormalizedScan, reference: Path, tmp_path: Path
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", BODY, npz, whole, killed, str(batches_until_epoch_2(scan, task()))],
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "77"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7, done.stdout + done.stderr
    assert same_result(whole, reference)
    assert file_names(killed) == sorted([CHECKPOINT, METRICS])
    with (killed / METRICS).open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1"]
    assert train(task(), scan, killed, CPU).resumed_from_epoch == 1
    assert same_result(killed, reference)
    assert file_names(killed) == FILES


def test_a_loading_process_changes_nothing(scan: NormalizedScan, reference: Path, tmp_path: Path) -> None:
    train(task(), scan, tmp_path, replace(CPU, num_workers=1))
    assert same_result(tmp_path, reference)


def test_what_others_drew_before_changes_nothing(scan: NormalizedScan, reference: Path, tmp_path: Path) -> None:
    torch.rand(5), np.random.random(5)  # noqa: NPY002
    train(task(), scan, tmp_path, CPU)
    assert same_result(tmp_path, reference)


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 322},
        {"gridsize": 1},
        {"neighbor_count": 5},
        {"learning_rate": 2e-3},
        {"rate_floor": 0.5},
        {"shown_fraction": 0.8},
        {"restraint": 3.0},
        {"network": replace(SIZES, start_iterations=3)},
    ],
    ids=str,
)
def test_another_recipe_gives_other_weights(
    scan: NormalizedScan, reference: Path, tmp_path: Path, other: dict[str, Any]
) -> None:
    train(task(**other), scan, tmp_path, CPU)
    assert not same_weights(tmp_path, reference)


# What a training leaves


def test_all_files_are_in_the_folder_and_nothing_elsewhere(
    scan: NormalizedScan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("folder", "current", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "current")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    trained = train(task(), scan, Path("../folder"), CPU)
    assert file_names(tmp_path) == ["current", "folder", "temporary"]
    assert file_names(tmp_path / "folder") == FILES
    assert file_names(tmp_path / "current") == file_names(tmp_path / "temporary") == []
    assert trained.bundle_path.resolve() == tmp_path / "folder" / BUNDLE
    assert trained.checkpoint_path.resolve() == tmp_path / "folder" / CHECKPOINT


def test_nothing_is_said_without_a_console(
    scan: NormalizedScan, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    train(task(), scan, tmp_path, CPU)
    assert capfd.readouterr() == ("", "")


def test_a_console_hears_of_every_epoch_and_step(scan: NormalizedScan, tmp_path: Path) -> None:
    lines, bars = io.StringIO(), io.StringIO()
    trained = train(task(), scan, tmp_path, CPU, Console(lines, bars))
    for number, row in enumerate(trained.history, start=1):
        assert f"epoch {number}/{EPOCHS}: loss {row['train_loss']:.6f}" in lines.getvalue()
        assert f"validation {row['validation_loss']:.6f}" in lines.getvalue()
    assert f"/{EPOCHS * STEPS} " in bars.getvalue()
    assert task().key in bars.getvalue()


def test_the_bundle_records_the_training(scan: NormalizedScan, reference: Path) -> None:
    bundle = read_bundle(reference / BUNDLE)
    made, found = task(), bundle.record
    assert found["recipe_sha256"] == made.recipe_sha256(scan)
    assert found["training"] == made.training.as_dict()
    assert found["training_arrays_sha256"] == scan.arrays_sha256
    assert found["object_scale"] == scan.object_scale
    assert (found["job"], found["view"], found["dose"]) == (made.key, "dense", 1000.0)
    assert (found["gridsize"], found["neighbor_count"]) == (2, 7)
    assert (found["epochs_completed"], found["steps_completed"]) == (EPOCHS, EPOCHS * STEPS)
    kept, held = hold_back(scan.positions_px, 0.1, 4)
    assert (found["n_training_positions"], found["n_validation_positions"]) == (len(kept), len(held))
    assert bundle.window == scan.window
    assert json.loads((reference / RECORD).read_text(encoding="utf-8")) == found


def test_the_metrics_are_the_history_with_a_cosine_of_learning_rates(scan: NormalizedScan, tmp_path: Path) -> None:
    trained = train(task(learning_rate=2e-3), scan, tmp_path, CPU)
    with (tmp_path / METRICS).open(newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert rows == trained.history
    assert [(row["epoch"], row["step"]) for row in rows] == [(1, 3), (2, 6)]
    for row in rows:  # one step of rise, then half a cosine from the peak to a hundredth of it
        turn = math.pi * (row["step"] - 1) / (EPOCHS * STEPS - 1)
        assert row["learning_rate"] == pytest.approx(2e-3 * (0.01 + 0.99 * (1 + math.cos(turn)) / 2), rel=1e-9)
    assert trained.final_loss == rows[-1]["train_loss"]
    assert trained.validation_loss == rows[-1]["validation_loss"]
    assert trained.epochs_completed == EPOCHS


def test_a_training_without_logger_writes_no_metrics(scan: NormalizedScan, reference: Path, tmp_path: Path) -> None:
    trained = train(task(), scan, tmp_path, replace(CPU, logger="none"))
    assert file_names(tmp_path) == sorted([BUNDLE, RECORD, CHECKPOINT])
    assert (tmp_path / BUNDLE).read_bytes() == (reference / BUNDLE).read_bytes()
    assert len(trained.history) == EPOCHS


def test_the_losses_are_likelihoods_of_single_patterns_by_numpy(scan: NormalizedScan, tmp_path: Path) -> None:
    # The network stays its start, and judges the counts that it was shown.
    made = task(1, learning_rate=1e-9, patterns_per_step=200, rate_floor=0.01, shown_fraction=1.0)
    trained = train(made, scan, tmp_path, CPU)
    network = read_bundle(trained.bundle_path).network
    kept, held = hold_back(scan.positions_px, 0.1, 1)
    losses = []
    for index in (kept, held):
        part = scan.subset(index)
        patches = predict_patches(network, part) / scan.object_scale
        probes = part.probes(np.arange(len(index)))
        rate = np.stack([expected_counts(p, o[None])[0] for p, o in zip(probes, patches, strict=True)]) + 0.01
        counts = np.rint(part.amplitude.astype(np.float64) ** 2)
        entropy = np.where(counts > 0, counts * np.log(np.maximum(counts, 1) / rate), 0)
        losses.append((rate - counts + entropy).mean(axis=(1, 2)))
    assert trained.validation_loss == pytest.approx(losses[1].mean(), rel=1e-4)
    # 200 groups of one are every position once, and then some of them once more.
    assert losses[0].min() < trained.final_loss < losses[0].max()
    assert trained.final_loss == pytest.approx(losses[0].mean(), rel=0.05)


@pytest.mark.parametrize("gridsize", [1, 2])
def test_validation_looks_at_each_position_about_once(scan: NormalizedScan, tmp_path: Path, gridsize: int) -> None:
    class Watch(Callback):
        looked_at = 0

        def on_validation_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, *_: Any) -> None:
            self.looked_at += math.prod(batch["shown"].shape[:2])

    watch = Watch()
    train(task(gridsize, max_epochs=1, validation_fraction=0.3), scan, tmp_path, CPU, watchers=[watch])
    held = hold_back(scan.positions_px, 0.3, gridsize**2)[1]
    assert len(held) <= watch.looked_at < len(held) + gridsize**2


@pytest.mark.parametrize("gridsize", [1, 2])
@pytest.mark.parametrize("shown_fraction", [0.5, 1.0])
def test_training_lowers_the_loss(smoke_c: Phase, tmp_path: Path, gridsize: int, shown_fraction: float) -> None:
    bright = read_scan(smoke_c.root / "dose_100000" / "patched_train.npz")
    plan: dict[str, Any] = {
        "max_epochs": 4,
        "steps_per_epoch": 10,
        "learning_rate": 3e-3,
        "shown_fraction": shown_fraction,
    }
    trained = train(task(gridsize, **plan), bright, tmp_path, CPU)
    first, last = trained.history[0], trained.history[-1]
    assert last["train_loss"] < 0.99 * first["train_loss"]
    assert last["validation_loss"] < 0.997 * first["validation_loss"]


def test_the_bundle_has_the_weights_of_the_best_validation(scan: NormalizedScan, tmp_path: Path) -> None:
    few = scan.subset(np.arange(0, 120, 12))  # are soon learnt by heart
    made = task(1, max_epochs=5, steps_per_epoch=6, learning_rate=3e-3, validation_fraction=0.3)
    whole, short = tmp_path / "whole", tmp_path / "short"
    whole.mkdir()
    short.mkdir()
    trained = train(made, few, whole, CPU)
    held = [row["validation_loss"] for row in trained.history]
    assert trained.bundle_epoch == read_bundle(trained.bundle_path).record["bundle_epoch"] == np.argmin(held) + 1
    assert trained.bundle_epoch < 5, "the case must have a best epoch before its last"
    found = load_file(trained.bundle_path)
    assert not has_weights(whole / CHECKPOINT, found)
    with pytest.raises(OSError, match=GONE):  # the same training, ended right after its best epoch
        train(made, stopping(few, trained.bundle_epoch * 7, OSError), short, CPU)
    assert has_weights(short / CHECKPOINT, found)


def has_weights(checkpoint: Path, weights: dict[str, torch.Tensor]) -> bool:
    """Whether a checkpoint goes on from these weights."""
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    return all(torch.equal(value, state[f"network.{name}"]) for name, value in weights.items())


# Without validation


def test_without_validation_the_last_weights_are_kept(scan: NormalizedScan, tmp_path: Path) -> None:
    trained = train(task(validation_fraction=0.0), scan, tmp_path, CPU)
    assert trained.validation_loss is None
    assert trained.bundle_epoch == EPOCHS
    assert read_bundle(trained.bundle_path).record["n_validation_positions"] == 0
    assert "validation_loss" not in trained.history[0]


def test_positions_of_a_single_group_are_trained_on(scan: NormalizedScan, tmp_path: Path) -> None:
    train(task(), scan.subset(np.arange(4)), tmp_path, CPU)
    assert read_bundle(tmp_path / BUNDLE).record["n_training_positions"] == 4


@pytest.mark.parametrize(("gridsize", "positions"), [(2, 3), (2, 1), (3, 8)])
def test_a_group_larger_than_the_positions_is_refused(
    scan: NormalizedScan, tmp_path: Path, gridsize: int, positions: int
) -> None:
    with pytest.raises(DataError, match=naming(positions, gridsize**2)) as caught:
        train(task(gridsize, 9), scan.subset(np.arange(positions)), tmp_path, CPU)
    assert "dose1000" in str(caught.value)
    assert file_names(tmp_path) == []


def test_a_step_has_one_group_where_a_group_has_more_than_its_patterns(
    scan: NormalizedScan, reference: Path, tmp_path: Path
) -> None:
    trained = train(task(patterns_per_step=1), scan, tmp_path, CPU)
    assert trained.epochs_completed == EPOCHS


# What a bundle's record could not say


@pytest.mark.parametrize("dose", [2e9, MAX_DOSE])
def test_a_bright_source_is_trained_on(scan: NormalizedScan, tmp_path: Path, dose: float) -> None:
    bright = replace(task(), dose=dose)
    trained = train(replace(bright, training=replace(bright.training, max_epochs=1)), scan, tmp_path, CPU)
    assert read_bundle(trained.bundle_path).record["dose"] == dose


@pytest.mark.parametrize(("key", "value"), [("dose", 2 * MAX_DOSE), ("dose", 0.0), ("view", "a/b"), ("gridsize", 17)])
def test_what_the_record_could_not_say_is_refused_before_the_training(
    scan: NormalizedScan, tmp_path: Path, key: str, value: Any
) -> None:
    with pytest.raises(ManifestError, match=key):
        train(replace(task(), **{key: value}), scan, tmp_path, CPU)
    assert not list(tmp_path.iterdir())
