"""Where a job stands: the process that runs it says so beside the job's artifacts, and keeps saying that it lives.

The manifest records ends, and calls a job `lost` until it has one. The file `job_state.json` is there while a process
runs the job, and is left behind by one that died. Both together tell five states apart:

- pending: a call has selected the job, and no process has started it;
- running: a process runs it now: its host, pid and heartbeat are in the file;
- success, failed: the end that the manifest has;
- lost: it was started, and its process has died without recording an end. The next call runs it again.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ptyproof import clock
from ptyproof.console import Console
from ptyproof.errors import ManifestError
from ptyproof.provenance.anonymity import host_label, is_this_host
from ptyproof.records.manifest import head, read_manifest, write_manifest

if TYPE_CHECKING:
    from ptyproof_schemas.types.job_state import JobState, Process

STATES = ("pending", "running", "success", "failed", "lost")
HEARTBEAT_S = 5.0
SILENCE_S = 60.0  # a process of another host that was silent for so long is taken for dead

_KIND: Final = "job_state"
_POLL_S = 0.5


def state_of(entry: Mapping[str, Any], path: Path) -> str:
    """Return where a job stands, one of `STATES`, from its entry in the manifest and its state file."""
    result = entry["result"]
    if result["status"] != "lost":
        return str(result["status"])
    if is_alive(read_state(path)):
        return "running"
    return "pending" if result["started"] is None else "lost"


def read_state(path: Path) -> JobState | None:
    """Return the content of a state file, or None if it is missing or damaged; it is never written by halves."""
    try:
        return read_manifest(path, _KIND)
    except ManifestError:
        return None


def is_alive(state: JobState | None) -> bool:
    """Tell whether the process of a state file lives: of this host by its number, of another one by its heartbeat."""
    if state is None:
        return False
    process = state["process"]
    if is_this_host(process["host"]):
        return _lives(process["pid"], process["started_ticks"])
    return _seconds_since(state["heartbeat"]) < SILENCE_S


@contextmanager
def running(path: Path, key: str, console: Console) -> Iterator[JobState | None]:
    """Say that this process runs a job, until the block ends; yield what a process that died with the job had left.

    A process of elsewhere that runs the job is waited for. Whoever calls this holds the job's lock, so no other
    process of this machine is inside. The folder of `path` must exist.
    """
    left = _wait_for_others(path, key, console)
    me: Process = {"host": host_label(), "pid": os.getpid(), "started_ticks": _start_of(os.getpid())}
    now = clock.stamp()
    state: JobState = {
        **head(_KIND),
        "job": key,
        "state": "running",
        "process": me,
        "started": now,
        "heartbeat": now,
    }
    ended = threading.Event()
    _say(path, state)
    pulse = threading.Thread(target=_beat, args=(path, state, ended), daemon=True, name=f"heartbeat of {key}")
    pulse.start()
    try:
        yield left
    finally:
        ended.set()
        pulse.join()
        path.unlink(missing_ok=True)


def describe(state: JobState) -> str:
    """Return which process a state file speaks of, and when it was last seen."""
    process = state["process"]
    return f"process {process['pid']} on {process['host']}, last seen {state['heartbeat']}"


def _wait_for_others(path: Path, key: str, console: Console) -> JobState | None:
    state, told = read_state(path), False
    while state is not None and is_alive(state):
        if not told:
            console.say(f"{key}: is run by {describe(state)}; waiting for its end")
            told = True
        time.sleep(_POLL_S)
        state = read_state(path)
    return state


def _beat(path: Path, state: JobState, ended: threading.Event) -> None:
    while not ended.wait(HEARTBEAT_S):
        with suppress(OSError, MemoryError):  # the job goes on, and itself will say what is wrong
            _say(path, state)


def _say(path: Path, state: JobState) -> None:
    write_manifest(path, {**state, "heartbeat": clock.stamp()})


def _lives(pid: int, started_ticks: int | None) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it belongs to another user, and is alive
    return _start_of(pid) == started_ticks


def _start_of(pid: int) -> int | None:
    """Return when a process was started, ticks since the machine was: numbers of processes are given out again.

    A dead process that its parent has not reaped yet still has its number, but no start.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()
    return None if state in {"Z", "X"} else int(fields[18])


def _seconds_since(stamp: str) -> float:
    return (clock.utc_now() - datetime.fromisoformat(stamp)).total_seconds()
