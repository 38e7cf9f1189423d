"""The runs of several hubs in one index: each once, by time, with names of its files that no other run has."""

from __future__ import annotations

import json
from collections.abc import Container, Sequence
from itertools import count
from pathlib import PurePosixPath
from typing import Any

from ptyproof.exchange.export import JudgedFiles
from ptyproof.exchange.packing import Source
from ptyproof.hub.index import INDEX

PATHS = ("log_path", "reports_path", "files_path", "blocked_path")
Run = dict[str, Any]


def merged_runs(hubs: Sequence[JudgedFiles]) -> tuple[list[Run], dict[str, Source]]:
    """Return the runs with new ids, oldest first, and their files by their new names.

    A run that several hubs have, with equal records and files, is one. Each run says which hub it was made in.
    """
    kept: dict[str, tuple[int, Run]] = {}
    same: dict[tuple[int, str], str] = {}
    for number, hub in enumerate(hubs):
        for run in hub.index["runs"]:
            identity = _identity(hub, run)
            kept.setdefault(identity, (number, run))
            same[number, run["id"]] = identity
    ordered = sorted(kept, key=lambda identity: (kept[identity][1]["started"], identity))
    names = {identity: f"run-{number:04d}" for number, identity in enumerate(ordered, start=1)}
    files: dict[str, Source] = {}
    taken = {name for hub in hubs for name in hub.files.paths}
    runs = []
    for identity in ordered:
        number, run = kept[identity]
        changes: Run = {"id": names[identity], "merged_from": run.get("merged_from", hubs[number].files.digest(INDEX))}
        for key in ("red", "collect"):
            if run[key] is not None:
                changes[key] = run[key] | {"run": names[same[number, run[key]["run"]]]}
        for key in PATHS:
            if run.get(key) is not None:
                changes[key] = _placed(hubs[number], run[key], files, taken)
        runs.append(run | changes)
    return runs, files


def _identity(hub: JudgedFiles, run: Run) -> str:
    """Return what two records of one run have in common: everything but its id and the names of its files."""
    own = {key: value for key, value in run.items() if key not in ("id", "merged_from", "red", "collect", *PATHS)}
    digests = [hub.files.digest(run[key]) if run.get(key) in hub.files.paths else None for key in PATHS]
    return json.dumps([own, digests], sort_keys=True)


def free_name(name: str, taken: Container[str]) -> str:
    """Return a name with a number that no other file has."""
    path = PurePosixPath(name)
    return next(new for n in count(2) if (new := path.with_stem(f"{path.stem}-{n}").as_posix()) not in taken)


def _placed(hub: JudgedFiles, name: str, files: dict[str, Source], taken: set[str]) -> str:
    """Return the name of a file of a run in the new hub."""
    new = free_name(name, taken) if name in files else name
    taken.add(new)
    files[new] = Source(hub.files.paths[name], hub.files.digest(name))
    return new
