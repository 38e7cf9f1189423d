"""Digests of a training while it runs: what two trainings must have alike, step by step and epoch by epoch, to be one.

A line of JSON is written for each epoch, so what a killed training has said stays.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ptyproof.io.hashing import sha256_array
from ptyproof.training.digest_record import EpochDigest, StepDigest
from ptyproof.training.engine import Callback, pl


class DigestLog(Callback):
    """Writes digests of a training to a file, a line of JSON per epoch.

    Parameters
    ----------
    path
        The file; lines are appended.
    last_epoch
        Epoch, from 1, after which the training ends; None lets it go on to its end.
    killed_in_epoch
        Epoch, from 1, at whose beginning the process kills itself, as an outside kill would; None: never.
    """

    def __init__(self, path: Path, last_epoch: int | None = None, killed_in_epoch: int | None = None) -> None:
        self._path = path
        self._last_epoch = last_epoch
        self._killed_in_epoch = killed_in_epoch
        self._steps: list[StepDigest] = []
        self._others = ""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Remember the states of the generators that no code may draw from."""
        self._others = _other_generators()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin an epoch, or end the process in it."""
        if self._killed_in_epoch == trainer.current_epoch + 1:
            os.kill(os.getpid(), signal.SIGKILL)
        self._steps = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take the digests of a step."""
        self._steps.append(StepDigest(sha256_tensors(batch), float(outputs["loss"]), _weights(pl_module)))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the digests of an epoch and write them."""
        losses = trainer.callback_metrics
        held = losses.get("validation_loss")
        digest = EpochDigest(
            epoch=trainer.current_epoch + 1,
            steps=tuple(self._steps),
            loss=float(losses["train_loss"]),
            validation_loss=None if held is None else float(held),
            weights=_weights(pl_module),
            optimizer=sha256_state([optimizer.state_dict() for optimizer in trainer.optimizers]),
            rng=self._generators(),
        )
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(digest), allow_nan=False) + "\n")
        if digest.epoch == self._last_epoch:
            trainer.should_stop = True

    def _generators(self) -> str:
        used = torch.cuda.is_initialized()
        devices = torch.cuda.get_rng_state_all() if used else []
        others = _other_generators()
        return sha256_state([torch.get_rng_state(), devices, "" if others == self._others else others])


def sha256_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Return one sha256 of named tensors (...) of any dtype: their names, types, shapes and contents."""
    return sha256_state(dict(tensors))


def sha256_state(state: Any) -> str:
    """Return the sha256 of tensors, numbers and texts in dicts and lists, as an optimizer's state is."""
    digest = hashlib.sha256()
    for part in _parts(state, ""):
        digest.update(f"{part}\n".encode())
    return digest.hexdigest()


def _parts(value: Any, place: str) -> Iterable[str]:
    """Yield a line for each value that holds no other, with its place."""
    if isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield from _parts(value[key], f"{place}[{key!r}]")
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from _parts(part, f"{place}[{number}]")
    elif isinstance(value, Tensor):
        yield f"{place}\0{sha256_array(value.detach().cpu().numpy())}"
    else:
        yield f"{place}\0{value!r}"


def _weights(module: pl.LightningModule) -> str:
    return sha256_tensors(module.state_dict())


def _other_generators() -> str:
    return sha256_state([random.getstate(), [repr(part) for part in np.random.get_state()]])  # noqa: NPY002
