"""Real short trainings: what decides their bits, what they leave, and how they end and go on."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ptyproof.console import Console
from ptyproof.errors import DataError
from ptyproof.io.dataset import read_dataset, write_dataset
from ptyproof.physics.forward import expected_counts
from ptyproof.study.training import NetworkDesign, TrainingDesign
from ptyproof.training.bundle import BUNDLE, RECORD, read_bundle
from ptyproof.training.data import GroupSampler, Scan, hold_back, read_scan
from ptyproof.training.device import RunOptions
from ptyproof.training.module import TrainingDivergedError
from ptyproof.training.prediction import predict_patches
from ptyproof.training.runner import CHECKPOINT, METRICS, TrainingTask, train
from tests.strategies.scans import complex_noise

ROOT = Path(__file__).parents[2]
CPU = RunOptions(accelerator="cpu", threads=1)
EPOCHS, STEPS = 2, 3
FILES = sorted([BUNDLE, RECORD, CHECKPOINT, METRICS])


def task(gridsize=2, neighbor_count=7, **training):
    """A tiny training of the smoke study's data."""
    sizes = NetworkDesign(channels=8, n_blocks=1)
    plan = TrainingDesign(**{"max_epochs": EPOCHS, "steps_per_epoch": STEPS, "network": sizes, **training})
    key = f"dose1000-dense-gs{gridsize}"
    return TrainingTask("fly64-smoke", "0" * 64, key, 1000.0, "dense", gridsize, neighbor_count, plan)


def with_rate(made, learning_rate):
    """A task with a learning rate that no design allows."""
    object.__setattr__(made.training, "learning_rate", learning_rate)
    return made


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def same_result(folder, other):
    """Whether two trainings left the same bundle and the same metrics, byte for byte."""
    return all((folder / name).read_bytes() == (other / name).read_bytes() for name in (BUNDLE, METRICS))


def told(stream):
    return Console(stream, None)


class Stopped(Scan):
    """A scan that cannot be read any more after some batches of a training."""

    left = 0
    by = OSError

    def probes(self, index):
        Stopped.left -= 1
        if Stopped.left < 0:
            if Stopped.by is None:
                os._exit(7)  # as if the power went
            raise Stopped.by("the disk is gone")
        return super().probes(index)


def stopping(scan, batches, by):
    Stopped.left, Stopped.by = batches, by
    return Stopped(scan.amplitude, scan.probe, scan.object_scale, scan.positions_px, scan.arrays_sha256)


