"""Each job runs in its own process: a crash of one job ends neither the other jobs nor the run.

A server forks the processes. The server is a fresh interpreter that imports what jobs need; it starts no thread pool
and touches no GPU. A fork takes some hundredths of a second, the imports take seconds. The parent process trains
nothing itself and never initializes CUDA.

A job's lines and progress bars go to the console of its parent. A job dies with the process that started it, and so do
the processes that the job started.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver, util
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Literal, Protocol

from ptyproof import clock
from ptyproof.console import Console
from ptyproof.errors import InputError, PtyproofError, RunError
from ptyproof.exit_statuses import sentence_of
from ptyproof.jobs.memory import n_killed_for_memory, no_core_file

_PASSED_ON = ("PTYPROOF_ANONYMOUS",)  # may differ from job to job; the rest of the environment is the server's
_GRACE_S = 2.0
_STOP_S = 0.2  # between looks at whether another thread wants the job to end
_LONGEST_TEMPORARY = 60  # bytes of the temporary folder with which the names of sockets in it fit
_BY_OTHERS = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT})


@dataclass(frozen=True)
class JobProcesses:
    """Limits on the process of a job: time and memory.

    Parameters
    ----------
    timeout_s
        Seconds from the start of the job, waiting for another process that runs it not counted; None is no limit.
    memory_bytes
        What it may allocate beside its libraries, on the CPU; None is no limit.
    """

    timeout_s: float | None = None
    memory_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.timeout_s is not None and not 0 < self.timeout_s < float("inf"):
            raise InputError(f"--job-timeout must be a number of seconds > 0, got {self.timeout_s:g}")
        if self.memory_bytes is not None and self.memory_bytes < 1:
            raise InputError(f"--job-memory must be a number of bytes > 0, got {self.memory_bytes}")


@dataclass(frozen=True)
class Died:
    """The end of a process that did not report how its job ended.

    `status` is `failed` if the job itself caused it, so it would most likely end so again, and `lost` if another
    process ended it. `began` is what the job had reported when it began, None if it had not begun. `is_certain` is
    False if the process may still run on a machine that cannot be reached.
    """

    status: Literal["failed", "lost"]
    reason: str
    began: str | None
    is_certain: bool = True

    def result(self, nothing: dict[str, Any], finished: str) -> dict[str, Any]:
        """Return the job's result for its manifest: a result that has only the reason."""
        ended = self.status == "failed"
        started = self.began or (finished if ended else None)
        return nothing | {"status": self.status, "started": started, "finished": finished if ended else None}


def n_bytes(text: str) -> int:
    """Return a number of bytes from its text: `500000000`, `500M`, `4G` (powers of 1024).

    Raises
    ------
    InputError
        If the text is not a number of bytes.
    """
    found = re.fullmatch(r"([0-9]{1,15})([KMGT]?)", text, re.ASCII)
    if found is None:
        raise InputError(f"--job-memory must be a number of bytes, as in 500M or 4G, got {text!r}")
    factor: int = 1024 ** " KMGT".index(found[2] or " ")
    return int(found[1]) * factor


Work = Callable[[Console, Callable[[str], None]], Any]

_of_main = ("pytest", "distributed")  # a process imports the main program of its parent, and these take long
_starting = threading.Lock()
_preloaded: tuple[str, ...] = ()


class Stop(Protocol):
    """Says whether a job is to end; a `threading.Event` is one."""

    def is_set(self) -> bool:
        """Whether it is."""


def start_server(modules: Sequence[str]) -> None:
    """Start the server of processes, unless it runs; it imports what jobs need in the background."""
    global _preloaded
    with _starting:
        _preloaded = tuple(modules)
        context = multiprocessing.get_context("forkserver")
        of_main = [name for name in _of_main if name in sys.modules]
        context.set_forkserver_preload(["ptyproof.jobs.server", *modules, *of_main])
        _find_room_for_sockets()
        forkserver.ensure_running()


