"""The files that this process opens, changes and removes, by an audit hook of Python.

The hook sees what Python and numpy do. It does not see what a child process or a library in C does by itself;
`ptyproof.conformance.folders` also compares files and results.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SYSTEM = ("/proc", "/sys", "/dev", "/etc", "/usr", "/lib", "/opt")
_DEVICES = ("/proc", "/dev")
_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# where an event has its paths, each with the folder that it is relative to, a file descriptor or -1:
# https://docs.python.org/3/library/audit_events.html
_CHANGES: dict[str, tuple[tuple[int, int | None], ...]] = {
    "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((0, 2), (1, 3)),
    "os.symlink": ((1, 2),),
}


@dataclass
class Seen:
    """The absolute paths that were opened for reading, and those that were written, made, renamed or removed."""

    read: set[Path] = field(default_factory=set)
    changed: set[Path] = field(default_factory=set)


@dataclass(frozen=True)
class Allowed:
    """What a method may read and change.

    It may read folders that Python imports from, those of the system, and temporary files; it may change temporary
    files, devices, and Python's own bytecode. Of the folder `watched` it may read the files `given`, and change
    nothing; `contents` are the files in it.
    """

    watched: Path
    contents: Collection[Path]
    given: Sequence[Path]
    readable: Sequence[Path]

    @classmethod
    def beside(cls, watched: Path, contents: Collection[Path], given: Sequence[Path]) -> Allowed:
        """Return what is allowed while a method works in a folder that has a scan's files."""
        imported = [Path(entry).absolute() for entry in (*sys.path, sys.prefix, sys.base_prefix) if entry]
        readable = [*imported, *map(Path, _SYSTEM), _temporary()]
        here = Path.cwd()  # in sys.path where tests or scripts run from it
        return cls(watched, contents, given, [folder for folder in readable if folder not in (here, watched)])

    def to_read(self, path: Path) -> bool:
        """Tell whether a method may read a file."""
        if path.is_relative_to(self.watched):
            return path in self.given or path not in self.contents  # a name may be relative to another folder
        return any(path.is_relative_to(folder) for folder in self.readable)

    def to_change(self, path: Path) -> bool:
        """Tell whether a method may write, make, rename or remove a file."""
        if path.is_relative_to(self.watched):
            return False
        places = (_temporary(), *map(Path, _DEVICES))
        return path.suffix == ".pyc" or "__pycache__" in path.parts or any(map(path.is_relative_to, places))


def _temporary() -> Path:
    return Path(tempfile.gettempdir()).resolve()


_watchers: list[Seen] = []
_hook: list[bool] = []


def _path(named: object, folder: object = -1) -> Path | None:
    """Return the path of an event's argument; None for one that is open already, or whose folder is not known."""
    if not isinstance(named, str | bytes | os.PathLike):
        return None
    path = Path(os.fsdecode(named))
    if path.is_absolute() or folder == -1:
        return path.absolute()
    try:
        return Path(f"/proc/self/fd/{folder}").resolve(strict=True) / path
    except OSError:
        return None


def _see(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watchers:
        return
    if event == "open":
        path, _, flags = arguments
        for_change = isinstance(flags, int) and bool(flags & _TO_WRITE)
        found = [_path(path)]
    elif event in _CHANGES:
        found = [_path(arguments[at], -1 if fd is None else arguments[fd]) for at, fd in _CHANGES[event]]
        for_change = True
    else:
        return
    paths = {path for path in found if path is not None}
    for seen in _watchers:
        (seen.changed if for_change else seen.read).update(paths)


@contextmanager
def watched_files() -> Iterator[Seen]:
    """Collect the files that this process opens, changes and removes."""
    if not _hook:
        sys.addaudithook(_see)  # stays for the life of the process, and does nothing while no one watches
        _hook.append(True)
    seen = Seen()
    _watchers.append(seen)
    try:
        yield seen
    finally:
        _watchers[:] = [one for one in _watchers if one is not seen]
