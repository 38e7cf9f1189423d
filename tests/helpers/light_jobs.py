"""What jobs do in processes of their own that import neither numpy nor torch, so that they start at once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ptyproof.console import Console
from ptyproof.errors import InputError

STARTED = "2026-01-01T00:00:00Z"
Began = Callable[[str], None]


def tell(console: Console, began: Began) -> dict[str, Any]:
    """Say lines, draw a bar, and tell about the process."""
    began(STARTED)
    console.say("eins")
    with console.progress("bar", 3, "step") as progress:
        progress.update(3)
    console.say("zwei ü")
    return {"pid": os.getpid(), "folder": str(Path.cwd()), "gpu": os.environ.get("CUDA_VISIBLE_DEVICES")}


def end(how: str, console: Console, began: Began) -> None:
    """Begin, and end without a result: `kill`, `exit`, `sleep`, or `input`, an error of ptyproof."""
    began(STARTED)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "exit":
        os._exit(7)
    if how == "input":
        raise InputError("view")
    time.sleep(60)


def write_pid_and_sleep(place: Path, console: Console, began: Began) -> None:
    """Tell who runs the job, and run for long."""
    began(STARTED)
    place.write_text(str(os.getpid()))
    time.sleep(60)


def meet(place: Path, name: str, n: int, console: Console, began: Began) -> int:
    """Stay until `n` jobs are here, for twenty seconds at most; return how many were here at once."""
    began(STARTED)
    here, most = place / name, 0
    here.touch()
    for _ in range(1000):
        most = max(most, len(list(place.iterdir())))
        if most >= n:
            break
        time.sleep(0.02)
    time.sleep(0.1)  # so that the others see this one
    here.unlink()
    return most


def sleep_only_once(place: Path, console: Console, began: Began) -> str:
    """Tell who runs the job, and run for long; return at once if it was run before."""
    began(STARTED)
    if place.is_file():
        return "again"
    place.write_text(str(os.getpid()))
    time.sleep(60)
    return "slept"
