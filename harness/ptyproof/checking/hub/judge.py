"""Whether an artifact hub is what its index and its manifests say: every file, every account, every reference."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ptyproof import clock
from ptyproof.checking.checks.hub_index import file_faults
from ptyproof.checking.gather import is_named_like_a_manifest
from ptyproof.checking.hub import crate, pictures, places, skips, sources, studies
from ptyproof.checking.hub.reading import obeys_its_schema
from ptyproof.checking.journals import load_recorded
from ptyproof.checking.judge import Checked, home_of, judge
from ptyproof.checking.model.document import INDEX, Document, finding_about
from ptyproof.checking.model.findings import Finding
from ptyproof.checking.model.hub_files import HubFiles, files_in, hub_files
from ptyproof.checking.own_kinds import ManifestKind
from ptyproof.errors import InputError
from ptyproof.hub.index import BUNDLE, CRATE
from ptyproof.hub.layout import KINDS
from ptyproof.io.file_digests import FileDigests

_GROUPS = ("hub",)


@dataclass(frozen=True)
class JudgedHub:
    """The judgment on a hub. Names of files are relative to it.

    Parameters
    ----------
    root
        The hub, as it was named.
    manifests
        The judgment on each manifest in it, as `check_manifest` gives it.
    own
        What is wrong with the hub beyond that: files that are not as the index has them, or that nothing names, and
        records that contradict each other.
    left_alone
        JSON files in it that are not manifests.
    files
        Its files.
    """

    root: Path
    manifests: tuple[Checked, ...]
    own: tuple[Finding, ...]
    left_alone: tuple[str, ...]
    files: HubFiles

    @property
    def findings(self) -> list[Finding]:
        """Everything that was found, by file, worst first."""
        of_manifests = {finding for checked in self.manifests for finding in checked.findings}
        return sorted(of_manifests | set(self.own), key=Finding.order)

    @property
    def errors(self) -> list[Finding]:
        """What was found and keeps the hub from being evidence."""
        return [finding for finding in self.findings if finding.severity == "error"]

    def by_file(self) -> list[Checked]:
        """Return the judgments on manifests, with what the hub has against each, and one on each other file at fault.

        Files are named by their path, not by their name in the hub.
        """
        own: dict[str, list[Finding]] = {}
        for finding in self.own:
            own.setdefault(finding.file, []).append(finding)
        judged = [_with(checked, own.pop(checked.file, ())) for checked in self.manifests]
        judged += [
            Checked(name, None, None, "file of an artifact hub", tuple(sorted(found, key=Finding.order)), _GROUPS)
            for name, found in own.items()
        ]
        return [self._renamed(checked) for checked in sorted(judged, key=lambda checked: checked.file)]

    def _renamed(self, checked: Checked) -> Checked:
        path = str(self.root / checked.file)
        return replace(checked, file=path, findings=tuple(replace(finding, file=path) for finding in checked.findings))


def _with(checked: Checked, own: Iterable[Finding]) -> Checked:
    found = tuple(sorted({*checked.findings, *own}, key=Finding.order))
    groups = checked.groups + tuple(sorted({finding.group for finding in found} - set(checked.groups)))
    return replace(checked, findings=found, groups=groups)


def verify_hub(root: Path) -> list[Finding]:
    """Return everything that was found in the hub `root`, in the order of the files' names; nothing if all is well.

    Raises
    ------
    InputError
        If the folder is not a hub.
    """
    return judge_hub(root).findings


def judge_hub(
    root: Path,
    *,
    hash_files: bool = True,
    manifest_only: bool = False,
    digests: FileDigests | None = None,
    home: Path | None = None,
    now: datetime | None = None,
    kinds: Sequence[ManifestKind] = (),
    at_the_end_of_a_run: bool = False,
) -> JudgedHub:
    """Judge every manifest in a hub, and the hub; the options are those of `check_manifest`.

    Parameters
    ----------
    at_the_end_of_a_run
        Whether a run is about to end, so that the index is behind its files or not yet there, and datasets are about
        to go: neither is looked at.

    Raises
    ------
    InputError
        If the folder is not a hub.
    """
    files = (files_in if at_the_end_of_a_run else hub_files)(root, digests)
    reading = _Reading(
        files,
        home or files.root,
        hash_files=hash_files,
        manifest_only=manifest_only,
        now=now or clock.utc_now(),
        kinds=kinds,
        at_the_end_of_a_run=at_the_end_of_a_run,
    )
    judged, sound, left_alone, own = _manifests(reading)
    index = sound.pop(INDEX, None)
    if not at_the_end_of_a_run and not manifest_only:
        own += files.faults.values()
        own += places.strays(files, sound)
        own += _of_index(reading, index)
        own += pictures.check(files) if hash_files else ()
    if not manifest_only:
        own += places.missing(files, sound)
    own += studies.check(sound)
    own += sources.check(sound)
    own += skips.check(None if manifest_only else files, sound, index)
    found = JudgedHub(root, tuple(judged), tuple(sorted(set(own), key=Finding.order)), tuple(left_alone), files)
    if index is None or at_the_end_of_a_run or manifest_only or not hash_files or found.errors:
        return found  # what the records of an unsound hub give says nothing about its description
    of_descriptions = crate.check(files, index)
    return replace(found, own=tuple(sorted({*found.own, *of_descriptions}, key=Finding.order)))


def refuse_unsound(root: Path, why: str, name: Path | None = None) -> None:
    """Refuse a hub in which an error is found.

    Parameters
    ----------
    root
        The hub.
    why
        What needs sound hubs, as part of a sentence: `a table is only made of sound hubs`.
    name
        What the hub is called, if it is not its folder, as of a packed hub.

    Raises
    ------
    InputError
        If the folder is not a hub, or not a sound one.
    """
    errors = judge_hub(root).errors
    if errors:
        raise InputError(
            f"{name or root} is not sound, and {why}: {len(errors)} errors, the first is {errors[0].code} in "
            f"{errors[0].file}; `ptyproof check {name or root}` lists them"
        )


@dataclass(frozen=True)
class _Reading:
    """How the files of a hub are read."""

    files: HubFiles
    home: Path
    hash_files: bool
    manifest_only: bool
    now: datetime
    kinds: Sequence[ManifestKind]
    at_the_end_of_a_run: bool

    def judged(self, name: str) -> tuple[Checked, Any]:
        """Return the judgment on a file, and its value."""
        path = self.files.paths[name]
        loaded = load_recorded(path)
        # a hub that lies in another one is the home of its manifests, and its index is judged as alone
        nearest = home_of(path.parent)
        is_nested = nearest != self.files.root and (nearest / INDEX).is_file()
        checked = judge(
            loaded,
            name,
            folder=path.parent,
            hash_files=self.hash_files,
            manifest_only=self.manifest_only,
            digests=self.files.digests,
            home=nearest if is_nested else self.home,
            now=self.now,
            kinds=self.kinds,
            of_hub=not is_nested,
            without_data=self.at_the_end_of_a_run,
        )
        return checked, loaded.value


def _manifests(
    reading: _Reading,
) -> tuple[list[Checked], dict[str, dict[str, object]], list[str], list[Finding]]:
    """Return the judgments, the values of sound manifests in the hub's own places, other files, and what is amiss."""
    judged, left_alone, own = [], [], []
    sound: dict[str, dict[str, object]] = {}
    for name, path in reading.files.paths.items():
        if not name.endswith(".json") or name in (BUNDLE, CRATE) or (name == INDEX and reading.at_the_end_of_a_run):
            continue
        checked, value = reading.judged(name)
        if value is ... and not os.path.lexists(path):
            continue  # of a run that is under way
        says_a_kind = isinstance(value, dict) and "kind" in value
        is_one = checked.kind is not None or says_a_kind or checked.named.n or is_named_like_a_manifest(path)
        if not is_one and not places.is_of_the_hub(name):
            left_alone.append(name)
            continue
        judged.append(checked)
        misplaced = list(places.misplaced(name, checked, value))
        own += misplaced
        if name in (*KINDS, INDEX) and obeys_its_schema(checked) and not misplaced:
            sound[name] = value
    return judged, sound, left_alone, own


def _of_index(reading: _Reading, index: Mapping[str, Any] | None) -> Iterator[Finding]:
    """Yield the files that are not as the index has them, as findings about these files."""
    if index is None:
        return
    doc = Document(index, INDEX, "hub_index", "1", hash_files=reading.hash_files)
    for fault in file_faults(doc, reading.files):
        # a name that is not one of a file in the hub is said of the index
        place = fault.place if fault.code == "PM908" else "$"
        yield finding_about(INDEX if fault.code == "PM908" else fault.name, fault.code, place, fault.sentence)
