"""What works where an executor runs jobs: each answer is one line.

A first job looks around where it runs, a second one sleeps until it is canceled, and others look for the process of the
second.
"""

from __future__ import annotations

import os
import platform
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ptyproof import clock
from ptyproof._version import __version__
from ptyproof.console import Console
from ptyproof.errors import PtyproofError
from ptyproof.extras import missing
from ptyproof.jobs.executor import Executor, Needs
from ptyproof.jobs.gpus import visible_gpus
from ptyproof.jobs.process import JobProcesses
from ptyproof.provenance.anonymity import host_label
from ptyproof.provenance.environment import environment, n_cpus

TIMEOUT_S = 300.0  # for the first job, which may wait for an allocation
SOON_S = 30.0  # for what the other jobs do
_MOST_LOOKING = 16  # jobs that look for a process, of which one should come to its node
_PACKAGES = ("numpy", "scipy", "torch", "lightning")

Began = Callable[[str], None]


@dataclass(frozen=True)
class Answer:
    """Whether something works, and what was found."""

    works: bool
    line: str

    def __str__(self) -> str:
        return f"{'ok    ' if self.works else 'FAILED'} {self.line}"


@dataclass(frozen=True)
class Place:
    """Where a job found itself; `text` is what it read from a file of the submitting process, None without one."""

    host: str
    versions: dict[str, str]
    n_cpus: int
    gpus: tuple[str, ...]
    text: str | None


class _Lines:
    """The lines that jobs said."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


def check_executor(executor: Executor, artifact_root: Path, timeout_s: float = TIMEOUT_S) -> Iterator[Answer]:
    """Submit jobs to an executor; yield what works and what does not, and stop if no job comes back.

    Parameters
    ----------
    executor
        The executor; it stays open.
    artifact_root
        A folder that jobs have to see and write into.
    timeout_s
        Within which the first job has to end.
    """
    lines = _Lines()
    submit = partial(_submit, executor, lines)
    ours = artifact_root / f".ptyproof-check-{uuid.uuid4().hex}"
    theirs = ours.with_name(f"{ours.name}-answer")
    try:
        ours.write_text(ours.name, encoding="utf-8")
        begun = clock.seconds()
        found = _answer(submit(partial(look_around, ours, theirs)), timeout_s)
        if not isinstance(found, Place):
            yield Answer(False, f"worker: no job came back: {found}")
            return
        yield Answer(True, f"worker: a job came back after {clock.seconds() - begun:.1f} s from {found.host}")
        yield _versions_of(found)
        yield Answer(found.text == ours.name, f"files: {artifact_root} is {_seen(found.text == ours.name)} there")
        wrote = _within(SOON_S if found.text else 0.0, theirs.is_file)
        yield Answer(wrote, f"files: what a job writes into {artifact_root} is {_seen(wrote)} here")
    finally:
        ours.unlink(missing_ok=True)
        theirs.unlink(missing_ok=True)
    came = _within(SOON_S, lambda: ours.name in lines.text)
    yield Answer(came, f"lines: those of a job {'come' if came else 'do not come'} back")
    yield _killing(executor, submit, lines)
    gpus = ", ".join(found.gpus) or "no GPU"
    yield Answer(True, f"processors: a job may use {found.n_cpus} of the CPU, and sees {gpus}")


def look_around(ours: Path, theirs: Path, console: Console, began: Began) -> Place:
    """Return where this process is; read a file, write another one, and say its name."""
    began(clock.stamp())
    console.say(ours.name)
    text = None
    try:
        text = ours.read_text(encoding="utf-8")
        theirs.write_text(text, encoding="utf-8")
    except OSError as error:
        console.say(f"{error.filename}: {error.strerror}")
    gpus = () if missing(("torch",)) else visible_gpus()
    return Place(host_label(), _versions(), n_cpus(), gpus, text)


def sleep(word: str, console: Console, began: Began) -> None:
    """Say the own process and host after a word, and sleep."""
    began(clock.stamp())
    console.say(f"{word} {os.getpid()} {platform.node()}")
    time.sleep(3600)


def runs(pid: int, host: str, console: Console, began: Began) -> bool | None:
    """Tell whether a process runs; None on another host."""
    began(clock.stamp())
    if platform.node() != host:
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _killing(executor: Executor, submit: Callable[[Any], Future[Any]], lines: _Lines) -> Answer:
    """Cancel a job that sleeps, and look for its process."""
    word = uuid.uuid4().hex
    sleeping = submit(partial(sleep, word))
    _within(SOON_S, lambda: (f"{word} " in lines.text and lines.text.endswith("\n")) or sleeping.done())
    executor.cancel([sleeping])
    said = next((line.split() for line in lines.text.splitlines() if line.startswith(word)), None)
    ended = _answer(sleeping, SOON_S)
    if said is None or not isinstance(ended, CancelledError):
        return Answer(False, f"ends: a job that sleeps could not be canceled: {ended}")
    looking = [submit(partial(runs, int(said[1]), said[2])) for _ in range(min(executor.n_jobs, _MOST_LOOKING))]
    found = [_answer(one, SOON_S) for one in looking]
    left = next((one for one in found if isinstance(one, bool)), found[0])
    if left is True:
        return Answer(False, f"ends: process {said[1]} on {said[2]} runs after its job was canceled")
    if left is not False:
        return Answer(left is None, f"ends: the job on {said[2]} was canceled; its process was not looked for")
    return Answer(True, f"ends: the process of a canceled job on {said[2]} has ended")


def _submit(executor: Executor, lines: _Lines, work: Any) -> Future[Any]:
    return executor.submit(work, JobProcesses(), Needs(), Console(lines))


def _answer(future: Future[Any], timeout_s: float) -> Any:
    """Return the value of a future or its error."""
    try:
        return future.result(timeout_s)
    except NotInTime:
        return f"nothing within {timeout_s:g} s"
    except (PtyproofError, CancelledError) as error:
        return error


def _versions_of(found: Place) -> Answer:
    ours, theirs = _versions(), found.versions
    unlike = [f"{name} {theirs[name]} there, {ours[name]} here" for name in ours if theirs[name] != ours[name]]
    alike = f"Python {ours['python']}, ptyproof {ours['ptyproof']} and the packages are those of here"
    return Answer(not unlike, f"versions: {'; '.join(unlike) or alike}")


def _versions() -> dict[str, str]:
    return {**environment(_PACKAGES), "ptyproof": __version__}


def _seen(works: bool) -> str:
    return "seen" if works else "not seen"


def _within(seconds: float, is_so: Callable[[], bool]) -> bool:
    until = clock.seconds() + seconds
    while not is_so():
        if clock.seconds() >= until:
            return False
        time.sleep(0.05)
    return True
