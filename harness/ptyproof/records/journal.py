"""The journal of a manifest of cells: one JSON line for each event that the manifest does not have yet.

The first line names the sha256 of the manifest that the journal extends. Every other line is an event, the new entry of
a job or a new skip, or says that a manifest with all events before it is about to be written (`folded`). Events
therefore count from the last line that names the sha256 of the manifest at hand: a process that dies between writing
the manifest and removing the journal leaves nothing to do twice, and one that dies before leaves nothing out.

An event is on the disk before `append` returns. A process that dies while it writes leaves a last line without a line
feed: readers leave that line out, and the next writer cuts it off. Any other line that is no event is an error.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Generic, NamedTuple, TypeVar

from ptyproof import clock
from ptyproof.errors import ManifestError
from ptyproof.io.atomic import flush_folder
from ptyproof.io.json_lines import one_line
from ptyproof.io.regular import open_regular, open_regular_if_there
from ptyproof.io.strict_json import MAX_BYTES, NotStrictJsonError, encodable, parse_bytes
from ptyproof.study.layout import RECONSTRUCTION_MANIFEST, TRAINING_MANIFEST

Event = dict[str, Any]
T = TypeVar("T")

SUFFIX = ".journal.jsonl"
VERSION = 1
LARGE_BYTES = 1 << 26  # who writes folds a journal that has grown so large
MAX_JOURNAL_BYTES = 1 << 28
_MARKS = ("extends", "folded")
_KEYS = (
    frozenset({"extends", "journal", "of"}),
    frozenset({"folded"}),
    frozenset({"job", "entry"}),
    frozenset({"skip"}),
)
_CHUNK = 1 << 16
_STEPS_NS = (1, 1_000, 1_000_000, 1_000_000_000, 2_000_000_000)  # file systems keep times to one of these, or finer


class Place(NamedTuple):
    """How far a journal was read: its first line, which no other journal has, and the bytes and lines."""

    first: bytes
    offset: int
    line: int


class Version(NamedTuple):
    """What tells one version of a manifest from another without reading it."""

    inode: int
    changed_ns: int
    size: int

    def age_s(self) -> float:
        """Return the seconds between its writing and now; wrong where the file system has another clock than this."""
        return abs(clock.utc_now().timestamp() - self.changed_ns / 1e9)

    def precede(self, path: Path) -> None:
        """Date a file after this version: of the versions of a manifest each is later, so that no two are alike.

        The clock of a file system may stand still between two writings, and it uses inodes again.
        """
        for step_ns in _STEPS_NS:
            status = path.stat()
            if status.st_mtime_ns > self.changed_ns:
                return
            with suppress(OSError):  # a file system that dates files itself
                os.utime(path, ns=(status.st_atime_ns, self.changed_ns + step_ns))


@dataclass(frozen=True)
class Line:
    """A line of a journal, by its number from 1."""

    number: int
    value: Event

    @property
    def mark(self) -> str | None:
        """The sha256 of the manifest that has every event before this line; None for an event."""
        return next((self.value[key] for key in _MARKS if key in self.value), None)


@dataclass(frozen=True)
class Standing:
    """A manifest and its journal as they were read: the events are those that the manifest does not have."""

    raw: bytes
    version: Version
    sha256: str
    events: list[Line]
    place: Place | None


class Recorded(NamedTuple, Generic[T]):
    """A manifest with all that is newer: so many events of its journal, and so many entries that jobs have left."""

    manifest: T
    n_events: int = 0
    n_left: int = 0


def _beside(manifest: Path) -> Path:
    return manifest.with_name(f"{manifest.stem}{SUFFIX}")


_NAMES = frozenset(_beside(Path(name)).name for name in (TRAINING_MANIFEST, RECONSTRUCTION_MANIFEST))


def is_journal(name: str) -> bool:
    """Tell whether a file's name is that of a journal of a manifest that has one."""
    return name in _NAMES


