"""Manifests of kinds that are not known here: what can be asked of them all the same.

Files that are recorded with a digest or a size, wherever they stand and whatever the keys are called: `path` with
`sha256` and `size_bytes`, `source` with `source_sha256`, `bundle_path` with `bundle_sha256`. Other texts that are paths
by their key must not be absolute or climb.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ptyproof.checking.model.document import Document, Findings, count, text
from ptyproof.checking.model.reference import Reference
from ptyproof.io.json_reader import path_of

_PATH_KEYS = ("path", "relative_path", "file", "filename", "file_name", "file_path")
_PATH_KEY = re.compile(r"(?:^|_)(?:path|paths|file|files|filename|root|dir|folder|npz|source|destination)$")
_SHA256 = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")
_URL = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]+://")
_MAX_PATH = 1024
_MAX_RECORDS = 10_000
_VERDICTS = ("verified", "valid", "ok", "match")
_SHOWN = 120


def named(doc: Document) -> Iterator[Reference]:
    """Yield the files that a value records, then the other texts that are paths by their key."""
    taken: set[str] = set()
    roots = [inner for key, inner in doc.root.items() if key.endswith("root") and isinstance(inner, str) and inner]
    for steps, here in _objects(doc.value):
        place = path_of(steps)
        for prefix in _prefixes(here):
            key = _path_key(here, prefix)
            if key is not None:
                found = _record(doc, here, place, key, prefix, roots)
                taken.add(found.json_path)
                yield found
    for steps, here in _objects(doc.value):
        for key, inner in here.items():
            for at, said in _texts(key, inner):
                place = path_of([*steps, *at])
                if place not in taken and _is_a_path(said):
                    yield Reference(place, said, ".", "text")


def agree(doc: Document) -> Findings:
    """Yield records of one file that differ, texts that are no digest, and digests that a record calls the same.

    The last are those that differ although the record says that they do not.
    """
    seen: dict[str, Reference] = {}
    for found in named(doc):
        if found.role != "record":
            continue
        first = seen.setdefault(found.path, found)
        if None not in (first.sha256, found.sha256) and first.sha256 != found.sha256:
            said = f"sha256 of {found.path[-_SHOWN:]} differs from that at {first.digest_path}"
            yield doc.finding("PM307", found.digest_path, said)
        elif None not in (first.size_bytes, found.size_bytes) and first.size_bytes != found.size_bytes:
            said = f"size of {found.path[-_SHOWN:]} differs from that at {first.size_path}"
            yield doc.finding("PM307", found.size_path, said)
    for steps, here in _objects(doc.value):
        digests = _digests(here)
        for key in _no_digests(here):
            said = f"{key} is {here[key][:_SHOWN]!r}, which is not a sha256 of 64 hexadecimal digits"
            yield doc.finding("PM303", path_of([*steps, key]), said)
        if len(digests) < 2 or not any(here.get(key) is True for key in _VERDICTS):
            continue
        wanted = digests.get("expected_sha256") or next(iter(digests.values()))
        for key in [key for key, digest in digests.items() if digest.lower() != wanted.lower()]:
            said = f"{key} is {digests[key][:16]}..., but the record gives {wanted[:16]}..."
            yield doc.finding("PM307", path_of([*steps, key]), said)


def _objects(value: Any) -> Iterator[tuple[list[str | int], dict[str, Any]]]:
    """Yield steps and value of every object, in the order of the file, the first ten thousand of them."""
    waiting: list[tuple[list[str | int], Any]] = [([], value)]
    n = 0
    while waiting and n < _MAX_RECORDS:
        steps, here = waiting.pop()
        if isinstance(here, dict):
            n += 1
            yield steps, here
            inside: list[tuple[str | int, Any]] = list(here.items())
        else:
            inside = list(enumerate(here))
        waiting.extend(([*steps, key], inner) for key, inner in reversed(inside) if isinstance(inner, dict | list))


def _digests(here: dict[str, Any]) -> dict[str, str]:
    """Return the digests that an object has, by their keys, without the name of the algorithm."""
    found = {key: inner for key, inner in here.items() if key.endswith("sha256") and isinstance(inner, str)}
    return {key: said[1] for key, inner in found.items() if (said := _SHA256.fullmatch(inner))}


def _no_digests(here: dict[str, Any]) -> list[str]:
    """Return the keys of a record's texts that should be digests but are not."""
    digests = _digests(here)
    texts = [key for key, inner in here.items() if key.endswith("sha256") and isinstance(inner, str)]
    return [key for key in texts if key not in digests and _path_key(here, key.removesuffix("sha256"))]


def _prefixes(here: dict[str, Any]) -> Iterator[str]:
    """Yield the starts of keys that record a file: `source_` of `source_sha256`, the empty one of `sha256`."""
    starts = [key.removesuffix("sha256") for key in _digests(here)]
    if "size_bytes" in here and not starts:
        starts.append("")
    yield from dict.fromkeys(starts)


def _path_key(here: dict[str, Any], prefix: str) -> str | None:
    """Return the key that names the file of a digest."""
    keys = _PATH_KEYS if not prefix else (f"{prefix}path", f"{prefix}file", prefix.rstrip("_"))
    return next((key for key in keys if text(here, key)), None)


def _record(doc: Document, here: dict[str, Any], place: str, key: str, prefix: str, roots: list[str]) -> Reference:
    path = here[key]
    digest = _digests(here).get(f"{prefix}sha256")
    size_key = f"{prefix}size_bytes" if f"{prefix}size_bytes" in here else "size_bytes"
    found = Reference(
        f"{place}.{key}",
        path,
        ".",
        "record",
        None if digest is None else digest.lower(),
        count(here, size_key),
        f"{place}.{prefix}sha256",
        f"{place}.{size_key}",
    )
    found.name = _place(doc, str(found.name), roots)
    return found


def _place(doc: Document, name: str, roots: list[str]) -> str:
    """Return the first place that a file's path can mean and where something lies.

    A path is relative to the manifest's folder, or starts with a root that the manifest names and lies in.
    """
    if doc.folder is None or doc.manifest_only or name.startswith(("/", "..")):
        return name
    without = [name.removeprefix(f"{root.rstrip('/')}/") for root in roots]
    for other in (name, *without):
        if "\0" not in other and not other.startswith(("/", "..")) and os.path.lexists(Path(doc.folder, other)):
            return other
    return name


def _texts(key: str, value: Any) -> Iterator[tuple[list[str | int], str]]:
    """Yield steps and value of the texts that are paths by their key, those in a list included."""
    if not _PATH_KEY.search(key):
        return
    if isinstance(value, str):
        yield [key], value
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            if isinstance(inner, str):
                yield [key, number], inner


def _is_a_path(said: str) -> bool:
    return 0 < len(said) <= _MAX_PATH and "\n" not in said and not _URL.match(said)
