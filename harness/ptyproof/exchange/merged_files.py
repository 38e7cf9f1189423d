"""The files of several hubs in one: equal files are one, and those of a job come from the hub whose record stands."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ptyproof.description.action import recorded_files
from ptyproof.exchange.cells import Conflicts, MergedCells
from ptyproof.exchange.export import JudgedFiles
from ptyproof.exchange.merged_runs import PATHS, free_name
from ptyproof.exchange.packing import Source
from ptyproof.hub.index import BESIDE, is_passing
from ptyproof.hub.layout import FIGURES, KINDS, MADE_AGAIN, REAL_RUN, RECONSTRUCTION, TRAINING
from ptyproof.study.layout import COMPARISON_CSV, COMPARISON_FIGURES, COMPARISON_TABLES, FRC_CURVES

_FOLDERS_MADE_AGAIN = (f"{FIGURES}/", f"{REAL_RUN}/{COMPARISON_FIGURES}/")
_LEFT_OUT = {*BESIDE, *KINDS, *MADE_AGAIN}
_LEFT_OUT |= {f"{REAL_RUN}/{name}" for name in (COMPARISON_CSV, COMPARISON_TABLES, FRC_CURVES)}
Owners = Mapping[str, int]


def owners_of(found: Sequence[Mapping[str, Mapping[str, Any]]], cells: Mapping[str, MergedCells]) -> dict[str, int]:
    """Return the hub that a file or folder of a job comes from, by its name."""
    owners = {}
    for name, merged in cells.items():
        for manifests in found:
            for job in manifests[name]["jobs"] if name in manifests else ():
                hub = merged.of_hub.get(job["job"], -1)  # of none, where a skip stands
                if name == TRAINING:
                    owners[posixpath.normpath(posixpath.join(posixpath.dirname(name), job["artifact_dir"]))] = hub
                else:
                    owners |= {file.name: hub for file in recorded_files(job["result"], RECONSTRUCTION)}
    return owners


def merged_files(
    hubs: Sequence[JudgedFiles], of_runs: Mapping[str, Source], owners: Owners, conflicts: Conflicts
) -> tuple[dict[str, Source], dict[str, bytes]]:
    """Return the files of the new hub by their names, and those logs of phases that are joined, as texts."""
    places: dict[str, dict[int, Source]] = {}
    for number, hub in enumerate(hubs):
        own = {run.get(key) for run in hub.index["runs"] for key in PATHS}
        for name, path in hub.files.paths.items():
            if not _is_left_out(name) and name not in own and _owner(name, owners) in (None, number):
                places.setdefault(name, {})[number] = Source(path, hub.files.digest(name))
    files, texts, taken = dict(of_runs), {}, {*of_runs, *places}
    for name, sources in sorted(places.items()):
        different = dict.fromkeys(source.sha256 for source in sources.values())
        if len(different) > 1 and _is_log_of_a_phase(name):
            once = {source.sha256: source for source in sources.values()}
            texts[name] = b"".join(source.path.read_bytes() for source in once.values())
            continue
        chosen = min(sources) if len(different) == 1 else conflicts.decide(f"the file {name}", list(sources))
        files[name if name not in of_runs else free_name(name, taken)] = sources[chosen]
    return files, texts


def _is_left_out(name: str) -> bool:
    base = PurePosixPath(name).name
    return name in _LEFT_OUT or name.startswith(_FOLDERS_MADE_AGAIN) or is_passing(base)


def _owner(name: str, owners: Owners) -> int | None:
    """Return the hub that a file must come from, None where it may be any."""
    places = (name, *(parent.as_posix() for parent in PurePosixPath(name).parents))
    return next((owners[place] for place in places if place in owners), None)


def _is_log_of_a_phase(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix == ".log" and path.parent.as_posix() == REAL_RUN
