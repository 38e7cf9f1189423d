"""The files in an artifact hub by the names that its index has for them; nothing outside the hub is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ptyproof.checking.model.document import INDEX, finding_about
from ptyproof.checking.model.files import real_path
from ptyproof.checking.model.findings import Finding, printable
from ptyproof.errors import InputError
from ptyproof.io.file_digests import FileDigests


@dataclass(frozen=True)
class HubFiles:
    """The regular files in a hub by name, and by name what is there and is not one that can be read.

    Parameters
    ----------
    root
        The hub, resolved.
    paths
        The readable files; a link within the hub counts as the file that it leads to.
    faults
        A finding for each link that leads out of the hub, and for what cannot be read.
    digests
        Digests of files that were read already, by path without links.
    """

    root: Path
    paths: dict[str, Path]
    faults: dict[str, Finding]
    digests: FileDigests = field(default_factory=FileDigests)

    def size(self, name: str) -> int:
        """Return the size of a file in bytes."""
        return self.paths[name].stat().st_size

    def digest(self, name: str) -> str:
        """Return the sha256 of a file; a file is read once."""
        return self.digests.of(real_path(self.paths[name]))


def hub_files(root: Path, digests: FileDigests | None = None) -> HubFiles:
    """Return the files in a hub.

    Raises
    ------
    InputError
        If the folder is not a hub.
    """
    if root.is_file() and root.suffix == ".zip":
        raise InputError(f"{root} is a packed hub, or another zip file: unpack it, and name the folder")
    if not (root / INDEX).is_file():
        raise InputError(f"{root} is not an artifact hub: it has no {INDEX}")
    return files_in(root, digests)


def files_in(root: Path, digests: FileDigests | None = None) -> HubFiles:
    """Return the files in a folder, as `hub_files` does for a hub."""
    home = root.resolve()
    paths: dict[str, Path] = {}
    faults: dict[str, Finding] = {}

    def unreadable(error: OSError) -> None:
        name = recorded_name(Path(error.filename).relative_to(home).as_posix())
        faults[name] = finding_about(name, "PM909", "$", f"the folder cannot be read: {error.strerror}")

    for name, path, is_entry in _walk(home, unreadable):
        fault = _fault(name, path, home, is_entry)
        if fault is not None and not os.path.lexists(path):
            continue  # of a run that is under way
        if fault is not None:
            faults[name] = fault
        elif is_entry:
            paths[name] = path
    return HubFiles(home, paths, faults, FileDigests() if digests is None else digests)


def _walk(home: Path, unreadable: Callable[[OSError], None]) -> Iterator[tuple[str, Path, bool]]:
    """Yield name and path of everything below a folder, and whether it is an entry that a folder is not."""
    for folder, names, files in os.walk(home, onerror=unreadable):
        for entry, is_entry in (*((name, False) for name in sorted(names)), *((name, True) for name in sorted(files))):
            path = Path(folder, entry)
            yield recorded_name(path.relative_to(home).as_posix()), path, is_entry


def _fault(name: str, path: Path, home: Path, is_entry: bool) -> Finding | None:
    if path.is_symlink() and not real_path(path).is_relative_to(home):
        target = printable(str(path.readlink()))
        return finding_about(name, "PM305", "$", f"is a link that points out of the hub, to {target}; it was not read")
    if is_entry and not path.is_file():
        return finding_about(name, "PM909", "$", "is neither a file nor a link to one")
    if is_entry and not os.access(path, os.R_OK):
        return finding_about(name, "PM909", "$", "cannot be read: permission denied")
    return None


def recorded_name(name: str) -> str:
    """Return a file's name as the index has it: with escapes for bytes that are not UTF-8."""
    return name.encode(errors="backslashreplace").decode()
