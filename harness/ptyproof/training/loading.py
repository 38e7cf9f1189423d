"""Processes that load data for a training, and end with it."""

from __future__ import annotations

import multiprocessing
import os
import threading
from typing import Any


def in_processes(n: int) -> dict[str, Any]:
    """Return the settings of a `DataLoader` whose items are loaded by `n` processes; 0 is the training's own.

    They end when the training's process is killed, too: left to themselves, they and their fork server keep each other.
    """
    if n == 0:
        return {"num_workers": 0}
    return {"num_workers": n, "multiprocessing_context": "forkserver", "worker_init_fn": _end_with_training}


def _end_with_training(_number: int) -> None:
    threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    training = multiprocessing.parent_process()
    assert training is not None
    training.join()
    os._exit(1)
