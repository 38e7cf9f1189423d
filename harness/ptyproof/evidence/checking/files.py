"""Whether the files that a manifest names are there, and are the recorded ones. Nothing outside the home is read."""

from __future__ import annotations

import os
from pathlib import Path

from ptyproof.evidence.checking.document import Document, Findings
from ptyproof.evidence.checking.findings import printable
from ptyproof.evidence.checking.references import Reference, references
from ptyproof.io.hashing import sha256_file

_SHOWN = 200


def check(doc: Document) -> Findings:
    """Yield files that are absent although they must be there, changed, or links that lead outside."""
    if doc.folder is None or doc.home is None:
        return
    for found in references(doc):
        if found.role != "folder" and found.name is not None and not found.name.startswith("/"):
            yield from _file(doc, found, doc.folder, doc.home)


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


def _file(doc: Document, found: Reference, folder: Path, home: Path) -> Findings:
    shown = printable(found.path[:_SHOWN])
    try:
        path = Path(os.path.normpath(folder / (found.name or "")))
        if not path.is_relative_to(home):
            return  # judged by the checks of paths; never opened
        real = path.resolve()
        if not real.is_relative_to(home):
            yield doc.finding(
                "PM305", found.json_path, f"{shown} is a link that leads out of {home.name}; it was not read"
            )
            return
        if not real.is_file():
            if found.role in ("artifact", "record") or real.exists():
                said = "is no regular file" if real.exists() else f"is not there: {printable(str(found.name)[:_SHOWN])}"
                yield doc.finding("PM301", found.json_path, f"{shown} {said}")
            return
        yield from _contents(doc, found, real, shown)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        said = str(error.strerror if isinstance(error, OSError) else error)
        yield doc.finding("PM301", found.json_path, f"{shown} cannot be read: {said}")


def _contents(doc: Document, found: Reference, path: Path, shown: str) -> Findings:
    size = path.stat().st_size
    if found.size_bytes is not None and size != found.size_bytes:
        said = f"{shown} has {size} bytes, recorded are {found.size_bytes}"
        yield doc.finding("PM302", found.size_path or found.json_path, said)
        return
    if found.sha256 is None or not doc.hash_files:
        return
    if path not in doc.digests:
        doc.digests[path] = sha256_file(path)
    digest = doc.digests[path]
    if digest != found.sha256:
        said = f"{shown} has the sha256 {digest[:16]}..., recorded is {found.sha256[:16]}..."
        yield doc.finding("PM303", found.digest_path or found.json_path, said)
