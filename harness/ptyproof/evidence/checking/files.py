"""Whether the files that a manifest names are there, and are the recorded ones. Nothing outside the home is read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ptyproof.evidence.checking.document import Document, Findings
from ptyproof.evidence.checking.findings import printable
from ptyproof.evidence.checking.references import Reference, references
from ptyproof.io.hashing import sha256_file

_SHOWN = 200
_MEMO = "real folders"
_MAX_LEVELS = 100


def check(doc: Document) -> Findings:
    """Yield files that are absent although they must be there, changed, or links that lead outside."""
    if doc.folder is None or doc.home is None:
        return
    folder, home = str(doc.folder), str(doc.home)
    for found in references(doc):
        if found.role != "folder" and found.name is not None and not found.name.startswith("/"):
            yield from _file(doc, found, folder, home)


def shared(doc: Document) -> Findings:
    """Yield a bundle that two jobs name as theirs."""
    by_digest: dict[str, str] = {}
    by_name: dict[str, str] = {}
    for found in references(doc):
        if not found.json_path.endswith(".bundle_path"):
            continue
        if found.sha256 is not None and found.sha256 in by_digest:
            said = f"is the bundle of {by_digest[found.sha256]}, too: two trainings do not give the same bytes"
            yield doc.finding("PM304", found.digest_path, f"{found.sha256[:16]}... {said}")
        elif found.name is not None and found.name in by_name:
            said = f"{found.name[:_SHOWN]} is the bundle of {by_name[found.name]}, too"
            yield doc.finding("PM304", found.json_path, said)
        place = found.json_path.removesuffix(".result.bundle_path")
        if found.sha256 is not None:
            by_digest.setdefault(found.sha256, place)
        if found.name is not None:
            by_name.setdefault(found.name, place)


def _file(doc: Document, found: Reference, folder: str, home: str) -> Findings:
    try:
        path = f"{folder}{os.sep}{found.name}"
        path = os.path.normpath(path) if path.startswith("//") or os.pardir in path else path
        if not _is_below(path, home):
            return  # judged by the checks of paths; never opened
        real, status = _real(doc.memo.setdefault(_MEMO, {}), path)
        if real != path and not _is_below(real, home):
            said = f"{_shown(found)} is a link that leads out of {os.path.basename(home)}; it was not read"  # noqa: PTH119
            yield doc.finding("PM305", found.json_path, said)
            return
        if status is None or not stat.S_ISREG(status.st_mode):
            if found.role in ("artifact", "record") or status is not None:
                absent = f"is not there: {printable(str(found.name)[:_SHOWN])}"
                said = absent if status is None else "is no regular file"
                yield doc.finding("PM301", found.json_path, f"{_shown(found)} {said}")
            return
        yield from _contents(doc, found, Path(real), status.st_size)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        said = str(error.strerror if isinstance(error, OSError) else error)
        yield doc.finding("PM301", found.json_path, f"{_shown(found)} cannot be read: {said}")


def real_path(path: Path) -> Path:
    """Return a path without links; of links that lead in a circle, one of them (`Path.resolve` raises there)."""
    return Path(os.path.realpath(path))


def _shown(found: Reference) -> str:
    return printable(found.path[:_SHOWN])


def _is_below(path: str, home: str) -> bool:
    return path == home or path.startswith(home if home.endswith(os.sep) else home + os.sep)


def _real(folders: dict[str, tuple[str, bool]], path: str) -> tuple[str, os.stat_result | None]:
    """Return a path without links, and its status if it is there; a folder is asked for once."""
    folder, _, name = path.rpartition(os.sep)
    if folder not in folders:
        if not folder or folder.count(os.sep) > _MAX_LEVELS:
            folders[folder] = os.path.realpath(folder or os.sep).rstrip(os.sep), True
        else:
            real, found = _real(folders, folder)
            folders[folder] = real, found is not None
    above, is_there = folders[folder]
    real = f"{above}{os.sep}{name}"
    if not is_there:
        return real, None
    try:
        found = os.lstat(real)
        if stat.S_ISLNK(found.st_mode):
            real = os.path.realpath(real)
            found = os.stat(real)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return real, None
    return real, found


def _contents(doc: Document, found: Reference, path: Path, size: int) -> Findings:
    if found.size_bytes is not None and size != found.size_bytes:
        said = f"{_shown(found)} has {size} bytes, recorded are {found.size_bytes}"
        yield doc.finding("PM302", found.size_path or found.json_path, said)
        return
    if found.sha256 is None or not doc.hash_files:
        return
    if path not in doc.digests:
        doc.digests[path] = sha256_file(path)
    digest = doc.digests[path]
    if digest != found.sha256:
        said = f"{_shown(found)} has the sha256 {digest[:16]}..., recorded is {found.sha256[:16]}..."
        yield doc.finding("PM303", found.digest_path or found.json_path, said)
