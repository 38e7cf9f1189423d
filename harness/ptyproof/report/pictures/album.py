"""The pictures of a hub under `docs/figures/`, each drawn once from the files that it names."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ptyproof.console import Console
from ptyproof.errors import ManifestError, PtyproofError
from ptyproof.extras import sentence_about
from ptyproof.hub.layout import FIGURES, SOURCES
from ptyproof.io.atomic import atomic_path
from ptyproof.io.hashing import sha256_file
from ptyproof.records.manifest import head, read_manifest, write_manifest
from ptyproof.report.pictures.job import JobPictures, Source

SUBJECTS = {
    "training": "loss and learning rate",
    "scan": "scan positions",
    "diffraction": "diffraction patterns",
    "reconstruction": "reconstruction",
}
# Raise it with every change of the drawings: pictures with another number are drawn again.
_DRAWING = 4


@dataclass(frozen=True)
class Picture:
    """A picture under `docs/figures/`: its cell, its subject (a key of `SUBJECTS`), and its files."""

    file: str
    cell: str
    subject: str
    sha256: str
    caption: str
    alt: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Album:
    """The pictures of a hub by (cell, subject), and the reason for each one that is missing."""

    pictures: Mapping[tuple[str, str], Picture]
    missing: Mapping[tuple[str, str], str]

    def same_as(self, picture: Picture) -> str | None:
        """Return the first cell with the same picture, such as the scan at several doses; None for that cell itself."""
        first = next(found.cell for found in self.pictures.values() if found.sha256 == picture.sha256)
        return None if first == picture.cell else first


def collect(hub: Path, training: Mapping[str, Any] | None, console: Console | None = None) -> Album:
    """Draw the pictures of the jobs of a training manifest into `docs/figures/`; keep those that are drawn already.

    A picture that was drawn from the same files before is kept, even if the files are gone. A picture of other files is
    removed. A picture that cannot be drawn is missing, with the reason; that is not an error.

    Parameters
    ----------
    hub
        The hub; `docs/figures/` is made.
    training
        The training manifest, or None where there is none.
    console
        Where progress is shown; None is silent.
    """
    (hub / FIGURES).mkdir(parents=True, exist_ok=True)
    earlier = {picture.file: picture for picture in _recorded(hub)}
    pictures: dict[tuple[str, str], Picture] = {}
    missing: dict[tuple[str, str], str] = {}
    training = training or {"jobs": [], "design": {}}
    jobs = training["jobs"]
    with (console or Console.silent()).progress("pictures", len(jobs) * len(SUBJECTS), "picture") as progress:
        for job in jobs:
            cell = JobPictures(hub, job, training["design"])
            for subject in SUBJECTS:
                key = (job["job"], subject)
                try:
                    pictures[key] = _picture(hub, cell, subject, earlier)
                except PtyproofError as error:
                    missing[key] = str(error).replace(f"{hub}/", "")
                except Exception as error:
                    said = sentence_about(error, "drawing it")
                    if said is None:
                        raise
                    missing[key] = said
                progress.update(1)
    kept = {picture.file for picture in pictures.values()}
    for file in earlier.keys() - kept:
        (hub / FIGURES / file).unlink(missing_ok=True)
    records = [_record(picture) for picture in pictures.values()]
    write_manifest(hub / SOURCES, {**head("figures"), "drawing": _DRAWING, "pictures": records})
    return Album(pictures, missing)


def _picture(hub: Path, cell: JobPictures, subject: str, earlier: Mapping[str, Picture]) -> Picture:
    """Return a picture: the one that is there if it was made from the same files, or one that is drawn now."""
    sources = cell.sources(subject)
    file = file_of(cell.job["job"], subject)
    known = earlier.get(file)
    if known is not None and known.sources == sources:
        return known
    for source in sources:
        cell.check(source)
    drawing = cell.draw(subject)
    with atomic_path(hub / FIGURES / file) as temporary:
        temporary.write_bytes(drawing.png)
    digest = hashlib.sha256(drawing.png).hexdigest()
    return Picture(file, cell.job["job"], subject, digest, drawing.caption, drawing.alt, sources)


def _record(picture: Picture) -> dict[str, Any]:
    """Return a picture as `sources.json` has it: with paths relative to that file's folder."""
    sources = [{"path": posixpath.relpath(source.path, FIGURES), "sha256": source.sha256} for source in picture.sources]
    return asdict(picture) | {"sources": sources}


def _recorded(hub: Path) -> Iterator[Picture]:
    """Yield the pictures that are recorded and whole; a damaged record has no pictures."""
    try:
        record = read_manifest(hub / SOURCES, "figures")
    except ManifestError:
        return
    for entry in record["pictures"] if record["drawing"] == _DRAWING else ():
        sources = tuple(Source(in_hub(source["path"]), source["sha256"]) for source in entry["sources"])
        own = entry["file"], entry["cell"], entry["subject"], entry["sha256"], entry["caption"], entry["alt"]
        picture = Picture(*own, sources)
        if picture.file == file_of(picture.cell, picture.subject) and _is_whole(hub, picture):
            yield picture


def _is_whole(hub: Path, picture: Picture) -> bool:
    path = hub / FIGURES / picture.file
    return path.is_file() and sha256_file(path) == picture.sha256


def file_of(cell: str, subject: str) -> str:
    """Return the name of a picture's file."""
    return f"{cell}_{subject}.png"


def in_hub(path: str) -> str:
    """Return the path in the hub of a file that `sources.json` names relative to its own folder."""
    return posixpath.normpath(posixpath.join(FIGURES, path))
