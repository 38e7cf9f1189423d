"""A manifest of cells and its journal: read together, changed by lines of the journal, written whole now and then.

A process reads the manifest once and keeps it as a book. What changes a cell is one line in the journal beside the
manifest, whatever the number of cells. Every now and then, and at the end of a run, the journal is folded: the manifest
is written whole with what the journal has, and the journal is removed.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar, cast

from ptyproof import clock
from ptyproof.errors import InputError, ManifestError
from ptyproof.io import schema
from ptyproof.io.atomic import atomic_path
from ptyproof.io.locking import lock
from ptyproof.io.schema import accepted_part
from ptyproof.io.strict_json import MAX_BYTES
from ptyproof.records.cell_book import CellBook, Record
from ptyproof.records.journal import LARGE_BYTES, Journal, Line, Recorded, Standing, Version, version_of
from ptyproof.records.kept_book import FOLDING_SHARE, KeptBook, is_due
from ptyproof.records.manifest import parsed_manifest
from ptyproof.study.cells import Cell
from ptyproof.study.design import StudyDesign
from ptyproof.study.exposures import check_no_fewer_replicates

ManifestT = TypeVar("ManifestT", bound=Mapping[str, Any])
_OF_CELLS = ("filters", "calls", "jobs", "not_selected", "account")  # and the skips; the rest is made anew


@dataclass(frozen=True, eq=False)
class JournaledManifest(ABC, Generic[ManifestT]):
    """A manifest of a study's cells under an artifact root, with a journal.

    Parameters
    ----------
    design
        The study.
    phase_c_root, phase_d_root
        Where the data lie; recorded relative to `artifact_root`.
    artifact_root
        Folder of the manifest.
    folding_share
        Share of the time that may go into writing whole manifests. With 0 a manifest is written only where a call opens
        and a run ends, with infinity at every change.
    """

    design: StudyDesign
    phase_c_root: Path
    phase_d_root: Path
    artifact_root: Path
    folding_share: float = field(default=FOLDING_SHARE, kw_only=True)
    _kept: KeptBook = field(default_factory=KeptBook, init=False, repr=False)

    KIND: ClassVar[str]
    FILE: ClassVar[str]
    SKIPS: ClassVar[str]
    SKIP: ClassVar[str]  # the part of the schema that describes one
    CELL: ClassVar[type[Cell]]

    @property
    def roots(self) -> tuple[Path, Path, Path]:
        """The folders of Phase C, of Phase D, and of the artifacts."""
        return self.phase_c_root, self.phase_d_root, self.artifact_root

    @property
    def path(self) -> Path:
        """The manifest."""
        return self.artifact_root / self.FILE

    @property
    def journal(self) -> Journal:
        """What happened since the manifest was written."""
        return Journal(self.path)

    def read(self) -> ManifestT | None:
        """Return the manifest with all that is newer, as `recorded` does."""
        found = self.recorded()
        return None if found is None else found.manifest

    def recorded(self) -> Recorded[ManifestT] | None:
        """Return the manifest with all that is newer: events of its journal, entries of jobs; None without a manifest.

        Raises
        ------
        ManifestError
            If one of the two is damaged, or they do not belong together.
        InputError
            If it is the record of another study, or of more replicates.
        """
        standing = self._standing()
        if standing is None:
            return None
        manifest = self._manifest_of(standing)
        book = self._book(manifest, standing.events)
        newer = self.newer(book)
        if not self.journal.stands(standing):  # an entry that was taken in meanwhile has no file any more
            standing = self.journal.standing()
            manifest = self._manifest_of(standing)
            book = self._book(manifest, standing.events)
        for entry in newer:
            book.take_in(entry)
        n_events, n_left = len(standing.events), len(book.events)
        if not n_events and not n_left:
            return Recorded(manifest)
        book.close(self.order(book))
        return Recorded(cast("ManifestT", self.complete(book.manifest)), n_events, n_left)

    @contextmanager
    def changing(self) -> Iterator[CellBook]:
        """Yield the book, open for changes; they are recorded at the end of the block."""
        with lock(self.path):
            kept = self._kept
            book = self._current()
            if book is None:
                book = self._book(self.new())
            try:
                yield book
                self._record(book)
            except BaseException:  # the book may be half changed
                kept.forget()
                raise

    def fold(self) -> None:
        """Write the manifest with all events of the journal, and remove the journal; nothing without a journal."""
        if not self.journal.path.exists():
            return
        with lock(self.path):
            book = self._current()
            if book is None or not self._kept.n_pending:
                self.journal.remove()
                self._kept.forget()
                return
            try:
                self._write(book)
            except BaseException:
                self._kept.forget()
                raise

    def fold_if_due(self) -> None:
        """Fold the journal if the last time is long enough ago."""
        version = version_of(self.path)
        if version is not None and self.journal.path.exists() and self._is_due(version):
            JournaledManifest.fold(self)  # a run that goes on does not look into the folder of every job

    def newer(self, book: CellBook) -> list[Record]:
        """Return the entries of jobs that a book does not have yet, from elsewhere than the journal."""
        return []

    @abstractmethod
    def new(self) -> ManifestT:
        """Return the manifest without any cells."""

    @abstractmethod
    def order(self, book: CellBook) -> list[str]:
        """Return the names of all possible cells, in the study's order."""

    def complete(self, manifest: Record) -> Record:
        """Return a manifest with the keys that count its cells, beside the account."""
        return manifest

    def write_beside(self, manifest: Record) -> None:
        """Write what goes with a manifest."""

    def _current(self) -> CellBook | None:
        """Return the book as it stands on the disk; None without a manifest."""
        kept = self._kept
        if kept.book is not None:
            found = self.journal.since(kept.place)  # before the version: a journal that goes is in a later manifest
            if found is not None and kept.version == version_of(self.path) and kept.extend(*found, self._event):
                return kept.book
        kept.forget()
        standing = self._standing()
        if standing is not None:
            book = self._book(self._manifest_of(standing), standing.events)
            kept.book, kept.version, kept.sha256 = book, standing.version, standing.sha256
            kept.place, kept.n_pending = standing.place, len(standing.events)
        return kept.book

    def _standing(self) -> Standing | None:
        has_journal = self.journal.path.exists()  # looked for first: another process makes the manifest first
        if self.path.exists():
            return self.journal.standing()
        if has_journal:
            raise ManifestError(self.journal.path, f"extends {self.path.name}, which is missing")
        return None

    def _manifest_of(self, standing: Standing) -> ManifestT:
        manifest = cast("ManifestT", parsed_manifest(standing.raw, self.KIND, self.path))
        if manifest["design_digest"] != self.design.digest():
            raise InputError(
                f"{self.path} is the record of study {manifest['study']} with another design; choose another "
                f"--artifact-root for study {self.design.name}"
            )
        check_no_fewer_replicates(self.path, manifest["design"], self.design.replicates)
        return manifest

    def _book(self, manifest: ManifestT, events: Iterable[Line] = ()) -> CellBook:
        book = CellBook(dict(manifest), self.SKIPS, self.CELL)
        for line in events:
            book.replay(self._event(line))
        return book

    def _event(self, line: Line) -> Record:
        """Return the event of a line of the journal."""
        return self.checked(line.value, f"{self.journal.path}: line {line.number}")

    def checked(self, event: Record, place: Path | str) -> Record:
        """Return an event whose cell obeys its part of the schema.

        Raises
        ------
        ManifestError
            If it does not, or is the entry of another job; `place` says where the event is from.
        """
        name, part = ("skip", self.SKIP) if "skip" in event else ("entry", "job")
        checked = event | {name: accepted_part(event[name], self.KIND, part, place)}
        if name == "entry" and checked["entry"]["job"] != event["job"]:
            raise ManifestError(place, f"has the entry of another job than {event['job']}")
        return checked

    def _record(self, book: CellBook) -> None:
        """Record the changes of a book: as lines of the journal, or by writing the manifest where that is due."""
        kept, version = self._kept, version_of(self.path)
        events = [self.checked(event, f"{self.path}: {event.get('job', 'a skip')}") for event in book.events]
        book.events.clear()
        for event in events:
            book.replay(event)
        if version is None or book.is_renewed or (events and self._is_due(version)):
            self._write(book)
        elif events:
            end = self.journal.append(events, lambda: kept.sha256)
            kept.place = end._replace(line=end.line + (kept.place.line if kept.place else 0))
            kept.n_pending += len(events)

    def _is_due(self, version: Version) -> bool:
        kept = self._kept
        age_s = min(version.age_s(), clock.seconds() - kept.folded_at)
        return self.journal.size > LARGE_BYTES or is_due(version.size, age_s, self.folding_share, kept.folding_s)

    def _write(self, book: CellBook) -> None:
        """Write the whole manifest, which then has every event of the journal, and remove the journal."""
        begun = clock.seconds()
        book.close(self.order(book))
        had = {key: book.manifest[key] for key in (*_OF_CELLS, self.SKIPS)}
        manifest = self.complete(dict(self.new()) | had)
        schema.validate(manifest, self.KIND, self.path)
        text = self._kept.text.of(manifest)
        raw = text.encode()
        if len(raw) > MAX_BYTES:
            raise ManifestError(self.path, f"would have {len(raw)} bytes; a manifest may have at most {MAX_BYTES}")
        sha256 = hashlib.sha256(raw).hexdigest()
        if self.journal.path.exists():
            self.journal.append([{"folded": sha256}], lambda: self._kept.sha256)
        self.write_beside(manifest)
        with atomic_path(self.path) as temporary:
            temporary.write_bytes(raw)
            if (earlier := version_of(self.path)) is not None:
                earlier.precede(temporary)
        self.journal.remove()
        book.is_renewed = False
        kept = self._kept
        kept.book, kept.version, kept.sha256, kept.place, kept.n_pending = book, version_of(self.path), sha256, None, 0
        kept.folded_at = clock.seconds()
        kept.folding_s = kept.folded_at - begun