def version_of(path: Path) -> Version | None:
    """Return the version of a manifest, None if there is no manifest."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _version(status)


def _version(status: os.stat_result) -> Version:
    return Version(status.st_ino, status.st_mtime_ns, status.st_size)


@dataclass(frozen=True)
class Journal:
    """The journal of a manifest, which need not exist. Who writes holds the manifest's lock."""

    manifest: Path

    @property
    def path(self) -> Path:
        """The journal: `training_manifest.journal.jsonl` beside `training_manifest.json`."""
        return _beside(self.manifest)

    @property
    def size(self) -> int:
        """Its bytes."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def standing(self) -> Standing:
        """Return the manifest with the events that extend it; needs no lock.

        Raises
        ------
        ManifestError
            If one of the two cannot be read, or the journal is that of another manifest.
        """
        before: tuple[Version, Place | None] | None = None
        while True:
            found = self.since(None)
            raw, version = self._content()
            sha256 = hashlib.sha256(raw).hexdigest()
            if found is None or not found[0]:
                return Standing(raw, version, sha256, [], None if found is None else found[1])
            lines, place = found
            begin = next((n for n in reversed(range(len(lines))) if lines[n].mark == sha256), None)
            if begin is not None:
                events = [line for line in lines[begin:] if line.mark is None]
                return Standing(raw, version, sha256, events, place)
            if (version, place) == before:
                raise ManifestError(
                    self.path,
                    f"extends a manifest with another sha256 than {self.manifest.name} has ({sha256[:16]}...), so it "
                    "was changed by something else; put back the manifest that the journal extends",
                    "line 1",
                )
            before = version, place  # the journal may have been folded between the two reads

    def stands(self, found: Standing) -> bool:
        """Tell whether nothing was recorded since manifest and journal were read."""
        size = self.size  # before the version: a journal that goes is in a later manifest
        return size == (0 if found.place is None else found.place.offset) and version_of(self.manifest) == found.version

    def since(self, place: Place | None) -> tuple[list[Line], Place | None] | None:
        """Return the lines after a place, and the place behind them; None if the journal is no longer the one read.

        The place None is the beginning of whatever journal there is; without a journal there are no lines.

        Raises
        ------
        ManifestError
            If a line is no line of a journal.
        """
        file = self._opened()
        if file is None:
            return ([], None) if place is None else None
        begin = place or Place(b"", 0, 0)
        with file:
            first = file.readline(_CHUNK)
            file.seek(max(0, begin.offset - 1))
            if begin.line and (first != begin.first or file.read(1) != b"\n"):
                return None
            raw = file.read(MAX_JOURNAL_BYTES + 1)
        if len(raw) > MAX_JOURNAL_BYTES:
            raise ManifestError(self.path, f"is larger than {MAX_JOURNAL_BYTES} bytes, the limit of a journal")
        whole = raw[: raw.rfind(b"\n") + 1]
        texts = whole.split(b"\n")[:-1]
        lines = [self._line(text, number) for number, text in enumerate(texts, start=begin.line + 1)]
        end = begin.line + len(texts)
        return lines, Place(first if end else b"", begin.offset + len(whole), end)

    def append(self, events: Sequence[Mapping[str, Any]], sha256: Callable[[], str]) -> Place:
        """Write events at the end, and flush them to the disk; return the place behind them, with the lines written.

        Parameters
        ----------
        events
            What the lines say.
        sha256
            Returns the sha256 of the manifest; it is called if the journal is begun.

        Raises
        ------
        OSError
            If they cannot be written; then the journal has none of them.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
        handle = os.open(self.path, flags, 0o666)
        try:
            size = _cut_to_whole_lines(handle)
            values = list(events)
            if size == 0:
                values.insert(0, {"journal": VERSION, "of": self.manifest.name, "extends": sha256()})
            _write_whole(handle, b"".join(map(_text, values)), size)
            os.fsync(handle)
            first = os.pread(handle, _CHUNK, 0).partition(b"\n")[0] + b"\n"
            end = os.fstat(handle).st_size
        finally:
            os.close(handle)
        if size == 0:
            flush_folder(self.path.parent)
        return Place(first, end, len(values))

    def remove(self) -> None:
        """Remove the journal, whose events the manifest has."""
        self.path.unlink(missing_ok=True)

    def _opened(self) -> BinaryIO | None:
        if self.path.is_symlink():
            raise ManifestError(self.path, "is a link; the journal of a manifest is a file beside it")
        return open_regular_if_there(self.path)

    def _content(self) -> tuple[bytes, Version]:
        with open_regular(self.manifest) as file:
            return file.read(MAX_BYTES + 1), _version(os.fstat(file.fileno()))

    def _line(self, text: bytes, number: int) -> Line:
        try:
            value = parse_bytes(text)
        except NotStrictJsonError as error:
            raise ManifestError(self.path, error.reason, f"line {number}") from error
        if not isinstance(value, dict) or value.keys() not in _KEYS or not _is_sound(value):
            raise ManifestError(
                self.path,
                "is not a line of a journal: expected the entry of a job, a skip, or the sha256 of a manifest",
                f"line {number}",
            )
        if ("extends" in value) != (number == 1) or value.get("journal", VERSION) != VERSION:
            raise ManifestError(
                self.path, f"only the first line, with journal {VERSION}, names what it extends", f"line {number}"
            )
        return Line(number, value)


def _is_sound(value: Event) -> bool:
    texts = [value[key] for key in (*_MARKS, "job", "of") if key in value]
    parts = [value[key] for key in ("entry", "skip") if key in value]
    return all(isinstance(text, str) for text in texts) and all(isinstance(part, dict) for part in parts)


def _text(value: Mapping[str, Any]) -> bytes:
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    try:
        return f"{one_line(text)}\n".encode()
    except UnicodeEncodeError:
        return _text(encodable(value))


def _cut_to_whole_lines(handle: int) -> int:
    """Cut off what a process that died left of a line; return the size."""
    size = end = os.fstat(handle).st_size
    while end and os.pread(handle, 1, end - 1) != b"\n":
        begin = max(0, end - _CHUNK)
        end = begin + os.pread(handle, end - begin, begin).rfind(b"\n") + 1
    if end < size:
        os.ftruncate(handle, end)
    return end


def _write_whole(handle: int, raw: bytes, size: int) -> None:
    """Write all bytes, or none of them."""
    left = memoryview(raw)
    try:
        while left:
            left = left[os.write(handle, left) :]
    except OSError:
        os.ftruncate(handle, size)
        raise
