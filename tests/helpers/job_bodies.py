"""What jobs do in processes of their own: functions and phases that such a process can import."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ptyproof.console import Console
from ptyproof.errors import DataError, InputError
from ptyproof.jobs.attempt import EndedJob
from ptyproof.phases.e_train.train import TrainingPhase
from ptyproof.records.job_record import JobRecord
from ptyproof.study.jobs import TrainingJob
from tests.helpers.light_jobs import STARTED, Began, meet, write_pid_and_sleep

__all__ = ["STARTED", "meet", "write_pid_and_sleep"]

MEMORY = "128 GiB"


def speak(console: Console, began: Began) -> dict[str, Any]:
    """Say lines, draw a bar, and tell about the process."""
    began(STARTED)
    console.say("eins")
    with console.progress("bar", 3, "step") as progress:
        progress.update(3)
    console.say("zwei ü")
    return {
        "pid": os.getpid(),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.is_initialized(),
        "main": sys.modules["__main__"].__name__,
        "spin": os.environ.get("GOMP_SPINCOUNT"),
        "folder": str(Path.cwd()),
    }


def die(how: str, console: Console, began: Began) -> None:
    """Begin, and die in one of the `WAYS`."""
    began(STARTED)
    WAYS[how]()


def die_before_it_begins(console: Console, began: Began) -> None:
    """Die while the job is another process's, say."""
    os.kill(os.getpid(), signal.SIGTERM)


def fail(what: str, console: Console, began: Began) -> None:
    """Raise an error."""
    raise {
        "input": InputError("view"),
        "data": DataError("a.npz", "is cut", "diffraction"),
        "other": ValueError("x"),
        "memory": MemoryError(MEMORY),
        "extra": ImportError("x", name="lightning"),
    }[what]


def segmentation_fault() -> None:
    """Read where nothing is."""
    ctypes.string_at(0)


def with_numpy() -> None:
    """Ask for more than the limit in one piece, and use none of it."""
    np.empty(2**31)


def with_torch() -> None:
    """Ask for more than the limit, of torch."""
    torch.empty(2**31, dtype=torch.float64)


def bit_by_bit() -> None:
    """Ask for more and more."""
    held = []
    while True:
        held.append(bytearray(2**24))


def sleep_deaf() -> None:
    """Sleep through every interrupt."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    time.sleep(60)


WAYS: dict[str, Callable[[], Any]] = {
    "abort": os.abort,
    "segfault": segmentation_fault,
    "exit": lambda: os._exit(7),
    "exit-well": lambda: os._exit(0),
    "term": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "sleep": lambda: time.sleep(60),
    "sleep-deaf": sleep_deaf,
    "numpy": with_numpy,
    "torch": with_torch,
    "bit-by-bit": bit_by_bit,
}


@dataclass(frozen=True, eq=False)
class Sabotaged(TrainingPhase):
    """Phase E whose dense view of dose 1000 dies in the middle of its training, in one of the `WAYS`."""

    way: str = ""

    def run_here(
        self, record: JobRecord[TrainingJob], memory_bytes: int | None, console: Console, began: Began
    ) -> EndedJob[TrainingJob]:
        """Train, but for one job."""
        from ptyproof.phases.e_train import train_worker

        if record.job.key == "dose1000-dense-gs2":
            train_worker.train = lambda *_: WAYS[self.way]()  # type: ignore[attr-defined]
        return super().run_here(record, memory_bytes, console, began)