def preloaded() -> tuple[str, ...]:
    """Return the modules that `start_server` was given last."""
    return _preloaded


def _find_room_for_sockets() -> None:
    """Give multiprocessing a folder in which the names of its sockets fit: the system allows 107 bytes.

    multiprocessing puts sockets into the temporary folder, and that of a scheduler or a test may have a long name.
    """
    config: dict[str, Any] = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    if config.get("tempdir") is not None or len(os.fsencode(tempfile.gettempdir())) <= _LONGEST_TEMPORARY:
        return
    for place in ("/tmp", "/var/tmp", "/dev/shm"):
        with suppress(OSError):
            config["tempdir"] = tempfile.mkdtemp(prefix="pymp-", dir=place)
            util.Finalize(None, shutil.rmtree, args=(config["tempdir"], True), exitpriority=-100)
            return


def run(
    work: Work,
    limits: JobProcesses,
    console: Console,
    stop: Stop | None = None,
    variables: Mapping[str, str] | None = None,
    began: Callable[[str], None] | None = None,
) -> Any:
    """Run `work(console, began)` in a process of its own; return what it returns, or how the process died.

    Parameters
    ----------
    work
        A function and its arguments that can be pickled. It calls `began` once, with the time, when the job begins.
    limits
        What the process may take.
    console
        Where the job's lines and progress bars go.
    stop
        Ends the job as an interrupt does, when another thread sets it.
    variables
        Variables of the environment that the process has besides those of its server.
    began
        Is called with the time at which the job began.

    Raises
    ------
    PtyproofError
        If the work raised; an error of another type is a `RunError` with the same sentence.
    CancelledError
        If `stop` was set; the job's process has ended then.
    KeyboardInterrupt
        If this process is interrupted; the job's process has ended then.
    """
    if stop is not None and stop.is_set():
        raise CancelledError
    context = multiprocessing.get_context("forkserver")
    mine, theirs = context.Pipe(duplex=False)
    killed_before = n_killed_for_memory()
    size = shutil.get_terminal_size()
    environment = {name: os.environ.get(name) for name in _PASSED_ON}
    environment |= {"COLUMNS": str(size.columns), "LINES": str(size.lines), **(variables or {})}
    arguments = (work, theirs, console.bars is not None, environment)
    process = context.Process(target=_child, args=arguments, name="ptyproof job")
    with mine:
        try:
            process.start()
            theirs.close()
            heard = _listen(process, mine, console, limits, stop, began or (lambda _: None))
        except BaseException:
            _stop(process)
            raise
        if heard.end is None:
            if heard.timed_out:
                _kill(process)
            process.join()
            return _how_it_died(process.exitcode, heard, limits, n_killed_for_memory() > killed_before)
        process.join(_GRACE_S)
        _kill(process)  # its last message has arrived
    kind, value = heard.end
    if kind == "error":
        sentence, exit_status = value
        raise (InputError if exit_status == InputError.exit_status else RunError)(sentence)
    return value


@dataclass
class _Heard:
    """What a process reported: whether its job began, until when it may run, and its last message."""

    began: str | None = None
    deadline: float = float("inf")
    end: tuple[str, Any] | None = None
    timed_out: bool = False

    def take(self, kind: str, value: Any, console: Console, limits: JobProcesses) -> None:
        """Pass on a message, or keep what it says."""
        if kind == "began":
            self.began = value
            self.deadline = float("inf") if limits.timeout_s is None else clock.seconds() + limits.timeout_s
        elif kind == "line" and console.lines is not None:
            console.lines.write(value)
            console.lines.flush()
        elif kind == "bar" and console.bars is not None:
            console.bars.write(value)
            console.bars.flush()
        elif kind in {"result", "error"}:
            self.end = (kind, value)