def batches_until_epoch_2(scan, made):
    """Batches that are read before one of the second epoch's middle is."""
    _, held = hold_back(scan.positions_px, made.training.validation_fraction, made.gridsize**2)
    validation = math.ceil(len(held) / max(1, made.training.patterns_per_step // made.gridsize**2))
    return STEPS + validation + 1


@pytest.fixture(scope="module")
def npz(smoke_c):
    return smoke_c.root / "dose_1000" / "patched_train.npz"


@pytest.fixture(scope="module")
def scan(npz):
    return read_scan(npz)


@pytest.fixture(scope="module")
def reference(scan, tmp_path_factory):
    """The folder of an uninterrupted training, which no test changes."""
    folder = tmp_path_factory.mktemp("reference")
    train(task(), scan, folder, CPU)
    return folder


@pytest.fixture
def interrupted(scan, tmp_path):
    """A folder in which the same training ended in its second epoch."""
    folder = tmp_path / "interrupted"
    folder.mkdir()
    with pytest.raises(OSError, match="the disk is gone"):
        train(task(), stopping(scan, batches_until_epoch_2(scan, task()), OSError), folder, CPU)
    assert (folder / CHECKPOINT).is_file()
    assert not (folder / BUNDLE).exists()
    return folder


# What decides the bits


@pytest.mark.parametrize("gridsize", [1, 2])
def test_the_truth_of_the_data_does_not_change_a_bit(npz, scan, reference, tmp_path, gridsize):
    dataset = read_dataset(npz).dataset
    changed = replace(dataset, obj=complex_noise(dataset.obj.shape, 1), patches=complex_noise(dataset.patches.shape, 2))
    write_dataset(tmp_path / "changed.npz", changed)
    folders = [tmp_path / "original", tmp_path / "other truth"]
    for folder, source in zip(folders, (npz, tmp_path / "changed.npz"), strict=True):
        folder.mkdir()
        train(task(gridsize), read_scan(source), folder, CPU)
    assert same_result(*folders)
    assert same_result(folders[0], reference) == (gridsize == 2)


def process(body, *arguments):
    """Start `body` in a fresh Python process; `arguments` are its sys.argv[1:]."""
    prelude = "import sys; from pathlib import Path; import tests.training.test_runner as t\n"
    command = [sys.executable, "-c", prelude + body, *map(str, arguments)]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_fresh_processes_give_the_same_bits_and_one_that_was_killed_goes_on(npz, scan, reference, tmp_path):
    folders = [tmp_path / name for name in ("first", "second", "killed")]
    for folder in folders:
        folder.mkdir()
    whole = "t.train(t.task(), t.read_scan(sys.argv[1]), Path(sys.argv[2]), t.CPU)\n"
    dying = """
        scan = t.stopping(t.read_scan(sys.argv[1]), int(sys.argv[4]), None)
        t.train(t.task(), scan, Path(sys.argv[3]), t.CPU)
    """
    running = [process(whole, npz, folders[0])]
    last = batches_until_epoch_2(scan, task())
    running.append(process(whole + textwrap.dedent(dying), npz, folders[1], folders[2], last))
    said = [one.communicate(timeout=120)[0] for one in running]
    assert [one.returncode for one in running] == [0, 7], said
    assert same_result(folders[0], folders[1])
    assert same_result(folders[0], reference)
    assert names(folders[2]) == sorted([CHECKPOINT, METRICS])
    with (folders[2] / METRICS).open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1"]
    assert train(task(), scan, folders[2], CPU).resumed_from_epoch == 1
    assert same_result(folders[2], reference)
    assert names(folders[2]) == FILES


def test_a_loading_process_changes_nothing(scan, reference, tmp_path):
    train(task(), scan, tmp_path, replace(CPU, num_workers=1))
    assert same_result(tmp_path, reference)


def test_what_others_drew_before_changes_nothing(scan, reference, tmp_path):
    torch.rand(5), np.random.random(5)  # noqa: NPY002
    train(task(), scan, tmp_path, CPU)
    assert same_result(tmp_path, reference)


@pytest.mark.parametrize(
    "other",
    [{"seed": 322}, {"gridsize": 1}, {"neighbor_count": 5}, {"learning_rate": 2e-3}, {"rate_floor": 0.5}],
    ids=str,
)
def test_another_recipe_gives_other_weights(scan, reference, tmp_path, other):
    train(task(**other), scan, tmp_path, CPU)
    assert not same_weights(tmp_path, reference)


def same_weights(folder, other):
    left, right = load_file(folder / BUNDLE), load_file(other / BUNDLE)
    return all(torch.equal(value, right[name]) for name, value in left.items())


# What a training leaves


def test_all_files_are_in_the_folder_and_nothing_elsewhere(scan, tmp_path, monkeypatch):
    for name in ("folder", "current", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "current")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    trained = train(task(), scan, Path("../folder"), CPU)
    assert names(tmp_path) == ["current", "folder", "temporary"]
    assert names(tmp_path / "folder") == FILES
    assert names(tmp_path / "current") == names(tmp_path / "temporary") == []
    assert trained.bundle_path.resolve() == tmp_path / "folder" / BUNDLE
    assert trained.checkpoint_path.resolve() == tmp_path / "folder" / CHECKPOINT


def test_nothing_is_said_without_a_console(scan, tmp_path, capfd):
    train(task(), scan, tmp_path, CPU)
    assert capfd.readouterr() == ("", "")


def test_a_console_hears_of_every_epoch_and_step(scan, tmp_path):
    lines, bars = io.StringIO(), io.StringIO()
    trained = train(task(), scan, tmp_path, CPU, Console(lines, bars))
    for number, row in enumerate(trained.history, start=1):
        assert f"epoch {number}/{EPOCHS}: loss {row['train_loss']:.6f}" in lines.getvalue()
        assert f"validation {row['validation_loss']:.6f}" in lines.getvalue()
    assert f"/{EPOCHS * STEPS} " in bars.getvalue()
    assert task().key in bars.getvalue()


def test_the_bundle_records_the_training(scan, reference):
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


def test_the_metrics_are_the_history_with_a_cosine_of_learning_rates(scan, tmp_path):
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


def test_a_training_without_logger_writes_no_metrics(scan, reference, tmp_path):
    trained = train(task(), scan, tmp_path, replace(CPU, logger="none"))
    assert names(tmp_path) == sorted([BUNDLE, RECORD, CHECKPOINT])
    assert (tmp_path / BUNDLE).read_bytes() == (reference / BUNDLE).read_bytes()
    assert len(trained.history) == EPOCHS


def test_the_losses_are_likelihoods_of_single_patterns_by_numpy(scan, tmp_path):
    made = task(1, learning_rate=1e-9, patterns_per_step=200, rate_floor=0.01)  # the network stays its start
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
def test_training_lowers_the_loss(smoke_c, tmp_path, gridsize):
    bright = read_scan(smoke_c.root / "dose_100000" / "patched_train.npz")
    trained = train(task(gridsize, max_epochs=4, steps_per_epoch=10, learning_rate=3e-3), bright, tmp_path, CPU)
    first, last = trained.history[0], trained.history[-1]
    assert last["train_loss"] < 0.97 * first["train_loss"]
    assert last["validation_loss"] < 0.98 * first["validation_loss"]


def test_the_bundle_has_the_weights_of_the_best_validation(scan, tmp_path):
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
    with pytest.raises(OSError, match="gone"):  # the same training, ended right after its best epoch
        train(made, stopping(few, trained.bundle_epoch * 7, OSError), short, CPU)
    assert has_weights(short / CHECKPOINT, found)


def has_weights(checkpoint, weights):
    """Whether a checkpoint goes on from these weights."""
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    return all(torch.equal(value, state[f"network.{name}"]) for name, value in weights.items())


# Without validation


def test_without_validation_the_last_weights_are_kept(scan, tmp_path):
    trained = train(task(validation_fraction=0.0), scan, tmp_path, CPU)
    assert trained.validation_loss is None
    assert trained.bundle_epoch == EPOCHS
    assert read_bundle(trained.bundle_path).record["n_validation_positions"] == 0
    assert "validation_loss" not in trained.history[0]


def test_positions_of_a_single_group_are_trained_on(scan, tmp_path):
    train(task(), scan.subset(np.arange(4)), tmp_path, CPU)
    assert read_bundle(tmp_path / BUNDLE).record["n_training_positions"] == 4


@pytest.mark.parametrize(("gridsize", "positions"), [(2, 3), (2, 1), (3, 8)])
def test_a_group_larger_than_the_positions_is_refused(scan, tmp_path, gridsize, positions):
    with pytest.raises(DataError, match=f"{positions} training positions.*has {gridsize**2}") as caught:
        train(task(gridsize, 9), scan.subset(np.arange(positions)), tmp_path, CPU)
    assert "dose1000" in str(caught.value)
    assert names(tmp_path) == []


def test_a_step_has_one_group_where_a_group_has_more_than_its_patterns(scan, reference, tmp_path):
    trained = train(task(patterns_per_step=1), scan, tmp_path, CPU)
    assert trained.epochs_completed == EPOCHS


# Going on


@pytest.mark.parametrize("gridsize", [1, 2])
@pytest.mark.parametrize("batches", [2, 5, 7])
def test_a_training_that_failed_anywhere_goes_on_to_the_same_result(scan, reference, tmp_path, gridsize, batches):
    made, whole, broken = task(gridsize, max_epochs=3), tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    train(made, scan, whole, CPU)
    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            train(made, stopping(scan, batches, OSError), broken, CPU)
    train(made, scan, broken, CPU)
    assert same_result(broken, whole)
    assert names(broken) == FILES


def test_going_on_is_said_with_its_epoch(scan, reference, interrupted):
    lines = io.StringIO()
    trained = train(task(), scan, interrupted, CPU, told(lines))
    assert trained.resumed_from_epoch == 1
    assert len(trained.history) == EPOCHS
    assert "resumed after epoch 1" in lines.getvalue()
    assert "epoch 1/" not in lines.getvalue()
    assert same_result(interrupted, reference)


def test_a_finished_training_is_only_written_again(scan, reference, tmp_path):
    train(task(), scan, tmp_path, CPU)
    (tmp_path / BUNDLE).unlink()
    trained = train(task(), scan, tmp_path, CPU)
    assert trained.resumed_from_epoch == EPOCHS
    assert same_result(tmp_path, reference)


def test_a_study_that_got_other_jobs_resumes_this_one(scan, interrupted):
    assert train(replace(task(), design_digest="f" * 64), scan, interrupted, CPU).resumed_from_epoch == 1


@pytest.mark.parametrize(
    "other",
    [{"gridsize": 1}, {"neighbor_count": 6}, {"seed": 5}, {"learning_rate": 2e-3}, {"max_epochs": 3}, {"network": 2}],
    ids=str,
)
def test_a_checkpoint_of_another_recipe_is_not_resumed(scan, interrupted, tmp_path, other):
    if "network" in other:
        other = {"network": NetworkDesign(channels=8, n_blocks=2)}
    fresh, lines = tmp_path / "fresh", io.StringIO()
    fresh.mkdir()
    train(task(**other), scan, fresh, CPU)
    assert train(task(**other), scan, interrupted, CPU, told(lines)).resumed_from_epoch == 0
    assert "another training" in lines.getvalue()
    assert same_result(interrupted, fresh)


def test_a_checkpoint_of_other_data_is_not_resumed(scan, interrupted):
    other = replace(scan, arrays_sha256="f" * 64)
    assert train(task(), other, interrupted, CPU).resumed_from_epoch == 0


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def saved(value):
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def repacked(raw, pickled):
    """A checkpoint whose pickle stream is another one."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as source, zipfile.ZipFile(stream, "w") as target:
        for info in source.infolist():
            target.writestr(info.filename, pickled if info.filename.endswith("data.pkl") else source.read(info))
    return stream.getvalue()


DAMAGES = {
    "empty": lambda raw: b"",
    "text": lambda raw: b"no checkpoint",
    "cut in its directory": lambda raw: raw[:-1],
    "cut in half": lambda raw: raw[: len(raw) // 2],
    "cut at its start": lambda raw: raw[:10],
    "without its beginning": lambda raw: raw[1000:],
    "a list": lambda raw: saved([1, 2]),
    "a number": lambda raw: saved(5),
    "of another maker": lambda raw: saved({"state_dict": {}, "epoch": 0}),
    "nothing of ours": lambda raw: saved({"ptyproof": None, "epoch": 0}),
    "no epoch": lambda raw: saved({"ptyproof": {"recipe_sha256": "0"}}),
    "a broken pickle": lambda raw: repacked(raw, b"\x80\x02}q\x00"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_not_resumed(scan, reference, interrupted, damage):
    path, lines = interrupted / CHECKPOINT, io.StringIO()
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert train(task(), scan, interrupted, CPU, told(lines)).resumed_from_epoch == 0
    assert "training starts anew" in lines.getvalue()
    assert same_result(interrupted, reference)


def without_the_rest(raw):
    state = torch.load(io.BytesIO(raw), weights_only=True)
    return saved({name: state[name] for name in ("ptyproof", "epoch")})


def with_another_weight(raw):
    weights = torch.load(io.BytesIO(raw), weights_only=True)["state_dict"]["network.stem.weight"].numpy().tobytes()
    changed = bytearray(raw)
    changed[raw.index(weights) + 2] ^= 0x40
    return bytes(changed)


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: repacked(raw, b"\x80\x02."),
        lambda raw: saved(torch.zeros(0)),
        without_the_rest,
        with_another_weight,
    ],
    ids=["an empty pickle", "a tensor", "our part alone", "a flipped bit of a weight"],
)
def test_a_checkpoint_that_seems_whole_is_not_resumed(scan, reference, interrupted, damage):
    path = interrupted / CHECKPOINT
    path.write_bytes(damage(path.read_bytes()))
    train(task(), scan, interrupted, CPU)
    assert same_result(interrupted, reference)


@pytest.mark.parametrize("form", ["pickle", "torch", "checkpoint"])
def test_code_in_a_checkpoint_is_not_run(scan, reference, tmp_path, form):
    trace, folder = tmp_path / "it-ran", tmp_path / "folder"
    folder.mkdir()
    ours = {"ptyproof": {"recipe_sha256": task().recipe_sha256(scan)}, "epoch": 0, "more": Bomb(trace)}
    content = {
        "pickle": lambda: pickle.dumps(ours, protocol=2),
        "torch": lambda: saved(ours),
        "checkpoint": lambda: repacked((reference / CHECKPOINT).read_bytes(), pickle.dumps(ours, protocol=2)),
    }[form]()
    (folder / CHECKPOINT).write_bytes(content)
    lines = io.StringIO()
    assert train(task(), scan, folder, CPU, told(lines)).resumed_from_epoch == 0
    assert not trace.exists()
    assert "training starts anew" in lines.getvalue()
    assert same_result(folder, reference)
    if form == "pickle":
        pickle.loads(content)
        assert trace.exists()


# Ending badly


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


def test_an_interrupted_training_goes_on(scan, reference, tmp_path):
    handler = signal.getsignal(signal.SIGINT)
    try:
        stopped = stopping(scan, batches_until_epoch_2(scan, task()), KeyboardInterrupt)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            train(task(), stopped, tmp_path, CPU)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert train(task(), scan, tmp_path, CPU).resumed_from_epoch == 1
    assert same_result(tmp_path, reference)
