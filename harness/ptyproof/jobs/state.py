"""The state of a job: the process that runs it keeps a file with a heartbeat beside the job's artifacts.

The manifest records ends; a job is `lost` until its end is recorded. The file `job_state.json` exists while a process
runs the job, and stays if the process dies. Manifest and file together give five states:

- pending: a call has selected the job, and no process has started it;
- running: a process runs it now: its host, pid and heartbeat are in the file (`liveness` says what these tell);
- success, failed: the end in the manifest;
- lost: its process died without recording an end. The next call runs the job again.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ptyproof import clock
from ptyproof.console import Console
from ptyproof.errors import ManifestError
from ptyproof.io.atomic import TEMPORARY
from ptyproof.jobs.liveness import is_of_here, lives, this_process
from ptyproof.records.manifest import head, read_manifest, write_manifest

if TYPE_CHECKING:
    from ptyproof_schemas.types.job_state import JobState

STATES = ("pending", "running", "success", "failed", "lost")
HEARTBEAT_S = 5.0
SILENCE_S = 60.0  # a process of elsewhere that is silent for longer, while one looks, counts as dead
OLD_S = 600.0  # one whose heartbeat is older, by the clock of the file system,
OLD_SILENCE_S = 3 * HEARTBEAT_S  # counts as dead after this silence: that clock may be the writer's

_KIND: Final = "job_state"
POLL_S = 0.5  # between two looks at the file of another process


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
    """Tell whether the process of a state file seems to live: by its number here, elsewhere by its heartbeat.

    The heartbeat is compared with the clock of this machine, so this is for showing. `running` decides by more.
    """
    if state is None:
        return False
    process = state["process"]
    if is_of_here(process):
        return lives(process)
    return _seconds_since(state["heartbeat"]) < SILENCE_S


@contextmanager
def running(path: Path, key: str, console: Console) -> Iterator[JobState | None]:
    """Keep the state file of a job until the block ends; yield the state that a dead process of the job left.

    A process of elsewhere that runs the job is waited for. Whoever calls this holds the job's lock, so no other
    process of this machine is inside; of processes on several machines the one that makes the file is. The folder of
    `path` must exist.
    """
    now = clock.stamp()
    state: JobState = {
        **head(_KIND),
        "job": key,
        "state": "running",
        "process": this_process(),
        "started": now,
        "heartbeat": now,
    }
    left = _taken(path, state, console)
    ended = threading.Event()
    pulse = threading.Thread(target=_beat, args=(path, state, ended), daemon=True, name=f"heartbeat of {key}")
    pulse.start()
    try:
        yield left
    finally:
        ended.set()
        pulse.join()
        if not _is_of_another(path, state):
            path.unlink(missing_ok=True)


def remove_dead(path: Path, is_certain: bool) -> None:
    """Remove the state file of a job's process that has died; that of a process that may live stays.

    Parameters
    ----------
    path
        The state file, which may be missing, or that of another process which is at the job by now.
    is_certain
        The process has ended; otherwise one of elsewhere may live.
    """
    state = read_state(path)
    if state is None or (not lives(state["process"]) if is_of_here(state["process"]) else is_certain):
        _remove(path, state)


def describe(state: JobState) -> str:
    """Return which process a state file names, and when it was last seen."""
    process = state["process"]
    return f"process {process['pid']} on {process['host']}, last seen {state['heartbeat']}"


def _taken(path: Path, state: JobState, console: Console) -> JobState | None:
    """Make the state file; return the state that a dead process had left."""
    while True:
        left = _wait_for_others(path, state["job"], console)
        if left is not None or (path.exists() and read_state(path) is None):
            _remove(path, left)
        state["started"] = clock.stamp()
        try:
            _say(path, state, is_new=True)
        except FileExistsError:  # another machine was faster
            continue
        return left


def _wait_for_others(path: Path, key: str, console: Console) -> JobState | None:
    """Wait until no process runs a job; return the state that a dead one has left, or None."""
    state, told, heard = read_state(path), False, clock.seconds()
    silence_s = OLD_SILENCE_S if _age_s(path) >= OLD_S else SILENCE_S
    while state is not None and not _is_dead(state, clock.seconds() - heard, silence_s):
        if not told:
            console.say(f"{key}: is run by {describe(state)}; waiting for its end")
            told = True
        time.sleep(POLL_S)
        newer = read_state(path)
        if newer != state:
            heard, state, silence_s = clock.seconds(), newer, SILENCE_S
    return state


def _is_dead(state: JobState, silent_s: float, silence_s: float) -> bool:
    """Tell whether the process of a state file is dead, which has not changed for `silent_s` seconds of this clock."""
    if is_of_here(state["process"]):
        return not lives(state["process"])
    return silent_s >= silence_s


def _age_s(path: Path) -> float:
    """Return how much older a file is than one that is written beside it now, which the file system has dated both."""
    with suppress(OSError), tempfile.TemporaryFile(dir=path.parent) as now:
        now.write(b".")
        now.flush()
        return os.fstat(now.fileno()).st_mtime - path.stat().st_mtime
    return 0.0


def _remove(path: Path, left: JobState | None) -> None:
    """Remove what is left of a dead process, or is damaged; what another machine has put there meanwhile stays."""
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}{TEMPORARY}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    if read_state(aside) not in (left, None):
        with suppress(OSError):
            path.hardlink_to(aside)
    aside.unlink(missing_ok=True)


def _beat(path: Path, state: JobState, ended: threading.Event) -> None:
    while not ended.wait(HEARTBEAT_S):
        with suppress(OSError, MemoryError):  # the job goes on, and will report the fault itself
            if not _is_of_another(path, state):
                _say(path, state)


def _is_of_another(path: Path, state: JobState) -> bool:
    """Tell whether another process has taken this one for dead, and runs the job."""
    found = read_state(path)
    return found is not None and found["process"] != state["process"]


def _say(path: Path, state: JobState, is_new: bool = False) -> None:
    write_manifest(path, {**state, "heartbeat": clock.stamp()}, is_new)


def _seconds_since(stamp: str) -> float:
    return (clock.utc_now() - datetime.fromisoformat(stamp)).total_seconds()
