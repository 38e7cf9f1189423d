"""The files in a hub, and whether they are those that a record speaks of; nothing outside the hub is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ptyproof.errors import InputError
from ptyproof.evidence.hub import INDEX
from ptyproof.evidence.verify.problem import WHOLE, Problem, short
from ptyproof.io.hashing import sha256_file


@dataclass(frozen=True)
class HubFiles:
    """The regular files in a hub by name; links that lead out of it, and what is no file, are problems instead."""

    paths: dict[str, Path]
    problems: list[Problem]
    _digests: dict[str, str] = field(default_factory=dict)

    @property
    def faulty(self) -> set[str]:
        """Names of what is there and is no readable file of the hub."""
        return {problem.file for problem in self.problems}

    def differs(self, name: str, record: Mapping[str, Any], of: str) -> str | None:
        """Return in what a file is another than the recorded one, or None."""
        size = self.paths[name].stat().st_size
        if size != record["size_bytes"]:
            return f"was changed: it has {size} bytes, {of} has {record['size_bytes']}"
        digest = self.digest(name)
        if digest != record["sha256"]:
            return f"was changed: its sha256 is {short(digest)}, {of} has {short(record['sha256'])}"
        return None

    def digest(self, name: str) -> str:
        """Return the sha256 of a file; a file is read once."""
        if name not in self._digests:
            self._digests[name] = sha256_file(self.paths[name])
        return self._digests[name]


def hub_files(root: Path) -> HubFiles:
    """Return the files in a hub.

    Raises
    ------
    InputError
        If the folder is no hub.
    """
    if not (root / INDEX).is_file():
        raise InputError(f"{root} is no artifact hub: it has no {INDEX}")
    return files_in(root)


def files_in(root: Path) -> HubFiles:
    """Return the files in a folder, as `hub_files` does for a hub."""
    home = root.resolve()
    paths: dict[str, Path] = {}
    problems = []

    def unreadable(error: OSError) -> None:
        name = recorded_name(Path(error.filename).relative_to(home).as_posix())
        problems.append(Problem(name, "folder", f"cannot be read: {error.strerror}"))

    for folder, names, files in os.walk(home, onerror=unreadable):
        for entry in sorted(names) + sorted(files):
            path = Path(folder, entry)
            name = recorded_name(path.relative_to(home).as_posix())
            if path.is_symlink() and not path.resolve().is_relative_to(home):
                problems.append(Problem(name, "link", f"leads out of the hub, to {path.readlink()}"))
            elif entry in files and not path.is_file():
                problems.append(Problem(name, WHOLE, "is neither a file nor a link to one"))
            elif entry in files and not os.access(path, os.R_OK):
                problems.append(Problem(name, WHOLE, "cannot be read: permission denied"))
            elif entry in files:
                paths[name] = path
    return HubFiles(paths, problems)


def recorded_name(name: str) -> str:
    """Return a file's name as the index has it: with escapes for bytes that are no UTF-8."""
    return name.encode(errors="backslashreplace").decode()
