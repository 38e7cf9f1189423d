"""What was done in a hub, for any format: an action with its inputs, outputs, software, times and error.

Nothing here knows the format that it is written in.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ptyproof.study.layout import name_of

Record = Mapping[str, Any]
DISTRIBUTION = "pytest-ptyproof"
# keys of recorded environments that are no packages
_SETTINGS = frozenset(
    {"python", "system", "machine", "cpu", "cpu_capability", "threads", "device", "deterministic", "num_workers"}
) | {"n_cpus"}
_ABSENT = "not installed"


@dataclass(frozen=True)
class NamedFile:
    """A file by its name in the hub, with the digest and size that a record has for it; it may have been removed."""

    name: str
    sha256: str | None = None
    size_bytes: int | None = None


@dataclass(frozen=True)
class Remark:
    """A value that is no file: a skip with its reason, or what data were made from."""

    key: str
    name: str
    value: str
    code: str | None = None


Part = NamedFile | Remark


@dataclass(frozen=True)
class Action:
    """A step that was carried out.

    Parameters
    ----------
    key
        Unique in the hub: `train/dose1000-baseline-gs1`.
    name, description
        What it is, for people.
    inputs, outputs
        Files and remarks.
    software
        Versions of the packages that took part, by name.
    settings
        Machine and settings that were recorded, by name.
    started, ended
        As recorded, UTC; None where the record has no time.
    error
        Why it failed, or None.
    """

    key: str
    name: str
    description: str
    inputs: tuple[Part, ...] = ()
    outputs: tuple[Part, ...] = ()
    software: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    started: str | None = None
    ended: str | None = None
    error: str | None = None


def recorded_files(value: object, place: str) -> tuple[NamedFile, ...]:
    """Return the files that a value of a manifest records with path and digest, each once."""
    folder = posixpath.dirname(place)
    found: dict[str, NamedFile] = {}

    def look(inside: object) -> None:
        if isinstance(inside, Mapping):
            if "path" in inside and "sha256" in inside:
                name = posixpath.normpath(posixpath.join(folder, inside["path"]))
                found[name] = NamedFile(name, inside["sha256"], inside["size_bytes"])
            else:
                for part in inside.values():
                    look(part)
        elif isinstance(inside, Sequence) and not isinstance(inside, str):
            for part in inside:
                look(part)

    look(value)
    return tuple(found.values())


def skip_of(phase: str, entry: Record) -> Remark:
    """Return a skipped cell of a phase with its reason."""
    name = name_of(entry)
    return Remark(f"skip/{phase}/{name}", f"skipped: {name}", entry["reason"], entry["code"])


def counted(account: Record) -> str:
    """Return an account of cells in one line."""
    return ", ".join(f"{n} {key.removeprefix('n_').replace('_', ' ')}" for key, n in account.items())


def packages_of(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return the versions of the packages in a recorded environment."""
    return {key: str(value) for key, value in environment.items() if key not in _SETTINGS and value != _ABSENT}


def settings_of(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return machine and settings in a recorded environment."""
    return {key: str(value) for key, value in environment.items() if key in _SETTINGS}
