"""Digests of the files of a tree, read from the disk; nothing that lies there is waited for, and no error is raised."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ptyproof.provenance.file_kinds import is_derived

LINK = "link:"
EXECUTABLE = "x"  # behind the digest of a file that may be executed
MOST_BYTES = 1 << 31  # of a tree, its smallest files first; about two seconds
MOST_FILES = 20_000  # of a folder without git
_AT_ONCE_BYTES = 1 << 20
_LINKED_BYTES = 1 << 26  # of a file that a link leads to, and that is not one of the tree in the end
_NAMED = 3
_NO_SOURCE = frozenset({"node_modules", "site-packages", "build", "dist"})


def digests(
    base: Path, names: Iterable[str], known: Mapping[str, str], most_bytes: int
) -> tuple[dict[str, str], list[str]]:
    """Return the digests of files by name, and in sentences what of them was not read.

    Parameters
    ----------
    base, names
        A folder, and files relative to it; those that are not there are left out.
    known
        Git's object ids of files that are what git has; they stand for files that are too large to be read.
    most_bytes
        How much is read, the smallest files first.
    """
    found: dict[str, str] = {}
    too_large, unreadable = [], []
    for size, name, mark in sorted(_regular(base, names, found)):
        most_bytes -= size
        if most_bytes < 0:
            found[name] = f"size:{size}{mark}" if name not in known else f"git:{known[name]}{mark}"
            too_large += [name] if name not in known else []
            continue
        try:
            found[name] = _sha256(f"{base}/{name}", size) + mark
        except FileNotFoundError:
            continue
        except OSError:
            found[name] = "unreadable"
            unreadable.append(name)
    return found, list(_limits(too_large, unreadable))


def _regular(base: Path, names: Iterable[str], found: dict[str, str]) -> Iterator[tuple[int, str, str]]:
    """Yield size, name and mark of regular files; put the digests of links and of what is no file into `found`."""
    for name in names:
        path = f"{base}/{name}"  # ten thousand times, and a path of pathlib takes longer
        try:
            info = os.lstat(path)
            if stat.S_ISREG(info.st_mode):
                yield info.st_size, name, EXECUTABLE if info.st_mode & 0o111 else ""
            elif stat.S_ISLNK(info.st_mode):
                found[name] = _link(Path(path))
            elif not stat.S_ISDIR(info.st_mode):
                found[name] = "special"
        except OSError:
            continue


def walked(base: Path, leave_out: Path | None) -> tuple[list[str], bool]:
    """Return the files below a folder that git does not know, and whether these are all.

    Hidden folders, environments, build folders, and what tools leave behind are left out.
    """
    found: list[str] = []
    for folder, names, files in os.walk(base):
        here = Path(folder)
        names[:] = sorted(name for name in names if not _is_no_source(here / name, leave_out))
        place = here.relative_to(base).as_posix()
        paths = (name if place == "." else f"{place}/{name}" for name in sorted(files))
        found += [path for path in paths if not is_derived(path)]
        if len(found) > MOST_FILES:
            return found[:MOST_FILES], False
    return found, True


def _is_no_source(folder: Path, leave_out: Path | None) -> bool:
    name = folder.name
    if name.startswith(".") or name in _NO_SOURCE or is_derived(f"{name}/") or folder == leave_out:
        return True
    return os.path.lexists(folder / "pyvenv.cfg")


def _sha256(path: str, size: int) -> str:
    """Return the digest of a regular file; of one that became something else meanwhile, that it did."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return "special"
        if size < _AT_ONCE_BYTES:
            return hashlib.sha256(file.read()).hexdigest()
        return hashlib.file_digest(file, "sha256").hexdigest()


def _link(path: Path) -> str:
    """Return the digest of a link: where it leads, and what a file there holds."""
    target = path.readlink()
    try:
        info = path.stat()
        is_small_file = stat.S_ISREG(info.st_mode) and info.st_size < _LINKED_BYTES
        content = _sha256(str(path), info.st_size) if is_small_file else f"size {info.st_size}"
        content = "a folder" if stat.S_ISDIR(info.st_mode) else content
    except OSError:
        content = "nothing"
    return LINK + hashlib.sha256(os.fsencode(target) + b"\0" + content.encode()).hexdigest()


def _limits(too_large: list[str], unreadable: list[str]) -> Iterator[str]:
    if too_large:
        yield f"known by size alone, as a tree is read up to {MOST_BYTES >> 30} GiB: {_listed(too_large)}"
    if unreadable:
        yield f"could not be read: {_listed(unreadable)}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
