"""What a hub is handed on with: which of its files, the description that its records give, and a page for people.

Everything here is a function of the records, and of what the exporter has stated, so that a reader can make it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ptyproof.description.action import counted, recorded_files
from ptyproof.description.actions import phase_actions, run_actions
from ptyproof.description.crate import Heading, HubFile, crate_of
from ptyproof.description.page import page_of
from ptyproof.description.stated import NOT_SOUND, Stated
from ptyproof.errors import PtyproofError
from ptyproof.hub.index import BUNDLE, CRATE, DATASETS, INDEX, PAGE, STATEMENT
from ptyproof.hub.layout import COMPARISON, KINDS, OVERLAP, RECONSTRUCTION, RUN, TRAINING
from ptyproof.io.locking import is_lock
from ptyproof.records.recorded import read_recorded

SIGNED = (STATEMENT, BUNDLE)  # people sign after an export, too
_PHASES = (RUN, OVERLAP, TRAINING, RECONSTRUCTION, COMPARISON)
_ACCOUNTS = {TRAINING: "trainings", RECONSTRUCTION: "reconstructions"}
Record = Mapping[str, Any]


@dataclass(frozen=True)
class HubRecords:
    """The records of a hub that a description is made from: the index, and the manifests of phases by their names."""

    index: Record
    manifests: Mapping[str, Record]


def read_records(root: Path, index: Record, *, unsound: bool = False) -> HubRecords:
    """Read the manifests of phases; of an unsound hub, those that cannot be read are left out.

    Raises
    ------
    ManifestError
        If one cannot be read.
    """
    manifests: dict[str, Record] = {}
    for name in _PHASES:
        if (root / name).is_file():
            try:
                manifests[name] = read_recorded(root / name, KINDS[name])
            except PtyproofError:
                if not unsound:
                    raise
    return HubRecords(index, manifests)


def is_handed_on(name: str) -> bool:
    """Tell whether a file of a hub is exported: locks, unfinished files, and what an export makes anew, are not."""
    base = PurePosixPath(name).name
    return name not in (CRATE, PAGE) and not is_lock(base) and not (base.startswith(".") and base.endswith(".part"))


def page_text(records: HubRecords, digest: str) -> str:
    """Return the page for people; `digest` is the sha256 of the index."""
    return page_of(records.index, records.manifests, digest)


def description_of(
    records: HubRecords, stated: Stated, names: list[str], digest_and_size: Callable[[str], tuple[str, int]]
) -> dict[str, Any]:
    """Return the description of a hub as a research object.

    Parameters
    ----------
    records
        Its records.
    stated
        What the exporter states.
    names
        The files of the hub that are handed on.
    digest_and_size
        Returns sha256 and size in bytes of such a file.
    """
    files = {name: HubFile() if name in SIGNED else HubFile(*digest_and_size(name)) for name in sorted(names)}
    page = page_text(records, digest_and_size(INDEX)[0]).encode("utf-8")
    files[PAGE] = HubFile(hashlib.sha256(page).hexdigest(), len(page))
    actions = [*phase_actions(records.manifests), *run_actions(records.index)]
    return crate_of(_heading(records, stated), stated, dict(sorted(files.items())), actions)


def removed_datasets(records: HubRecords) -> dict[str, tuple[str, int]]:
    """Return sha256 and size of the datasets that Phases C and D have recorded, whether they are there or not."""
    found = [file for name in (RUN, OVERLAP) for file in recorded_files(records.manifests.get(name, {}), name)]
    return {
        file.name: (file.sha256, file.size_bytes)
        for file in found
        if file.name.startswith(f"{DATASETS}/") and file.sha256 is not None and file.size_bytes is not None
    }


def _heading(records: HubRecords, stated: Stated) -> Heading:
    index, manifests = records.index, records.manifests
    first = next(iter(manifests.values()), None)
    of = "" if first is None else f" of the study {first['study']}"
    said = [] if first is None else [f"design {first['design_digest']}"]
    said += [
        f"{name}: {counted(manifests[place]['account'])}" for place, name in _ACCOUNTS.items() if place in manifests
    ]
    said.append(f"recorded runs: {len(index['runs'])}")
    sound = "sound as of this export: files, manifests and runs match their records"
    said.append(sound if stated.errors is None else f"{NOT_SOUND}{stated.errors}")
    return Heading(f"ptyproof artifact hub{of}", ". ".join(said) + ".", index["timestamp"])
