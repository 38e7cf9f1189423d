"""The export of a hub: what of it is read, what is refused, and what is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ptyproof.checking import Finding
from ptyproof.checking.hub import HubFiles, hub_files, judge_hub
from ptyproof.description.of_hub import description_of, is_handed_on, page_text, read_records
from ptyproof.description.stated import stated_of
from ptyproof.errors import InputError
from ptyproof.exchange.packing import Source, new_output, write_folder, write_zip
from ptyproof.hub.index import CRATE, INDEX, PAGE
from ptyproof.io.file_digests import FileDigests
from ptyproof.io.strict_json import format_json
from ptyproof.records.manifest import read_manifest

_SHOWN = 5


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
    digests = FileDigests()
    errors = judge_hub(root, digests=digests).errors
    if errors and not unsound:
        raise InputError(
            f"{root} is not sound, so nothing was written: {len(errors)} errors, the first is {errors[0].code} in "
            f"{errors[0].file}; `ptyproof check {root}` lists them, `hub export --unsound` exports a hub with them"
        )
    return JudgedFiles(hub_files(root, digests), read_manifest(root / INDEX, "hub_index"), tuple(errors))


def export_crate(
    root: Path, out: Path, *, unsound: bool = False, license: str | None = None, agent: str | None = None
) -> int:
    """Export a hub with its descriptions as a research object; return the number of its files.

    The files of the hub keep their names and bytes, so that the export is a hub, too. Equal hubs give equal exports.

    Parameters
    ----------
    root
        The hub.
    out
        A new folder, or a new zip file if its name ends with `.zip`.
    unsound
        Whether a hub with errors is exported; the description has them.
    license, agent
        What the description states beyond the records: a URL or name, and a person as `persons.person_of` reads it.

    Raises
    ------
    InputError
        If the hub is not sound, `out` exists or lies in the hub, a name of a file is not UTF-8, or the person is none.
    RunError
        If a file changes meanwhile.
    """
    stated_of(license, agent, None)
    with new_output(out, root) as temporary:
        hub = judged(root, unsound=unsound)
        sources = {name: Source(hub.files.paths[name], hub.files.digest(name)) for name in sorted(_exported(hub.files))}
        records = read_records(root, hub.index, unsound=unsound)
        described = description_of(
            records,
            stated_of(license, agent, _errors(hub)),
            list(sources),
            lambda name: (sources[name].sha256, hub.files.size(name)),
        )
        texts = {CRATE: format_json(described), PAGE: page_text(records, hub.files.digest(INDEX))}
        write = partial(write_zip, stamp=hub.index["timestamp"]) if out.suffix == ".zip" else write_folder
        write(temporary, sources, {name: text.encode("utf-8") for name, text in texts.items()})
    return len(sources)


def _exported(files: HubFiles) -> list[str]:
    """Return the names of the files that are handed on."""
    found = [name for name in files.paths if is_handed_on(name)]
    for name in found:
        if files.paths[name].relative_to(files.root).as_posix() != name:
            raise InputError(f"{name}: the name of this file is not UTF-8, which a research object cannot have")
    return found


def _errors(hub: JudgedFiles) -> str | None:
    if not hub.errors:
        return None
    listed = "; ".join(f"{error.code} in {error.file}" for error in hub.errors[:_SHOWN])
    return f"{len(hub.errors)} errors ({listed})"
