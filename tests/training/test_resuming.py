"""Short trainings that ended early go on to the same bits; what no checkpoint of theirs is starts them anew."""

from __future__ import annotations

import io
import os
import pickle
import signal
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ptyproof.study.layout import BUNDLE, CHECKPOINT
from ptyproof.study.training import NetworkDesign
from ptyproof.training.digest_record import read_digests
from ptyproof.training.digests import DigestLog
from ptyproof.training.runner import train
from ptyproof.training.scan import NormalizedScan
from tests.helpers.short_training import (
    CPU,
    EPOCHS,
    FILES,
    GONE,
    batches_until_epoch_2,
    file_names,
    same_checkpoint,
    same_result,
    stopping,
    task,
    told,
)


@pytest.mark.parametrize(("gridsize", "batches"), [(2, 2), (1, 5), (2, 7)])
def test_a_training_that_failed_anywhere_goes_on_to_the_same_result(
    scan: NormalizedScan, reference: Path, tmp_path: Path, gridsize: int, batches: int
) -> None:
    made, whole, broken = task(gridsize, max_epochs=3), tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    train(made, scan, whole, CPU)
    for _ in range(2):
        with pytest.raises(OSError, match=GONE):
            train(made, stopping(scan, batches, OSError), broken, CPU)
    train(made, scan, broken, CPU)
    assert same_result(broken, whole)
    assert same_checkpoint(broken, whole)
    assert file_names(broken) == FILES


def test_going_on_is_said_with_its_epoch(scan: NormalizedScan, reference: Path, interrupted: Path) -> None:
    lines = io.StringIO()
    trained = train(task(), scan, interrupted, CPU, told(lines))
    assert trained.resumed_from_epoch == 1
    assert len(trained.history) == EPOCHS
    assert "epoch 1\n" in lines.getvalue()
    assert "epoch 1/" not in lines.getvalue()
    assert same_result(interrupted, reference)


def test_a_finished_training_is_only_written_again(scan: NormalizedScan, reference: Path, tmp_path: Path) -> None:
    train(task(), scan, tmp_path, CPU)
    (tmp_path / BUNDLE).unlink()
    trained = train(task(), scan, tmp_path, CPU)
    assert trained.resumed_from_epoch == EPOCHS
    assert same_result(tmp_path, reference)


def test_a_study_that_got_other_jobs_resumes_this_one(scan: NormalizedScan, interrupted: Path) -> None:
    assert train(replace(task(), design_digest="f" * 64), scan, interrupted, CPU).resumed_from_epoch == 1


@pytest.mark.parametrize(
    "other",
    [{"gridsize": 1}, {"neighbor_count": 6}, {"seed": 5}, {"learning_rate": 2e-3}, {"max_epochs": 3}, {"network": 2}],
    ids=str,
)
def test_a_checkpoint_of_another_recipe_is_not_resumed(
    scan: NormalizedScan, interrupted: Path, tmp_path: Path, other: dict[str, Any]
) -> None:
    if "network" in other:
        other = {"network": NetworkDesign(channels=8, n_blocks=2)}
    fresh, lines = tmp_path / "fresh", io.StringIO()
    fresh.mkdir()
    train(task(**other), scan, fresh, CPU)
    assert train(task(**other), scan, interrupted, CPU, told(lines)).resumed_from_epoch == 0
    assert CHECKPOINT in lines.getvalue()
    assert same_result(interrupted, fresh)


def test_a_checkpoint_of_other_data_is_not_resumed(scan: NormalizedScan, interrupted: Path) -> None:
    other = replace(scan, arrays_sha256="f" * 64)
    assert train(task(), other, interrupted, CPU).resumed_from_epoch == 0


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.path),)


def saved(value: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def repacked(raw: bytes, pickled: bytes) -> bytes:
    """A checkpoint whose pickle stream is another one."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as source, zipfile.ZipFile(stream, "w") as target:
        for info in source.infolist():
            target.writestr(info.filename, pickled if info.filename.endswith("data.pkl") else source.read(info))
    return stream.getvalue()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
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
def test_a_damaged_checkpoint_is_not_resumed(
    scan: NormalizedScan, reference: Path, interrupted: Path, damage: str
) -> None:
    path, lines = interrupted / CHECKPOINT, io.StringIO()
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert train(task(), scan, interrupted, CPU, told(lines)).resumed_from_epoch == 0
    assert CHECKPOINT in lines.getvalue()
    assert same_result(interrupted, reference)


def without_the_rest(raw: bytes) -> bytes:
    state = torch.load(io.BytesIO(raw), weights_only=True)
    return saved({name: state[name] for name in ("ptyproof", "epoch")})


def with_another_weight(raw: bytes) -> bytes:
    weights = (
        torch.load(io.BytesIO(raw), weights_only=True)["state_dict"]["network.stages.0.stem.weight"].numpy().tobytes()
    )
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
def test_a_checkpoint_that_seems_whole_is_not_resumed(
    scan: NormalizedScan, reference: Path, interrupted: Path, damage: Callable[..., Any]
) -> None:
    path = interrupted / CHECKPOINT
    path.write_bytes(damage(path.read_bytes()))
    train(task(), scan, interrupted, CPU)
    assert same_result(interrupted, reference)


@pytest.mark.parametrize("form", ["pickle", "torch", "checkpoint"])
def test_code_in_a_checkpoint_is_not_run(scan: NormalizedScan, reference: Path, tmp_path: Path, form: str) -> None:
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
    assert CHECKPOINT in lines.getvalue()
    assert same_result(folder, reference)
    if form == "pickle":
        pickle.loads(content)
        assert trace.exists()


def test_an_interrupted_training_goes_on(scan: NormalizedScan, reference: Path, tmp_path: Path) -> None:
    handler = signal.getsignal(signal.SIGINT)
    try:
        stopped = stopping(scan, batches_until_epoch_2(scan, task()), KeyboardInterrupt)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            train(task(), stopped, tmp_path, CPU)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert train(task(), scan, tmp_path, CPU).resumed_from_epoch == 1
    assert same_result(tmp_path, reference)


def test_random_generators_go_on_where_the_training_was_killed(scan: NormalizedScan, tmp_path: Path) -> None:
    """Loaders draw from torch's generator in each epoch, and dropout would."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    digests = []
    for folder, last_epochs in ((whole, [3]), (broken, [1, 2, 3])):
        folder.mkdir()
        for last_epoch in last_epochs:
            watcher = DigestLog(folder / "digests", last_epoch)
            train(task(max_epochs=3), scan, folder, CPU, watchers=[watcher])
        digests.append(read_digests(folder / "digests"))
    assert len(digests[0]) == 3
    assert digests[1] == digests[0]
    assert len({digest.rng for digest in digests[0]}) == 3
