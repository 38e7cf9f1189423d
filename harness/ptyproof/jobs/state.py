"""The state of a job: the process that runs it keeps a file with a heartbeat beside the job's artifacts.

The manifest records ends; a job is `lost` until its end is recorded. The file `job_state.json` exists while a process
runs the job, and stays if the process dies. Manifest and file together give five states:

- pending: a call has selected the job, and no process has started it;
- running: a process runs it now: its host, pid and heartbeat are in the file;
- success, failed: the end in the manifest;
- lost: its process died without recording an end. The next call runs the job again.
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
SILENCE_S = 60.0  # a process of another host that is silent for longer counts as dead

_KIND: Final = "job_state"
_POLL_S = 0.5


def state_of(entry: Mapping[str, Any], path: Path) -> str:
    """Return the state of a job, one of `STATES`, from its entry in the manifest and its state file."""
    result = entry["result"]
    if result["status"] != "lost":
        return str(result["status"])
    if is_alive(read_state(path)):
        return "running"
    return "pending" if result["started"] is None else "lost"


def read_state(path: Path) -> JobState | None:
    """Return the content of a state file, or None if it is missing or damaged; writing is atomic."""
    try:
        return read_manifest(path, _KIND)
    except ManifestError:
        return None


def is_alive(state: JobState | None) -> bool:
    """Tell whether the process of a state file lives: on this host by its pid, on another host by its heartbeat."""
    if state is None:
        return False
    process = state["process"]
    if is_this_host(process["host"]):
        return _lives(process["pid"], process["started_ticks"])
    return _seconds_since(state["heartbeat"]) < SILENCE_S


@contextmanager
def running(path: Path, key: str, console: Console) -> Iterator[JobState | None]:
    """Keep the state file of a job until the block ends; yield the state that a dead process of the job left.

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
    """Return which process a state file names, and when it was last seen."""
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
        with suppress(OSError, MemoryError):  # the job goes on, and will report the fault itself
            _say(path, state)


def _say(path: Path, state: JobState) -> None:
    write_manifest(path, {**state, "heartbeat": clock.stamp()})


def _lives(pid: int, started_ticks: int | None) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # alive, and of another user
    return _start_of(pid) == started_ticks


def _start_of(pid: int) -> int | None:
    """Return the start of a process in ticks since boot, because the system reuses pids.

    A dead process that its parent has not reaped has a pid, but no start.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()
    return None if state in {"Z", "X"} else int(fields[18])


def _seconds_since(stamp: str) -> float:
    return (clock.utc_now() - datetime.fromisoformat(stamp)).total_seconds()