def _listen(
    process: BaseProcess,
    channel: Connection,
    console: Console,
    limits: JobProcesses,
    stop: Stop | None,
    began: Callable[[str], None],
) -> _Heard:
    """Pass on the messages of a process until it reports the end of its job, dies, or exceeds its time."""
    heard = _Heard()
    while heard.end is None:
        if stop is not None and stop.is_set():
            raise CancelledError
        left = min(heard.deadline - clock.seconds(), float("inf") if stop is None else _STOP_S)
        ready = wait([channel, process.sentinel], None if left == float("inf") else max(0.0, left))
        if channel in ready or (ready and channel.poll()):
            try:
                kind, value = channel.recv()
            except (EOFError, OSError):  # cut off in the middle of a message
                process.join(_GRACE_S)
                break
            heard.take(kind, value, console, limits)
            if kind == "began":
                began(value)
        elif ready:
            break
        elif clock.seconds() >= heard.deadline:
            heard.timed_out = True
            break
    return heard


def _how_it_died(exit_code: int | None, heard: _Heard, limits: JobProcesses, for_memory: bool) -> Died:
    if heard.timed_out:
        return Died("failed", f"ran longer than --job-timeout {limits.timeout_s:g} s, and was ended", heard.began)
    if exit_code is None or exit_code >= 0:
        if exit_code == 255:  # multiprocessing's status for a dead server
            return Died("lost", "its process was ended together with the server of processes", heard.began)
        return Died("failed", f"its process ended with exit status {exit_code} and said no reason", heard.began)
    number = -exit_code
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    if number == signal.SIGKILL and for_memory:
        return Died("failed", f"out of memory: the system ended its process by {name}", heard.began)
    if number in _BY_OTHERS:
        return Died("lost", f"its process was ended by {name} from outside", heard.began)
    return Died("failed", f"its process was ended by {name} ({signal.strsignal(number)})", heard.began)


def _stop(process: BaseProcess) -> None:
    """End a process: by SIGINT first, so that its log records the interrupt."""
    try:
        if process.pid is not None and process.is_alive():
            os.kill(process.pid, signal.SIGINT)
            process.join(_GRACE_S)
    except ProcessLookupError:
        pass
    finally:
        _kill(process)


def _kill(process: BaseProcess) -> None:
    """Kill a process and those that it started, which are in its group."""
    if process.pid is None:
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.is_alive():  # it had not yet made its group
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    process.join()


class _Stream:
    """A stream whose texts go to the process that asked for the job."""

    def __init__(self, channel: Connection, kind: str, sending: threading.Lock) -> None:
        self._channel = channel
        self._kind = kind
        self._sending = sending

    def write(self, text: str) -> int:
        """Send a text."""
        with self._sending:
            self._channel.send((self._kind, text))
        return len(text)

    def flush(self) -> None:
        """Every text was sent at once."""


def _child(work: Work, channel: Connection, has_bars: bool, environment: dict[str, str | None]) -> None:
    """Do the work of a job, and report how it ended."""
    no_core_file()
    os.setpgid(0, 0)  # an interrupt at the terminal reaches the parent, which passes it on
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    for name, value in environment.items():
        os.environ.pop(name, None)
        os.environ.update({} if value is None else {name: value})
    sending = threading.Lock()
    bars: Any = _Stream(channel, "bar", sending) if has_bars else None
    console = Console(_Stream(channel, "line", sending), bars)

    def began(started: str) -> None:
        with sending:
            channel.send(("began", started))

    try:
        said = ("result", work(console, began))
    except KeyboardInterrupt:
        os._exit(128 + signal.SIGINT)
    except BaseException as error:  # noqa: BLE001 - the parent raises it
        sentence, status = sentence_of(error) or (f"{type(error).__name__}: {error}", RunError.exit_status)
        said = ("error", (sentence, status if isinstance(error, PtyproofError) else RunError.exit_status))
    with sending:
        channel.send(said)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.killpg(0, signal.SIGKILL)
