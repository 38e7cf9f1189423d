"""The export of a hub: what of it is read, what is refused, and what is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ptyproof import clock
from ptyproof.checking import Finding
from ptyproof.checking.hub import HubFiles, hub_files, judge_hub
from ptyproof.errors import InputError, PtyproofError
from ptyproof.exchange import crate
from ptyproof.exchange.actions import counted, phase_actions, run_actions
from ptyproof.exchange.packing import Source, new_output, write_folder, write_zip
from ptyproof.hub.index import CRATE, INDEX
from ptyproof.hub.layout import COMPARISON, KINDS, OVERLAP, RECONSTRUCTION, RUN, TRAINING
from ptyproof.io.locking import is_lock
from ptyproof.records.manifest import read_manifest
from ptyproof.records.recorded import read_recorded

_PHASES = (RUN, OVERLAP, TRAINING, RECONSTRUCTION, COMPARISON)


@dataclass(frozen=True)
class JudgedFiles:
    """A hub that was judged: its files, its index, and the errors that were accepted."""

    files: HubFiles
    index: Mapping[str, Any]
    errors: tuple[Finding, ...]


def judged(root: Path, *, unsound: bool = False) -> JudgedFiles:
    """Judge a hub, and return what an export needs of it.

    Parameters
    ----------
    root
        The hub.
    unsound
        Whether a hub with errors is accepted.

    Raises
    ------
    InputError
        If the folder is not a hub, or not a sound one.
    ManifestError
        If its index cannot be read.
    """
    digests: dict[Path, str] = {}
    errors = judge_hub(root, digests=digests).errors
    if errors and not unsound:
        raise InputError(
            f"{root} is not sound, so nothing was written: {len(errors)} errors, the first is {errors[0].code} in "
            f"{errors[0].file}; `ptyproof check {root}` lists them, `hub export --unsound` exports a hub with them"
        )
    return JudgedFiles(hub_files(root, digests), read_manifest(root / INDEX, "hub_index"), tuple(errors))


def export_crate(root: Path, out: Path, *, unsound: bool = False, **stated: str | None) -> int:
    """Export a hub with its description as a research object; return the number of its files.

    The files of the hub keep their names and bytes, so that the export is a hub, too.

    Parameters
    ----------
    root
        The hub.
    out
        A new folder, or a new zip file if its name ends with `.zip`.
    unsound
        Whether a hub with errors is exported; the description has them.
    stated
        `license` and `agent` of `crate.Statement`.

    Raises
    ------
    InputError
        If the hub is not sound, `out` exists or lies in the hub, or a name of a file is not UTF-8.
    MissingExtraError
        If the package rocrate is not installed.
    RunError
        If a file changes meanwhile.
    """
    with new_output(out, root) as temporary:
        hub = judged(root, unsound=unsound)
        sources = {name: Source(hub.files.paths[name], hub.files.digest(name)) for name in sorted(_exported(hub.files))}
        files = {name: crate.HubFile(source.sha256, hub.files.size(name)) for name, source in sources.items()}
        manifests = {name: _manifest(root, name, unsound) for name in _PHASES if name in files}
        known = {name: manifest for name, manifest in manifests.items() if manifest is not None}
        actions = [*phase_actions(known), *run_actions(hub.index)]
        text = crate.describe(_statement(hub, known, stated), files, actions)
        write = write_zip if out.suffix == ".zip" else write_folder
        write(temporary, sources, {CRATE: text.encode("utf-8")})
    return len(sources)


def _exported(files: HubFiles) -> list[str]:
    """Return the names of the files that are handed on: not locks, unfinished files, or an earlier description."""
    found = []
    for name, path in files.paths.items():
        base = PurePosixPath(name).name
        if name == CRATE or is_lock(base) or (base.startswith(".") and base.endswith(".part")):
            continue
        if path.relative_to(files.root).as_posix() != name:
            raise InputError(f"{name}: the name of this file is not UTF-8, which a research object cannot have")
        found.append(name)
    return found


def _manifest(root: Path, name: str, unsound: bool) -> Mapping[str, Any] | None:
    """Return a manifest of a hub; of an unsound hub None where it cannot be read."""
    try:
        found: Mapping[str, Any] = read_recorded(root / name, KINDS[name])
    except PtyproofError:
        if not unsound:
            raise
        return None
    return found


def _statement(
    hub: JudgedFiles, manifests: Mapping[str, Mapping[str, Any]], stated: Mapping[str, str | None]
) -> crate.Statement:
    first = next(iter(manifests.values()), None)
    of = "" if first is None else f" of the study {first['study']}"
    said = [] if first is None else [f"design {first['design_digest']}"]
    said += [
        f"{name}: {counted(manifests[place]['account'])}" for place, name in _ACCOUNTS.items() if place in manifests
    ]
    said.append(f"recorded runs: {len(hub.index['runs'])}")
    if hub.errors:
        listed = "; ".join(f"{error.code} in {error.file}" for error in hub.errors[:_SHOWN])
        said.append(f"NOT SOUND: {len(hub.errors)} errors ({listed})")
    else:
        said.append("sound as of this export: files, manifests and runs match their records")
    return crate.Statement(f"ptyproof artifact hub{of}", ". ".join(said) + ".", clock.stamp(), **stated)


_ACCOUNTS = {TRAINING: "trainings", RECONSTRUCTION: "reconstructions"}
_SHOWN = 5
