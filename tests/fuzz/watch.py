"""What an input may not do to the reader that is given it: run something, write, never end, fill memory."""

from __future__ import annotations

import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

SLOW_S = 10.0
ROOM_BYTES = 400_000_000  # for what a reader loads when it is first used
PER_BYTE = 120  # of an input; compressed arrays are unpacked
_RUNS = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.startfile",
    "subprocess.Popen",
    "pty.spawn",
    "ctypes.",
)
_CHANGES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.chmod", "shutil.", "socket.")
_UNPICKLES = ("pickle.find_class", "marshal.loads")
_watched = False


class HungError(BaseException):
    """An input took too long; no reader may catch that."""


class RanError(BaseException):
    """An input made its reader do what no reader does; no reader may catch that."""


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watched:
        return
    if event == "open" and arguments[1] is not None and set(str(arguments[1])) & set("wax+"):
        raise RanError(f"{event} {arguments[:2]!r:.300}")
    if event.startswith((*_RUNS, *_CHANGES, *_UNPICKLES)):
        frame = sys._getframe(1)
        if event == "marshal.loads" or "importlib" in frame.f_code.co_filename:
            return  # a module of the reader's own
        raise RanError(f"{event} {arguments!r:.300}")


def install() -> None:
    """Watch from now on; a process can do that once, and never stops it."""
    sys.addaudithook(_hook)
    signal.signal(signal.SIGALRM, _hung)


def _hung(_: int, frame: FrameType | None) -> None:
    raise HungError(f"no end after {SLOW_S:g} s, in {frame and frame.f_code.co_qualname}")


@contextmanager
def watched() -> Iterator[None]:
    """Raise if what runs inside the block takes too long, or does what no reader does."""
    global _watched
    signal.setitimer(signal.ITIMER_REAL, SLOW_S)
    _watched = True
    try:
        yield
    finally:
        _watched = False
        signal.setitimer(signal.ITIMER_REAL, 0)


def forget_peak() -> int:
    """Let `peak_bytes` speak of what comes from now on; return the memory that there is now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status("VmRSS")


def peak_bytes() -> int:
    """Return the most memory that the process has had since `forget_peak`."""
    return _status("VmHWM")


def _status(name: str) -> int:
    """Return an entry of the process's own; `getrusage` would say what the process that started it has had."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def limit_memory(room: int) -> None:
    """Let the process map `room` more bytes than it has now: an array that is too large is a MemoryError."""
    wanted = _status("VmSize") + room
    resource.setrlimit(resource.RLIMIT_AS, (wanted, wanted))
